"""What recovery set aside travels too: whole, as it is, in a BagIt bag of sync's own making.

Nobody signed for it and nobody judges it here: the manifest says what lay on the card when sync
read it, and the receipt that the store has that.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from recorder.clock import Clock, iso
from recorder.config import Settings
from recorder.evidence import chain
from recorder.evidence.seal import BAGIT, MANIFEST
from recorder.spool import QUARANTINE, is_folder, names, shown
from recorder.sync import bag, keep, receipts, transfer
from recorder.sync.bag import BagFile
from recorder.sync.home import Home
from recorder.sync.progress import Progress
from recorder.sync.receipts import Receipt
from recorder.sync.stores import PIECE, Kept, SourceError, Store

_MOST = 150
_MOST_HOLLOW = 1024 * 1024
_ODD = re.compile(rb"[^A-Za-z0-9.-]|^[.-]")

Guard = Callable[[str, Callable[[], bool]], bool]


def key_of(name: str) -> str:
    """A name as part of a store's key: ``_`` and every byte that no key may have as ``_<hex>``."""
    key = _ODD.sub(lambda odd: b"_" + odd[0].hex().encode(), os.fsencode(name)).decode()
    if len(key) <= _MOST:
        return key
    return f"{key[: _MOST - 9]}_{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"


def label_of(name: str) -> str:
    """What its receipt calls it."""
    return f"{QUARANTINE}-{key_of(name)}"


class Quarantined:
    """One run's hand-over of what lies in quarantine/."""

    def __init__(
        self, settings: Settings, store: Store, home: Home, signer: chain.Signer, clock: Clock,
        progress: Progress, guard: Guard, give_way: Callable[[], None],
    ) -> None:  # fmt: skip
        self._folder = Path(settings.paths.spool) / QUARANTINE
        self._device = settings.device.name
        self._keep = keep.of_quarantine(settings)
        self._store = store
        self._home = home
        self._signer = signer
        self._clock = clock
        self._progress = progress
        self._guard = guard
        self._give_way = give_way

    def all(self) -> list[str]:
        """Those that the store has now and had not before."""
        return [
            name for name in sorted(names(self._folder))
            if not self._stored(name) and self._guard(label_of(name), partial(self._one, name))
        ]  # fmt: skip

    def _stored(self, name: str) -> bool:
        return receipts.is_stored(
            self._home.receipts, label_of(name), self._signer.public, self._store.id
        )

    def _one(self, name: str) -> bool:
        sources, left = self._read(name)
        manifest = "".join(f"{file.sha256}  {file.name}\n" for file in sorted(sources, key=_name))
        last = _in_memory(MANIFEST, manifest.encode())
        self._progress.recording(
            label_of(name), len(sources) + 2, sum(file.size_bytes for file in sources)
        )
        base = f"{self._device}/{QUARANTINE}/{key_of(name)}"
        kept = {file.name: self._file(base, file, path) for file, path in sources.items()}
        kept["bagit.txt"] = self._bytes(base, "bagit.txt", BAGIT)
        self._store.flush()
        kept[MANIFEST] = self._bytes(base, MANIFEST, manifest.encode())
        self._store.flush()
        files = (*sources, _in_memory("bagit.txt", BAGIT), last)
        transfer.nothing_foreign(self._store, base, files)
        read_ns, our_ns = self._store.time_ns(), self._clock.utc_ns()
        receipts.issue(
            self._home.receipts,
            Receipt(
                format=receipts.FORMAT,
                recording=label_of(name),
                device=self._device,
                store=self._store.name,
                store_id=self._store.id,
                files=len(files),
                bytes=sum(file.size_bytes for file in files),
                tagmanifest_sha256=last.sha256,
                stored=iso(kept[MANIFEST].mtime_ns),
                read=iso(read_ns),
                read_back=1,
                clock_offset_ms=round((our_ns - read_ns) / 1_000_000),
                left=left,
                **receipts.as_told(kept),
            ),
            self._signer,
            self._clock,
        )
        self._progress.stored(label_of(name))
        return True

    def _file(self, base: str, file: BagFile, path: Path) -> Kept:
        self._give_way()
        source = partial(bag.source, path)
        key = f"{base}/{file.name}"
        moved = self._progress.moved
        return transfer.settle(self._store, key, file, source, moved, self._keep).kept

    def _bytes(self, base: str, name: str, data: bytes) -> Kept:
        return transfer.settle_bytes(self._store, f"{base}/{name}", data, self._keep).kept

    def _read(self, name: str) -> tuple[dict[BagFile, Path], tuple[str, ...]]:
        """Every regular file of it; what else there is (links, pipes, holes) is only named."""
        top = self._folder / name
        found: dict[BagFile, Path] = {}
        left: list[str] = []
        try:
            for path in _inside(top):
                parts = path.relative_to(self._folder).parts[1:] or (name,)
                if chain.is_plain(path) and not _is_hollow(path):
                    key = "/".join(("data", *(key_of(part) for part in parts)))
                    found[self._hashed(key, path)] = path
                elif not is_folder(path):
                    left.append(shown("/".join(parts)))
        except OSError as error:
            raise SourceError(
                "source-unreadable", f"cannot read it: {error.strerror}", where=str(top),
                remedy="Put sync's user into the spool's group; it stays and is tried again",
            ) from error  # fmt: skip
        return found, tuple(sorted(left))

    def _hashed(self, name: str, path: Path) -> BagFile:
        """Read from the card, which is the recorder's while a recording is open."""
        digest = hashlib.sha256()
        size_bytes = 0
        self._give_way()
        with bag.source(path) as file:
            while piece := file.read(PIECE):
                digest.update(piece)
                size_bytes += len(piece)
                self._give_way()
        return BagFile(name, size_bytes, digest.hexdigest())


def _is_hollow(path: Path) -> bool:
    """Larger than what the card holds of it: such a file, of a damaged file system or somebody's
    making, may be larger than the card and the store."""
    status = path.lstat()
    return status.st_size - status.st_blocks * 512 > _MOST_HOLLOW


def _inside(top: Path) -> Iterator[Path]:
    """It, and everything in it; no link is followed."""
    yield top
    if is_folder(top):
        for name in sorted(os.listdir(top)):
            yield from _inside(top / name)


def _in_memory(name: str, data: bytes) -> BagFile:
    return BagFile(name, len(data), hashlib.sha256(data).hexdigest())


def _name(file: BagFile) -> str:
    return file.name
