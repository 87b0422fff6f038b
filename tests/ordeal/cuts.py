"""Power cuts at random instants of a device that is used all the time."""

import os
import random
import statistics
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from recorder.clock import NS
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.evidence.chain import sync_folder
from tests.ordeal.peers import Peers
from tests.ordeal.reboot import reboot
from tests.rigs.daemon import DEMO, ROOT, Daemon
from tests.rigs.disks import Disk

AIM_LIMIT_S = 10.0
USE_LIMIT_S = 90.0
"""On a busy machine capture may stall by itself, and be explained in the middle of an opening."""
AIMS = ("any", "any", "change", "change", "segment", "ledger", "receipt")
"""When the power is cut: at any instant, after the state changed, or when a new segment, a line of
the ledger or a receipt begins to be written."""
SETTINGS = DEMO.replace("seconds = 4.0", "seconds = 2.0")
NIGHT_KBPS = 100


class Result(msgspec.Struct):
    """All cuts of one run."""

    cuts: int = 0
    phases: Counter[str] = msgspec.field(default_factory=Counter)
    aims: Counter[str] = msgspec.field(default_factory=Counter)
    lost_s: list[float] = msgspec.field(default_factory=list)
    ready_s: list[float] = msgspec.field(default_factory=list)
    wrong: list[str] = msgspec.field(default_factory=list)
    peers: list[str] = msgspec.field(default_factory=list)
    early: int = 0
    in_gap: int = 0

    def add(self, other: "Result") -> None:
        """The next round's cuts."""
        self.cuts += other.cuts
        self.early += other.early
        self.in_gap += other.in_gap
        self.phases += other.phases
        self.aims += other.aims
        for name in ("lost_s", "ready_s", "wrong", "peers"):
            getattr(self, name).extend(getattr(other, name))

    def lost(self) -> str:
        """Footage lost, of the cuts that met an open recording."""
        if len(self.lost_s) < 2:
            return "-"
        ordered = sorted(self.lost_s)
        late = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        return (
            f"median {statistics.median(ordered):.2f} s, 99 % within {late:.2f} s, "
            f"worst {ordered[-1]:.2f} s ({len(ordered)} cuts while recording)"
        )


class Usage:
    """Somebody who presses, marks, kills the capture process and ends, over and over."""

    def __init__(self, device: Daemon, seed: int) -> None:
        self._device = device
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self.phase = "ready"
        self.recording = False
        self.error: BaseException | None = None
        self.changed = threading.Event()
        self.no_sync = threading.Lock()
        """Held while the power is cut: the store cannot have what came later."""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Let the last act come to its end."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._act()
        except (AssertionError, RecorderError) as error:
            self.error = error

    def _now(self, phase: str) -> None:
        self.phase = phase
        self.changed.set()

    def _wait(self, least_s: float, most_s: float) -> None:
        self._stop.wait(self._random.uniform(least_s, most_s))

    def _act(self) -> None:
        device = self._device
        before = len(device.recordings())
        self._now("press")
        device.ask("start")
        device.when(lambda _: len(device.recordings()) > before, "its folder")
        device.wait_line(lambda b: isinstance(b, lines.Fragment), "the ring's head")
        self._now("opening")
        self._wait(1, 4)
        device.ask("button", "short")
        device.when(lambda s: s["state"] == "recording", "recording", USE_LIMIT_S)
        self._now("recording")
        self._wait(1, 7)
        if self._random.random() < 0.5:
            device.kill_capture()
            self._now("interruption")
            device.when(lambda s: s["state"] in ("explaining", "recording"), "footage again")
            self._wait(0.1, 1)
            self._now("recording")
            self._wait(0, 4)
        device.ask("stop")
        self._now("ending")
        device.when(lambda s: s["state"] != "ending", "end", 30)
        self._now("seal")
        device.until("ready", "unfit")
        with self.no_sync:
            self._now("receipt")
        device.sync()
        self._now("ready")
        device.until("ready")
        self._wait(0.2, 2)


