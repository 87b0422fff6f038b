"""A long recording under faults of camera, microphone, encoders, disk, clock and voice.

A fault comes at random every so often and is lifted after some seconds. What became of each is read
from the journal afterwards: when it was on record, when something was recorded again, and when
picture and sound were whole again. The supervisor lives through all of it, so its memory shows.
"""

import os
import random
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import msgspec
import psutil

from recorder.capture.messages import TrackState
from recorder.clock import NS, boot_ns
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.evidence.chain import Line
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Level, Report
from tests.ordeal.reboot import FINE, register_of
from tests.rigs import disk_faults, faults
from tests.rigs.daemon import DEMO, Daemon, journal_of
from tests.rigs.disk_faults import FaultyDisk

SEEN_S, AGAIN_S = 2.0, 5.0
_DAY_S = 86_400
STEPS_S = (1.0, -1.0, 3600.0, -3600.0, 400.0 * _DAY_S, -400.0 * _DAY_S, 20 * 365.0 * _DAY_S)
OPEN = ("opening", "recording", "interrupted", "explaining")


class Kind(msgspec.Struct, frozen=True):
    """``stops``: nothing can be recorded until it is lifted. ``seen``: a line is its event; None
    where nothing is to be told."""

    name: str
    inject: Callable[[Daemon, FaultyDisk], AbstractContextManager[object]]
    seen: Callable[[lines.Journal], bool] | None
    stops: bool
    hold_s: tuple[float, float]


class Injected(msgspec.Struct, frozen=True):
    """One fault: when it began to matter, and when it was lifted."""

    kind: str
    from_ns: int
    to_ns: int


class Result(msgspec.Struct):
    """``seen_s``, ``again_s``, ``whole_s``: by kind, one figure a fault."""

    faults: list[Injected] = msgspec.field(default_factory=list)
    seen_s: dict[str, list[float]] = msgspec.field(default_factory=dict)
    again_s: dict[str, list[float]] = msgspec.field(default_factory=dict)
    whole_s: dict[str, list[float]] = msgspec.field(default_factory=dict)
    memory_mb: list[float] = msgspec.field(default_factory=list)
    report: Report | None = None
    wrong: list[str] = msgspec.field(default_factory=list)

    def memory(self) -> str:
        """The supervisor's, in the last quarter against the second one."""
        quarter = len(self.memory_mb) // 4
        if quarter < 2:
            return "-"
        second = statistics.median(self.memory_mb[quarter : 2 * quarter])
        last = statistics.median(self.memory_mb[-quarter:])
        return f"second quarter {second:.1f} MB, last {last:.1f} MB: {last / second - 1:+.1%}"

    def covered(self) -> str:
        """How the recording's time divides."""
        if self.report is None or self.report.facts is None:
            return "-"
        whole_s = self.report.facts.duration_s
        gaps_s = sum((g.to_s or 0.0) - (g.from_s or 0.0) for g in self.report.interruptions)
        poor_s = _union_s([(d.from_s, d.to_s) for d in self.report.degraded])
        return (
            f"of {whole_s:.0f} s, {gaps_s:.0f} s in {len(self.report.interruptions)} interruptions "
            f"with their causes, {poor_s:.0f} s degraded with their states, the rest whole"
        )

    def table(self) -> Iterator[str]:
        """A line a kind of fault."""
        heads = ("on record", "recording again", "whole again")
        yield f"{'fault':26} {'n':>3}  {heads[0]:>14}  {heads[1]:>16}  {heads[2]:>14}"
        for kind in sorted({fault.kind for fault in self.faults}):
            n = sum(fault.kind == kind for fault in self.faults)
            columns = (self.seen_s, self.again_s, self.whole_s)
            words = [_spread(column.get(kind, ())) for column in columns]
            yield f"{kind:26} {n:3}  {words[0]:>14}  {words[1]:>16}  {words[2]:>14}"
        yield "median / worst, in seconds"


def _union_s(stretches: list[tuple[float, float]]) -> float:
    """Their length; what two of them share counts once."""
    total, until = 0.0, 0.0
    for start, end in sorted(stretches):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _spread(seconds: list[float] | tuple[()]) -> str:
    return f"{statistics.median(seconds):.2f} / {max(seconds):.2f}" if seconds else "-"


