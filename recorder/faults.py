"""What of camera, lens, encoder and microphone is out of order now: journalled, and said once.

A fault belongs to the part, not to the capture process that told it: a process that ends cannot
tell that a part works again, so good fragments of a later one end it. Owned by the supervisor's
loop; what is done about a fault is the ladder's business.
"""

from typing import TYPE_CHECKING

import msgspec

from recorder.capture.messages import Fault, Fragment, TrackRun, TrackState
from recorder.evidence import lines
from recorder.session.phrases import Phrase

if TYPE_CHECKING:
    from recorder.app import App

_CHECKED = {"camera": ("camera", "encoder"), "lens": ("lens",), "microphone": ("microphone",)}
"""The parts behind a check (Art. 13) of this name."""
_SPOKEN = ("camera", "encoder", "lens", "microphone")
_BACK = {
    "camera": Phrase.CAMERA_BACK,
    "encoder": Phrase.CAMERA_BACK,
    "microphone": Phrase.MICROPHONE_BACK,
}


class _Down(msgspec.Struct):
    code: str
    generation: int
    said: bool = False


class Faults:
    """By part, the newest fault that is not over."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._down: dict[str, _Down] = {}

    def told(self, fault: Fault, generation: int) -> None:
        """A capture process tells of a part that fails or works again."""
        self._write(fault.part, fault.code, fault.detail, over=fault.over)
        if fault.part not in _SPOKEN:
            return
        if fault.over:
            self._over(fault.part)
            return
        known = self._down.get(fault.part)
        self._down[fault.part] = _Down(fault.code, generation, known is not None and known.said)
        self.speak()

    def fragment(self, fragment: Fragment, generation: int) -> None:
        """A good fragment ends what an earlier process told of its parts."""
        if not self._down or fragment.number == 0:
            return
        if _good(fragment.video):
            self._outlived(("camera", "encoder", "lens"), generation)
        if _good(fragment.audio):
            self._outlived(("microphone",), generation)

    def _outlived(self, parts: tuple[str, ...], generation: int) -> None:
        for part in parts:
            down = self._down.get(part)
            if down is not None and down.generation < generation:
                self._write(part, down.code, "seen in the footage of a new process", over=True)
                self._over(part)

    def _write(self, part: str, code: str, detail: str, *, over: bool) -> None:
        act = self._app.effects.act
        if act is not None and not act.sealing:
            act.journal(lines.Fault(part=part, code=code, detail=detail, over=over))
        else:
            self._app.archive.note(
                lines.LedgerFault(part=part, code=code, detail=detail, over=over)
            )

    def _over(self, part: str) -> None:
        down = self._down.pop(part, None)
        if down is None or not down.said or part not in _BACK:
            return
        if part == "microphone" or self.check_phrase("camera") is None:
            self._app.fitness.warn(_BACK[part])

    def speak(self) -> None:
        """Say what was not said yet, unless officers are to be heard now: then the next time."""
        for part, down in tuple(self._down.items()):
            if not down.said:
                down.said = self._app.fitness.warn(self._phrase(part))

    def check_phrase(self, check: str) -> Phrase | None:
        """What a check's warning is called while a fault of its part is on; None without one."""
        for part in _CHECKED.get(check, ()):
            if part in self._down:
                return self._phrase(part)
        return None

    def _phrase(self, part: str) -> Phrase:
        if part == "lens":
            return Phrase.LENS_COVERED
        if part == "microphone":
            return Phrase.MICROPHONE_FAULT
        with_sound = self._app.settings.microphone.kind != "none" and "microphone" not in self._down
        recording = self._app.effects.act is not None
        return Phrase.CAMERA_LOST if recording and with_sound else Phrase.CAMERA_FAULT


def _good(run: TrackRun | None) -> bool:
    return run is not None and run.state is TrackState.OK and run.units > 1
