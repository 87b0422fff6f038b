"""A device is dead, its card lives: what another machine gets off it, judged by public tools."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.clock import SystemClock
from recorder.errors import RecorderError
from recorder.evidence import lines, provision
from recorder.evidence.verification_report import Verdict
from tests.rigs.daemon import ROOT, Daemon, journal_of
from tests.rigs.disk_faults import FaultyDisk
from tests.rigs.disks import unmount
from tests.rigs.privileged import as_root
from tests.unit.evidence import bags, cards
from tests.unit.evidence.judge import verify_folder

FORMATS = ROOT / "docs" / "formats.md"


def run(*command: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A tool; its failure shows what it said."""
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done


def recorder(*words: object, status: int = 0) -> str:
    """The program as the desk runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "recorder", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == status, (words, done.stdout[-3000:], done.stderr[-2000:])
    return done.stdout


def public_tools(bag: Path, identity: Path, here: Path) -> None:
    """coreutils, bagit, OpenSSL with the key that bag-info.txt names, age, FFmpeg; and the lines of
    Python that docs/formats.md gives to strangers."""
    (script,) = re.findall(r"```python\n(.*?)```", FORMATS.read_text(), re.DOTALL)
    assert "lines, signed and chained" in run(sys.executable, "-c", script, bag).stdout
    run("sha256sum", "--quiet", "-c", "manifest-sha256.txt", cwd=bag)
    run("sha256sum", "--quiet", "-c", "tagmanifest-sha256.txt", cwd=bag)
    run(sys.executable, "-m", "bagit", "--validate", bag)
    info = dict(row.split(": ", 1) for row in (bag / "bag-info.txt").read_text().splitlines())
    assert info["Sealed-By"].startswith("a desk")
    pem = here / "sealed-by.pem"
    pem.write_text(
        f"-----BEGIN PUBLIC KEY-----\n{info['Sealed-By-Key']}\n-----END PUBLIC KEY-----\n"
    )
    run("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", pem, "-sigfile",
        bag / "tagmanifest-sha256.txt.sig", "-in", bag / "tagmanifest-sha256.txt")  # fmt: skip
    for path in [*(bag / "data/private").iterdir(), *(bag / "data/segments").iterdir()]:
        plain = here / "plain.mp4"
        run("age", "-d", "-i", identity, "-o", plain, path)
        if path.suffixes[:1] == [".mp4"]:
            assert run("ffprobe", "-v", "error", "-show_format", plain).stderr == ""
            decoded = run("ffmpeg", "-v", "warning", "-xerror", "-i", plain, "-f", "null", "-")
            assert decoded.stderr == ""


@pytest.fixture(scope="module")
def dead(tmp_path_factory: pytest.TempPathFactory) -> Daemon:
    """A daemon that sealed one recording and was killed in the middle of the next."""
    made = Daemon(tmp_path_factory.mktemp("dead"))
    made.start()
    made.until("ready")
    made.record(2)
    made.ask("start")
    made.when(lambda _: len(made.recordings()) == 2, "second recording")
    made.wait_line(
        lambda b: isinstance(b, lines.Fragment) and b.segment >= 2 and b.fragment >= 2,
        "fragment of the second segment", limit_s=60,
    )  # fmt: skip
    made.kill()
    made.provision_sync()
    provision.provision(
        "desk", made.here / "desk", "archive-1", township=made.here / "township",
        clock=SystemClock(),
    )  # fmt: skip
    return made


def test_a_killed_recorders_card_comes_out_and_stays_as_it_was(
    dead: Daemon, tmp_path: Path
) -> None:
    sealed, opened = dead.recordings()
    out, before = tmp_path / "out", cards.digest(dead.spool)
    said = json.loads(
        recorder("recover", "--spool", dead.spool, "--out", out, "--json",
                 "--desk-key", dead.here / "desk/desk.key")
    )  # fmt: skip
    assert cards.digest(dead.spool) == before
    assert {(b["name"], b["what"]) for b in said["brought"]} == {
        ("ledger/0001.jsonl", "ledger"), (sealed.name, "sealed"), (opened.name, "ended"),
    }  # fmt: skip
    on_card = [line.body for line in journal_of(opened, torn=True)]
    came_out = [line.body for line in journal_of(out / opened.name)]
    assert came_out[: len(on_card)] == on_card
    assert isinstance(came_out[len(on_card)], lines.Handover)
    public_tools(out / opened.name, dead.custodian, tmp_path)
    trust = ("--register", dead.here / "township/register.json",
             "--township", dead.here / "township/township.pem")  # fmt: skip
    shown = recorder("verify", out, *trust, "--identity", dead.custodian)
    assert "\nVALID WITH INTERRUPTIONS" in shown
    shown = recorder("verify", out / opened.name, *trust, "--ledger", out / "ledger")
    assert "ended by desk archive-1" in shown
    sheet = recorder("sheet", out / opened.name, *trust, "--ledger", out / "ledger",
                     "--identity", dead.custodian)  # fmt: skip
    assert "由档案室封存" in sheet
    assert "有效，有中止" in sheet
    assert "未提供" not in sheet
    recorder("export", out / opened.name, *trust, "--identity", dead.custodian, "--out",
             tmp_path / "copy.mp4")  # fmt: skip


def test_what_came_out_goes_into_the_store_like_any_spool(dead: Daemon, tmp_path: Path) -> None:
    out = tmp_path / "out"
    recorder("recover", "--spool", dead.spool, "--out", out, "--desk-key",
             dead.here / "desk/desk.key")  # fmt: skip
    config = tmp_path / "recorder.toml"
    spool = f'spool = "{dead.here}/spool"'
    assert spool in dead.config.read_text()
    config.write_text(dead.config.read_text().replace(spool, f'spool = "{out}"'))
    dead.sync(config)
    shown = recorder(
        "verify", dead.here / "store" / "rig-01", "--register",
        dead.here / "township/register.json", "--township", dead.here / "township/township.pem",
    )  # fmt: skip
    assert "\nVALID WITH INTERRUPTIONS" in shown


def test_without_a_desks_key_nothing_is_made_up(dead: Daemon, tmp_path: Path) -> None:
    said = json.loads(
        recorder("recover", "--spool", dead.spool, "--out", tmp_path / "out", "--json", status=2)
    )
    assert (said["code"], "recorder provision desk" in said["remedy"]) == ("no-desk-key", True)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def image(tmp_path: Path) -> Iterator[tuple[bags.Device, Path]]:
    """A card's image with one sealed and one open recording, mounted read-only."""
    file, place = tmp_path / "card.img", tmp_path / "card"
    with file.open("wb") as made:
        made.truncate(64 * 1024 * 1024)
    place.mkdir()
    as_root("mkfs.ext4", "-q", str(file))
    as_root("mount", "-o", "loop", str(file), str(place))
    as_root("chown", f"{os.getuid()}:{os.getgid()}", str(place))
    device = bags.Device(place)
    bags.plain(device)
    cards.left_open(device)
    device.ledger.close()
    unmount(place)
    as_root("mount", "-o", "loop,ro", str(file), str(place))
    yield device, file
    unmount(place)


