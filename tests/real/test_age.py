"""Every age file that a recorder can leave behind opens with the age tool and with pyrage.

Also cut, where its journal says; cut anywhere else both refuse it, and so do we.
"""

import base64
import io
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pyrage
import pytest

from recorder.clock import NS
from recorder.errors import RecorderError
from recorder.evidence import lines, recovery
from recorder.evidence.age import CHUNK, SEALED_CHUNK, TAIL_PLAINTEXT, decrypt, encrypt
from recorder.evidence.chain import Line, files, read
from recorder.evidence.recording import RecordingWriter
from recorder.evidence.seal import seal
from tests.unit.evidence import bags
from tests.unit.pieces import piece

FRAGMENTS = 6
BIG = 3000
"""Bytes a frame: a fragment of two chunks."""
Opener = Callable[[bytes], bytes | None]


@pytest.fixture
def device(tmp_path: Path) -> bags.Device:
    return bags.Device(tmp_path)


@pytest.fixture
def opened(device: bags.Device, tmp_path: Path) -> Opener:
    """The plaintext on which the age tool, pyrage and we agree; None where all three refuse."""
    key = tmp_path / "custodian.key"
    key.write_text(device.identity_text + "\n")
    oracle = pyrage.x25519.Identity.from_str(device.identity_text)

    def open_(data: bytes) -> bytes | None:
        words = ["age", "-d", "-i", str(key)]
        tool = subprocess.run(words, input=data, capture_output=True, check=False)
        theirs = tool.stdout if tool.returncode == 0 else None
        assert tool.returncode in (0, 1)
        try:
            assert pyrage.decrypt(data, [oracle]) == theirs
        except pyrage.DecryptError:
            assert theirs is None
        try:
            assert b"".join(decrypt(io.BytesIO(data).read, [device.identity])) == theirs
        except RecorderError:
            assert theirs is None
        return theirs

    return open_


def write(writer: RecordingWriter, seconds: Iterator[int] | range) -> None:
    for second in seconds:
        p = piece(second, size=BIG if second % 3 == 0 else 10)
        writer.fragments([(p.stream.init, p.stream.data, p.fragment, p.media)])


def begun(device: bags.Device, fragments: int = FRAGMENTS) -> RecordingWriter:
    """Open: two segments, the second without an end, and two private records."""
    writer = device.begin()
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    write(writer, range(100, 100 + fragments))
    said = lines.Spoken(phrase="place", outcome="spoken", from_ns=1, to_ns=2, text=None)
    writer.journal(said, {"text": "某地" * 20_000})
    return writer


def written(device: bags.Device, folder: Path) -> dict[str, list[lines.Fragment]]:
    """Each segment's file and its fragments, as the journal has them."""
    names: dict[int, str] = {}
    out: dict[str, list[lines.Fragment]] = {}
    for item in read(files(folder / "data", "journal"), lines.Journal, device.signer.public):
        if isinstance(item, Line) and isinstance(item.body, lines.Segment):
            names[item.body.segment] = item.body.file
        elif isinstance(item, Line) and isinstance(item.body, lines.Fragment):
            out.setdefault(names[item.body.segment], []).append(item.body)
    return out


def ends_where_its_journal_says(device: bags.Device, folder: Path, opened: Opener) -> int:
    """Cut every segment at every chunk: whole with the tail of a fragment, else refused by all."""
    count = 0
    for file, fragments in written(device, folder).items():
        data = (folder / file).read_bytes()
        tails = {f.age_bytes: base64.b64decode(f.age_tail) for f in fragments}
        header = fragments[0].age_bytes - fragments[0].bytes // CHUNK * SEALED_CHUNK
        for at in range(header, fragments[-1].age_bytes + 1, SEALED_CHUNK):
            assert opened(data[:at]) is None
            if at in tails:
                plain = opened(data[:at] + tails[at])
                assert plain is not None and plain.endswith(TAIL_PLAINTEXT)
                size = sum(f.bytes for f in fragments if f.age_bytes <= at)
                assert len(plain) == size + len(TAIL_PLAINTEXT)
                count += 1
            else:
                after = min(end for end in tails if end > at)
                assert opened(data[:at] + tails[after]) is None
    return count


def all_open(folder: Path, opened: Opener) -> None:
    """Every age file that a bag holds and a line speaks of, as it lies there."""
    found = [*(folder / "data/segments").iterdir(), *(folder / "data/private").iterdir()]
    assert found
    for path in found:
        assert opened(path.read_bytes()) is not None, path


