"""SIGKILL of supervisor, capture, voice and sync, at random and at the steps that matter."""

import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from recorder.clock import NS, boot_ns
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.evidence.verification_report import Level
from tests.ordeal.reboot import FINE, register_of
from tests.rigs.daemon import DEMO, ROOT, Daemon
from tests.unit.evidence.judge import verify_folder

AGAIN_S = 5.0
SETTINGS = DEMO.replace("seconds = 4.0", "seconds = 1.0")
OPEN = ("opening", "recording", "interrupted", "explaining", "ending")
STEPS = ("press", "opening", "recording", "ending", "seal", "seal")
VICTIMS = {"supervisor": 6, "capture": 2, "voice": 1, "sync": 1}
"""Who is killed, and how often beside the others."""


EARLY = ("unbegun", "not-sealed-yet", "no-fragment", "quarantined")
"""What verify says of a press that died before its first footage was on the card."""


class Result(msgspec.Struct):
    """All kills of one run."""

    kills: Counter[str] = msgspec.field(default_factory=Counter)
    again_s: list[float] = msgspec.field(default_factory=list)
    recordings: int = 0
    early: int = 0
    at_press: int = 0
    wrong: list[str] = msgspec.field(default_factory=list)

    def again(self) -> str:
        """Kill to the first fragment after it."""
        if not self.again_s:
            return "-"
        return f"median {statistics.median(self.again_s):.2f} s, worst {max(self.again_s):.2f} s"


def run(here: Path, count: int, seed: int, tell: Callable[[str], None]) -> Result:
    """``count`` kills of a device that goes on being used; then every recording is judged."""
    dice, result = random.Random(seed), Result()
    voice = 'kind = "pyttsx3"' if "PULSE_SERVER" in os.environ else 'kind = "none"'
    device = Daemon(here, SETTINGS.replace('[voice]\nkind = "none"', f"[voice]\n{voice}"))
    device.provision_sync()
    device.start()
    try:
        while result.kills.total() < count:
            _one(device, dice, result, tell)
        if device.status()["state"] in OPEN:
            device.end()
        device.until("ready", limit_s=60)
        device.sync()
    except (AssertionError, RecorderError) as error:
        result.wrong.append(f"after {result.kills.total()} kills: {error}")
    finally:
        device.stop()
    report = verify_folder(
        device.spool, register=register_of(device), identities=device.identities()
    )
    result.recordings = len(report.recordings)
    wrong = [(f.code, f"ledger: {f.text}") for f in report.findings if f.level is not Level.NOTE]
    for each in report.recordings:
        if each.verdict not in FINE:
            wrong += [(f.code, f"{each.recording}: {f.text}") for f in each.findings]
    result.early = sum(code in EARLY for code, _ in wrong)
    bad = [f"{code}: {text}" for code, text in wrong if code not in EARLY]
    result.wrong += bad if result.early <= result.at_press else [f"{c}: {t}" for c, t in wrong]
    return result


def _one(device: Daemon, dice: random.Random, result: Result, tell: Callable[[str], None]) -> None:
    if device.status()["state"] not in OPEN:
        device.until("ready")
        device.ask("start")
    step = dice.choice(STEPS)
    _reach(device, step, dice)
    victim = dice.choices(list(VICTIMS), list(VICTIMS.values()))[0]
    was_open = step in ("press", "opening", "recording")
    killed_ns = boot_ns()
    if not _kill(device, victim, dice):
        return
    result.kills[victim] += 1
    result.at_press += step == "press" and victim == "supervisor"
    again = ""
    if was_open and victim in ("supervisor", "capture"):
        seconds = _again(device, killed_ns)
        result.again_s.append(seconds)
        again = f", footage again after {seconds:.2f} s"
        if seconds > AGAIN_S:
            result.wrong.append(f"{victim} killed in {step}: footage after {seconds:.1f} s only")
    else:
        device.when(lambda s: s["state"] not in ("starting", "closing"), "end of it", 30)
    tell(f"kill {result.kills.total()}: {victim} in {step}{again}")


def _reach(device: Daemon, step: str, dice: random.Random) -> None:
    if step == "press":
        time.sleep(dice.uniform(0, 0.05))
        return
    if step == "opening":
        time.sleep(dice.uniform(0.3, 2))
        return
    device.when(lambda s: s["state"] not in ("starting",), "start")
    if device.status()["state"] == "opening":
        device.ask("button", "short")
    time.sleep(dice.uniform(0.5, 3))
    if step in ("ending", "seal"):
        device.ask("stop")
        time.sleep(dice.uniform(0, 1))
    if step == "seal":
        device.when(lambda s: s["state"] != "ending", "end", 40)
        time.sleep(dice.uniform(0, 0.03))


def _kill(device: Daemon, victim: str, dice: random.Random) -> bool:
    """SIGKILL; False where there was nobody to kill."""
    if victim == "supervisor":
        device.kill()
        device.start(wait=False)
        device.when(lambda s: True, "socket")
    elif victim == "sync":
        sync = subprocess.Popen(
            [sys.executable, "-m", "recorder", "--config", str(device.config), "sync", "--json"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT,
        )  # fmt: skip
        time.sleep(dice.uniform(0.1, 0.6))
        sync.kill()
        sync.wait()
    else:
        pid = _pid(device, "recorder.capture" if victim == "capture" else "recorder.panel")
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
    return True


def _pid(device: Daemon, module: str) -> int | None:
    assert device.process is not None
    children = Path(f"/proc/{device.process.pid}/task").glob("*/children")
    for pid in [int(word) for path in children for word in path.read_text().split()]:
        if module in Path(f"/proc/{pid}/cmdline").read_text():
            return pid
    return None


def _again(device: Daemon, killed_ns: int) -> float:
    """Seconds from the kill to the first frame of the first fragment that began after it."""
    line = device.wait_line(
        lambda b: isinstance(b, lines.Fragment) and b.start_ns > killed_ns, "footage again"
    )
    assert isinstance(line.body, lines.Fragment)
    return (line.body.start_ns - killed_ns) / NS
