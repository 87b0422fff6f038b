"""The whole daemon, with its real capture process, on a real file system."""

import itertools
import os
import signal
import time
from pathlib import Path
from typing import TypeVar

import pytest

from recorder.clock import NS, boot_ns
from recorder.control import Request, ask
from recorder.evidence import lines
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.rigs.daemon import DEMO, Daemon, journal_of

T = TypeVar("T")
PERIOD_NS = NS // 30


def bodies(folder: Path, kind: type[T]) -> list[T]:
    return [line.body for line in journal_of(folder) if isinstance(line.body, kind)]


def judged(daemon: Daemon, bag: Path) -> Verdict:
    public = daemon.here / "keys" / "device.pem"
    from recorder.evidence.keys import load_public

    report = verify_recording(
        bag, key=load_public(public), ledger=daemon.spool / "ledger",
        identities=daemon.identities(),
    )  # fmt: skip
    assert report.verdict is not Verdict.TAMPERED, report.findings
    return report.verdict


def test_a_press_is_recorded_sealed_and_valid(daemon: Daemon) -> None:
    bag = daemon.record(6)
    assert judged(daemon, bag) is Verdict.VALID


def test_the_first_frame_is_the_rings_length_before_the_press(daemon: Daemon) -> None:
    daemon.when(lambda s: s["ring_s"] >= 5, "full ring")
    bag = daemon.record(2)
    (start,) = bodies(bag, lines.Start)
    (press,) = bodies(bag, lines.Press)
    assert abs((press.at_ns - start.start_ns) / NS - 4.0) <= 1.0


def test_ledger_journal_and_light_follow_the_press_at_once(daemon: Daemon) -> None:
    daemon.ask("start")
    press = daemon.wait_line(lambda b: isinstance(b, lines.Press), "press line")
    assert isinstance(press.body, lines.Press)
    assert (press.header.boot_ns - press.body.at_ns) / NS < 2.0
    daemon.when(lambda s: s["recording"] != "", "name")
    assert "light: recording" in daemon.log()
    name = daemon.recordings()[-1].name
    ledger = b"".join(p.read_bytes() for p in (daemon.spool / "ledger").iterdir())
    assert name.encode() in ledger


def test_fragments_chain_without_a_tick_of_gap(daemon: Daemon) -> None:
    bag = daemon.record(8)
    fragments = bodies(bag, lines.Fragment)
    assert len(fragments) > 10
    for before, after in itertools.pairwise(fragments):
        assert before.video is not None
        assert after.video is not None
        assert before.audio is not None
        assert after.audio is not None
        assert after.video.first_tick == before.video.first_tick + before.video.ticks
        assert after.audio.first_tick == before.audio.first_tick + before.audio.ticks
        assert after.video.gap_ns <= 1.5 * PERIOD_NS


def test_a_killed_capture_process_is_an_interruption_and_footage_is_back(daemon: Daemon) -> None:
    daemon.ask("start")
    daemon.until("recording", "opening")
    time.sleep(3)
    killed_ns = boot_ns()
    daemon.kill_capture()
    gap = daemon.wait_line(lambda b: isinstance(b, lines.Interruption), "interruption")
    back = daemon.wait_line(lambda b: isinstance(b, lines.Resumed), "resumption")
    assert isinstance(back.body, lines.Resumed)
    assert (gap.header.boot_ns - killed_ns) / NS < 2.0
    assert (back.header.boot_ns - killed_ns) / NS < 5.0
    assert (back.body.to_ns - back.body.from_ns) / NS < 4.0
    bag = daemon.end()
    assert judged(daemon, bag) is Verdict.INTERRUPTIONS
    (interruption,) = bodies(bag, lines.Interruption)
    assert interruption.cause == "capture_died"
    assert bodies(bag, lines.StatementDue)


def test_a_killed_supervisor_goes_on_recording_by_itself(daemon: Daemon) -> None:
    daemon.ask("start")
    daemon.wait_line(
        lambda b: isinstance(b, lines.Fragment) and b.segment == 2 and b.fragment == 2,
        "second segment",
    )
    daemon.kill()
    daemon.start(wait=False)
    daemon.until("interrupted", "explaining", "recording", "opening")
    back = daemon.wait_line(lambda b: isinstance(b, lines.Resumed), "resumption")
    assert back.header.n > 0
    time.sleep(2)
    bag = daemon.end()
    assert judged(daemon, bag) is Verdict.INTERRUPTIONS
    causes = [b.cause for b in bodies(bag, lines.Interruption)]
    assert causes == ["supervisor_died"]


