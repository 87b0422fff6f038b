"""A recorder daemon in a folder of its own, driven as officers and technicians would."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from recorder.clock import SystemClock
from recorder.control import Answer, Request, ask
from recorder.errors import RecorderError
from recorder.evidence import lines, provision
from recorder.evidence.age import Identity, identities
from recorder.evidence.chain import Line, files, read
from recorder.sync.stores.directory import PARTS
from recorder.sync.stores.marker import init_store
from tests.rigs.wall_clock import WallClock

ROOT = Path(__file__).resolve().parent.parent.parent
SITE = ROOT / "tests" / "rigs" / "site"

BASE = """
[device]
name = "rig-01"
officer = "ZY-017"
[organisation]
name = "永济市张营镇人民政府"
rule = "张营镇行政执法全过程记录办法（试行）"
rule_version = "试行"
[paths]
spool = "{here}/spool"
sync = "{here}/sync"
run = "{here}/run"
keys = "{here}/keys"
catalogue = "{root}/config/catalogue.toml"
clips = "{here}/clips"
[button]
kind = "none"
[light]
kind = "terminal"
[sync]
store = "{here}/store"
"""
DEMO = """
[camera]
kind = "demo"
width = 640
height = 360
bitrate_kbps = 1000
[microphone]
kind = "demo"
[voice]
kind = "none"
[ring]
seconds = 4.0
[opening]
answer_s = 2.0
[recording]
segment_s = 5.0
reserve_mb = 4
"""


class Daemon:
    """Provisioned on construction; ``start`` and ``stop`` as often as wanted."""

    def __init__(self, here: Path, settings: str = DEMO, *, custodians: int = 2) -> None:
        self.here = here
        self.source = ROOT
        self.config = here / "recorder.toml"
        self.config.write_text(BASE.format(here=here, root=ROOT) + settings)
        clock = SystemClock()
        self.custodian = here / "custodian.key"
        public = [provision.new_custodian(self.custodian)]
        public += [provision.new_custodian(here / f"deputy-{i}.key") for i in range(custodians - 1)]
        provision.provision("township", here / "township", "rig", clock=clock)
        provision.provision(
            "device", here / "keys", "rig-01",
            custodians=public[:custodians], township=here / "township", clock=clock,
        )  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None
        self.environment: dict[str, str] = {}
        """Beside the caller's own, from the next start on."""
        self._wall: WallClock | None = None

    @property
    def wall(self) -> WallClock:
        """The daemon's own wall clock, from its next ``start`` on; touched first before that.

        ``daemon.wall.step(-3600)`` while it runs is a clock that jumps (wall_clock.py).
        """
        if self._wall is None:
            self._wall = WallClock(self.here / "wall-clock.json")
            self.site(self._wall.environment())
        return self._wall

    def site(self, told: dict[str, str]) -> None:
        """Its Python processes load rigs/site from the next start on, which does what is told."""
        self.environment |= {"PYTHONPATH": f"{SITE}:{self.source}:{ROOT}"} | told

    @property
    def spool(self) -> Path:
        """Where recordings lie."""
        return self.here / "spool"

    @property
    def run(self) -> Path:
        """The runtime folder."""
        return self.here / "run"

    def identities(self) -> tuple[Identity, ...]:
        """The custodian's private key."""
        return identities(self.custodian.read_text(), str(self.custodian))

    def start(self, *, wait: bool = True, wrapper: tuple[str, ...] = ()) -> None:
        """Start it, and wait until it is ready."""
        log = (self.here / "log").open("ab")
        self.process = subprocess.Popen(
            [*wrapper, sys.executable, "-m", "recorder", "--config", str(self.config), "run"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.source,
            env=os.environ | self.environment,
        )  # fmt: skip
        log.close()
        if wait:
            self.until("ready", "unfit")

    def ask(self, verb: str, argument: str = "") -> Answer:
        """One request over the socket."""
        return ask(self.run, Request(verb, argument))

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        return self.ask("status").data

    def until(self, *states: str, limit_s: float = 30.0) -> dict[str, Any]:
        """Wait for a state."""
        return self.when(lambda s: s["state"] in states, f"state {states}", limit_s)

    def when(
        self, true: Callable[[dict[str, Any]], bool], what: str, limit_s: float = 30.0
    ) -> dict[str, Any]:
        """Wait until its status says so."""
        deadline = time.monotonic() + limit_s
        found: dict[str, Any] = {}
        while time.monotonic() < deadline:
            try:
                found = self.status()
            except RecorderError:
                found = {}
            if found and true(found):
                return found
            if self.process is not None and self.process.poll() is not None:
                break
            time.sleep(0.03)
        raise AssertionError(f"no {what} within {limit_s} s: {found}\n{self.log()}")

    def log(self) -> str:
        """Its log's end."""
        path = self.here / "log"
        return path.read_text()[-3000:] if path.exists() else ""

    def recordings(self) -> list[Path]:
        """All recordings' folders, oldest first."""
        return sorted(p for p in self.spool.iterdir() if p.name.startswith("rig-01-"))

    def ledger(self) -> list[Path]:
        """The ledger's files, oldest first."""
        return files(self.spool / "ledger", "")

    def journal(self, index: int = -1) -> list[Line]:
        """A recording's journal so far; damage is an error."""
        return list(journal_of(self.recordings()[index]))

    def journal_so_far(self) -> list[Line]:
        """The newest recording's lines while it is still being written."""
        return list(journal_of(self.recordings()[-1], torn=True))

    def wait_line(
        self, true: Callable[[lines.Journal], bool], what: str, limit_s: float = 20.0
    ) -> Line:
        """Wait for a journal line of the newest recording."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if self.spool.exists() and self.recordings():
                for line in journal_of(self.recordings()[-1], torn=True):
                    if true(line.body):
                        return line
            time.sleep(0.03)
        raise AssertionError(f"no {what} within {limit_s} s\n{self.log()}")

    def record(self, seconds: float) -> Path:
        """Press, wait, end; the sealed recording."""
        self.ask("start")
        time.sleep(seconds)
        return self.end()

    def end(self) -> Path:
        """End the open recording and wait for the seal."""
        self.ask("stop")
        self.until("ready", limit_s=60)
        return self.recordings()[-1]

    def provision_sync(self) -> None:
        """A store, and sync's own key."""
        init_store(self.here / "store", "rig")
        provision.provision(
            "sync", self.here / "sync", "rig-01", township=self.here / "township",
            clock=SystemClock(),
        )  # fmt: skip

    def copy_store(self, target: Path) -> None:
        """The store as it is now, by hard links."""
        shutil.copytree(
            self.here / "store", target, copy_function=os.link, ignore=shutil.ignore_patterns(PARTS)
        )

    def sync(self, config: Path | None = None) -> None:
        """One run of sync, which must be fine."""
        done = subprocess.run(
            [sys.executable, "-m", "recorder", "--config", str(config or self.config), "sync",
             "--json"],
            capture_output=True, text=True, cwd=self.source, timeout=60,
            env=os.environ | self.environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-500:]

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def kill_capture(self) -> None:
        """SIGKILL of the capture process."""
        os.kill(int(self.status()["capture"]["pid"]), signal.SIGKILL)

    def stop(self) -> int | None:
        """SIGTERM, and its exit status."""
        if self.process is None or self.process.poll() is not None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def journal_of(folder: Path, *, torn: bool = False) -> Iterator[Line]:
    """A journal's lines; with ``torn`` it is still being written."""
    for item in read(files(folder / "data", "journal"), lines.Journal, None):
        if isinstance(item, Line):
            yield item
        elif not torn:
            raise AssertionError(msgspec.to_builtins(item))
