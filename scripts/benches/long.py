"""Twelve hours of recording by the whole daemon, in 90 minutes: does anything grow?

Clocks of all its processes run BENCH_SPEED (8) times as fast. A 1080p30 film at 6 Mbit/s that was
encoded before stands for the camera; sound, mux, pipe, disk and loop are the recorder's own. It
needs 2.8 GB an hour (BENCH_HOURS, 12). Then the recording is sealed and verified.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from recorder.clock import NS
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.evidence.ledger import entries
from scripts.benches import room
from scripts.benches.cost import material
from scripts.benches.following import Following
from scripts.benches.process import Process
from tests.rigs.counted_syncs import CountedSyncs, Syncs
from tests.rigs.daemon import DEMO, Daemon
from tests.rigs.film import write
from tests.rigs.pace import Pace

SPEED = int(os.environ.get("BENCH_SPEED", "8"))
HOURS = float(os.environ.get("BENCH_HOURS", "12"))
MARKS_S = (60, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
WINDOW_S = 600
"""What a fragment costs is told over the last ten recorded minutes, or what there is of them."""
SAMPLE_S = 2.0
HELD_S = 10.0
"""A fragment that is durable later than that after its end (the sender's queue is as long): the
pace is not held."""
MEDIA_HOUR_BYTES = 3_000_000_000


class Sample(msgspec.Struct, frozen=True):
    """At one instant: what was counted so far, and what stands."""

    recorded_s: float
    fragments: int
    supervisor_s: float
    capture_s: float
    syncs: Syncs


def settings() -> str:
    """The device's, of a size as it is worn."""
    text = DEMO
    for was, now in (
        ("width = 640", "width = 1920"), ("height = 360", "height = 1080"),
        ("bitrate_kbps = 1000", "bitrate_kbps = 6000"), ("seconds = 4.0", "seconds = 30.0"),
        ("segment_s = 5.0", "segment_s = 20.0"),
    ):  # fmt: skip
        text = text.replace(was, now)
    return text


@contextmanager
def running(here: Path, film: Path) -> Iterator["Run"]:
    """A daemon that lives faster and records."""
    daemon, pace = Daemon(here, settings()), Pace(here / "pace", SPEED)
    syncs = CountedSyncs(here / "syncs")
    daemon.site({"RIG_FILM": str(film)} | pace.environment() | syncs.environment())
    try:
        daemon.start()
        daemon.when(lambda s: s["ring_s"] >= 2, "ring")
        pace.begin()
        daemon.when(lambda s: s["ring_s"] >= 30, "full ring", 60)
        daemon.ask("start")
        while not (daemon.spool.exists() and daemon.recordings()):
            time.sleep(0.05)
        yield Run(daemon, pace, syncs)
    finally:
        daemon.stop()


class Run:
    """A recording in the making, seen from outside."""

    def __init__(self, daemon: Daemon, pace: Pace, syncs: CountedSyncs) -> None:
        self.daemon = daemon
        self._syncs = syncs
        self.folder = daemon.recordings()[-1]
        self.journal = Following(self.folder / "data", pace.boot_ns)
        assert daemon.process is not None
        self.supervisor = Process(daemon.process.pid)
        self.capture = Process(self._capture_pid())
        self._samples: list[Sample] = []

    def _capture_pid(self) -> int:
        try:
            return int(self.daemon.status()["capture"]["pid"] or 0)
        except RecorderError:
            return 0  # it is busy

    def sample(self) -> Sample:
        """Look at everything; a capture process that was replaced is measured from there on."""
        self.journal.read()
        pid = self._capture_pid()
        if pid and pid != self.capture.pid:
            self.capture = Process(pid)
            self._samples.clear()
        seen = Sample(
            self.journal.recorded_s, self.journal.kinds["fragment"], self.supervisor.cpu_s(),
            self.capture.cpu_s(), self._syncs.so_far(),
        )  # fmt: skip
        self._samples.append(seen)
        while len(self._samples) > 2 and seen.recorded_s - self._samples[1].recorded_s > WINDOW_S:
            del self._samples[0]
        return seen

    def to(self, recorded_s: float) -> None:
        """Record until then; AssertionError where nothing is recorded any more."""
        while self.sample().recorded_s < recorded_s:
            for news in self.journal.take_news():
                print(f"  {self.journal.recorded_s / 3600:.3f} h {news}", flush=True)
            if self.journal.lag_s > 60 + 10 * SPEED:
                raise AssertionError(f"nothing durable any more\n{self.daemon.log()}")
            time.sleep(SAMPLE_S)

    def row(self) -> str:
        """What stands now, and what a fragment cost lately."""
        first, last = self._samples[0], self._samples[-1]
        count = max(1, last.fragments - first.fragments)
        syncs = last.syncs.count - first.syncs.count
        waited_ms = (last.syncs.waited_ns - first.syncs.waited_ns) / 1e6
        hours, rest = divmod(round(last.recorded_s), 3600)
        return (
            f"{hours:3}:{rest // 60:02}:{rest % 60:02} {self.supervisor.rss_mb():7.1f}"
            f" {self.supervisor.pss_mb():6.1f} {self.supervisor.descriptors():4}"
            f" {self.supervisor.threads():4}"
            f" {(last.supervisor_s - first.supervisor_s) * 1000 / count:7.2f}"
            f" {syncs / count:6.2f} {waited_ms / count:7.2f}"
            f" | {self.capture.pss_mb():6.1f} {self.capture.descriptors():4}"
            f" {self.capture.threads():4}"
            f" {(last.capture_s - first.capture_s) * 1000 / count:7.2f}"
            f" | {self.journal.size_bytes / 1e6:7.2f} {self.journal.take_worst_s():6.2f}"
        )

    def seal(self) -> str:
        """End it; how long that took from the last fragment's end on, by the world's clock."""
        self.daemon.end()
        self.journal.read()
        closing = self.journal.closing_ns
        assert closing is not None
        sealed = next(
            entry.header.boot_ns
            for entry in entries(self.daemon.spool / "ledger")
            if isinstance(entry.body, lines.Sealed)
        )
        return f"sealed in {(sealed - closing) / NS / SPEED * 1000:.0f} ms"


HEADS = (
    " recorded   RSS MB PSS MB   fd thrd CPU ms/f sync/f wait ms"
    " | PSS MB   fd thrd CPU ms/f | journal  late s"
)


def verified(run: Run, *words: str) -> str:
    """Verdict, time and memory of `recorder verify`."""
    began = time.monotonic()
    key = str(run.daemon.here / "keys" / "device.pem")
    command = [sys.executable, "-m", "recorder", "verify", "--json", "--key", key]
    command += [str(run.folder), *words]
    with (run.daemon.here / "verdict.json").open("wb") as out:
        child = subprocess.Popen(command, stdout=out)
        peak_mb = Process(child.pid).peak_mb(child)
    took_s = time.monotonic() - began
    answer: Any = msgspec.json.decode((run.daemon.here / "verdict.json").read_bytes())
    return f"{took_s:.1f} s, {peak_mb:.0f} MB at most: {answer['verdict']}"


def recorded(run: Run) -> None:
    """A row at each mark."""
    print(f"{HOURS} h at {SPEED} times real time; /f: a fragment; late: durable after its end")
    print("          supervisor" + " " * 40 + "| capture" + " " * 16 + "| MB")
    print(HEADS, flush=True)
    end_s = HOURS * 3600
    first_s, began = 0.0, 0.0
    for mark_s in [m for m in MARKS_S if m < end_s] + [end_s]:
        run.to(mark_s)
        if not began:
            first_s, began = run.journal.recorded_s, time.monotonic()
        print(run.row(), flush=True)
    if (took_s := time.monotonic() - began) > 1:
        print(f"{(run.journal.recorded_s - first_s) / took_s:.2f} s recorded a second")
    if run.journal.worst_s > HELD_S:
        print(f"THE PACE WAS NOT HELD: {run.journal.worst_s:.1f} s late at worst")


def judged(run: Run) -> None:
    """The seal, what the recording consists of, and the verdict."""
    print(run.seal())
    print("lines: " + ", ".join(f"{n} {k}" for k, n in sorted(run.journal.kinds.items())))
    size_bytes = sum(f.stat().st_size for f in run.folder.rglob("*") if f.is_file())
    print(f"{size_bytes / 1e9:.2f} GB")
    print(f"verify, without a custodian's key: {verified(run)}")
    identity = ("--identity", str(run.daemon.custodian))
    print(f"verify, every picture opened:      {verified(run, *identity)}")


def main() -> None:
    """Record, seal, verify."""
    with tempfile.TemporaryDirectory(dir=room()) as name:
        here = Path(name).resolve()
        status = os.statvfs(here)
        if status.f_bavail * status.f_frsize < (HOURS + 2) * MEDIA_HOUR_BYTES:
            raise SystemExit(f"bench: no room for {HOURS} hours in {here}: BENCH_HOURS=…")
        film = here / "film"
        units, _, _ = material(here)
        write(film, units)
        with running(here, film) as run:
            recorded(run)
            judged(run)
