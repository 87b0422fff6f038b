"""Which of buttons, light and motor are out of order: written, said once, and what helps then.

Owned by the supervisor's loop. None of them is ever in the way of a recording.
"""

import sys
from typing import TYPE_CHECKING

from recorder.clock import NS
from recorder.panel.pins import Part, PinFault
from recorder.session.contact import HELD_NS, Found
from recorder.session.phrases import Phrase

if TYPE_CHECKING:
    from recorder.app import App

_BUTTONS: dict[int, Part] = {1: "button", 2: "button2"}
_STUCK = {"button": Phrase.BUTTON_STUCK, "button2": Phrase.BUTTON2_STUCK}
_HELD_S = HELD_NS // NS
_WHY = {
    Found.HELD: "down for {seconds} s: free it; it counts again when it has been up for a while",
    Found.CLOSED: "down since the start, for {seconds} s: stuck, no normally open contact, or "
    'button.wire_to = "{wire_to}" is not how it is wired (docs/on-a-pi.md)',
}


class PanelFaults:
    """By part and code, what is not over, and why; what could not be had at the start stays so."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._never_had = {error.code.removesuffix("-broken") for error in app.broken}
        self._out: dict[tuple[Part, str], str] = {}

    @property
    def stands_in(self) -> bool:
        """The second button is to be understood as the first one, which is out of order."""
        if self._app.settings.button.second_pin is None:
            return False
        out = self._never_had | {part for part, _ in self._out}
        return "button" in out and "button2" not in out

    def listed(self) -> list[dict[str, str]]:
        """For the status: what failed since the start."""
        return [{"code": f"{part}-{code}", "text": why} for (part, code), why in self._out.items()]

    def found(self, number: int, found: Found) -> None:
        """What a button's contact shows over time."""
        part = _BUTTONS[number]
        if found is Found.FREE:
            for code in (Found.HELD, Found.CLOSED):
                if (part, code) in self._out:
                    self.told(PinFault(part, code, "up again", over=True))
            return
        wire_to = self._app.settings.button.wire_to
        self.told(PinFault(part, found, _WHY[found].format(seconds=_HELD_S, wire_to=wire_to)))

    def told(self, fault: PinFault) -> None:
        """A part failed or works again."""
        part, code = fault.part, fault.code
        how = "works again" if fault.over else fault.detail
        print(f"recorder: {part} {code}: {how}", file=sys.stderr, flush=True)
        self._app.faults.write(part, code, fault.detail, over=fault.over)
        if not fault.over:
            self._out[part, code] = fault.detail
            stuck = part in _STUCK and code != "gone"
            self._say(_STUCK[part] if stuck else Phrase(f"{part}_fault"))
            if part == "button":
                self.say_what_helps()
            return
        self._out.pop((part, code), None)
        if not any(out == part for out, _ in self._out):
            self._say(Phrase(f"{part}_back"))

    def say_what_helps(self) -> None:
        """Where the first button is out of order: which one to use."""
        if self.stands_in:
            self._say(Phrase.USE_BUTTON2)

    def _say(self, phrase: Phrase) -> None:
        self._app.fitness.warn(phrase, again=True, keep=True)
