"""What counts as a fix, and how satellites bound a clock."""

import socket
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, strategies as st

from recorder import config
from recorder.clock import NS, BoundedClock, ClockState, ManualClock, Quality
from recorder.place.gpsd import Fix, parse
from recorder.place.places import Places

if TYPE_CHECKING:
    from recorder.app import App

GOOD = (
    b'{"class":"TPV","device":"/dev/ttyAMA0","mode":3,"time":"2026-11-23T01:30:00.000Z",'
    b'"ept":0.005,"lat":34.866666667,"lon":110.45,"altMSL":350.0,"eph":17.1}'
)


def test_a_report_with_a_fix_is_a_place_and_a_time() -> None:
    fix = parse(GOOD, 7)
    assert fix == Fix(7, 34.866666667, 110.45, 17.1, 350.0, fix.utc_ns if fix else None)
    assert fix is not None
    assert fix.utc_ns == ManualClock().utc_ns()


@pytest.mark.parametrize(
    "line",
    [
        GOOD.replace(b'"mode":3', b'"mode":1'),
        GOOD.replace(b"TPV", b"SKY"),
        GOOD.replace(b'"lat":34.866666667,', b""),
        GOOD.replace(b"34.866666667", b"134.8"),
        GOOD.replace(b"34.866666667", b'"north"'),
        GOOD.replace(b"2026-11-23", b"2026-13-23"),
        GOOD[:40],
        b"[" * 100_000,
        b"\xff\xfe",
        b"",
    ],
)
def test_anything_else_is_no_fix(line: bytes) -> None:
    assert parse(line, 7) is None


@given(st.binary(max_size=200))
def test_no_bytes_break_the_listener(line: bytes) -> None:
    parse(line, 7)


class Told:
    """As much of a recorder as Places needs, and what went on record."""

    def __init__(self, where: str) -> None:
        self.clock = BoundedClock(ManualClock())
        self.settings = SimpleNamespace(gnss=config.Gnss(kind="gpsd", gpsd=where))
        self.effects = SimpleNamespace(act=None)
        self.faults = SimpleNamespace(write=self._write)
        self.written: list[tuple[str, str, str, bool]] = []

    def _write(self, part: str, code: str, detail: str, *, over: bool) -> None:
        self.written.append((part, code, detail, over))


def test_a_gpsd_that_never_answers_is_told_once_and_once_that_it_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # takes connections and says nothing
        where = f"127.0.0.1:{server.getsockname()[1]}"
        app = Told(where)
        places = Places(cast("App", app))
        now_ns = app.clock.boot_ns()
        for second in range(300):
            places.tick(now_ns + second * NS)
            if second == 60:
                assert app.written == [] and places.status(now_ns) == "no fix"
        assert app.written == [("gnss", "silent", f"{where}: nothing comes", False)]
        assert places.status(now_ns) == "no answer"
        connection, _ = server.accept()
        with connection:
            connection.sendall(b'{"class":"VERSION"}\n')
            deadline = time.monotonic() + 10
            while len(app.written) == 1 and time.monotonic() < deadline:
                places.tick(app.clock.boot_ns())
                time.sleep(0.01)
        places.close()
    assert app.written[1:] == [("gnss", "silent", "", True)]
    silent, again = capsys.readouterr().err.splitlines()
    assert "gpsd does not answer" in silent and "key gnss.gpsd" in silent
    assert again == f"recorder: gpsd answers at {where}"


def bounded(state: ClockState, *, off_s: float = 0.0) -> BoundedClock:
    inner = ManualClock(state=state)
    clock = BoundedClock(inner)
    clock.heard(inner.boot_ns(), inner.utc_ns() - round(off_s * NS), NS)
    return clock


@pytest.mark.parametrize("quality", [Quality.RTC, Quality.KEPT, Quality.UNSET])
def test_satellites_bound_a_clock_and_leave_its_quality(quality: Quality) -> None:
    assert bounded(ClockState(quality, None), off_s=90).state() == ClockState(quality, 91_001)
    assert bounded(ClockState(quality, None), off_s=-90).state() == ClockState(quality, 91_001)


def test_a_clock_with_a_bound_of_its_own_keeps_it() -> None:
    synced = ClockState(Quality.SYNCED, 20)
    assert bounded(synced, off_s=3600).stamp().clock == synced


def test_without_satellites_nothing_bounds_the_clock() -> None:
    kept = ClockState(Quality.KEPT, None)
    assert BoundedClock(ManualClock(state=kept)).state() == kept


def test_the_bound_grows_and_follows_a_clock_that_is_stepped() -> None:
    inner = ManualClock(state=ClockState(Quality.KEPT, None))
    clock = BoundedClock(inner)
    clock.heard(inner.boot_ns(), inner.utc_ns(), NS)
    inner.advance(1000)
    assert clock.state().error_ms == 2001
    inner.wall_ns += 60 * NS
    assert clock.state().error_ms == 62_001
