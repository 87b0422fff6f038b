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
    """By part and code, what is not over; what could not be had at the start never is."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._out = {(error.code.removesuffix("-broken"), "broken") for error in app.broken}

    @property
    def stands_in(self) -> bool:
        """The second button is to be understood as the first one, which is out of order."""
        if self._app.settings.button.second_pin is None:
            return False
        return {part for part, _ in self._out if part in _STUCK} == {"button"}

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
        app, key = self._app, (fault.part, fault.code)
        how = "works again" if fault.over else fault.detail
        print(f"recorder: {fault.part} {fault.code}: {how}", file=sys.stderr, flush=True)
        app.faults.write(fault.part, fault.code, fault.detail, over=fault.over)
        if fault.over:
            self._out.discard(key)
        else:
            self._out.add(key)
        if fault.code == "gone" or fault.part not in _STUCK:
            phrase = Phrase(f"{fault.part}_{'back' if fault.over else 'fault'}")
        else:
            phrase = Phrase(f"{fault.part}_back") if fault.over else _STUCK[fault.part]
        app.fitness.warn(phrase, again=True, keep=True)
        if fault.part in _STUCK and not fault.over:
            self.say_what_helps()

    def say_what_helps(self) -> None:
        """The first button is out of order: which one to use."""
        if self.stands_in:
            self._app.fitness.warn(Phrase.USE_BUTTON2, again=True, keep=True)