def run(
    disk: Disk, here: Path, count: int, seed: int, tell: Callable[[str], None],
    settings: str = SETTINGS, source: Path = ROOT, with_peers: bool = False,
) -> Result:  # fmt: skip
    """``count`` cuts. The result says what was lost and what was wrong.

    ``with_peers``: others record onto the same disk, and are judged after the same cuts.
    """
    result, dice = Result(), random.Random(seed)
    device = Daemon(here, settings)
    device.source = source
    for name in ("spool", "sync"):
        (disk.path / name).mkdir()
        (here / name).symlink_to(disk.path / name)
    sync_folder(disk.path)
    device.provision_sync()
    device.start()
    usage = Usage(device, seed)
    peers = Peers(disk.path) if with_peers else None
    try:
        while result.cuts < count and usage.error is None:
            aim = _aim(device, usage, dice)
            _one(disk, device, usage, here, result, tell, peers, aim)
    finally:
        if peers is not None:
            peers.stop()
            result.peers = peers.lines()
        usage.stop()
        device.stop()
    if usage.error is not None:
        result.wrong.append(f"the device itself: {usage.error}")
    return result


def _aim(device: Daemon, usage: Usage, dice: random.Random) -> str:
    """Wait for an instant worth a cut; its name."""
    aim = dice.choice(AIMS)
    if aim == "any":
        time.sleep(dice.uniform(0, 1.5))
    elif aim == "change":
        usage.changed.clear()
        usage.changed.wait(AIM_LIMIT_S)
        time.sleep(dice.uniform(0, 0.15))
    else:
        was, deadline = _written(device, aim), time.monotonic() + AIM_LIMIT_S
        while _written(device, aim) == was and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(dice.uniform(0, 0.01))
    return aim


def _written(device: Daemon, what: str) -> object:
    """Something that changes when a segment, a ledger line or a receipt is written."""
    if what == "ledger":
        return [(each.name, each.stat().st_size) for each in device.ledger()]
    if what == "receipt":
        receipts = device.here / "sync" / "receipts"
        return sorted(os.listdir(receipts)) if receipts.exists() else []
    recordings = device.recordings()
    segments = recordings[-1] / "data" / "segments" if recordings else None
    return sorted(os.listdir(segments)) if segments is not None and segments.exists() else []


def _one(
    disk: Disk, device: Daemon, usage: Usage, here: Path, result: Result,
    tell: Callable[[str], None], peers: Peers | None, aim: str,
) -> None:  # fmt: skip
    phase, name = usage.phase, f"{result.cuts:04d}"
    newest = device.recordings()[-1].name if device.recordings() else ""
    takes = {} if peers is None else peers.takes
    store = here / f"store-{name}"
    with usage.no_sync:
        cut = disk.cut(name)
        device.copy_store(store)
    if peers is not None and takes == peers.takes:
        peers.judge(cut.path, cut.before_ns, takes)
    still_open = usage.phase == phase and phase in ("opening", "recording")
    after = reboot(device, cut.path, here / f"reboot-{name}", store)
    disk.drop(name)
    result.cuts += 1
    result.phases[phase] += 1
    result.aims[aim] += 1
    result.ready_s.append(after.ready_s)
    lost = ""
    if newest in after.in_gap:
        result.in_gap += 1  # what was not recorded then, no cut has taken
    elif still_open and newest:
        lost_s = (cut.before_ns - after.ends_ns.get(newest, 0)) / NS
        result.lost_s.append(lost_s)
        lost = f", {lost_s:.2f} s lost"
    wrong = list(after.wrong)
    if phase == "press":
        # The ledger knows of a press some ms before the ring is on the card; verify says so.
        early = (": no-fragment: ", ": not-sealed-yet: ", ": unbegun: ")
        wrong = [text for text in wrong if not any(code in text for code in early)]
        result.early += len(after.wrong) - len(wrong)
    if newest and newest not in after.ends_ns and phase != "press":
        wrong.append(f"{newest} is gone")
    result.wrong += [f"cut {name} ({phase}): {text}" for text in wrong]
    tell(f"cut {name} in {phase}, aimed at {aim}: ready after {after.ready_s:.1f} s{lost}"
         + "".join(f"\n    {text}" for text in wrong))  # fmt: skip


def night(here: Path) -> str:
    """Settings for a dark scene, whose fragments are a few kilobytes: a film of black noise."""
    film = here / "night.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=0x0a0a0a:s=640x360:r=30:d=20",
         "-vf", "noise=alls=4:allf=t", "-c:v", "libx264", "-preset", "ultrafast", str(film)],
        check=True,
    )  # fmt: skip
    camera = f'kind = "file"\nsource = "{film}"\nwidth'
    return SETTINGS.replace('kind = "demo"\nwidth', camera).replace(
        "bitrate_kbps = 1000", f"bitrate_kbps = {NIGHT_KBPS}"
    )
