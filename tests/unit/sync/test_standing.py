"""Where recordings stand, as `recorder status` has it: from journals, ledger, receipts, config."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from recorder.clock import ClockState, ManualClock, Quality, parse_iso
from recorder.config import CalendarSettings
from recorder.errors import RecorderError
from recorder.evidence import chain, lines
from recorder.sync import configured, receipts, standing as standings, worker
from recorder.sync.deadlines import Lateness
from recorder.sync.ended import ended
from recorder.sync.home import Aside, Home
from recorder.sync.progress import Quiet
from recorder.sync.standing import Standing, Unsent
from recorder.sync.terms import Terms, statement
from recorder.sync.working_days import Calendar
from tests.unit.sync.spools import Place

MONDAY = "2026-11-23T01:30:00.000Z"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def look(place: Place, now: str, **calendar: object) -> Standing:
    settings = msgspec.structs.replace(place.settings, calendar=CalendarSettings(**calendar))  # type: ignore[arg-type]
    return standings.standing(standings.question(settings), ManualClock(utc=now))


def only(place: Place, now: str, **calendar: object) -> Unsent:
    (found,) = look(place, now, **calendar).unsent
    return found


@pytest.mark.parametrize(
    ("now", "lateness"),
    [
        ("2026-11-23T10:00:00Z", Lateness.IN_TIME),
        ("2026-11-24T16:30:00Z", Lateness.DUE),
        ("2026-11-25T15:59:59.900Z", Lateness.DUE),
        ("2026-11-25T16:00:00.000Z", Lateness.POSSIBLY),
        ("2026-11-25T16:00:01.000Z", Lateness.OVERDUE),
    ],
)
def test_a_sealed_recording_has_its_deadline(place: Place, now: str, lateness: Lateness) -> None:
    bag = place.act(MONDAY)
    found = only(place, now)
    assert (found.recording, found.where, found.due) == (bag.name, "waiting", date(2026, 11, 25))
    assert found.lateness is lateness


def test_what_is_being_recorded_has_none_yet(place: Place) -> None:
    place.begin()
    found = only(place, MONDAY)
    assert (found.where, found.due, found.lateness) == ("recording", None, Lateness.UNKNOWN)


def test_what_the_store_confirmed_is_no_longer_counted(place: Place) -> None:
    place.act(MONDAY)
    worker.run_once(place.settings, Quiet(), clock=place.clock)
    found = look(place, "2026-12-24T00:00:00Z")
    assert (found.kept.stored, found.unsent) == (1, ())


def test_a_receipt_that_somebody_changed_confirms_nothing(place: Place) -> None:
    bag = place.act(MONDAY)
    worker.run_once(place.settings, Quiet(), clock=place.clock)
    path = receipts.path_of(place.sync / "receipts", bag.name)
    path.write_bytes(path.read_bytes().replace(b'"read_back":1', b'"read_back":2'))
    assert only(place, MONDAY).recording == bag.name


def test_receipts_that_cannot_be_checked_make_nothing_overdue(place: Place) -> None:
    place.act(MONDAY)
    worker.run_once(place.settings, Quiet(), clock=place.clock)
    (place.sync / "sync.pem").write_text("no key")
    with pytest.raises(RecorderError, match="not a PEM public key"):
        look(place, "2026-12-24T00:00:00Z")


def test_what_is_set_aside_says_why(place: Place) -> None:
    bag = place.act(MONDAY)
    Home(place.sync).set_aside(Aside(bag.name, "store-conflict", "k", "another file", MONDAY))
    found = only(place, MONDAY)
    assert (found.where, found.detail) == ("set aside", "store-conflict: another file")


def test_a_clock_that_was_never_set_leaves_a_deadline_unknown(place: Place) -> None:
    place.clock.clock_state = ClockState(Quality.UNSET, None)
    place.ledger.close()
    bag = place.act(MONDAY)
    for path in (place.spool / "ledger").iterdir():
        path.unlink()
    assert only(place, MONDAY).lateness is Lateness.UNKNOWN
    assert ended(bag) is not None


def test_lines_of_the_ledger_with_a_good_clock_narrow_an_end_without_one(place: Place) -> None:
    good = place.clock.clock_state
    place.clock.wall_ns = parse_iso(MONDAY)
    place.note(lines.Shutdown(why="test"))
    place.clock.clock_state = ClockState(Quality.UNSET, None)
    place.act("2020-01-01T00:00:00Z")
    place.clock.clock_state = good
    place.clock.wall_ns = parse_iso("2026-11-24T01:00:00Z")
    place.note(lines.Shutdown(why="test"))
    found = only(place, "2026-11-26T02:00:00Z")
    assert (found.due, found.lateness) == (date(2026, 11, 25), Lateness.POSSIBLY)
    assert only(place, "2026-11-26T17:00:00Z").lateness is Lateness.OVERDUE


def test_an_end_that_a_later_boot_wrote_is_dated_by_the_boot_that_recorded(place: Place) -> None:
    bag = place.act(MONDAY)
    path = bag / "data" / "journal.jsonl"
    first = path.read_bytes().splitlines(keepends=True)[0]
    path.write_bytes(first)
    later = ManualClock(boot_ns=1, utc="2026-12-24T00:00:00Z", boot_id="another")
    log = chain.Log.create(bag / "data", "journal", place.signer, later, n=1, number=2)
    end_ns = msgspec.json.decode(first.partition(b"\t")[0])["boot_ns"]
    log.append(lines.End(end_ns=end_ns, source="power", planned=False, spoken=False))
    log.close()
    assert only(place, MONDAY).due == date(2026, 11, 25)


def test_an_hours_journal_is_not_read_whole(place: Place) -> None:
    bag = place.act(MONDAY)
    path = bag / "data" / "journal.jsonl"
    first, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(first + b"\n" + (b"x" * 999 + b"\n") * 1000 + rest)
    assert only(place, MONDAY).due == date(2026, 11, 25)


def away(place: Place, at: str, since: str = "") -> int:
    place.clock.wall_ns = parse_iso(at)
    return place.note(lines.Away(ground="remote", since=since, by="tech"))


def back(place: Place, at: str, line: int, *, declared: bool = True) -> None:
    place.clock.wall_ns = parse_iso(at)
    place.note(lines.AwayEnd(away=line, declared=declared, by="tech"))


def test_while_away_nothing_runs_and_after_the_return_two_days(place: Place) -> None:
    line = away(place, "2026-11-23T00:00:00Z")
    place.act(MONDAY)
    assert only(place, "2026-12-10T00:00:00Z").lateness is Lateness.AWAY
    back(place, "2026-11-27T10:00:00Z", line)
    found = only(place, "2026-11-28T00:00:00Z")
    assert (found.due, found.returned) == (date(2026, 12, 1), True)
    assert found.lateness is Lateness.IN_TIME


def test_a_deadline_beyond_the_known_years_is_provisional_until_config_has_the_notice(
    place: Place,
) -> None:
    place.act("2040-12-30T01:00:00Z")
    assert only(place, "2040-12-30T02:00:00Z").provisional
    found = only(place, "2040-12-30T02:00:00Z", announced=(2040, 2041))
    assert not found.provisional


@pytest.mark.parametrize(
    ("stored", "kept"),
    [("2026-11-25T15:00:00Z", "in time"), ("2026-11-25T16:30:00Z", "overdue")],
)
def test_the_receipt_says_whether_it_was_in_time(
    place: Place, stored: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bag = place.act(MONDAY)
    open_store = configured.open_directory

    def late(settings: object, owner: str) -> object:
        store = open_store(settings, owner)  # type: ignore[arg-type]
        monkeypatch.setattr(type(store), "time_ns", lambda _: parse_iso(stored))
        return store

    worker.run_once(place.settings, Quiet(), clock=place.clock, open_store=late)  # type: ignore[arg-type]
    (line,) = receipts.load(place.sync / "receipts", bag.name, place.key)
    assert line.body.term.kept == kept
    assert line.body.term.due == date(2026, 11, 25)


def test_a_contact_while_away_is_the_return_where_no_recorder_told_of_one(place: Place) -> None:
    away(place, "2026-11-23T00:00:00Z")
    bag = place.act(MONDAY)
    worker.run_once(place.settings, Quiet(), clock=place.clock)
    (line,) = receipts.load(place.sync / "receipts", bag.name, place.key)
    assert (line.body.term.kept, line.body.term.returned) == ("in time", True)


def test_a_statement_has_its_own_term(place: Place) -> None:
    settings = CalendarSettings(statement_days=3)
    assert statement(date(2026, 11, 27), Calendar(settings), settings) == (date(2026, 12, 2), True)
    bag = place.act(MONDAY)
    end = Terms(chain.files(place.spool / "ledger", ""), settings, 480).end(bag)
    assert end is not None and end.earliest_ns < parse_iso("2026-11-23T01:30:00.001Z")
