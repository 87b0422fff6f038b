"""A run of sync over small spools and a directory store."""

import io
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from recorder import config
from recorder.errors import RecorderError
from recorder.evidence import chain, lines
from recorder.sync import configured, receipts, worker
from recorder.sync.home import Home
from recorder.sync.progress import Bar, Quiet
from recorder.sync.stores import (
    Keep,
    Kept,
    Moved,
    Sort,
    Source,
    Stat,
    Store,
    StoreError,
    marker,
)
from recorder.sync.stores.directory import PARTS
from recorder.sync.summary import Summary
from tests.unit.sync.spools import DEVICE, Place, tree


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def run(place: Place, **more: Any) -> Summary:
    return worker.run_once(place.settings, Quiet(), clock=place.clock, **more)


def codes(summary: Summary) -> list[str]:
    return [finding.code for finding in summary.findings]


def test_a_sealed_bag_arrives_whole_with_its_day_its_ledger_and_a_receipt(place: Place) -> None:
    bag = place.recording(3_000_000, 0, 70_000)
    summary = run(place)
    assert summary.exit_code == 0 and summary.stored == (bag.name,)
    assert tree(place.stored(bag)) == tree(bag)
    day = place.store / DEVICE / "days" / "2026-11-23" / bag.name
    assert day.read_bytes() == b""
    kept = sorted((place.store / DEVICE / "ledger").iterdir())
    assert [path.name for path in kept] == ["000000000000", "000000000001"]
    assert (
        b"".join(p.read_bytes() for p in kept) == (place.spool / "ledger/0001.jsonl").read_bytes()
    )
    assert receipts.is_stored(place.sync / "receipts", bag.name, place.key)
    assert not (place.store / DEVICE / PARTS).exists()


def test_a_second_run_sends_nothing_and_says_what_was_stored_before(place: Place) -> None:
    place.recording()
    run(place)
    before = tree(place.store)
    summary = run(place)
    assert (summary.stored, summary.stored_before) == ((), 1)
    assert (summary.sent_files, summary.present_files, summary.ledger_lines) == (0, 0, 0)
    assert tree(place.store) == before


def test_without_its_own_notes_sync_compares_everything_and_sends_nothing(place: Place) -> None:
    bag = place.recording()
    run(place)
    for name in ("receipts", "ledger.json", "owner"):
        path = place.sync / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    summary = run(place)
    assert summary.stored == (bag.name,)
    assert summary.sent_files == 0 and summary.present_files > 5
    assert summary.ledger_lines == 0


def test_what_is_not_sealed_stays_on_the_device(place: Place) -> None:
    folder = place.begin()
    summary = run(place)
    assert (summary.not_sealed, summary.stored) == (1, ())
    assert not place.stored(folder).exists()


def test_the_receipt_says_what_the_store_has_and_is_signed(place: Place) -> None:
    bag = place.recording(5000)
    run(place)
    (line,) = receipts.load(place.sync / "receipts", bag.name, place.key)
    body = line.body
    sizes = [path.stat().st_size for path in bag.rglob("*") if path.is_file()]
    assert (body.files, body.bytes) == (len(sizes), sum(sizes))
    assert (body.recording, body.device, body.store) == (bag.name, DEVICE, "township")
    assert body.tagmanifest_sha256 == tree(bag)["tagmanifest-sha256.txt"]
    assert body.stored <= body.read


def test_a_receipt_that_was_changed_or_signed_by_another_key_is_none(place: Place) -> None:
    bag = place.recording()
    run(place)
    folder = place.sync / "receipts"
    path = receipts.path_of(folder, bag.name)
    good = path.read_bytes()
    assert not receipts.is_stored(folder, bag.name, b"\1" * 32)
    path.write_bytes(good.replace(b'"read_back":1', b'"read_back":2'))
    assert not receipts.is_stored(folder, bag.name, place.key)
    path.write_bytes(good)
    receipts.path_of(folder, "bc-001-00000009-0000").write_bytes(good)
    assert not receipts.is_stored(folder, "bc-001-00000009-0000", place.key)


