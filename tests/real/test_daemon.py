"""The whole daemon, with its real capture process, on a real file system."""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from recorder.clock import NS, boot_ns
from recorder.control import Request, ask
from recorder.evidence import lines
from recorder.evidence.keys import load_public
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from recorder.session.opening import Element
from tests.rigs.daemon import DEMO, ROOT, Daemon, journal_of

T = TypeVar("T")
PERIOD_NS = NS // 30


def bodies(folder: Path, kind: type[T]) -> list[T]:
    return [line.body for line in journal_of(folder) if isinstance(line.body, kind)]


def judged(daemon: Daemon, bag: Path) -> Verdict:
    public = daemon.here / "keys" / "device.pem"
    report = verify_recording(
        bag, key=load_public(public), ledger=daemon.spool / "ledger",
        identities=daemon.identities(),
    )  # fmt: skip
    assert report.verdict is not Verdict.TAMPERED, report.findings
    return report.verdict


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for the tests that leave it as it was."""
    made = Daemon(tmp_path_factory.mktemp("shared"))
    made.start()
    made.until("ready")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def recorded(shared: Daemon) -> Path:
    """One recording with a full ring before it."""
    shared.when(lambda s: s["ring_s"] >= 5, "full ring")
    return shared.record(3)


def test_a_press_is_recorded_sealed_and_valid(shared: Daemon, recorded: Path) -> None:
    assert judged(shared, recorded) is Verdict.VALID


def test_the_first_frame_is_the_rings_length_before_the_press(recorded: Path) -> None:
    (start,) = bodies(recorded, lines.Start)
    (press,) = bodies(recorded, lines.Press)
    assert abs((press.at_ns - start.start_ns) / NS - 4.0) <= 1.0


def test_ledger_journal_and_light_follow_the_press_at_once(shared: Daemon, recorded: Path) -> None:
    press = next(line for line in journal_of(recorded) if isinstance(line.body, lines.Press))
    checks = next(line for line in journal_of(recorded) if isinstance(line.body, lines.Checks))
    # The line after the press is signed as soon as the press is on the card.
    assert 0 <= (checks.header.boot_ns - press.body.at_ns) / NS < 2.0
    assert "light: recording" in shared.log()
    ledger = b"".join(p.read_bytes() for p in (shared.spool / "ledger").iterdir())
    assert recorded.name.encode() in ledger


def test_fragments_chain_without_a_tick_of_gap(recorded: Path) -> None:
    fragments = bodies(recorded, lines.Fragment)
    assert len(fragments) > 8
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


def test_a_recording_that_goes_on_after_a_crash_keeps_its_case_card(daemon: Daemon) -> None:
    assert daemon.ask("case-load", 'id = "c-1"\nact = "inspection"\nplace = "这里"\n').ok
    daemon.ask("start")
    daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    daemon.kill()
    daemon.start(wait=False)
    daemon.wait_line(lambda b: isinstance(b, lines.Resumed), "resumption")
    (opened,) = [line.body for line in daemon.journal() if isinstance(line.body, lines.Open)]
    assert opened.act is not None
    assert daemon.ask("stage", opened.act.stages[-1]).ok
    bag = daemon.end()
    assert [stage.stage for stage in bodies(bag, lines.Stage)] == [opened.act.stages[-1]]


def test_after_a_reboot_the_next_recording_goes_on_from_the_lost_one_and_asks_why(
    daemon: Daemon,
) -> None:
    daemon.ask("start")
    daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    daemon.kill()
    daemon.start(wrapper=(str(ROOT / "tests/rigs/reboot.sh"),))
    daemon.until("ready")
    lost = daemon.recordings()[-1]
    assert judged(daemon, lost) is Verdict.INTERRUPTIONS
    assert bodies(lost, lines.StatementDue)
    daemon.ask("start")
    daemon.wait_line(lambda b: isinstance(b, lines.Answered), "answer to why it broke off")
    bag = daemon.end()
    (opened,) = bodies(bag, lines.Open)
    assert opened.continues == lines.Continues(lost.name, "unplanned")
    assert [b.phrase for b in bodies(bag, lines.Answered)] == ["continued"]


def test_a_press_while_the_capture_process_is_replaced_is_recorded(daemon: Daemon) -> None:
    daemon.kill_capture()
    time.sleep(1.2)  # a round of checks without capture
    assert daemon.status()["state"] == "ready"
    assert daemon.ask("start").ok
    daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    assert judged(daemon, daemon.end()) in (Verdict.VALID, Verdict.INTERRUPTIONS)


def test_a_stopped_daemon_seals_what_is_open(daemon: Daemon) -> None:
    daemon.ask("start")
    daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    assert daemon.stop() == 0
    bag = daemon.recordings()[-1]
    (end,) = bodies(bag, lines.End)
    assert (end.source, end.planned) == ("shutdown", False)
    assert bodies(bag, lines.StatementDue)
    assert {slot.element for slot in bodies(bag, lines.Slot)} == {each.value for each in Element}
    assert judged(daemon, bag) in (Verdict.VALID, Verdict.INTERRUPTIONS)


def frozen(daemon: Daemon) -> int:
    """The largest gap in the picture of a recording whose supervisor stood still for 5 s."""
    daemon.ask("start")
    daemon.until("opening", "recording")
    assert daemon.process is not None
    os.kill(daemon.process.pid, signal.SIGSTOP)
    time.sleep(5)
    os.kill(daemon.process.pid, signal.SIGCONT)
    time.sleep(2)
    bag = daemon.end()
    assert not bodies(bag, lines.Interruption)
    runs = [fragment.video for fragment in bodies(bag, lines.Fragment)]
    assert sum(run.ticks for run in runs if run is not None) > 7 * 90_000
    return max(NS if run is None else run.gap_ns for run in runs)


def test_a_frozen_supervisor_costs_no_frame(daemon: Daemon) -> None:
    """Five seconds in which nobody reads the pipe: the sender's queue holds."""
    gaps_ns = (frozen(daemon) for _ in range(3))  # a busy machine's own camera drops some
    assert any(gap_ns <= 1.5 * PERIOD_NS for gap_ns in gaps_ns)