def kinds() -> list[Kind]:
    """Every fault that a recording must live through."""
    found = [
        Kind(
            name, partial(_media, inject), partial(faults.seen, name),
            stops=name == "mux-blocks", hold_s=(2.0, 8.0),
        )
        for name, inject in faults.FAULTS.items()
        if name != "hardware-encoder-blocks"  # harmless on a lower rung
    ]  # fmt: skip
    for name, on_disk in disk_faults.FAULTS.items():
        if name in disk_faults.ENDING:
            continue
        once = name in disk_faults.ONCE
        found.append(
            Kind(
                name, partial(_disk, on_disk), None if once or "ledger" in name else _disk_told,
                stops=True, hold_s=(0.1, 0.2) if once else (2.0, 6.0),
            )
        )  # fmt: skip
    found.append(Kind("clock-steps", _clock, None, stops=False, hold_s=(1.0, 8.0)))
    found.append(Kind("voice-killed", _voice, None, stops=False, hold_s=(0.1, 0.2)))
    return found


def _disk_told(body: lines.Journal) -> bool:
    return isinstance(body, lines.Interruption | lines.Delay)


def _media(
    inject: faults.Fault, device: Daemon, disk: FaultyDisk
) -> AbstractContextManager[object]:
    return inject(device)


@contextmanager
def _disk(inject: disk_faults.Inject, device: Daemon, disk: FaultyDisk) -> Iterator[None]:
    """It begins to matter when the daemon meets it; a ledger is not met in every second."""
    with inject(disk):
        yield


@contextmanager
def _clock(device: Daemon, disk: FaultyDisk) -> Iterator[None]:
    step_s = random.choice(STEPS_S)
    device.wall.step(step_s, quality="unsynced")
    try:
        yield
    finally:
        device.wall.step(-step_s, quality="synced")


@contextmanager
def _voice(device: Daemon, disk: FaultyDisk) -> Iterator[None]:
    assert device.process is not None
    for child in psutil.Process(device.process.pid).children():
        if any("recorder.panel" in word for word in child.cmdline()):
            child.send_signal(signal.SIGKILL)
    yield


def run(
    here: Path, seconds: float, every_s: float, seed: int, tell: Callable[[str], None],
    chosen: tuple[str, ...] = (),
) -> Result:  # fmt: skip
    """One recording of ``seconds`` with a fault every ``every_s``, each kind in turn, shuffled."""
    dice, result = random.Random(seed), Result()
    table = [kind for kind in kinds() if not chosen or kind.name in chosen]
    disk = FaultyDisk(here / "card")
    device_folder = here / "device"
    device_folder.mkdir()
    voice = 'kind = "pyttsx3"' if "PULSE_SERVER" in os.environ else 'kind = "none"'
    device = Daemon(device_folder, DEMO.replace('[voice]\nkind = "none"', f"[voice]\n{voice}"))
    (disk.path / "spool").mkdir()
    (device_folder / "spool").symlink_to(disk.path / "spool")
    device.wall.step(0)
    faults.equip(device)
    try:
        device.start()
        device.ask("start")
        _suffer(device, disk, table, seconds, every_s, dice, result, tell)
        bag = device.end()
        _judge(device, bag, {kind.name: kind for kind in table}, result)
    except (AssertionError, RecorderError) as error:
        result.wrong.append(str(error))
    finally:
        device.stop()
        disk.close()
    return result


def _suffer(
    device: Daemon, disk: FaultyDisk, table: list[Kind], seconds: float, every_s: float,
    dice: random.Random, result: Result, tell: Callable[[str], None],
) -> None:  # fmt: skip
    began = time.monotonic()
    turn: list[Kind] = []
    next_s = min(5.0, every_s)
    while time.monotonic() - began < seconds:
        _wait(device, began, next_s, result)
        if not turn:
            turn = dice.sample(table, len(table))
        kind = turn.pop()
        next_s += every_s
        from_ns = boot_ns()
        with kind.inject(device, disk) as fault:
            time.sleep(min(dice.uniform(*kind.hold_s), every_s * 0.4))
            if isinstance(fault, disk_faults.Fault) and (hits := fault.hits()):
                from_ns = hits[0].at_ns
        injected = Injected(kind.name, from_ns, boot_ns())
        result.faults.append(injected)
        tell(f"{time.monotonic() - began:6.0f} s  {kind.name}, held "
             f"{(injected.to_ns - injected.from_ns) / NS:.1f} s")  # fmt: skip
    _wait(device, began, next_s, result)