def test_a_receipt_is_for_one_store_and_a_second_one_is_chained_to_it(
    place: Place, tmp_path: Path
) -> None:
    bag = place.recording()
    run(place)
    folder = place.sync / "receipts"
    assert receipts.is_stored(folder, bag.name, place.key)
    assert not receipts.is_stored(folder, bag.name, place.key, "another store")
    first = receipts.load(folder, bag.name, place.key)[0]
    receipts.issue(folder, first.body, Home(place.sync).signer(), place.clock)
    both = receipts.load(folder, bag.name, place.key)
    assert [line.header.n for line in both] == [0, 1]
    assert both[1].header.prev == first.sha256


def test_another_file_under_our_name_is_never_overwritten_and_set_aside(place: Place) -> None:
    bag, other = place.recording(9000), place.recording(100)
    foreign = place.stored(bag) / "data" / "segments" / "0001.mp4.age"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"something else")
    for _ in range(2):
        summary = run(place)
        assert codes(summary) == ["store-conflict"] and summary.exit_code == 1
        assert foreign.read_bytes() == b"something else"
        assert not (place.stored(bag) / "tagmanifest-sha256.txt.sig").exists()
        assert (place.sync / "aside" / f"{bag.name}.json").exists()
        assert not receipts.is_stored(place.sync / "receipts", bag.name, place.key)
    assert receipts.is_stored(place.sync / "receipts", other.name, place.key)
    foreign.unlink()
    summary = run(place)
    assert summary.stored == (bag.name,) and summary.exit_code == 0
    assert not (place.sync / "aside" / f"{bag.name}.json").exists()


def test_what_is_set_aside_is_not_read_whole_again_on_every_run(place: Place) -> None:
    bag = place.recording(4_000_000, 10)
    run(place)
    shutil.rmtree(place.sync / "receipts")
    stored = place.stored(bag) / "data" / "segments" / "0002.mp4.age"
    stored.write_bytes(b"0123456789")
    assert codes(run(place)) == ["store-conflict"]
    again = run(place)
    assert codes(again) == ["store-conflict"] and again.present_bytes == 0


def test_a_byte_that_turned_in_the_store_before_the_receipt_is_found(place: Place) -> None:
    bag = place.recording(200_000)
    run(place)
    receipts.path_of(place.sync / "receipts", bag.name).unlink()
    stored = place.stored(bag) / "data" / "segments" / "0001.mp4.age"
    data = bytearray(stored.read_bytes())
    data[100_000] ^= 1
    stored.write_bytes(data)
    assert codes(run(place)) == ["store-conflict"]
    assert stored.read_bytes() == data


class Lying:
    """A store that holds other than it was given, for one name."""

    def __init__(self, inner: Store, name: str) -> None:
        self._inner, self._name = inner, name
        self.id, self.name, self.lanes = inner.id, inner.name, inner.lanes

    def put(
        self, key: str, source: Source, size_bytes: int, sha256: str, moved: Moved, keep: Keep
    ) -> None:
        self._inner.put(key, source, size_bytes, sha256, moved, keep)

    def assure(self, key: str, size_bytes: int, sha256: str, keep: Keep) -> Kept:
        return self._inner.assure(key, size_bytes, sha256, keep)

    def stat(self, key: str) -> Stat | None:
        return self._inner.stat(key)

    def read(self, key: str) -> Iterator[memoryview]:
        for piece in self._inner.read(key):
            if key.endswith(self._name):
                piece[0] ^= 1
            yield piece

    def list(self, prefix: str, limit: int) -> tuple[str, ...]:
        return self._inner.list(prefix, limit)

    def flush(self) -> None:
        self._inner.flush()

    def time_ns(self) -> int:
        return self._inner.time_ns()

    def close(self) -> None:
        self._inner.close()


@pytest.mark.parametrize("name", ["0001.mp4.age", "bagit.txt", "tagmanifest-sha256.txt.sig"])
def test_a_read_back_that_differs_is_never_called_stored(place: Place, name: str) -> None:
    bag = place.recording()
    summary = run(
        place, open_store=lambda s, owner: Lying(configured.open_directory(s, owner), name)
    )
    assert codes(summary) == ["store-damaged"]
    assert not receipts.is_stored(place.sync / "receipts", bag.name, place.key)


