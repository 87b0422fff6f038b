"""The real gpsd: where a recording is made is in it, for the custodians alone; and its time bounds
a clock that nobody synchronised."""

from pathlib import Path

from recorder.clock import Quality
from recorder.evidence import lines, story
from recorder.evidence.timeline import timeline
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.ordeal.reboot import register_of
from tests.rigs.daemon import DEMO, Daemon
from tests.rigs.gpsd import Gpsd

LATITUDE, LONGITUDE = 34.8765, -110.4321


def clock_check(status: dict[str, object]) -> dict[str, str]:
    checks = status["checks"]
    assert isinstance(checks, list)
    return next((c for c in checks if c["name"] == "clock"), {"level": "", "value": ""})


def test_a_recording_holds_its_place_encrypted_and_satellites_bound_its_clock(
    tmp_path: Path,
) -> None:
    with Gpsd(LATITUDE, LONGITUDE) as gpsd:
        daemon = Daemon(tmp_path, DEMO + f'[gnss]\nkind = "gpsd"\ngpsd = "{gpsd.where}"\n')
        daemon.wall.set(-3600, quality="unsynced")
        daemon.start()
        try:
            off = daemon.when(lambda s: "±" in clock_check(s)["value"], "bound of the clock")
            assert clock_check(off)["level"] == "warn"
            assert off["gnss"] == "fix"
            daemon.wall.set(2, quality="unsynced")
            daemon.when(lambda s: clock_check(s)["level"] == "ok", "clock that agrees")
            daemon.ask("start")
            daemon.wait_line(lambda b: isinstance(b, lines.Position), "position")
            daemon.end()
        finally:
            daemon.stop()

    bag = daemon.recordings()[0]
    told = story.read(bag, identities=daemon.identities())
    (place,) = [e for e in told.entries if isinstance(e.body, lines.Position)]
    assert place.private is not None
    assert abs(place.private["latitude"] - LATITUDE) < 1e-5
    assert abs(place.private["longitude"] - LONGITUDE) < 1e-5
    assert any("34.8765" in event.text for event in timeline(told.entries))
    (line,) = [n for n in daemon.journal() if isinstance(n.body, lines.Position)]
    assert line.header.clock.quality is not Quality.SYNCED
    assert line.header.clock.error_ms is not None
    assert 2000 <= line.header.clock.error_ms <= 10_000

    clear = [*daemon.spool.rglob("*"), *daemon.run.rglob("*"), tmp_path / "log"]
    assert not [p for p in clear if p.is_file() and b"34.87" in p.read_bytes()]
    report = verify_recording(bag, register=register_of(daemon), identities=daemon.identities())
    assert report.verdict is Verdict.VALID, report.findings
