"""A device from its first key to its second, by the commands and with public tools."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.evidence import lines
from recorder.evidence.chain import Line, files, read
from tests.rigs.daemon import ROOT, Daemon


def recorder(*words: object, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "recorder", *map(str, words)],
        capture_output=True, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert done.returncode == status, done
    return done.stdout


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    return Daemon(tmp_path)


def rekeyed(daemon: Daemon) -> list[lines.Rekeyed]:
    items = read(files(daemon.spool / "ledger", ""), lines.Ledger, None)
    found = [item.body for item in items if isinstance(item, Line)]
    return [body for body in found if isinstance(body, lines.Rekeyed)]


def test_each_custodian_answers_with_the_age_tool_and_the_start_is_silent(daemon: Daemon) -> None:
    keys = daemon.here / "keys"
    asked = json.loads(recorder("provision", "drill", keys, "--json", status=1))["custodians"]
    for state, private in zip(asked, (daemon.custodian, daemon.here / "deputy-0.key"), strict=True):
        word = subprocess.run(
            ["age", "-d", "-i", private, state["file"]], capture_output=True, text=True, check=True
        ).stdout
        last = state is asked[-1]
        recorder("provision", "drill", keys, "--answer", word, status=0 if last else 1)
    daemon.start()
    daemon.until("ready")
    daemon.stop()
    assert "never shown" not in daemon.log()


def test_recordings_of_both_keys_verify_and_openssl_confirms_the_hand_over(
    daemon: Daemon, tmp_path: Path
) -> None:
    keys, township = daemon.here / "keys", daemon.here / "township"
    old = tmp_path / "old.pem"
    for rotate in (False, True):
        if rotate:
            old.write_bytes((keys / "device.pem").read_bytes())
            recorder("provision", "device", keys, "--name", "rig-01", "--township", township,
                     "--rotate")  # fmt: skip
        daemon.start()
        daemon.until("ready")
        daemon.record(1)
        daemon.stop()
    (line,) = rekeyed(daemon)
    assert not (keys / "device.old.key").exists()
    trust = ("--register", township / "register.json", "--township", township / "township.pem")
    recorder("verify", daemon.spool, *trust)
    retired = json.loads(
        recorder("provision", "retire", township, "--ledger", daemon.spool / "ledger", "--json")
    )
    assert [key["last"] for key in retired["keys"]] == [1]
    recorder("verify", daemon.spool, *trust)
    (tmp_path / "said").write_bytes(_said(old, keys / "device.pem"))
    proof = subprocess.run(["base64", "-d"], input=line.proof.encode(), capture_output=True)
    (tmp_path / "proof").write_bytes(proof.stdout)
    subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", keys / "device.pem",
         "-sigfile", tmp_path / "proof", "-in", tmp_path / "said"],
        check=True, capture_output=True,
    )  # fmt: skip


def _said(old: Path, new: Path) -> bytes:
    """The four lines of docs/formats.md, without our code."""
    text = "bodycam-rekey/1\nrig-01\n"
    for pem in (old, new):
        text += subprocess.run(
            f"openssl pkey -pubin -in {pem} -outform DER | tail -c 32 | base64",
            shell=True, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    return text.encode()
