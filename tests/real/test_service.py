"""What systemd and technicians see: readiness, watchdog, missing keys, lines of a shell."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recorder.evidence import lines
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.rigs.daemon import ROOT, Daemon, journal_of


def recorder(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "recorder", *words], capture_output=True, text=True, cwd=ROOT,
        timeout=60, check=False,
    )  # fmt: skip


def test_systemd_hears_of_readiness_and_gets_its_watchdog_fed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "3000000")
        daemon = Daemon(tmp_path)
        daemon.start(wait=False)
        try:
            heard: list[bytes] = []
            while heard.count(b"WATCHDOG=1") < 4 or b"READY=1" not in heard:
                heard.append(listener.recv(256))
            daemon.stop()
            while b"STOPPING=1" not in heard:
                heard.append(listener.recv(256))
        finally:
            daemon.stop()


def test_without_its_button_and_light_the_recorder_records_and_says_what_is_broken(
    tmp_path: Path,
) -> None:
    daemon = Daemon(tmp_path)
    text = daemon.config.read_text()
    for part, kind in (("button", "none"), ("light", "terminal")):
        text = text.replace(f'[{part}]\nkind = "{kind}"', f'[{part}]\nkind = "gpio"')
    daemon.config.write_text(text)
    daemon.start()
    try:
        daemon.until("ready")
        daemon.ask("start")
        daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
        daemon.end()
    finally:
        daemon.stop()
    for what in ("button.pin 17", "light.pin 27", "/dev/gpiochip"):
        assert what in daemon.log()


def test_units_are_what_systemd_understands(tmp_path: Path) -> None:
    units = [u for u in (ROOT / "systemd").iterdir() if u.suffix in (".service", ".socket")]
    assert len(units) == 5
    copies = []
    for unit in units:
        text = unit.read_text().replace("/opt/bodycam-recorder/.venv/bin/recorder", "/bin/true")
        text = text.replace("/opt/bodycam-recorder/", f"{ROOT}/")
        copy = tmp_path / unit.name.replace("@.", "@2947.")
        copy.write_text(text)
        copies.append(str(copy))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *copies],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "recorder" in line]
    assert not complaints
    assert done.returncode == 0


def test_a_capture_process_that_runs_out_of_memory_does_not_stop_the_unit() -> None:
    """systemd's default is to stop it, and that would end what is being recorded."""
    assert "\nOOMPolicy=continue\n" in (ROOT / "systemd" / "recorder.service").read_text()


def test_without_a_device_key_it_records_and_the_verdict_is_untrusted(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    (tmp_path / "keys" / "device.key").unlink()
    daemon.start()
    try:
        daemon.ask("start")
        daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
        daemon.kill()
        daemon.start(wait=False)
        daemon.wait_line(lambda b: isinstance(b, lines.Resumed), "resumption")
        time.sleep(1)
        bag = daemon.end()
    finally:
        daemon.stop()
    report = verify_recording(bag, identities=daemon.identities())
    assert report.verdict is Verdict.UNTRUSTED, report.findings
    (opened,) = [line.body for line in journal_of(bag) if isinstance(line.body, lines.Open)]
    assert opened.key_kind == "ephemeral"


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("verify", "/usr"), 2, "neither recordings nor a ledger"),
        (("verify", "/nowhere"), 2, "/nowhere"),
        (("--config", "/nowhere.toml", "run"), 2, "/nowhere.toml: cannot read it"),
        (("--config", "/nowhere.toml", "status"), 2, "/nowhere.toml"),
        (("sheet", "/etc"), 2, "/etc"),
        (("export", "/etc", "--out", "/tmp/x.mp4"), 2, "custodian"),
        (("fly",), 2, "invalid choice"),
    ],
)
def test_what_cannot_run_says_why_and_what_to_do(
    words: tuple[str, ...], status: int, says: str
) -> None:
    done = recorder(*words)
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_recorder_that_does_not_run_is_an_answer_programs_can_read(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    done = recorder("--config", str(daemon.config), "status", "--json")
    assert done.returncode == 2
    answer = json.loads(done.stdout)
    assert answer["code"] == "not-running"
    assert answer["remedy"]


def test_provisioning_twice_keeps_every_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    custodian = json.loads(
        recorder("provision", "custodian", str(tmp_path / "c"), "--json").stdout
    )["public"]
    words = ("provision", "device", str(folder), "--custodian", custodian, "--json")
    first = json.loads(recorder(*words).stdout)
    key = (folder / "device.key").read_bytes()
    second = json.loads(recorder(*words).stdout)
    assert (first["made"], second["made"]) == (True, False)
    assert first["public"] == second["public"]
    assert (folder / "device.key").read_bytes() == key
    assert os.stat(folder / "device.key").st_mode & 0o777 == 0o600
    assert any("one custodian only" in warning for warning in first["warnings"])


def test_a_private_key_among_the_custodians_is_refused(tmp_path: Path) -> None:
    recorder("provision", "custodian", str(tmp_path / "c"))
    secret = next(
        line for line in (tmp_path / "c" / "custodian.key").read_text().splitlines()
        if line.startswith("AGE-SECRET-KEY")
    )  # fmt: skip
    done = recorder("provision", "device", str(tmp_path / "keys"), "--custodian", secret)
    assert done.returncode == 2
    assert "PRIVATE" in done.stderr
    daemon = Daemon(tmp_path)
    with (tmp_path / "keys" / "custodians.txt").open("a") as file:
        file.write(secret + "\n")
    daemon.start()
    try:
        assert daemon.status()["state"] == "unfit"
        assert "PRIVATE key lies on the device" in daemon.log()
    finally:
        daemon.stop()