def test_a_foreign_file_in_the_stored_bag_is_found_and_left_alone(place: Place) -> None:
    bag = place.recording()
    foreign = place.stored(bag) / "data" / "planted.bin"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"planted")
    for _ in range(2):
        assert codes(run(place)) == ["store-foreign"]
        assert foreign.exists()
    foreign.unlink()
    assert run(place).stored == (bag.name,)


def test_a_foreign_file_in_the_spool_stays_there_and_the_receipt_names_it(place: Place) -> None:
    bag = place.recording()
    (bag / "data" / "note.txt").write_text("not sealed")
    summary = run(place)
    assert codes(summary) == ["foreign-file"] and summary.stored == (bag.name,)
    assert not (place.stored(bag) / "data" / "note.txt").exists()
    (line,) = receipts.load(place.sync / "receipts", bag.name, place.key)
    assert line.body.left == ("data/note.txt",)


def _missing(bag: Path) -> None:
    (bag / "data/segments/0001.mp4.age").unlink()


def _flipped(bag: Path) -> None:
    path = bag / "data/segments/0001.mp4.age"
    path.write_bytes(bytes(1000))


def _longer(bag: Path) -> None:
    with (bag / "data/segments/0001.mp4.age").open("ab") as file:
        file.write(b"x")


def _manifest(bag: Path) -> None:
    path = bag / "manifest-sha256.txt"
    path.write_bytes(path.read_bytes().replace(b"0001", b"0002"))


def _signature(bag: Path) -> None:
    (bag / "tagmanifest-sha256.txt.sig").write_bytes(bytes(64))


def _short_signature(bag: Path) -> None:
    (bag / "tagmanifest-sha256.txt.sig").write_bytes(b"")


def _journal(bag: Path) -> None:
    (bag / "data/journal.jsonl").write_bytes(b"\x00\xff" * 1000)


def _link(bag: Path) -> None:
    path = bag / "data/segments/0001.mp4.age"
    path.unlink()
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    "damage",
    [_missing, _flipped, _longer, _manifest, _signature, _short_signature, _journal, _link],
)
def test_a_bag_that_is_not_as_it_was_sealed_never_looks_whole_in_the_store(
    place: Place, damage: Callable[[Path], None]
) -> None:
    bag, other = place.recording(), place.recording()
    damage(bag)
    summary = run(place)
    assert summary.exit_code == 1 and len(summary.findings) == 1
    assert summary.stored == (other.name,)
    assert not (place.stored(bag) / "tagmanifest-sha256.txt.sig").exists()
    assert not receipts.is_stored(place.sync / "receipts", bag.name, place.key)


def test_a_manifest_that_leads_out_of_the_bag_is_refused(place: Place) -> None:
    bag = place.begin()
    (bag / "data" / "we ird").write_bytes(b"")
    place.seal(bag)
    assert codes(run(place)) == ["key-unsafe"]


def test_no_store_in_the_folder_is_an_error_and_nothing_is_written_there(place: Place) -> None:
    place.recording()
    run(place)
    place.recording()
    place.recording()
    place.begin()
    shutil.rmtree(place.store)
    place.store.mkdir()
    said: list[str] = []
    stream = io.StringIO()
    with pytest.raises(StoreError, match=r"Mount it first\. .*provision store") as caught:
        worker.run_once(
            place.settings, Bar(stream, place.clock), clock=place.clock, say=said.append
        )
    assert "0 recordings stored now, 1 before, 2 wait, 1 not sealed yet" in stream.getvalue()
    assert (caught.value.code, caught.value.sort) == ("store-gone", Sort.LATER)
    assert caught.value.where == f"key sync.store: {place.store}"
    assert said == ["store_gone"] and list(place.store.iterdir()) == []


def test_no_store_configured_and_no_key_name_their_remedy(place: Place) -> None:
    (place.sync / "sync.key").unlink()
    with pytest.raises(RecorderError, match=r"provision sync .* --name NAME --township DIR"):
        run(place)
    place.settings = msgspec.structs.replace(place.settings, sync=config.Sync())
    with pytest.raises(RecorderError, match=r"recorder\.toml"):
        run(place)