def test_an_open_recordings_files_open_at_every_fragment_and_nowhere_else(
    device: bags.Device, opened: Opener
) -> None:
    folder = begun(device).folder
    assert ends_where_its_journal_says(device, folder, opened) == FRAGMENTS
    open_file = sorted((folder / "data/segments").iterdir())[-1]
    assert opened(open_file.read_bytes()) is None  # nobody has ended it yet
    for path in (folder / "data/private").iterdir():
        assert opened(path.read_bytes()) is not None


def test_a_sealed_recordings_files_open_as_they_are(device: bags.Device, opened: Opener) -> None:
    folder = device.finish(begun(device), (100 + FRAGMENTS) * NS)
    all_open(folder, opened)
    assert ends_where_its_journal_says(device, folder, opened) == FRAGMENTS


@pytest.mark.parametrize("failing", [1, 2, 4, 6], ids=["first", "second", "fourth", "its-end"])
def test_a_segment_that_the_card_refused_opens_as_far_as_it_was_durable(
    device: bags.Device, opened: Opener, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """``abandon``: cut to the last good sync and ended there; nothing durable, then no age file."""
    real = {name: getattr(os, name) for name in ("fsync", "fdatasync")}
    syncs = []

    def sync(name: str, descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith("0001.mp4.age"):
            syncs.append(descriptor)
            if len(syncs) == failing:
                raise OSError(5, "Input/output error")
        real[name](descriptor)

    for name in real:
        monkeypatch.setattr(os, name, lambda descriptor, name=name: sync(name, descriptor))
    folder = device.finish(begun(device), (100 + FRAGMENTS) * NS)
    assert len(syncs) >= failing
    all_open(folder, opened)
    assert ends_where_its_journal_says(device, folder, opened) == FRAGMENTS
    for path in (folder / "data/tails").glob("*"):
        assert opened(path.read_bytes()) is None  # it holds nothing that was promised


def cuts(size: int, least: int) -> Iterator[int]:
    """Lengths that a crash may leave: each chunk's end from ``least`` on, and beside it."""
    for at in range(least, size, SEALED_CHUNK):
        yield from (n for n in (at, at + 1) if n < size)
    yield size


def test_wherever_a_crash_cuts_it_recovery_leaves_files_that_open(
    device: bags.Device, opened: Opener, tmp_path: Path
) -> None:
    """The last lines gone, the first segment's end among them, and its file of any length."""
    writer = begun(device)
    file = writer.folder / "data/segments/0001.mp4.age"
    rows = (writer.folder / "data/journal.jsonl").read_bytes().splitlines(keepends=True)
    ends = [f.age_bytes for f in written(device, writer.folder)["data/segments/0001.mp4.age"]]
    numbers = [n for n, row in enumerate(rows) if b'"kind":"fragment"' in row][: len(ends)]
    whole = file.read_bytes()
    tried = 0
    for kept, (number, end) in enumerate(zip(numbers, ends, strict=True), 1):
        for size in cuts(len(whole), end):
            folder = tmp_path / "crashed" / writer.name
            shutil.rmtree(folder.parent, ignore_errors=True)
            shutil.copytree(writer.folder, folder)
            (folder / "data/journal.jsonl").write_bytes(b"".join(rows[: number + 1]))
            (folder / "data/segments/0001.mp4.age").write_bytes(whole[:size])
            _recover(device, folder)
            all_open(folder, opened)
            plain = opened((folder / "data/segments/0001.mp4.age").read_bytes())
            mine = written(device, folder)["data/segments/0001.mp4.age"]
            assert len(mine) == kept and plain is not None
            assert len(plain) == sum(f.bytes for f in mine) + len(TAIL_PLAINTEXT)
            tried += 1
    print(f"{tried} crashes")


def _recover(device: bags.Device, folder: Path) -> None:
    found = recovery.reopen(
        folder, signer=device.signer, recipients=device.recipients, clock=device.clock,
        settings=device.settings,
    )  # fmt: skip
    for line in recovery.missing_ends(found):
        found.writer.journal(line, sync=False)
    end = lines.End(end_ns=110 * NS, source="crash", planned=False, spoken=False)
    found.writer.journal(end)
    seal(found.writer, end, found.opened, device.ledger)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_a_small_file_of_any_length_opens_whole_and_is_refused_cut(
    device: bags.Device, opened: Opener, size: int
) -> None:
    data = encrypt(bytes(size), device.recipients)
    assert opened(data) == bytes(size)
    for cut in {1, 16, SEALED_CHUNK, size % CHUNK + 16} - {len(data)}:
        if cut < len(data):
            assert opened(data[:-cut]) is None
    assert opened(data + b"x") is None
