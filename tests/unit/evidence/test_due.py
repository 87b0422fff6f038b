"""What journals and ledgers say is owed in writing: everything that is, each once, nothing else."""

from pathlib import Path

import msgspec
import pytest

from recorder.clock import NS, ClockState, Quality
from recorder.desk_list import of_ledger, of_recording
from recorder.evidence import chain, lines
from recorder.evidence.due import LedgerDue
from tests.unit.evidence import bags


@pytest.fixture
def device(tmp_path: Path) -> bags.Device:
    return bags.Device(tmp_path)


def test_a_recording_without_a_break_owes_nothing(device: bags.Device) -> None:
    assert of_recording(bags.plain(device)) == ()


def test_an_interruption_with_a_spoken_objective_reason_owes_nothing(device: bags.Device) -> None:
    assert of_recording(bags.interrupted(device)) == ()


def test_an_interruption_that_nobody_explained_is_owed_with_the_devices_times_and_finding(
    device: bags.Device,
) -> None:
    (owed,) = of_recording(bags.interrupted(device, statement=True))
    assert (owed.about, owed.interruption) == ("bc-001-00000001-0001", 1)
    assert (owed.cause, owed.chosen) == ("capture_died", "fault")
    assert (owed.from_utc, owed.to_utc) == ("2026-11-23T01:30:04.000Z", "2026-11-23T01:30:07.000Z")
    assert owed.due_from == "2026-11-23"


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (None, ("not_spoken",)),
        (("fault", False), ("not_spoken",)),
        (("not_objective", True), ("not_objective",)),
        (("not_objective", False), ("not_spoken", "not_objective")),
        (("weather", True), ()),
    ],
)
def test_no_statement_due_line_is_needed_where_no_objective_reason_was_spoken(
    reason: tuple[str, bool] | None, why: tuple[str, ...], device: bags.Device
) -> None:
    bag = broken(device, reason)
    assert [o.why for o in of_recording(bag)] == ([why] if why else [])


def broken(device: bags.Device, reason: tuple[str, bool] | None) -> Path:
    writer = device.begin()
    first, second = bags.media(4), bags.media(4, at_s=107, stream=2)
    writer.fragments(bags.batch(first))
    gap_ns, back_ns = first.fragments[-1][0].end_ns, second.fragments[0][0].start_ns
    writer.journal(lines.Interruption(interruption=1, from_ns=gap_ns, cause="camera", detail=""))
    writer.fragments(bags.batch(second))
    writer.journal(lines.Resumed(interruption=1, from_ns=gap_ns, to_ns=back_ns))
    if reason is not None:
        fields = {"interruption": 1, "category": reason[0], "presses": 1, "heard": reason[1],
                  "from_ns": None, "to_ns": None, "kind": "reason"}  # fmt: skip
        writer.journal(msgspec.convert(fields, lines.Reason))
    return device.finish(writer, second.fragments[-1][0].end_ns)


def test_a_reboot_and_the_interruption_that_it_left_are_one_statement(device: bags.Device) -> None:
    (owed,) = of_recording(bags.cut_off(device))
    assert (owed.interruption, owed.why, owed.cause) == (None, ("power",), "power")
    assert (owed.from_utc, owed.to_utc) == ("2026-11-23T01:30:04.000Z", "")


def test_an_end_that_nobody_made_is_owed_even_without_its_line(device: bags.Device) -> None:
    writer = device.begin()
    made = bags.media(2)
    writer.fragments(bags.batch(made))
    (owed,) = of_recording(device.finish(writer, made.fragments[-1][0].end_ns, planned=False))
    assert (owed.interruption, owed.why) == (None, ("button",))


def refused(event: str, *, must: bool = True, act: str = "seal") -> lines.LedgerRefused:
    return lines.LedgerRefused(event=event, state="unfit", act=act, must=must)


def test_presses_for_an_act_that_could_not_be_started_are_one_statement_until_it_starts(
    device: bags.Device,
) -> None:
    for body in (refused("press"), refused("mark"), refused("start"), refused("press", must=False)):
        device.ledger.append(body)
    device.begin()
    device.ledger.append(refused("press"))
    device.ledger.sync()
    first, second = of_ledger(device.spool / "ledger")
    assert (first.about, first.ledger_line) == ("bc-001-ledger-1", 1)
    assert first.why == ("could_not_start",)
    assert "then recorded as bc-001-00000001-0001" in first.detail
    assert (second.ledger_line, second.to_utc) == (6, "")


@pytest.mark.parametrize(
    ("utc", "quality", "from_utc", "due_from"),
    [
        ("2026-11-23T15:59:00.000Z", Quality.SYNCED, "2026-11-23T15:59:00.000Z", "2026-11-23"),
        ("2026-11-23T16:00:00.000Z", Quality.SYNCED, "2026-11-23T16:00:00.000Z", "2026-11-24"),
        ("1970-01-01T00:00:09.000Z", Quality.UNSET, "", ""),
        ("0001-01-01T00:00:00.000Z", Quality.RTC, "0001-01-01T00:00:00.000Z", "0001-01-01"),
        ("no time at all", Quality.SYNCED, "", ""),
    ],
)
def test_the_term_of_an_act_that_was_not_recorded_counts_from_its_local_day_if_a_clock_tells_it(
    utc: str, quality: Quality, from_utc: str, due_from: str
) -> None:
    due = LedgerDue()
    header = chain.Header(4, "refused", "boot", 1, utc, ClockState(quality, None), chain.ZERO)
    due.feed(header, refused("press"), "0" * 64)
    (owed,) = due.owed()
    assert (owed.from_utc, owed.due_from) == (from_utc, due_from)


def test_a_refusal_of_an_act_that_only_may_be_recorded_owes_nothing(device: bags.Device) -> None:
    device.ledger.append(refused("press", must=False))
    device.ledger.sync()
    assert of_ledger(device.spool / "ledger") == ()


def test_an_open_recording_owes_only_what_its_lines_say(device: bags.Device) -> None:
    writer = device.begin()
    writer.fragments(bags.batch(bags.media(2)))
    writer.journal(lines.Interruption(interruption=1, from_ns=102 * NS, cause="camera", detail=""))
    assert of_recording(writer.folder) == ()
    writer.journal(lines.StatementDue(interruption=1, why="not_asked"))
    assert [o.why for o in of_recording(writer.folder)] == [("not_asked",)]