def test_a_recorder_that_does_not_answer_hides_no_error(place: Place) -> None:
    (place.store / ".bodycam-store").unlink()

    def say(phrase: str) -> None:
        raise RecorderError("not-running", "nobody answers")

    with pytest.raises(StoreError):
        run(place, say=say)


def test_a_second_sync_says_that_it_waits_for_the_first_and_that_it_was_in_vain(
    place: Place,
) -> None:
    told: list[str] = []

    class Notes(Quiet):
        def note(self, text: str) -> None:
            told.append(text)

    with (
        Home(place.sync).locked(0),
        pytest.raises(RecorderError, match="another sync is running") as caught,
    ):
        worker.run_once(place.settings, Notes(), clock=place.clock, wait_s=0.6)
    assert caught.value.code == "sync-busy"
    assert told == ["another sync is running: waiting for its end, 1 s at most"]
    assert run(place).exit_code == 0


def test_a_stop_between_two_files_loses_nothing(place: Place) -> None:
    bag = place.recording(10, 10)
    stop = threading.Event()
    stop.set()
    assert run(place, stop=stop).stored == ()
    assert run(place).stored == (bag.name,)


def test_a_ledger_line_that_the_store_has_otherwise_is_a_finding(place: Place) -> None:
    place.recording()
    path = place.store / DEVICE / "ledger" / "000000000000"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"from another device of this name\n")
    for _ in range(2):
        assert codes(run(place)) == ["store-conflict"]
    assert (path.parent / "000000000001").exists()
    assert path.read_bytes() == b"from another device of this name\n"


def test_a_damaged_ledger_line_is_a_finding_and_the_others_travel(place: Place) -> None:
    place.recording()
    path = place.spool / "ledger" / "0001.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first[:-1].replace(b"\t", b" ") + b"\n" + second + b'{"n":2,')
    assert codes(run(place)) == ["ledger-damaged"]
    names = sorted(p.name for p in (place.store / DEVICE / "ledger").iterdir())
    assert names == ["000000000001"]


def test_lines_that_a_later_ledger_file_repeats_come_from_the_later_file(place: Place) -> None:
    folder = place.spool / "ledger"
    place.recording()
    place.recording()
    first, second, third = (folder / "0001.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "0001.jsonl").write_bytes(first + second[:-9] + b"AAAAAAA=\n" + third)
    (folder / "0002.jsonl").write_bytes(second + third)
    assert run(place).exit_code == 0
    kept = place.store / DEVICE / "ledger"
    assert (kept / "000000000001").read_bytes() == second
    found = [
        item
        for item in chain.read(sorted(kept.iterdir()), lines.Ledger, place.signer.public)
        if isinstance(item, chain.Defect)
    ]
    assert found == []


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"\xff", b'{"recording": 1}', b'{"x":' + b"[" * 100_000, b'{"a":' * 100_000],
    ids=["empty", "null", "no-text", "shape", "brackets", "braces"],
)
def test_nonsense_in_syncs_own_folder_is_as_if_nothing_were_there(
    place: Place, data: bytes
) -> None:
    home = Home(place.sync)
    (place.sync / "ledger.json").write_bytes(data)
    (home.aside / "x.json").write_bytes(data)
    assert home.sent("store") == 0
    assert home.is_aside("x") is None
    with pytest.raises(StoreError, match="not a store's marker"):
        marker.parse(data, str(place.store))


def test_a_spool_that_began_as_another_devices_is_refused_before_the_first_byte(
    place: Place,
) -> None:
    place.recording(1000)
    for path in chain.files(place.spool / "ledger", ""):
        path.unlink()
    log = chain.Log.create(place.spool / "ledger", "", place.signer, place.clock)
    log.append(lines.Boot(format="f", device="bc-002", software="", key="", key_kind="device"))
    log.sync()
    before = tree(place.store)
    with pytest.raises(RecorderError, match="this spool's ledger is bc-002's") as found:
        run(place)
    assert found.value.where == "key device.name"
    assert tree(place.store) == before
