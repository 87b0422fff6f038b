"""The dock's own machine reads back what devices stored, on their behalf, and signs with its key.

It has neither spool nor device: what a bag must be it learns from the stored manifests, which the
device's first receipt names, from nothing else. Writes receipts into the store and its own notes.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from recorder.clock import NS, Clock, iso
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.evidence import chain, keys
from recorder.evidence.register import Register
from recorder.evidence.seal import MANIFEST, SIGNATURE, TAGMANIFEST
from recorder.evidence.verification_bag import signed
from recorder.evidence.verification_lines import raw_key
from recorder.sync import bag, keep, readers, receipts, shelf
from recorder.sync.bag import BagFile
from recorder.sync.home import Home
from recorder.sync.pace import Manner, Pace, PacedStore
from recorder.sync.progress import Progress
from recorder.sync.reading import Reading
from recorder.sync.receipts import Receipt
from recorder.sync.second import again
from recorder.sync.stores import Conflict, Kept, Lost, Sort, SourceError, Store, StoreError
from recorder.sync.summary import Finding, Summary

_MOST_BYTES = 64 * 1024 * 1024
_ALL = 1 << 62
OpenStore = Callable[[Settings, str], Store]


def read_back(
    settings: Settings,
    progress: Progress,
    *,
    clock: Clock,
    open_store: OpenStore,
    devices: Sequence[str] = (),
    stop: threading.Event | None = None,
    wait_s: float = 600.0,
) -> Summary:
    """Read back a second time what was stored a day ago, of ``devices`` or all that the register
    names, oldest first; each has its second receipt in the store when it is counted.

    Raises RecorderError where it cannot run: no register, no key of a dock or no such device in
    it, no store.
    """
    home = Home(Path(settings.paths.sync))
    stop = stop or threading.Event()
    pace = Pace(settings.sync.limit_kbps, lambda: False, clock, stop, progress.note)
    with home.locked(wait_s, progress.note):
        signer = home.signer("dock")
        listed = _register(Path(settings.paths.keys), signer)
        known = sorted({key.name for key in listed.keys if key.role == "device"})
        _all_known(devices, known)
        store = PacedStore(open_store(settings, home.owner), pace, Manner.FINISH)
        run = _Run(settings, home, store, signer, listed, clock, progress, stop)
        try:
            run.all(devices or known)
        finally:
            store.close()
            summary = run.summary()
            progress.end(summary)
    return summary


def _register(folder: Path, signer: chain.Signer) -> Register:
    listed = readers.load_register(folder)
    if listed is None:
        raise RecorderError(
            "no-register", "a dock reads back only what registered keys signed", where=str(folder),
            remedy="Copy register.json, register.json.sig and township.pem into paths.keys",
        )  # fmt: skip
    if listed.find("dock", keys.base64_public(signer)) is None:
        raise RecorderError(
            "dock-unknown", "the register does not know this dock's key",
            where=str(folder),
            remedy="Register it with `recorder provision dock FOLDER --township DIR`, and copy "
            "the register here and to the devices",
        )  # fmt: skip
    return listed


def _all_known(devices: Sequence[str], known: Sequence[str]) -> None:
    for name in devices:
        if name not in known:
            raise RecorderError(
                "device-unknown", "the register has no such device", where=f"--device {name}",
                remedy=f"Devices there: {', '.join(known) or 'none'}",
            )  # fmt: skip


class _Run:
    def __init__(
        self, settings: Settings, home: Home, store: Store, signer: chain.Signer, listed: Register,
        clock: Clock, progress: Progress, stop: threading.Event,
    ) -> None:  # fmt: skip
        self._keep = keep.of_ledger(settings)
        self._store = store
        self._signer = signer
        self._listed = listed
        self._syncs = readers.syncs(listed)
        self._clock = clock
        self._progress = progress
        self._stop = stop
        self._reading = Reading(store, home, self._stop, progress.moved, _ALL)
        self._twice = 0
        self._findings: list[Finding] = []
        self._devices = 0

    def summary(self) -> Summary:
        """What was done so far."""
        return Summary(
            store=self._store.name, read_twice=self._twice, read_files=self._reading.files,
            read_bytes=self._reading.size_bytes, devices=self._devices,
            findings=tuple(self._findings),
        )  # fmt: skip

    def all(self, devices: Sequence[str]) -> None:
        """The oldest days first, and what is named first within a day."""
        self._devices = len(devices)
        now_ns = self._store.time_ns()
        due = [line for device in devices for line in self._due(device, now_ns)]
        due.sort(key=lambda line: (line.body.read, line.body.recording))
        total = sum(line.body.files for line in due), sum(line.body.bytes for line in due)
        self._progress.begin(self._store.name, len(due), *total)
        for line in due:
            if self._stop.is_set():
                self._progress.note("stopped; the rest is read next time")
                return
            self._guarded(line)

    def _due(self, device: str, now_ns: int) -> Iterator[chain.Line]:
        """First receipts without a second one, old enough, that a registered sync signed."""
        today = datetime.fromtimestamp(now_ns // NS, UTC)
        for back in range(shelf.DAYS, 0, -1):
            day = f"{today - timedelta(days=back):%Y-%m-%d}"
            there = set(self._store.list(shelf.folder_of(device, day), shelf.MOST_A_DAY))
            for key in sorted(there):
                if not key.endswith("-1") or f"{key[:-1]}2" in there:
                    continue
                line = shelf.get(self._store, key)
                if line is None or not self._is_first(line, device, key):
                    self._found(
                        "", Conflict("receipt-unknown", key, "no registered sync signed it")
                    )
                elif receipts.is_later(line.body.read, iso(now_ns)):
                    yield line

    def _is_first(self, line: chain.Line, device: str, key: str) -> bool:
        body = line.body
        return (
            (body.read_back, body.device, body.store_id) == (1, device, self._store.id)
            and shelf.key_of(body, 1) == key
            and any(reader.signed(line.raw, body) for reader in self._syncs)
        )

    def _guarded(self, line: chain.Line) -> None:
        name = line.body.recording
        self._progress.recording(name, line.body.files, line.body.bytes)
        try:
            done = self._one(line)
        except StoreError as error:
            if error.sort is not Sort.NEVER:
                raise
            self._found(name, error)
        except SourceError as error:
            self._found(name, error)
        else:
            self._twice += done

    def _one(self, line: chain.Line) -> bool:
        first: Receipt = line.body
        base = f"{first.device}/{first.recording}"
        files = self._files(first, base)
        if not self._reading.whole(base, files, line.sha256):
            return False
        stat = self._store.stat(f"{base}/{SIGNATURE}")
        if stat is None:
            raise Lost(f"{base}/{SIGNATURE}", "it vanished")
        body = msgspec.structs.replace(
            again(first, Kept(mtime_ns=stat.mtime_ns), self._store, self._clock),
            versions={}, locked_until="", hold=False, digests=0, duplicates=0,  # not asked for
        )  # fmt: skip
        written = receipts.after(line, body, self._signer, self._clock)
        shelf.put(self._store, first, 2, written.line, self._keep)
        self._reading.over()
        return True

    def _files(self, first: Receipt, base: str) -> list[BagFile]:
        """What the stored bag must be. Conflict, SourceError where it is not what the first receipt
        was signed for."""
        listing = self._fetch(f"{base}/{TAGMANIFEST}")
        if hashlib.sha256(listing).hexdigest() != first.tagmanifest_sha256:
            raise Conflict("store-conflict", f"{base}/{TAGMANIFEST}", "its receipt names another")
        signature = self._fetch(f"{base}/{SIGNATURE}")
        if not any(signed(key, signature, listing) for key in self._sealers(first.device)):
            raise Conflict("store-conflict", f"{base}/{SIGNATURE}", "no registered key sealed it")
        named = bag.listed(Path(base), listing, self._fetch(f"{base}/{MANIFEST}"))
        named.append((SIGNATURE, hashlib.sha256(signature).hexdigest()))
        files = [BagFile(name, self._size(f"{base}/{name}"), digest) for name, digest in named]
        if (len(files), sum(file.size_bytes for file in files)) != (first.files, first.bytes):
            raise Conflict("store-conflict", base, "it is not as large as its receipt says")
        return files

    def _sealers(self, device: str) -> Iterator[bytes]:
        for key in self._listed.keys:
            if (key.role == "device" and key.name == device) or key.role == "desk":
                yield raw_key(key.public) or b""

    def _size(self, key: str) -> int:
        stat = self._store.stat(key)
        if stat is None:
            raise Lost(key, "it was read back once and is not there now")
        return stat.size_bytes

    def _fetch(self, key: str) -> bytes:
        self._size(key)
        data = bytearray()
        for piece in self._store.read(key):
            data += piece
            if len(data) > _MOST_BYTES:
                raise Conflict("store-conflict", key, "too long to be a tag file")
        return bytes(data)

    def _found(self, recording: str, error: RecorderError) -> None:
        finding = Finding.of(recording, error)
        self._findings.append(finding)
        self._progress.found(finding)
