"""The daemon on a spool full of what it never made: it starts, deletes nothing, follows nothing."""

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorder.clock import NS, SystemClock, boot_ns
from recorder.evidence import keys, lines
from recorder.evidence.chain import Line, Log, files, read
from recorder.evidence.keys import load_public
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.rigs.daemon import DEMO, Daemon
from tests.rigs.privileged import as_root

READY_S = 10
GIB = 1024**3
MISCHIEF: dict[str, Callable[[Path], object]] = {}
"""What is put under a recording's name, one number each."""


def mischief(make: Callable[[Path], object]) -> Callable[[Path], object]:
    MISCHIEF[make.__name__] = make
    return make


@mischief
def a_file(path: Path) -> None:
    path.write_bytes(b"no folder")


@mischief
def a_link_to_everything(path: Path) -> None:
    path.symlink_to("/")


@mischief
def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


@mischief
def a_link_to_itself(path: Path) -> None:
    path.symlink_to(path)


@mischief
def a_pipe(path: Path) -> None:
    os.mkfifo(path)


@mischief
def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's path may not be long
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


@mischief
def a_device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero never ends


@mischief
def a_folder_without_journal(path: Path) -> None:
    (path / "data" / "segments").mkdir(parents=True)
    (path / "data" / "segments" / "0001.mp4.age").write_bytes(b"age")


@mischief
def an_empty_folder(path: Path) -> None:
    path.mkdir()


@mischief
def a_journal_of_zeros(path: Path) -> None:
    _sparse(path / "data" / "journal.jsonl", GIB)


@mischief
def a_journal_that_is_a_pipe(path: Path) -> None:
    (path / "data").mkdir(parents=True)
    os.mkfifo(path / "data" / "journal.jsonl")


@mischief
def a_journal_that_is_a_link(path: Path) -> None:
    (path / "data").mkdir(parents=True)
    (path / "data" / "journal.jsonl").symlink_to("/dev/zero")


@mischief
def a_million_lines_of_nonsense(path: Path) -> None:
    (path / "data").mkdir(parents=True)
    (path / "data" / "journal.jsonl").write_bytes(b'{"n":1,"kind":"press"}\tAAAA\n' * 1_000_000)


@mischief
def a_seal_that_is_a_pipe(path: Path) -> None:
    path.mkdir()
    os.mkfifo(path / "tagmanifest-sha256.txt.sig")


@mischief
def data_that_is_a_link(path: Path) -> None:
    path.mkdir()
    (path / "data").symlink_to("/usr")


@mischief
def a_million_signed_lines_and_a_torn_one(path: Path) -> None:
    """Of another key: a journal must not be read to its end to know that."""
    signer = keys.ephemeral()
    (path / "data").mkdir(parents=True)
    log = Log.create(path / "data", "journal", signer, SystemClock())
    log.append(lines.Notice(at_ns=1))
    log.close()
    line = (path / "data" / "journal.jsonl").read_bytes()
    (path / "data" / "journal.jsonl").write_bytes(line * 1_000_000 + line[:40])


@mischief
def a_folder_of_folders(path: Path) -> None:
    for number in range(200):
        path = path / str(number)
    path.mkdir(parents=True)


BESIDE: dict[bytes, Callable[[Path], object]] = {
    b"notes.txt": a_file,
    b"two\nlines": a_file,
    b"\xff\xfe not utf-8": a_file,
    b"rig-01-00000099-abcd\n": a_folder_without_journal,
    b"RIG-01-00000099-ABCD": an_empty_folder,
    b"huge": lambda path: _sparse(path, 100 * GIB),
    b"pipe": a_pipe,
    b"root": a_link_to_everything,
}
"""Names that are no recording's: nothing happens to them."""


def _sparse(path: Path, size_bytes: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size_bytes)


def _spoil(bag: Path) -> dict[str, bytes]:
    """An open recording gets what nobody can have put there; what has to be found again."""
    data = bag / "data"
    os.mkfifo(data / "segments" / "0009.mp4.age")
    (data / "segments" / "0008.mp4.age").symlink_to("/etc/hostname")
    (data / "segments" / "0007.mp4.age").write_bytes(b"half a segment")
    _sparse(data / "segments" / "0006.mp4.age", 100 * GIB)
    os.link(data / "segments" / "0001.mp4.age", data / "segments" / "again")
    (Path(os.fsdecode(bytes(data / "private") + b"/\xff\n.json.age"))).write_bytes(b"odd")
    (data / "tails").symlink_to("/tmp")
    (data / "journal-x.jsonl").mkdir()
    return {"0007.mp4.age": b"half a segment"}


