"""A battery that runs down while the daemon records: said, ended, sealed, and only then off."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.evidence import lines
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.ordeal.reboot import register_of
from tests.rigs.daemon import DEMO, Daemon
from tests.rigs.pisugar import PiSugar

SYSTEMCTL = """#!/bin/sh
# What is on the card at the moment when the power is to go off.
exec > {out}.new
echo "$@"
ls {spool}/*/tagmanifest-sha256.txt.sig
tail -qn 1 {spool}/ledger/*.jsonl
mv {out}.new {out}
"""


class Device:
    def __init__(self, here: Path, hat: PiSugar) -> None:
        battery = f'[battery]\nkind = "pisugar"\npisugar = "{hat.where}"\nend_after_s = 5\n'
        self.hat = hat
        self.daemon = Daemon(here, DEMO + battery)
        self.off = here / "off"
        tools = here / "tools"
        tools.mkdir()
        stub = tools / "systemctl"
        stub.write_text(SYSTEMCTL.format(spool=self.daemon.spool, out=self.off))
        stub.chmod(0o755)
        self.daemon.environment["PATH"] = f"{tools}:{os.environ['PATH']}"


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with PiSugar() as hat:
        device = Device(tmp_path, hat)
        device.daemon.start()
        yield device
        device.daemon.stop()


def battery(status: dict[str, object]) -> dict[str, str]:
    checks = status["checks"]
    assert isinstance(checks, list)
    return next((c for c in checks if c["name"] == "battery"), {"level": "", "value": ""})


def test_an_empty_battery_ends_seals_notes_and_only_then_switches_off(device: Device) -> None:
    daemon = device.daemon
    daemon.when(lambda s: battery(s)["value"] == "80 %", "battery")
    daemon.ask("start")
    daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    device.hat.charge(2.0)
    daemon.wait_line(lambda b: isinstance(b, lines.Spoken) and b.phrase == "battery_end", "warning")
    daemon.until("closing", "ready", limit_s=20)
    daemon.when(lambda _: device.off.exists(), "order to switch off")

    verb, sealed, *ledger = device.off.read_text().splitlines()
    assert verb == "poweroff"
    assert sealed == f"{daemon.recordings()[0]}/tagmanifest-sha256.txt.sig"
    assert '"kind":"shutdown"' in ledger[-1] and "battery" in ledger[-1]
    daemon.stop()

    (end,) = [line.body for line in daemon.journal() if isinstance(line.body, lines.End)]
    assert (end.source, end.planned) == ("battery", False)
    assert lines.StatementDue(interruption=None, why="battery") in [
        line.body for line in daemon.journal()
    ]
    report = verify_recording(
        daemon.recordings()[0], register=register_of(daemon), identities=daemon.identities()
    )
    assert report.verdict is Verdict.VALID, report.findings


def test_in_the_last_minutes_a_press_records_and_a_charger_or_a_dead_gauge_ends_nothing(
    device: Device,
) -> None:
    daemon, hat = device.daemon, device.hat
    hat.charge(2.0)
    daemon.when(lambda s: battery(s)["level"] == "warn", "warning")
    assert daemon.ask("start").ok
    daemon.wait_line(lambda b: isinstance(b, lines.Spoken) and b.phrase == "battery_end", "warning")
    hat.charge(2.0, plugged=True)
    daemon.when(lambda s: "plugged in" in battery(s)["value"], "charger")
    hat.values = {}
    found = daemon.when(lambda s: battery(s)["value"] == "no answer", "warning of the gauge")
    assert found["state"] in ("opening", "recording")
    daemon.end()
    (end,) = [line.body for line in daemon.journal() if isinstance(line.body, lines.End)]
    assert (end.source, end.planned) == ("control", True)
    assert not device.off.exists()
