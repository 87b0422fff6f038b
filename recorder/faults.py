"""What of camera, lens, encoder and microphone is out of order now: journalled, and said once.

A fault belongs to the part, not to the capture process that told it: a process that ends cannot
tell that a part works again, so good fragments of a later one end it. Owned by the supervisor's
loop; what is done about a fault is the ladder's business.
"""

from typing import TYPE_CHECKING

import msgspec

from recorder.capture.messages import (
    PICTURE_ONLY,
    SOUND_ONLY,
    Fault,
    Fragment,
    TrackRun,
    TrackState,
)
from recorder.clock import NS
from recorder.evidence import lines
from recorder.session.phrases import Phrase

if TYPE_CHECKING:
    from recorder.app import App

WELL_NS = 5 * NS
MOST_WELL_NS = 80 * NS
"""After so long it is said that a part works again; twice as long each time, so that one that fails
again and again is not talked of again and again."""
_PARTS = {"camera": ("camera", "encoder"), "lens": ("lens",), "microphone": ("microphone",)}
"""The parts behind a check (Art. 13) of this name."""
_BACK = {"camera": Phrase.CAMERA_BACK, "microphone": Phrase.MICROPHONE_BACK}
_LEFT_OUT = {SOUND_ONLY: "camera", PICTURE_ONLY: "microphone"}


class _Down(msgspec.Struct, frozen=True):
    code: str
    generation: int


class _Said(msgspec.Struct):
    """What the officer believes: ``lost`` was said, and not yet that it is over."""

    lost: bool = False
    over_ns: int | None = None
    times: int = 0


class Faults:
    """By part, the newest fault that is not over."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._down: dict[str, _Down] = {}
        self._said = {check: _Said() for check in _PARTS}

    def told(self, fault: Fault, generation: int) -> None:
        """A capture process tells of a part that fails or works again."""
        self.write(fault.part, fault.code, fault.detail, over=fault.over)
        if fault.over:
            self._down.pop(fault.part, None)
        elif any(fault.part in parts for parts in _PARTS.values()):
            self._down[fault.part] = _Down(fault.code, generation)
            self.speak()

    def left_out(self, rung: int, generation: int) -> None:
        """The ladder goes on without a part, after process number ``generation``."""
        part = _LEFT_OUT.get(rung)
        if part is not None and part not in self._down:
            self.write(part, "left_out", "it ended one capture process after the other", over=False)
            self._down[part] = _Down("left_out", generation)

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
                self.write(part, down.code, "seen in the footage of a new process", over=True)
                del self._down[part]

    def now(self) -> dict[str, str]:
        """The parts that are out of order, each with its fault's code."""
        return {part: down.code for part, down in self._down.items()}

    def write(self, part: str, code: str, detail: str, *, over: bool) -> None:
        """Into the open recording's journal, or else into the ledger."""
        act = self._app.effects.act
        if act is not None and not act.sealing:
            act.journal(lines.Fault(part=part, code=code, detail=detail, over=over))
        else:
            self._app.archive.note(
                lines.LedgerFault(part=part, code=code, detail=detail, over=over)
            )

    def speak(self) -> None:
        """Say once that a part is lost, and once that it works again; called some times a second.

        Where officers are to be heard now, it is said as soon as they have been.
        """
        warn, now_ns = self._app.fitness.warn, self._app.event_ns
        for check, said in self._said.items():
            if any(part in self._down for part in _PARTS[check]):
                said.over_ns = None
                if not said.lost and warn(self._phrase(check), again=self._recording):
                    said.lost, said.times = True, said.times + 1
            elif said.lost and said.over_ns is None:
                said.over_ns = now_ns
            elif said.lost and said.over_ns is not None:
                wait_ns = min(WELL_NS << (said.times - 1), MOST_WELL_NS)
                back = _BACK.get(check)
                if now_ns - said.over_ns > wait_ns and (back is None or warn(back, again=True)):
                    said.lost = False

    @property
    def _recording(self) -> bool:
        return self._app.effects.act is not None

    def _phrase(self, check: str) -> Phrase:
        if check == "lens":
            return Phrase.LENS_COVERED
        settings = self._app.settings
        if check == "microphone":
            picture_lost = any(part in self._down for part in _PARTS["camera"])
            with_picture = settings.camera.kind != "none" and not picture_lost
            return (
                Phrase.MICROPHONE_FAULT
                if self._recording and with_picture
                else Phrase.MICROPHONE_LOST
            )
        with_sound = settings.microphone.kind != "none" and "microphone" not in self._down
        return Phrase.CAMERA_LOST if self._recording and with_sound else Phrase.CAMERA_FAULT


def _good(run: TrackRun | None) -> bool:
    return run is not None and run.state is TrackState.OK and run.units > 1