def test_a_card_that_is_mounted_read_only_is_enough(
    image: tuple[bags.Device, Path], tmp_path: Path
) -> None:
    device, file = image
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    desk = cards.Desk(tmp_path, device)
    assert desk.recover().exit_code == 0
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before
    report = verify_folder(desk.out, register=desk.register, identities=[device.identity])
    assert report.verdict is Verdict.INTERRUPTIONS, report.findings
    identity = tmp_path / "custodian.key"
    identity.write_text(device.identity_text + "\n")
    public_tools(desk.out / "bc-001-00000002-0002", identity, tmp_path)


def test_a_card_that_cannot_read_a_file_and_a_desk_that_is_full(tmp_path: Path) -> None:
    """EIO from a real file system; then no room on the desk's, and more room."""
    card, target = FaultyDisk(tmp_path / "a"), FaultyDisk(tmp_path / "b")
    try:
        device = bags.Device(card.path)
        bag, sealed = cards.left_open(device), bags.plain(device)
        device.ledger.close()
        desk = cards.Desk(target.path, device)
        bad = rf"{bag.name}/data/segments/0001"
        with card.failing(("read",), bad) as fault:
            with target.full(bag_bytes(bag) // 2), pytest.raises(RecorderError) as caught:
                desk.recover()
            assert caught.value.code == "no-room"
            assert not (desk.out / bag.name).exists()
            done = desk.recover()
            assert fault.hits()
        assert {(t.name, t.code) for t in done.troubles if t.code != "incomplete"} == {
            (f"{bag.name}/data/segments/0001.mp4.age", "unreadable")
        }
        report = desk.judge(bag.name)
        assert report.verdict is Verdict.INCOMPLETE, report.findings
        assert {"loss", "missing"} <= {f.code for f in report.findings}
        assert desk.judge(sealed.name).verdict is Verdict.VALID
    finally:
        card.close()
        target.close()


def bag_bytes(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
