"""The order in which sentences are spoken, and what of the sound is the device's own voice.

Owned by the supervisor's loop: it starts one sentence at a time and waits while people speak
(3 s at most). It never plays anything itself.
"""

from collections import deque
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from recorder.clock import NS
from recorder.panel.voice import Ended, Failed as VoiceFailed, Sentence, Started, VoiceEvent
from recorder.session.phrases import OWED

WAIT_NS = 3 * NS
TAIL_NS = NS // 2
LIMIT_NS = 30 * NS
"""The voice has limits of its own for rendering and playing; this one is for a voice without."""
_KEEP = 64
MOST = 32
"""So many sentences wait at most: four minutes of speech, later than anybody needs them."""


class Outcome(msgspec.Struct, frozen=True):
    """How a sentence ended; times are None where it was never heard."""

    outcome: Literal["spoken", "failed", "cut"]
    from_ns: int | None
    to_ns: int | None
    detail: str = ""


class Announcement(msgspec.Struct, frozen=True):
    """A sentence. ``owner`` groups what is cancelled together; ``patient`` waits for people;
    ``fixed`` ones are the same every time, so that a technician's clip may stand for them."""

    phrase: str
    text: str
    personal: bool = False
    owner: str = "status"
    patient: bool = True
    done: Callable[[Outcome], None] | None = None
    fixed: bool = False


class Speaks(Protocol):
    """The voice, as far as the announcer needs it."""

    def say(self, sentence: Sentence) -> None:
        """Queue a sentence."""
        ...

    def cancel(self) -> None:
        """Stop what is being said."""
        ...


class Announcer:
    """``said`` is called with every sentence's outcome, before its own ``done``."""

    def __init__(self, voice: Speaks, said: Callable[[Announcement, Outcome], None]) -> None:
        self._voice = voice
        self._said = said
        self._waiting: deque[Announcement] = deque()
        self._current: tuple[int, Announcement] | None = None
        self._from_ns: int | None = None
        self._next_id = 0
        self._said_ns = 0
        self._hung: int | None = None
        self._waits_since_ns: int | None = None
        self._now_ns = 0
        self._own: deque[tuple[int, int]] = deque(maxlen=_KEEP)

    @property
    def idle(self) -> bool:
        """Nothing is being said or waiting."""
        return self._current is None and not self._waiting

    def say(self, announcement: Announcement) -> None:
        """Queue a sentence; the next ``tick`` may start it. Where too many wait, one of them goes,
        and is on record as cut."""
        self._waiting.append(announcement)
        if len(self._waiting) > MOST and (item := self._least_missed(announcement)) is not None:
            self._waiting.remove(item)
            self._ended(item, Outcome("cut", None, None, "too many were waiting"))

    def _least_missed(self, newest: Announcement) -> Announcement | None:
        """The oldest of the same kind, or else the oldest. Of what is owed only one whose words
        are still to be said."""
        older = [item for item in self._waiting if item is not newest]
        alike = [item for item in older if item.phrase == newest.phrase]
        return next(
            (
                item for item in (*alike, *older)
                if item.phrase not in OWED or (item in alike and item.text == newest.text)
            ),
            None,
        )  # fmt: skip

    def cancel(self, *owners: str) -> None:
        """Forget waiting sentences of these owners (all without any); cut the one being said."""
        waiting, self._waiting = self._waiting, deque()
        current = self._current
        if current is not None and (not owners or current[1].owner in owners):
            self._voice.cancel()
        for item in waiting:
            if owners and item.owner not in owners:
                self._waiting.append(item)
            elif item.done is not None:
                item.done(Outcome("cut", None, None))

    def tick(self, now_ns: int, people_until_ns: int) -> None:
        """Start the next sentence unless people are speaking; give up on one that hangs."""
        if now_ns - self._now_ns > NS:
            self._said_ns += now_ns - self._now_ns  # it was the supervisor that stood still
        self._now_ns = now_ns
        if self._current is not None and now_ns - self._said_ns > LIMIT_NS:
            self._hung = self._current[0]
            self._over(VoiceFailed(self._hung, "hung", f"no end within {LIMIT_NS // NS} s"))
        if self._current is not None or not self._waiting:
            self._waits_since_ns = None
            return
        item = self._waiting[0]
        if item.patient and now_ns < people_until_ns + TAIL_NS:
            if self._waits_since_ns is None:
                self._waits_since_ns = now_ns
            if now_ns - self._waits_since_ns < WAIT_NS:
                return
        self._waits_since_ns = None
        self._waiting.popleft()
        self._next_id += 1
        self._current = (self._next_id, item)
        self._from_ns = None
        self._said_ns = now_ns
        if self._hung is not None:
            # It would wait behind the one that hangs; the journal has at once that nobody heard it.
            self._over(VoiceFailed(self._next_id, "hung", "the voice does not answer"))
            return
        self._voice.say(Sentence(self._next_id, item.phrase if item.fixed else None, item.text))

    def on_voice(self, event: VoiceEvent) -> None:
        """The voice reports; sentences that are not the current one are old news."""
        if self._hung is not None and not isinstance(event, Started):
            self._hung = None  # it answers again
        if self._current is None or event.id != self._current[0]:
            return
        if isinstance(event, Started):
            self._from_ns = event.at_ns
            return
        self._over(event)

    def _over(self, event: Ended | VoiceFailed) -> None:
        assert self._current is not None
        _, item = self._current
        self._current = None
        if isinstance(event, VoiceFailed):
            cut = event.code == "cancelled"
            outcome = Outcome("cut" if cut else "failed", self._from_ns, None, event.detail)
            if self._from_ns is not None:
                self._own.append((self._from_ns, self._now_ns))  # half of it was heard
        else:
            outcome = Outcome("spoken", self._from_ns, event.at_ns)
            if self._from_ns is not None:
                self._own.append((self._from_ns, event.at_ns))
        self._ended(item, outcome)

    def _ended(self, item: Announcement, outcome: Outcome) -> None:
        self._said(item, outcome)
        if item.done is not None:
            item.done(outcome)

    def without_own(self, start_ns: int, end_ns: int) -> tuple[int, int] | None:
        """What remains of a stretch of speech beside the device's own playback plus 0.5 s."""
        for own_start, own_end in self._own:
            own_end += TAIL_NS
            if start_ns < own_end and end_ns > own_start:
                if start_ns >= own_start:
                    start_ns = own_end
                elif end_ns <= own_end:
                    end_ns = own_start
        if self._from_ns is not None and self._current is not None:
            end_ns = min(end_ns, self._from_ns)
        return (start_ns, end_ns) if end_ns > start_ns else None


__all__ = ["Announcement", "Announcer", "Ended", "Outcome"]
