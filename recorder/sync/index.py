"""What the receipts say, in one file: a run costs what is unsent, not what was ever stored.

``<sync>/index``: one JSON object, a TAB, its signature by sync's key. Never a proof, only a
shortcut: it counts for a receipt that is there and is the very file that it was made from, and
where it is absent, damaged or signed by another key, every receipt is read again.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from recorder.evidence.chain import Signer
from recorder.evidence.verification_bag import signed
from recorder.shapes import UNREADABLE, Int
from recorder.sync import receipts
from recorder.sync.home import replace
from recorder.sync.readers import Reader

FORMAT = "bodycam-sync-index/1"
NAME = "index"


class File(msgspec.Struct, frozen=True, array_like=True):
    """Which file a receipt is: one that was written anew or changed differs in one of these."""

    inode: Int
    size_bytes: Int
    mtime_ns: Int
    ctime_ns: Int


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A recording's receipts as they were read: of each store that has it when it was read the
    first and the second time ("": not yet), as they say."""

    file: File
    stores: dict[str, tuple[str, str]]


class Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content; ``stored`` by the recording's name, ``docks``: whose second receipts
    counted, as a digest."""

    format: str
    docks: str
    stored: dict[str, Entry]


class Index:
    """The receipts below sync's folder ``home``, as they are now. ``key``: sync's raw public key;
    ``docks`` may have signed second ones.

    Reads only, but for ``save``. OSError where the receipts cannot be looked at.
    """

    def __init__(self, home: Path, key: bytes, docks: Sequence[Reader] = ()) -> None:
        self._path = home / NAME
        self._receipts = home / "receipts"
        self._readers = (Reader(key), *docks)
        self._docks = digest_of(docks)
        self._saved = _load(self._path, key, self._docks)
        self._files = _files(self._receipts)
        self._entries: dict[str, Entry] = {}

    def has(self, recording: str, store_id: str | None = None) -> bool:
        """Whether a store (any, or the given one) has the whole recording, by sync's signature."""
        entry = self._entry(recording)
        if entry is None:
            return False
        return bool(entry.stores) if store_id is None else store_id in entry.stores

    def reads(self, recording: str, store_id: str | None = None) -> tuple[str, str]:
        """When the store that was read most often, or the given one, was read the first and the
        second time; "" where it was not."""
        entry = self._entry(recording)
        found = {} if entry is None else entry.stores
        if store_id is not None:
            return found.get(store_id, ("", ""))
        return max(found.values(), key=lambda reads: bool(reads[1]), default=("", ""))

    def _entry(self, recording: str) -> Entry | None:
        file = self._files.get(recording)
        if file is None:
            return None
        entry = self._saved.get(recording)
        if entry is None or entry.file != file:
            entry = self._entries.get(recording) or self._read(recording, file)
        return entry

    def _read(self, recording: str, file: File) -> Entry:
        found = receipts.vouched(self._receipts, recording, self._readers)
        stores: dict[str, tuple[str, str]] = {}
        for store in dict.fromkeys(line.body.store_id for line in found):
            here = [line for line in found if line.body.store_id == store]
            first = receipts.first(here, store) or here[0]
            second = receipts.twice(here, first.body.tagmanifest_sha256)
            stores[store] = first.body.read, second.body.read if second is not None else ""
        entry = Entry(file, stores)
        self._entries[recording] = entry
        return entry

    def save(self, signer: Signer) -> None:
        """Keep what was read, and drop what has no receipt any more. RecorderError where it fails.

        Durable on return; killed on the way, the one before is still there.
        """
        kept = {name: entry for name, entry in self._saved.items() if name in self._files}
        if not self._entries and len(kept) == len(self._saved):
            return
        self._saved = kept | self._entries
        self._entries = {}
        data = msgspec.json.encode(Saved(FORMAT, self._docks, self._saved))
        replace(self._path, data + b"\t" + base64.b64encode(signer.sign(data)) + b"\n")


def digest_of(docks: Sequence[Reader]) -> str:
    """Another register, another answer to whose second receipts count."""
    return hashlib.sha256(msgspec.json.encode(docks)).hexdigest()


def _load(path: Path, key: bytes, docks: str) -> dict[str, Entry]:
    try:
        data, _, signature = path.read_bytes().rstrip(b"\n").rpartition(b"\t")
        saved = msgspec.json.decode(data, type=Saved)
        fits = (saved.format, saved.docks) == (FORMAT, docks)
        if fits and signed(key, base64.b64decode(signature), data):
            return saved.stored
    except (OSError, ValueError, *UNREADABLE):
        return {}  # only a shortcut: every receipt is read again
    return {}


def _files(folder: Path) -> dict[str, File]:
    found: dict[str, File] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name.removesuffix(".jsonl")
                if name != entry.name:
                    found[name] = _file(entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        return {}
    return found


def _file(status: os.stat_result) -> File:
    return File(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
