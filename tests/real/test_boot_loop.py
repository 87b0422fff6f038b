"""A daemon that dies at its start, again and again, ends as one that records."""

import json
import signal
from pathlib import Path

from recorder.evidence import ledger, lines
from recorder.evidence.keys import load_public
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.rigs.daemon import DEMO, Daemon
from tests.rigs.pins import Pins

DEADLY = {
    "light": "segv", "vibration": "abort", "button": "segv", "button2": "abort", "gnss": "abort",
    "battery": "segv", "storing": "hang", "selftest": "abort", "voice": "raise",
}  # fmt: skip
PARTS = """
[button]
kind = "gpio"
second_pin = 22
[light]
kind = "gpio"
vibration_pin = 23
[voice]
kind = "pyttsx3"
[battery]
kind = "psutil"
[gnss]
kind = "gpsd"
"""


def deadly(here: Path, ways: dict[str, str]) -> Daemon:
    """A daemon with all of its parts, some of which take it with them."""
    daemon = Daemon(here, DEMO.replace('[voice]\nkind = "none"\n', PARTS))
    own = daemon.config.read_text()
    for section in ('[button]\nkind = "none"\n', '[light]\nkind = "terminal"\n'):
        own = own.replace(section, "", 1)
    daemon.config.write_text(own)
    Pins(daemon)
    daemon.site({"RIG_DEADLY": json.dumps(ways)})
    return daemon


def started(daemon: Daemon) -> int:
    """Start it as systemd does until it stays; how many starts died."""
    for died in range(20):
        daemon.start(wait=False)
        try:
            daemon.until("ready")
        except AssertionError:
            assert daemon.process is not None
            assert daemon.process.poll() is not None, daemon.log()
        else:
            return died
    raise AssertionError(daemon.log())


def test_without_its_voice_the_light_warns(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, DEMO.replace('[voice]\nkind = "none"\n', ""))
    daemon.run.mkdir()
    (daemon.run / "starts.json").write_text('{"left_out": ["voice"], "stood": true}')
    daemon.start()
    try:
        (told,) = daemon.status()["broken"]
    finally:
        daemon.stop()
    assert told["code"] == "voice-left-out"
    assert "light: warning" in daemon.log()


def test_parts_that_kill_the_recorder_are_left_out_one_by_one_until_it_records(
    tmp_path: Path,
) -> None:
    daemon = deadly(tmp_path, DEADLY)
    died = started(daemon)
    try:
        told = {each["code"]: each["text"] for each in daemon.status()["broken"]}
        daemon.ask("start")
        daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
        bag = daemon.end()
    finally:
        daemon.stop()
    assert set(told) == {f"{p}-broken" for p in ("light", "vibration", "button", "button2")} | {
        f"{p}-left-out" for p in ("gnss", "battery", "storing", "selftest", "voice")
    }
    assert died >= 2 + len(DEADLY)  # three before the first was left out
    assert "systemctl restart recorder" in told["gnss-left-out"]
    public = load_public(tmp_path / "keys" / "device.pem")
    report = verify_recording(bag, key=public, ledger=daemon.spool / "ledger")
    assert report.verdict is Verdict.VALID, report.findings
    log = (tmp_path / "log").read_text()
    assert "voice: left_out " in log  # tried to be said
    faults = {
        e.body.part
        for e in ledger.entries(daemon.spool / "ledger", lambda *_: None)
        if isinstance(e.body, lines.LedgerFault)
    }
    assert faults >= set(DEADLY)

    daemon.start(wait=False)  # ended by hand: everything is tried again
    assert daemon.process is not None
    assert daemon.process.wait(30) == -signal.SIGSEGV
