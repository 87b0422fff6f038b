"""Resuming after an interruption (Art. 15): the device asks why, the officer presses and speaks.

A machine without clock, voice or file. What the device found, what the officer chose and what was
heard are kept apart; nothing is guessed and nothing blocks.
"""

from typing import Literal

import msgspec

from recorder.clock import NS

Category = Literal["fault", "weather", "obstruction", "other", "not_objective"]
CATEGORIES: tuple[Category, ...] = ("other", "fault", "weather", "obstruction")

QUIET_NS = 4 * NS
LIMIT_NS = 30 * NS
ENOUGH_NS = 400_000_000

NOT_OBJECTIVE = frozenset({"battery_empty", "storage_full", "wrong_press"})
"""Findings that the rule does not call objective: still to be explained, and a finding."""


class Answer(msgspec.Struct, frozen=True):
    """What came of asking."""

    category: Category
    presses: int
    heard: bool
    from_ns: int | None
    to_ns: int | None


class Explaining:
    """From resuming on; over 4 s after the last press or speech, after 30 s at most."""

    def __init__(self, cause: str, now_ns: int) -> None:
        self._cause = cause
        self._began_ns = now_ns
        self._asked_ns: int | None = None
        self._last_ns = now_ns
        self._presses = 0
        self._heard: tuple[int, int] | None = None
        self._heard_ns = 0

    def asked(self, now_ns: int) -> None:
        """The question has been spoken (or could not be): from now on people answer."""
        self._asked_ns = now_ns
        self._last_ns = max(self._last_ns, now_ns)

    def press(self, now_ns: int) -> None:
        """One press: 1 fault, 2 weather, 3 obstruction; a fourth starts again."""
        self._presses = self._presses % 3 + 1
        self._last_ns = now_ns

    def speech(self, start_ns: int, end_ns: int) -> None:
        """People speak; the device's own voice is filtered out already. A stretch may be told
        several times while it grows."""
        if self._asked_ns is None or end_ns <= max(start_ns, self._asked_ns):
            return
        start_ns = max(start_ns, self._asked_ns)
        first = start_ns if self._heard is None else self._heard[0]
        self._heard = (first, max(end_ns, self._heard[1] if self._heard else end_ns))
        self._heard_ns = max(self._heard_ns, end_ns - start_ns)
        self._last_ns = max(self._last_ns, end_ns)

    def over(self, now_ns: int) -> bool:
        """It is time to go on."""
        if now_ns - self._began_ns >= LIMIT_NS:
            return True
        if self._asked_ns is None or not (self._heard or self._presses):
            return False
        return now_ns - self._last_ns >= QUIET_NS

    def answer(self) -> Answer:
        """The result; ``heard`` False means a statement falls due."""
        heard = self._heard_ns >= ENOUGH_NS
        if self._cause in NOT_OBJECTIVE:
            category: Category = "not_objective"
        else:
            category = CATEGORIES[self._presses]
        from_ns, to_ns = self._heard if self._heard and heard else (None, None)
        return Answer(category, self._presses, heard, from_ns, to_ns)
