"""How long a store that locks must keep a file: never by a wrong clock, never over the cap."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from recorder import config
from recorder.clock import NS, ClockState, ManualClock, Quality, parse_iso
from recorder.evidence import lines
from recorder.evidence.chain import Log
from recorder.sync import bag, keep
from recorder.sync.stores import Keep
from recorder.sync.stores.s3_bucket import instant, until
from tests.unit.sync.spools import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.settings = msgspec.structs.replace(
        made.settings,
        sync=config.Sync(store="s3://evidence"),
        s3=config.S3(endpoint="https://store.example", case_years=3),
    )
    return made


def at(text: str) -> int:
    return parse_iso(text)


@pytest.mark.parametrize(
    ("base", "years", "arrived", "most", "ends"),
    [
        ("2026-11-23T01:30:00Z", 2, "2026-11-24T00:00:00Z", 31, "2028-11-23T01:30:00Z"),
        ("2026-11-23T01:30:00Z", None, "2026-11-24T00:00:00Z", 31, "2057-11-24T00:00:00Z"),
        ("2026-11-23T01:30:00Z", 100, "2026-11-24T00:00:00Z", 31, "2057-11-24T00:00:00Z"),
        ("2046-01-01T00:00:00Z", 2, "2026-11-24T00:00:00Z", 31, "2028-11-24T00:00:00Z"),
        ("1990-01-01T00:00:00Z", 2, "2026-11-24T00:00:00Z", 31, "1992-01-01T00:00:00Z"),
        ("2028-02-29T12:00:00Z", 1, "2028-03-01T00:00:00Z", 31, "2029-03-01T12:00:00Z"),
    ],
)
def test_a_lock_counts_from_the_end_but_never_from_a_time_that_is_yet_to_come(
    base: str, years: int | None, arrived: str, most: int, ends: str
) -> None:
    assert until(at(base), years, at(arrived), most) == at(ends)


def test_a_lock_s_end_is_never_rounded_down() -> None:
    assert instant(5 * NS + 1) == datetime.fromtimestamp(6, UTC)


@pytest.mark.parametrize(
    ("retention", "years", "hold"),
    [("30y", 30, False), ("2y", 2, False), ("case", 3, False), ("permanent", None, True),
     (None, 3, False)],
)  # fmt: skip
def test_years_are_the_catalogue_s_and_the_config_s_where_a_case_file_decides(
    place: Place, retention: str | None, years: int | None, hold: bool
) -> None:
    if retention:
        place.known = lines.Act(id="x", title="x", article="10.1", obligation="must", stages=(),
                              content=(), retention=retention)  # fmt: skip
    assert keep.of_recording(bag.load(place.recording()), place.settings) == Keep(
        years, hold, at("2026-11-23T01:30:00.020Z")
    )


@pytest.mark.parametrize(
    "state", [ClockState(Quality.KEPT, None), ClockState(Quality.RTC, None),
              ClockState(Quality.UNSET, None), ClockState(Quality.SYNCED, None)],
)  # fmt: skip
def test_a_recording_whose_clock_nobody_set_is_kept_from_its_arrival(
    place: Place, state: ClockState
) -> None:
    place.clock = ManualClock(state=state, utc="1970-01-02T00:00:00.000Z")
    folder = place.recording()
    assert keep.of_recording(bag.load(folder), place.settings).ended_ns is None


def test_an_obstruction_is_held_and_the_last_line_s_clock_counts(place: Place) -> None:
    folder = place.begin(obstructed=True)
    place.clock.advance(3600)
    log = Log.create(folder / "data", "journal-0002", place.signer, place.clock)
    log.append(lines.Notice(at_ns=1))
    log.close()
    place.seal(folder)
    assert keep.of_recording(bag.load(folder), place.settings) == Keep(
        3, True, at("2026-11-23T02:30:00.020Z")
    )


def test_a_folder_as_the_store_loads_nothing_of_s3() -> None:
    code = "import sys, recorder.verbs, recorder.sync.watch; print('botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr
