"""SIGTERM in every state ends within the unit's stop time, and what was open is sealed."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.evidence import lines
from recorder.evidence.chain import Line, files, read
from recorder.evidence.verification_report import Level
from tests.ordeal.reboot import FINE, register_of
from tests.rigs.daemon import DEMO, ROOT, Daemon
from tests.unit.evidence.judge import verify_folder

UNIT = (ROOT / "systemd/recorder.service").read_text()
(STOP_S,) = (float(found) for found in re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.M))


def term(daemon: Daemon, state: str) -> int:
    """SIGTERM; the exit status. It must be over when systemd would kill."""
    assert daemon.process is not None
    began = time.monotonic()
    daemon.process.terminate()
    status = daemon.process.wait(STOP_S)
    print(f"SIGTERM in {state}: over after {time.monotonic() - began:.2f} s, status {status}")
    return status


def sealed(daemon: Daemon) -> None:
    """Every recording is, and verifies; one may have ended before its first fragment was there."""
    report = verify_folder(
        daemon.spool, register=register_of(daemon), identities=daemon.identities()
    )
    assert not [f for f in report.findings if f.level is not Level.NOTE]
    for each in report.recordings:
        assert each.facts is not None and each.facts.sealed
        empty = each.facts.fragments == 0
        assert each.verdict in FINE or empty, each.findings


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One device, started anew for each state."""
    daemon = Daemon(tmp_path_factory.mktemp("device"))
    yield daemon
    daemon.stop()


def reach(daemon: Daemon, state: str) -> None:
    daemon.start(wait=False)
    if state == "starting":
        daemon.when(lambda s: True, "socket")
        return
    daemon.until("ready")
    if state == "ready":
        return
    daemon.ask("start")
    if state == "press":
        return
    daemon.when(lambda s: s["recording"] != "", "recording's name")
    daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    if state == "opening":
        return
    if state == "recording":
        skip(daemon)
    elif state in ("interrupted", "explaining"):
        daemon.kill_capture()
        daemon.until(state)
    else:
        daemon.ask("stop")
        daemon.until(state)


def skip(daemon: Daemon) -> None:
    """The rest of the opening: a short press, which means nothing in the first two seconds."""
    daemon.when(lambda s: s["state"] != "opening" or s["since_s"] > 2.2, "two seconds")
    daemon.ask("button", "short")
    daemon.until("recording", limit_s=90)


@pytest.mark.parametrize(
    "state",
    ["starting", "ready", "press", "opening", "recording", "interrupted", "explaining", "ending",
     "closing"],
)  # fmt: skip
def test_sigterm_in_every_state_seals_what_is_open(device: Daemon, state: str) -> None:
    reach(device, state)
    assert term(device, state) == 0
    sealed(device)


def test_a_press_that_is_kept_when_the_daemon_stops_goes_on_record_as_refused(
    device: Daemon,
) -> None:
    reach(device, "starting")
    before = refusals(device)
    assert device.ask("start").ok
    assert term(device, "starting with a press") == 0
    assert refusals(device) == [*before, ("start", "starting")]


def refusals(daemon: Daemon) -> list[tuple[str, str]]:
    """What was pressed in vain, and in which state, as the ledger has it."""
    items = read(files(daemon.spool / "ledger", ""), lines.Ledger, None)
    bodies = [item.body for item in items if isinstance(item, Line)]
    return [(b.event, b.state) for b in bodies if isinstance(b, lines.LedgerRefused)]


def test_sigterm_when_nothing_can_be_recorded(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    unfit, failed = Daemon(tmp_path / "a"), Daemon(tmp_path / "b")
    (unfit.here / "keys/custodians.txt").unlink()
    failed.spool.write_text("no folder")
    for daemon, state in ((unfit, "unfit"), (failed, "failed")):
        daemon.start(wait=False)
        daemon.until(state)
        assert term(daemon, state) == 0


def test_sigterm_while_the_card_stalls_is_over_in_time_and_seals_when_it_answers(
    tmp_path: Path,
) -> None:
    stall = ROOT / "tests/rigs/stall.sh"
    subprocess.run([stall, "up", tmp_path, "512"], check=True)
    try:
        daemon = Daemon(tmp_path)
        text = daemon.config.read_text().replace(f"{tmp_path}/spool", f"{tmp_path}/card/spool")
        daemon.config.write_text(text)
        daemon.start()
        daemon.ask("start")
        time.sleep(2)
        subprocess.run([stall, "freeze", tmp_path], check=True)
        thaw = subprocess.Popen(["sh", "-c", f"sleep 7; {stall} thaw {tmp_path}"])
        assert term(daemon, "recording, the card stalled for 7 s") == 0
        thaw.wait()
        report = verify_folder(
            tmp_path / "card/spool", register=register_of(daemon), identities=daemon.identities()
        )
        assert report.verdict in FINE, report.findings
        (each,) = report.recordings
        assert each.facts is not None and each.facts.sealed
    finally:
        subprocess.run([stall, "down", tmp_path], check=True)


def test_a_frozen_voice_holds_up_neither_opening_nor_end_nor_sigterm(tmp_path: Path) -> None:
    """Renderer and player stopped by SIGSTOP for good, whenever one appears."""
    voice = '[voice]\nkind = "pyttsx3"\nrender_timeout_s = 2.0'
    daemon = Daemon(tmp_path, DEMO.replace('[voice]\nkind = "none"', voice))
    daemon.start()
    freezer = subprocess.Popen([sys.executable, "-c", FREEZER, str(daemon.process.pid)])  # type: ignore[union-attr]
    try:
        daemon.ask("start")
        daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
        began = time.monotonic()
        skip(daemon)
        daemon.ask("stop")
        daemon.until("ready", limit_s=90)
        print(f"opening skipped and ended after {time.monotonic() - began:.1f} s")
        said = [line.body for line in daemon.journal() if isinstance(line.body, lines.Spoken)]
        assert any(each.outcome == "failed" for each in said)
        daemon.ask("start")
        daemon.when(lambda s: s["recording"] != "", "recording's name")
        assert term(daemon, "opening, the voice frozen") == 0
    finally:
        freezer.kill()
        freezer.wait()
        daemon.stop()
    sealed(daemon)


FREEZER = """
import glob, os, signal, sys, time
while True:
    for path in glob.glob(f"/proc/{sys.argv[1]}/task/*/children"):
        try:
            for pid in open(path).read().split():
                if "recorder.panel" in open(f"/proc/{pid}/cmdline").read():
                    os.kill(int(pid), signal.SIGSTOP)
        except OSError:
            pass
    time.sleep(0.02)
"""
