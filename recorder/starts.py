"""A boot loop ends in a recorder: starts in a row that died are counted, and what they died at is
left out of the next one.

Kept in the runtime folder: a reboot or an orderly end (`systemctl restart`) forgets it, and
everything is tried again. Camera and microphone are a process of their own (ladder.py). The button
is left out only where the starts died at it, never by a guess.
"""

import faulthandler
import sys
from collections import Counter
from pathlib import Path

import msgspec

from recorder import at_work
from recorder.at_work import PARTS, Part
from recorder.clock import NS
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.session.phrases import Phrase
from recorder.shapes import UNREADABLE

PATIENCE = 3
"""So many starts in a row may die before something is left out, then one thing for each. Twice as
many where they got ready and nobody knows what they died of: it may have come from outside."""
HANGS_S = 20.0
"""A start that stands still for so long ends itself; later on systemd's watchdog sees it."""
STANDS_NS = 60 * NS
"""A recorder that was up for so long did not die of its start."""
_NAMES: dict[Part, tuple[str, Phrase | None]] = {
    "voice": ("voice.kind", None),
    "battery": ("battery.kind", Phrase.BATTERY_FAULT),
    "gnss": ("gnss.kind", Phrase.LEFT_OUT),
    "storing": ("deadlines", Phrase.LEFT_OUT),
    "selftest": ("recorder selftest", Phrase.LEFT_OUT),
}
"""Where to look, and what is said. The others are refused where their pins are opened, and told
there (panel/pins.py)."""
_THREADS: dict[str, Part] = {
    "voice": "voice",
    "voice-warm": "voice",
    "storing": "storing",
    "selftest": "selftest",
}
"""They mostly wait for a child, so they are at work only in that they died."""


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a start leaves to the next one. ``died``: starts in a row before it; ``at``: how many of
    them at each part; ``left_out``: what it does without; ``up``: it got ready; ``stood``: it was
    so for a while."""

    died: int = 0
    at: dict[str, int] = {}
    left_out: tuple[Part, ...] = ()
    up: bool = False
    stood: bool = False


def judge(note: Note, found: tuple[Part, ...], fitted: frozenset[Part]) -> Note:
    """A start died, at the parts ``found`` (none: nobody knows): what the next one does without."""
    if note.stood:
        return Note(left_out=note.left_out)
    died = note.died + 1
    at = Counter(note.at) + Counter(found)
    candidates = [part for part in PARTS if part in fitted and part not in note.left_out]
    if found:
        culprits = [part for part in candidates if part in found]
        culprits.sort(key=lambda part: -at[part])
    else:
        culprits = [part for part in candidates if part != "button"]
    culprits = [part for part in culprits if part != "button" or at[part] >= PATIENCE]
    patience = 2 * PATIENCE if note.up and not found else PATIENCE
    if died < patience or not culprits:
        return Note(died, dict(at), note.left_out)
    return Note(died, dict(at), (*note.left_out, culprits[0]))


def fitted(settings: Settings) -> frozenset[Part]:
    """What this device has of them."""
    button, light = settings.button, settings.light
    has: dict[Part, bool] = {
        "voice": settings.voice.kind != "none",
        "battery": settings.battery.kind != "none",
        "gnss": settings.gnss.kind != "none",
        "light": light.kind == "gpio",
        "vibration": light.kind == "gpio" and light.vibration_pin is not None,
        "button2": button.kind == "gpio" and button.second_pin is not None,
        "storing": True,
        "selftest": True,
        "button": button.kind == "gpio",
    }
    return frozenset(part for part, there in has.items() if there)


class Starts:
    """This start. Made first of all, by the only recorder that runs on this folder."""

    def __init__(self, run: Path, settings: Settings) -> None:
        self._file, self._marks = run / "starts.json", run / "at-work"
        self._up_ns: int | None = None
        self._turned_ns = 0
        before = self._read()
        try:
            found = at_work.keep(self._marks)
        except OSError as error:
            found = ()
            _say(f"{self._marks}: {error.strerror}")
        self._note = Note() if before is None else judge(before, found, fitted(settings))
        at_work.leave_out(self._note.left_out)
        self._write()

    def without(self, settings: Settings) -> Settings:
        """The settings but for what is left out."""
        replace, out = msgspec.structs.replace, self._note.left_out
        if "voice" in out:
            settings = replace(settings, voice=replace(settings.voice, kind="none"))
        if "battery" in out:
            settings = replace(settings, battery=replace(settings.battery, kind="none"))
        if "gnss" in out:
            settings = replace(settings, gnss=replace(settings.gnss, kind="none"))
        return settings

    def errors(self) -> list[RecorderError]:
        """What of it nobody else tells."""
        left_out = self._note.left_out
        return [at_work.left_out_error(part, *_NAMES[part]) for part in left_out if part in _NAMES]

    def turns(self, now_ns: int) -> None:
        """The start goes on. Whoever calls this calls it, ``up`` or ``forget`` again in time."""
        self._turned_ns = now_ns
        faulthandler.dump_traceback_later(HANGS_S, exit=True)

    def up(self, now_ns: int) -> None:
        """The start is over."""
        if self._up_ns is None:
            self._up_ns = now_ns
            faulthandler.cancel_dump_traceback_later()
            self._note = msgspec.structs.replace(self._note, up=True)
            self._write()

    def tick(self, now_ns: int) -> None:
        """The loop turns. When it did so for long enough after the start, what comes is no boot
        loop; what was left out stays so."""
        if self._up_ns is None and now_ns - self._turned_ns > HANGS_S * NS / 4:
            self.turns(now_ns)
        if self._note.stood or self._up_ns is None or now_ns - self._up_ns < STANDS_NS:
            return
        self._note = msgspec.structs.replace(self._note, stood=True)
        self._write()

    def died(self, thread: str) -> None:
        """One of the daemon's threads ended by an exception."""
        if thread in _THREADS:
            at_work.mark(_THREADS[thread])

    def forget(self) -> None:
        """Somebody ends the recorder: the next start tries everything again."""
        faulthandler.cancel_dump_traceback_later()
        for path in (self._file, self._marks):
            path.unlink(missing_ok=True)

    def _read(self) -> Note | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Note)
        except FileNotFoundError:
            return None
        except (OSError, *UNREADABLE) as error:
            _say(f"{self._file}: {error}")
            return None

    def _write(self) -> None:
        part = self._file.with_suffix(".part")
        try:
            part.write_bytes(msgspec.json.encode(self._note))
            part.replace(self._file)
        except OSError as error:
            _say(f"{self._file}: {error.strerror}")


def _say(text: str) -> None:
    print(f"recorder: {text}", file=sys.stderr, flush=True)