def test_a_stopped_daemon_seals_what_is_open(daemon: Daemon) -> None:
    daemon.ask("start")
    daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    assert daemon.stop() == 0
    bag = daemon.recordings()[-1]
    (end,) = bodies(bag, lines.End)
    assert (end.source, end.planned) == ("shutdown", False)
    assert bodies(bag, lines.StatementDue)
    assert judged(daemon, bag) in (Verdict.VALID, Verdict.INTERRUPTIONS)


def test_a_frozen_supervisor_costs_no_frame(daemon: Daemon) -> None:
    """Five seconds in which nobody reads the pipe: the sender's queue holds."""
    daemon.ask("start")
    daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    assert daemon.process is not None
    os.kill(daemon.process.pid, signal.SIGSTOP)
    time.sleep(5)
    os.kill(daemon.process.pid, signal.SIGCONT)
    time.sleep(2)
    bag = daemon.end()
    fragments = bodies(bag, lines.Fragment)
    assert not bodies(bag, lines.Interruption)
    assert all(f.video is not None and f.video.gap_ns <= 1.5 * PERIOD_NS for f in fragments)


def test_marks_stages_and_notices_are_on_record(daemon: Daemon) -> None:
    card = 'id = "c-1"\nact = "inspection"\nplace = "这里"\n'
    answer = ask(daemon.run, Request("case-load", card, "card.toml"))
    assert answer.ok, answer
    daemon.ask("start")
    daemon.until("opening", "recording")
    assert daemon.ask("mark").ok
    assert daemon.ask("mark", "arrival").ok
    assert not daemon.ask("mark", "no-such-thing").ok
    assert daemon.ask("notice").ok
    assert daemon.ask("obstruction").ok
    assert daemon.ask("sensitive", "on").ok
    assert not daemon.ask("stage", "no such stage").ok
    bag = daemon.end()
    marks = [m.item for m in bodies(bag, lines.Mark)]
    assert marks == [None, "arrival"]
    (unmarked,) = bodies(bag, lines.Unmarked)
    assert "arrival" not in unmarked.items
    assert unmarked.items
    assert bodies(bag, lines.Notice)
    assert bodies(bag, lines.Obstruction)
    assert bodies(bag, lines.Sensitive)
    assert "这里".encode() not in (bag / "data" / "journal.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"nonsense\n", "control-message"),
        (b'{"verb": 3}\n', "control-message"),
        (b'{"verb": "fly"}\n', "control-verb"),
        (b'{"verb": "button", "argument": "hard"}\n', "control-argument"),
        (b"\xff" * 300_000 + b"\n", "control-message"),
        (b"\n", "control-message"),
    ],
)
def test_a_message_that_is_no_message_gets_an_error_and_harms_nothing(
    daemon: Daemon, line: bytes, code: str
) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(daemon.run / "control.sock"))
        sock.sendall(line)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while part := sock.recv(65536):
            answer += part
    assert code.encode() in answer
    assert daemon.status()["state"] == "ready"


def test_a_press_without_custodian_is_refused_aloud_and_in_the_ledger(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    (tmp_path / "keys" / "custodians.txt").unlink()
    daemon.start()
    try:
        assert daemon.status()["state"] == "unfit"
        assert not daemon.ask("start").ok
        time.sleep(0.5)
        ledger = b"".join(p.read_bytes() for p in (daemon.spool / "ledger").iterdir())
        assert b'"kind":"refused"' in ledger
        assert not daemon.recordings()
    finally:
        daemon.stop()


def test_without_microphone_the_picture_is_recorded(tmp_path: Path) -> None:
    settings = DEMO.replace('[microphone]\nkind = "demo"', '[microphone]\nkind = "none"')
    daemon = Daemon(tmp_path, settings)
    daemon.start()
    try:
        bag = daemon.record(4)
        fragments = bodies(bag, lines.Fragment)
        assert fragments
        assert all(f.audio is None and f.video is not None for f in fragments)
        assert judged(daemon, bag) is Verdict.VALID
    finally:
        daemon.stop()


def test_without_camera_the_sound_is_recorded(tmp_path: Path) -> None:
    settings = DEMO.replace('[camera]\nkind = "demo"', '[camera]\nkind = "none"')
    daemon = Daemon(tmp_path, settings)
    daemon.start()
    try:
        bag = daemon.record(4)
        fragments = bodies(bag, lines.Fragment)
        assert fragments
        assert all(f.video is None and f.audio is not None for f in fragments)
        assert judged(daemon, bag) is Verdict.VALID
    finally:
        daemon.stop()
