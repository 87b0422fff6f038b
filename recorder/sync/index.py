"""What the receipts say, in one file: a run costs what is unsent, not what was ever stored.

``<sync>/index``: one JSON object, a TAB, its signature by sync's key. Never a proof, only a
shortcut: it counts for a receipt that is there and is the very file that it was made from, and
where it is absent, damaged or signed by another key, every receipt is read again.
"""

import base64
import os
from pathlib import Path

import msgspec

from recorder.evidence.chain import Signer
from recorder.evidence.verification_bag import signed
from recorder.shapes import UNREADABLE, Int
from recorder.sync import receipts
from recorder.sync.home import replace

FORMAT = "bodycam-sync-index/1"
NAME = "index"


class File(msgspec.Struct, frozen=True, array_like=True):
    """Which file a receipt is: one that was written anew or changed differs in one of these."""

    inode: Int
    size_bytes: Int
    mtime_ns: Int
    ctime_ns: Int


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A recording's receipts as they were read: the ids of the stores that have it."""

    file: File
    stores: tuple[str, ...]


class Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content; ``stored`` by the recording's name."""

    format: str
    stored: dict[str, Entry]


class Index:
    """The receipts below sync's folder ``home``, as they are now. ``key``: sync's raw public key.

    Reads only, but for ``save``. OSError where the receipts cannot be looked at.
    """

    def __init__(self, home: Path, key: bytes) -> None:
        self._path = home / NAME
        self._receipts = home / "receipts"
        self._key = key
        self._saved = _load(self._path, key)
        self._files = _files(self._receipts)
        self._entries: dict[str, Entry] = {}

    def has(self, recording: str, store_id: str | None = None) -> bool:
        """Whether a store (any, or the given one) has the whole recording, by sync's signature."""
        file = self._files.get(recording)
        if file is None:
            return False
        entry = self._saved.get(recording)
        if entry is None or entry.file != file:
            entry = self._entries.get(recording) or self._read(recording, file)
        return bool(entry.stores) if store_id is None else store_id in entry.stores

    def _read(self, recording: str, file: File) -> Entry:
        found = receipts.load(self._receipts, recording, self._key)
        entry = Entry(file, tuple(dict.fromkeys(line.body.store_id for line in found)))
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
        data = msgspec.json.encode(Saved(FORMAT, self._saved))
        replace(self._path, data + b"\t" + base64.b64encode(signer.sign(data)) + b"\n")


def _load(path: Path, key: bytes) -> dict[str, Entry]:
    try:
        data, _, signature = path.read_bytes().rstrip(b"\n").rpartition(b"\t")
        saved = msgspec.json.decode(data, type=Saved)
        if saved.format == FORMAT and signed(key, base64.b64decode(signature), data):
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
