"""The index spares reading receipts, and never says more than they do."""

import base64
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from recorder.evidence import keys
from recorder.sync import receipts, worker
from recorder.sync.home import Home
from recorder.sync.index import FORMAT, Entry, File, Index, Saved, digest_of
from recorder.sync.progress import Quiet
from recorder.sync.readers import Reader
from recorder.sync.summary import Summary
from tests.unit.sync.spools import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    for _ in range(3):
        made.recording(10)
    run(made)
    run(made)  # the index is made of what the run before had stored
    return made


def run(place: Place) -> Summary:
    return worker.run_once(place.settings, Quiet(), clock=place.clock)


def index(place: Place) -> Path:
    return place.sync / "index"


def names(place: Place) -> list[str]:
    return sorted(path.stem for path in (place.sync / "receipts").iterdir())


def none_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which receipts are read from now on."""
    read: list[str] = []
    vouched = receipts.vouched

    def noted(folder: Path, recording: str, readers: Sequence[Reader]) -> object:
        read.append(recording)
        return vouched(folder, recording, readers)

    monkeypatch.setattr(receipts, "vouched", noted)
    return read


def test_a_run_reads_only_the_receipts_that_are_new(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = none_read(monkeypatch)
    assert run(place).stored_before == 3 and read == []
    new = place.recording(10)
    assert run(place).stored == (new.name,)
    read.clear()
    assert run(place).stored_before == 4 and read == [new.name]
    read.clear()
    assert run(place).stored_before == 4 and read == []


def _gone(path: Path) -> None:
    path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _changed(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"00000001", b"00000009"))


def _noise(path: Path) -> None:
    path.write_bytes(b"[" * 100_000)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [_gone, _empty, _cut, _changed, _noise, _folder])
def test_without_it_a_run_is_slow_and_nothing_else(
    place: Place, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = index(place).read_bytes()
    damage(index(place))
    read = none_read(monkeypatch)
    assert run(place).stored_before == 3
    assert sorted(read) == names(place)
    if damage is not _folder:  # that one needs a person, and is noted
        assert index(place).read_bytes() == before


def test_a_recording_without_receipt_is_sent_whatever_the_index_says(place: Place) -> None:
    name = names(place)[1]
    receipts.path_of(place.sync / "receipts", name).unlink()
    summary = run(place)
    assert (summary.stored, summary.stored_before) == ((name,), 2)


def test_a_receipt_that_was_changed_in_place_counts_for_nothing(place: Place) -> None:
    path = receipts.path_of(place.sync / "receipts", names(place)[0])
    status = path.stat()
    with path.open("r+b") as file:
        data = file.read()
        file.seek(data.index(b'"files":') + 8)
        file.write(b"9")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert not Index(place.sync, place.key).has(path.stem)
    assert run(place).stored == (path.stem,)


def test_an_index_that_another_key_signed_says_nothing(place: Place) -> None:
    new = place.recording(10)
    forged = receipts.path_of(place.sync / "receipts", new.name)
    forged.write_bytes(b"no receipt\n")
    status = forged.stat()
    file = File(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    data = msgspec.json.encode(
        Saved(FORMAT, digest_of(()), {new.name: Entry(file, {"x": ("", "")})})
    )

    def put(signature: bytes) -> bool:
        index(place).write_bytes(data + b"\t" + base64.b64encode(signature) + b"\n")
        return Index(place.sync, place.key).has(new.name)

    assert not put(keys.ephemeral().sign(data))
    assert not put(bytes(64))
    assert put(Home(place.sync).signer().sign(data))  # so it was the signature that refused


def test_another_store_is_another_question(place: Place) -> None:
    found = Index(place.sync, place.key)
    assert found.has(names(place)[0]) and not found.has(names(place)[0], "another")


def test_who_may_not_write_it_reads_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.recording(10)
    run(place)
    read = none_read(monkeypatch)
    found = Index(place.sync, place.key)
    assert sum(found.has(name) for name in names(place)) == 4 and len(read) == 1
