"""A statement from the empty form to the archive, checked and opened with public tools alone."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.evidence.keys import pem_pair
from tests.unit.evidence import bags
from tests.unit.evidence.test_statement_text import WRITTEN


def run(*command: object, cwd: Path | None = None, status: int = 0) -> str:
    """A tool's answer; a failure shows what it said."""
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == status, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def recorder(*arguments: object, status: int = 0) -> str:
    return run(sys.executable, "-m", "recorder", *arguments, status=status)


def whole(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns)
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with an interrupted recording whose statement was written, with its keys beside."""
    folder = tmp_path_factory.mktemp("desk")
    device = bags.Device(folder)
    bag = bags.interrupted(device, statement=True)
    (folder / "device.pem").write_bytes(pem_pair(device.signer.private)[1])
    recorder("provision", "township", folder / "township", "--name", "张营镇")
    recorder("provision", "desk", folder / "desk", "--name", "desk-1", "--township",
             folder / "township")  # fmt: skip
    _register(folder, device)
    recorder("provision", "store", folder / "store", "--name", "镇存储器", "--here")
    for name in ("one", "two"):
        run("age-keygen", "-o", folder / f"{name}.key")
    public = [run("age-keygen", "-y", folder / f"{name}.key").strip() for name in ("one", "two")]
    place = folder / "store" / "bc-001"
    place.mkdir()
    stored = bags.copy(bag, place)
    (device.spool / "ledger").rename(place / "ledger")
    before = whole(stored)
    recorder("statement", "list", folder / "store", status=1)
    template = recorder("statement", "template", stored)
    rows = [
        f"{key} = {json.dumps(WRITTEN[key], ensure_ascii=False)}" if key in WRITTEN else row
        for row in template.splitlines()
        for key in [row.partition(" ")[0]]
    ]
    (folder / "statement.toml").write_text("\n".join(rows) + "\n", encoding="utf-8")
    recorder("statement", "write", stored, "--text", folder / "statement.toml", "--desk-key",
             folder / "desk/desk.key", "--custodian", public[0], "--custodian", public[1],
             "--key", folder / "device.pem", "--register", folder / "township/register.json",
             "--township", folder / "township/township.pem", "--out", folder / "store")  # fmt: skip
    assert whole(stored) == before
    return folder


def _register(folder: Path, device: bags.Device) -> None:
    """The device's key in the register, too, as `recorder provision device` puts it there."""
    keys = folder / "keys"
    keys.mkdir()
    (keys / "device.key").write_bytes(pem_pair(device.signer.private)[0])
    (keys / "device.key").chmod(0o600)
    recorder("provision", "device", keys, "--name", "bc-001", "--township", folder / "township")


@pytest.fixture
def statement(desk: Path) -> Path:
    return desk / "store/bc-001/statements/bc-001-00000001-0001-1"


def test_sha256sum_bagit_and_openssl_are_satisfied_with_it(desk: Path, statement: Path) -> None:
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        assert "FAILED" not in run("sha256sum", "--check", "--strict", manifest, cwd=statement)
    run(sys.executable, "-m", "bagit", "--validate", statement)
    signature = statement / "tagmanifest-sha256.txt.sig"
    key = desk / "desk/desk.pem"
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", key, "-sigfile"]
    run(*command, signature, "-in", statement / "tagmanifest-sha256.txt")
    run(*command, signature, "-in", statement / "manifest-sha256.txt", status=1)


def test_openssl_verifies_its_line_whose_key_is_the_desks(
    desk: Path, statement: Path, tmp_path: Path
) -> None:
    text, _, signature = (statement / "data/statement.jsonl").read_bytes().rstrip().partition(b"\t")
    (tmp_path / "text").write_bytes(text)
    (tmp_path / "sig").write_bytes(base64.b64decode(signature))
    run("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", desk / "desk/desk.pem",
        "-sigfile", tmp_path / "sig", "-in", tmp_path / "text")  # fmt: skip
    line = json.loads(text)
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", desk / "desk/desk.pem", "-outform", "DER"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert base64.b64encode(der[-32:]).decode() == line["key"]
    journal = (desk / "store/bc-001/bc-001-00000001-0001/data/journal.jsonl").read_bytes()
    explained = [
        r for r in journal.splitlines() if hashlib.sha256(r).hexdigest() == line["explains"]
    ]
    assert [json.loads(r.partition(b"\t")[0])["kind"] for r in explained] == ["interruption"]


def test_the_age_tool_opens_its_text_with_either_custodians_key(
    desk: Path, statement: Path
) -> None:
    for name in ("one", "two"):
        opened = run("age", "-d", "-i", desk / f"{name}.key", statement / "data/private/0.json.age")
        assert json.loads(opened)["text"] == WRITTEN


def test_verify_and_list_know_it_under_the_registers_keys(desk: Path) -> None:
    trusted = ("--register", desk / "township/register.json", "--township",
               desk / "township/township.pem")  # fmt: skip
    report = json.loads(recorder("verify", desk / "store", *trusted, "--json", status=1))
    # The device's key is registered from today on, and its recording is older, and late by now
    # or soon: nothing else.
    codes = {f["code"] for r in report["recordings"] for f in r["findings"]}
    assert codes - {"overdue", "possibly-overdue"} == {"too-early"}
    assert report["recordings"][0]["owed"][0]["archived"] == ["bc-001-00000001-0001-1"]
    recorder("statement", "list", desk / "store", *trusted)
    shown = recorder("statement", "read", desk / "store/bc-001/statements/bc-001-00000001-0001-1",
                     "--identity", desk / "one.key", *trusted)  # fmt: skip
    assert "checks out" in shown and "王建国" in shown


@pytest.mark.parametrize("written", [False, True])
def test_chromium_prints_the_form_on_one_page_of_a4(
    written: bool, desk: Path, tmp_path: Path
) -> None:
    page, pdf = tmp_path / "form.html", tmp_path / "form.pdf"
    more = ("--text", desk / "statement.toml") if written else ()
    recorder("statement", "form", desk / "store/bc-001/bc-001-00000001-0001", *more, "--out", page)
    run("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
        f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={pdf}",
        page.as_uri())  # fmt: skip
    data = pdf.read_bytes()
    assert re.findall(rb"/Count (\d+)", data) == [b"1"]
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert box is not None
    assert [round(float(side)) for side in box.groups()] == [pytest.approx(595, abs=2),
                                                             pytest.approx(842, abs=2)]  # fmt: skip
