"""What fails is named, and the recording goes on: memory, a supervisor, files that do not load."""

import shutil
import time
from pathlib import Path

import pytest

from recorder.clock import NS
from recorder.evidence import lines
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.ordeal.reboot import register_of
from tests.rigs.daemon import Daemon
from tests.rigs.memory_limit import starved

RESTART_S = 0.2  # RestartSec of the unit


def resumed(daemon: Daemon, number: int) -> float:
    """Wait until this interruption is over; how long nothing was covered."""
    line = daemon.wait_line(
        lambda b: isinstance(b, lines.Resumed) and b.interruption == number, "footage again"
    )
    assert isinstance(line.body, lines.Resumed)
    return (line.body.to_ns - line.body.from_ns) / NS


def score(pid: int) -> int:
    """Who is ended first where memory runs out: the higher one."""
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def test_out_of_memory_is_named_and_recording_goes_on(daemon: Daemon) -> None:
    daemon.ask("start")
    daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")

    capture = daemon.status()["capture"]["pid"]
    assert daemon.process is not None
    assert score(capture) > score(daemon.process.pid)
    with starved(capture):
        line = daemon.wait_line(lambda b: isinstance(b, lines.Interruption), "interruption")
    assert isinstance(line.body, lines.Interruption)
    assert line.body.cause == "out_of_memory"
    print(f"capture out of memory: nothing covered for {resumed(daemon, 1):.2f} s")
    daemon.until("explaining", "opening", "recording")

    with starved(daemon.process.pid):
        assert daemon.process.wait(30) == -9
    time.sleep(RESTART_S)  # as systemd waits
    daemon.start(wait=False)
    print(f"supervisor out of memory: nothing covered for {resumed(daemon, 2):.2f} s")
    daemon.until("explaining")
    daemon.ask("button", "short")
    daemon.wait_line(
        lambda b: isinstance(b, lines.Reason) and b.category == "fault", "reason that was asked for"
    )
    bag = daemon.end()
    found = [line.body for line in daemon.journal() if isinstance(line.body, lines.Interruption)]
    assert [each.cause for each in found[:2]] == ["out_of_memory", "supervisor_died"]
    assert "lack of memory" in found[1].detail
    report = verify_recording(bag, register=register_of(daemon), identities=daemon.identities())
    assert report.verdict is Verdict.INTERRUPTIONS, report.findings


@pytest.mark.parametrize("what", ["catalogue", "phrases"])
def test_a_file_that_does_not_load_costs_no_recording(tmp_path: Path, what: str) -> None:
    daemon = Daemon(tmp_path)
    broken = tmp_path / f"{what}.toml"
    broken.write_text("this is = not [ TOML")
    text = daemon.config.read_text()
    row = next(row for row in text.splitlines() if row.startswith("catalogue ="))
    new = f'catalogue = "{broken}"' if what == "catalogue" else f'{row}\nphrases = "{broken}"'
    daemon.config.write_text(text.replace(row, new))
    daemon.start()
    try:
        status = daemon.until("ready")
        (told,) = status["broken"]
        assert told["code"] == f"{what}-syntax"
        assert str(broken) in told["text"] and "Compare" in told["text"]
        card = daemon.ask("case-load", 'id = "c-1"\nact = "inspection"\n')
        assert card.ok == (what == "phrases")
        assert card.ok or card.code == "catalogue-syntax"
        for remedy in (told["text"], *([] if card.ok else [card.remedy])):
            assert "systemctl restart recorder" in remedy
        daemon.ask("start")
        daemon.when(lambda s: s["recording"] != "", "recording's name")
        daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
        assert daemon.stop() == 0
        bag = daemon.recordings()[-1]
        ledger = b"".join(p.read_bytes() for p in (daemon.spool / "ledger").iterdir())
        assert f'"part":"{what}","code":"{what}-syntax"'.encode() in ledger
        report = verify_recording(bag, register=register_of(daemon))
        assert report.verdict in (Verdict.VALID, Verdict.INTERRUPTIONS), report.findings
    finally:
        daemon.stop()


def test_a_key_that_others_may_read_and_custodians_that_are_not_there_are_told_in_status(
    tmp_path: Path,
) -> None:
    daemon = Daemon(tmp_path)
    key, custodians = (tmp_path / "keys" / name for name in ("device.key", "custodians.txt"))
    key.chmod(0o644)
    custodians.unlink()
    daemon.start()
    try:
        exposed, absent = daemon.until("unfit")["broken"]
        assert exposed["code"] == "key-exposed" and absent["code"] == "custodians-unreadable"
        assert f"{key}: mode 644" in exposed["text"] and "chmod 600" in exposed["text"]
        assert str(custodians) in absent["text"] and "age1" in absent["text"]
    finally:
        daemon.stop()


def test_a_config_that_does_not_load_says_where_and_what_to_do(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    daemon.config.write_text(daemon.config.read_text() + "\n[ring]\nsecnds = 3\n")
    daemon.start(wait=False)
    assert daemon.process is not None
    assert daemon.process.wait(30) == 2
    assert str(daemon.config) in daemon.log()


def test_a_press_that_came_no_further_than_the_ledger_is_acted_on_by_the_next_start(
    daemon: Daemon,
) -> None:
    bag = daemon.record(1.0)
    daemon.ask("start")
    daemon.when(lambda s: s["recording"] not in ("", bag.name), "the next recording")
    pressed = daemon.recordings()[-1]
    daemon.kill()
    shutil.rmtree(pressed)  # as if it had been killed before the folder was made
    daemon.start(wait=False)
    daemon.when(lambda s: s["recording"] not in ("", pressed.name), "a recording by itself")
    line = daemon.wait_line(lambda b: isinstance(b, lines.Press), "press")
    fragment = daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "footage")
    assert isinstance(line.body, lines.Press)
    assert isinstance(fragment.body, lines.Fragment)
    assert line.body.at_ns < fragment.body.start_ns
    assert verify_recording(daemon.end()).verdict is Verdict.UNTRUSTED  # no key was given