def _wait(device: Daemon, began: float, until_s: float, result: Result) -> None:
    """Sample the supervisor's memory while nothing is broken."""
    assert device.process is not None
    process = psutil.Process(device.process.pid)
    while (now_s := time.monotonic() - began) < until_s:
        time.sleep(min(2.0, until_s - now_s))
    mb = process.memory_info().rss / 1e6
    state = device.status()["state"]
    result.memory_mb.append(mb)
    if state not in OPEN:
        raise AssertionError(f"it does not record any more, it is {state!r}\n{device.log()}")


def _judge(device: Daemon, bag: Path, table: dict[str, Kind], result: Result) -> None:
    journal = list(journal_of(bag, torn=True))
    for index, fault in enumerate(result.faults):
        following = result.faults[index + 1 :]
        until_ns = following[0].from_ns if following else boot_ns()
        _measure(fault, table[fault.kind], journal, until_ns, result)
    report = verify_recording(bag, register=register_of(device), identities=device.identities())
    result.report = report
    if report.verdict not in FINE:
        mild = (Level.NOTE, Level.DEGRADED, Level.INTERRUPTED)
        result.wrong += [
            f"{f.code}: {f.text} ({f.file}:{f.line}, {f.into_s} s into it)"
            for f in report.findings
            if f.level not in mild
        ]


def _measure(
    fault: Injected, kind: Kind, journal: list[Line], until_ns: int, result: Result
) -> None:
    between = [line for line in journal if fault.from_ns <= line.header.boot_ns]
    if kind.seen is not None:
        seen = next((line for line in between if kind.seen(line.body)), None)
        if _still_open(fault, kind, journal):
            return  # what it breaks has not come back from the fault before
        if seen is None or seen.header.boot_ns > until_ns:
            result.wrong.append(f"{kind.name} at {fault.from_ns}: nothing on record")
        else:
            seen_s = (seen.header.boot_ns - fault.from_ns) / NS
            result.seen_s.setdefault(kind.name, []).append(seen_s)
            if seen_s > SEEN_S + ((fault.to_ns - fault.from_ns) / NS if kind.stops else 0):
                result.wrong.append(f"{kind.name}: on record after {seen_s:.1f} s")
    resumed = [line.body for line in between if isinstance(line.body, lines.Resumed)
               and fault.from_ns <= line.body.to_ns <= until_ns]  # fmt: skip
    if resumed:
        since_ns = fault.to_ns if kind.stops else fault.from_ns
        again_s = max(0.0, (resumed[0].to_ns - since_ns) / NS)
        result.again_s.setdefault(kind.name, []).append(again_s)
        if again_s > AGAIN_S:
            result.wrong.append(f"{kind.name}: recording again after {again_s:.1f} s")
    whole = next((line.body for line in between if isinstance(line.body, lines.Fragment)
                  and line.body.start_ns >= fault.to_ns and _whole(line.body)), None)  # fmt: skip
    if whole is not None:
        result.whole_s.setdefault(kind.name, []).append((whole.start_ns - fault.to_ns) / NS)


def _still_open(fault: Injected, kind: Kind, journal: list[Line]) -> bool:
    """The last line about this part, or one that it needs, says that it is broken before that."""

    def open_(name: str) -> bool:
        told = [line.body for line in journal
                if line.header.boot_ns < fault.from_ns and isinstance(line.body, lines.Fault)
                and faults.seen(name, msgspec.structs.replace(line.body, over=False))]  # fmt: skip
        return bool(told) and not told[-1].over

    names = [kind.name, *(["camera-gone"] if kind.name == "lens-covered" else [])]
    return kind.name in faults.FAULTS and any(open_(name) for name in names)


def _whole(fragment: lines.Fragment) -> bool:
    tracks = (fragment.video, fragment.audio)
    return all(track is not None and track.state is TrackState.OK for track in tracks)
