"""What a device finds after a power cut: starts the recorder on what is left, then judges it."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bagit
import msgspec

from recorder.control import Request, ask
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.evidence.keys import load_public
from recorder.evidence.register import Register, load as load_register
from recorder.evidence.verification_report import Level, Verdict
from tests.rigs.daemon import ROOT, Daemon, journal_of
from tests.unit.evidence.judge import verify_folder

LIMIT_S = 60.0
FINE = (Verdict.VALID, Verdict.INTERRUPTIONS)


class After(msgspec.Struct, frozen=True):
    """``wrong`` is empty where every promise held. ``ends_ns``: each recording's last fragment.
    ``in_gap``: recordings that the cut met in an interruption of another cause."""

    ready_s: float
    ends_ns: dict[str, int]
    wrong: tuple[str, ...]
    in_gap: frozenset[str] = frozenset()


def reboot(device: Daemon, left: Path, here: Path, store: Path) -> After:
    """Start the recorder on ``left/spool`` as after a reboot, stop it, and check everything.

    ``store`` is what the store had at the cut; it is removed.
    """
    spool = left / "spool"
    ready_s, wrong, config = start_on(device, left, here, store)
    try:
        report = verify_folder(spool, register=register_of(device), identities=device.identities())
    except RecorderError as error:
        return After(ready_s, {}, (*wrong, str(error)))
    wrong += [f"ledger: {f.code}: {f.text}" for f in report.findings if f.level is not Level.NOTE]
    ends_ns = {}
    in_gap = set()
    for each in report.recordings:
        bag = Path(each.path)
        if each.verdict not in FINE:
            wrong += [f"{each.recording}: {f.code}: {f.text} ({f.file}:{f.line})"
                      for f in each.findings if f.level is not Level.NOTE]  # fmt: skip
        bodies = [line.body for line in journal_of(bag)]
        ends_ns[each.recording] = max(
            (body.end_ns for body in bodies if isinstance(body, lines.Fragment)), default=0
        )
        gaps = [b for b in bodies if isinstance(b, lines.Interruption | lines.Resumed)]
        if gaps and isinstance(gaps[-1], lines.Interruption) and gaps[-1].cause != "power":
            in_gap.add(each.recording)
    try:
        device.sync(config)
    except AssertionError as error:
        wrong.append(f"sync: {error}")
    if report.recordings:
        wrong += _public_tools(device, Path(report.recordings[-1].path), here)
    for folder in (here, store):
        shutil.rmtree(folder)
    return After(ready_s, ends_ns, tuple(wrong), frozenset(in_gap))


def start_on(device: Daemon, left: Path, here: Path, store: Path) -> tuple[float, list[str], Path]:
    """Start the recorder on ``left/spool`` under another boot id, and stop it when it is ready.

    Seconds until ready, what went wrong, and the settings used, which lie in the new ``here``.
    """
    here.mkdir()
    config = here / "recorder.toml"
    with tempfile.TemporaryDirectory() as run:  # a socket's path may have 107 bytes
        text = device.config.read_text()
        for name, path in (("spool", left / "spool"), ("run", run), ("sync", left / "sync")):
            text = text.replace(f'{name} = "{device.here}/{name}"', f'{name} = "{path}"')
        config.write_text(text.replace(f'store = "{device.here}/store"', f'store = "{store}"'))
        ready_s, wrong = _start(config, here, Path(run))
    return ready_s, wrong, config


def register_of(device: Daemon) -> Register:
    """The township's register, its signature checked."""
    township = device.here / "township"
    return load_register(township / "register.json", load_public(township / "township.pem"))


def _start(config: Path, here: Path, run: Path) -> tuple[float, list[str]]:
    began = time.monotonic()
    with (here / "log").open("wb") as log:
        process = subprocess.Popen(
            [ROOT / "tests/rigs/reboot.sh", sys.executable, "-m", "recorder", "--config", config,
             "run"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT,
        )  # fmt: skip
    state, ready_s = "", 0.0
    while time.monotonic() - began < LIMIT_S and process.poll() is None:
        try:
            state = ask(run, Request("status")).data["state"]
        except RecorderError:
            time.sleep(0.05)
            continue
        if state in ("ready", "unfit", "failed"):
            ready_s = time.monotonic() - began
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        return ready_s, ["it did not stop"]
    if state != "ready":
        return ready_s, [f"after the cut it was {state!r}: {(here / 'log').read_text()[-2000:]}"]
    return ready_s, []


def _public_tools(device: Daemon, bag: Path, here: Path) -> list[str]:
    """The newest recording under bagit, openssl, age, ffprobe and a full decode."""
    wrong = []
    try:
        bagit.Bag(str(bag)).validate()
    except bagit.BagError as error:
        wrong.append(f"{bag.name}: bagit: {error}")
    commands = [["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey",
                 device.here / "keys/device.pem", "-sigfile", bag / "tagmanifest-sha256.txt.sig",
                 "-in", bag / "tagmanifest-sha256.txt"]]  # fmt: skip
    for segment in sorted((bag / "data/segments").iterdir()):
        plain = here / segment.name.removesuffix(".age")
        commands.append(["age", "-d", "-i", device.custodian, "-o", plain, segment])
        commands.append(["ffmpeg", "-v", "warning", "-xerror", "-i", plain, "-f", "null", "-"])
    for command in commands:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        if done.returncode or (command[0] == "ffmpeg" and done.stderr):
            wrong.append(f"{bag.name}: {command[0]}: {done.stderr[-300:] or done.stdout[-300:]}")
    return wrong