def test_marks_stages_and_notices_are_on_record(shared: Daemon) -> None:
    card = 'id = "c-1"\nact = "inspection"\nplace = "这里"\n'
    answer = ask(shared.run, Request("case-load", card, "card.toml"))
    assert answer.ok, answer
    shared.ask("start")
    shared.until("opening", "recording")
    assert shared.ask("mark").ok
    assert shared.ask("mark", "arrival").ok
    assert shared.ask("mark", "亮证").ok
    refused = shared.ask("mark", "no-such-thing")
    assert not refused.ok and "informing 告知" in refused.remedy
    assert shared.ask("notice").ok
    assert shared.ask("obstruction").ok
    assert shared.ask("sensitive", "on").ok
    assert not shared.ask("stage", "no such stage").ok
    bag = shared.end()
    marks = [m.item for m in bodies(bag, lines.Mark)]
    assert marks == [None, "arrival", "certificates"]
    (unmarked,) = bodies(bag, lines.Unmarked)
    assert not {"arrival", "certificates"} & set(unmarked.items)
    assert unmarked.items
    assert bodies(bag, lines.Notice)
    assert bodies(bag, lines.Obstruction)
    assert bodies(bag, lines.Sensitive)
    assert "这里".encode() not in (bag / "data" / "journal.jsonl").read_bytes()
    assert shared.ask("case-clear").ok
    # Ready has no use for a mark: refused, and in the ledger.
    assert not shared.ask("mark").ok
    time.sleep(0.3)
    ledger = b"".join(p.read_bytes() for p in (shared.spool / "ledger").iterdir())
    assert b'"event":"mark"' in ledger


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
    shared: Daemon, line: bytes, code: str
) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(shared.run / "control.sock"))
        sock.sendall(line)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while part := sock.recv(65536):
            answer += part
    assert code.encode() in answer
    assert shared.status()["state"] == "ready"


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
        bag = daemon.record(1)
        fragments = bodies(bag, lines.Fragment)
        assert fragments
        assert all(f.audio is None and f.video is not None for f in fragments)
        assert judged(daemon, bag) is Verdict.VALID
    finally:
        daemon.stop()