class Spoiled(Daemon):
    """An open recording among everything of MISCHIEF and BESIDE."""

    def __init__(self, here: Path) -> None:
        super().__init__(here, DEMO)
        self.provision_sync()
        self.start()
        self.ask("start")
        self.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
        self.open = self.recordings()[-1]
        self.kill()
        self.names = {}
        for number, (what, make) in enumerate(MISCHIEF.items(), 100):
            self.names[what] = f"rig-01-{number:08d}-abcd"
            make(self.spool / self.names[what])
        an_empty_folder(self.spool / "rig-01-99999999-abcd")  # no counter comes so far
        for name, make in BESIDE.items():
            make(Path(os.fsdecode(os.fsencode(self.spool) + b"/" + name)))
        (self.spool / "ledger" / "0009.jsonl").mkdir()
        os.mkfifo(self.spool / "ledger" / "0008.jsonl")
        self.kept = _spoil(self.open)
        self.began_ns = boot_ns()
        self.start(wait=False)

    def told(self) -> list[lines.Ledger]:
        """What its ledger says."""
        items = read(files(self.spool / "ledger", ""), lines.Ledger, None)
        return [item.body for item in items if isinstance(item, Line)]


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoiled]:
    made = Spoiled(tmp_path_factory.mktemp("spoiled"))
    yield made
    made.stop()
    shutil.rmtree(made.here)


def test_the_open_recording_goes_on_at_once(spoiled: Spoiled) -> None:
    spoiled.until("interrupted", "explaining", "opening", "recording", limit_s=READY_S)
    print(f"\nstarted among foreign files after {(boot_ns() - spoiled.began_ns) / NS:.2f} s")
    spoiled.ask("stop")
    spoiled.until("ready", limit_s=30)


def test_what_has_a_recordings_name_and_is_none_goes_to_quarantine_whole(spoiled: Spoiled) -> None:
    told = {body.name for body in spoiled.told() if isinstance(body, lines.Quarantined)}
    for what, name in spoiled.names.items():
        assert not os.path.lexists(spoiled.spool / name), what
        assert os.path.lexists(spoiled.spool / "quarantine" / name), what
        assert name in told, what
    zeros = spoiled.spool / "quarantine" / spoiled.names["a_journal_of_zeros"]
    assert (zeros / "data" / "journal.jsonl").stat().st_size == GIB


def test_other_names_stay_where_they_are(spoiled: Spoiled) -> None:
    assert set(BESIDE) <= set(os.listdir(os.fsencode(spoiled.spool)))
    assert (spoiled.spool / "huge").stat().st_size == 100 * GIB


def test_nothing_was_followed(spoiled: Spoiled) -> None:
    assert Path("/etc/hostname").exists()
    assert not (Path("/tmp") / "0007.mp4.age").exists()
    assert not Path("/usr/segments").exists()


def test_a_spoiled_recording_is_sealed_and_valid_without_what_is_foreign(spoiled: Spoiled) -> None:
    report = verify_recording(
        spoiled.open, key=load_public(spoiled.here / "keys/device.pem"),
        ledger=spoiled.spool / "ledger", identities=spoiled.identities(),
    )  # fmt: skip
    assert report.verdict in (Verdict.VALID, Verdict.INTERRUPTIONS), report.findings
    for name, content in spoiled.kept.items():
        assert (spoiled.open / "data" / "tails" / name).read_bytes() == content
    aside = os.listdir(spoiled.spool / "quarantine")
    mine = [name for name in aside if name.startswith(spoiled.open.name)]
    assert len(mine) == 7, mine
    assert all(name.isascii() and name.isprintable() for name in mine)


def test_sync_copies_what_is_right_and_waits_for_nothing(spoiled: Spoiled) -> None:
    spoiled.until("ready")
    spoiled.sync()
    stored = {path.name for path in (spoiled.here / "store" / "rig-01").iterdir()}
    assert spoiled.open.name in stored
    assert not stored & set(spoiled.names.values())


def test_verify_names_what_is_foreign(spoiled: Spoiled) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recorder", "--config", str(spoiled.config), "verify", "--json",
         "--key", str(spoiled.here / "keys/device.pem"), str(spoiled.spool)],
        cwd=spoiled.source, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    for name in (*spoiled.names.values(), "two\\\\x0alines", "\\\\xff\\\\xfe not utf-8", "pipe"):
        assert name in done.stdout, name


def test_names_go_on_behind_the_highest_ever_seen(spoiled: Spoiled) -> None:
    spoiled.until("ready")
    spoiled.ask("start")
    name = spoiled.when(lambda s: s["recording"] != "", "recording")["recording"]
    assert int(name[7:15]) == 100 + len(MISCHIEF)


def test_a_spool_whose_card_is_not_mounted_waits_for_it_and_leaves_the_systems_disk_alone(
    tmp_path: Path,
) -> None:
    card = tmp_path / "card"
    card.mkdir()
    device = Daemon(tmp_path)
    config = device.config.read_text()
    own = f'mount = "{card}"\nspool = "{card}/spool"'
    device.config.write_text(config.replace(f'spool = "{tmp_path}/spool"', own))
    device.start(wait=False)
    try:
        device.until("failed", limit_s=20)
        assert f"{card}: the spool's card is not mounted there" in device.log()
        assert not any(card.iterdir())
        as_root("mount", "-t", "tmpfs", "-o", f"size=4g,uid={os.getuid()}", "tmpfs", str(card))
        try:
            device.until("ready", limit_s=20)
            assert (card / "spool" / "ledger").is_dir()
        finally:
            device.stop()
            as_root("umount", str(card))
    finally:
        device.stop()
