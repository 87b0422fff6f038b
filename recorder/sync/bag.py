"""A sealed recording as sync sees it: what its manifests list, in the order in which it travels.

Reads names, sizes and tag files, never media. It does not judge evidence: that is verify's work.
"""

import base64
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from recorder.evidence import chain, lines
from recorder.evidence.seal import MANIFEST, SIGNATURE, TAGMANIFEST
from recorder.evidence.verification_bag import signed
from recorder.evidence.verification_lines import desk_key
from recorder.sync.stores import SourceError, check_key

_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
_OXUM = re.compile(rb"^Payload-Oxum: (\d{1,15})\.(\d{1,9})\s*$", re.MULTILINE)
_FIRST = "data/journal.jsonl"
_JOURNAL = re.compile(r"data/journal(?:-([0-9]+))?\.jsonl")
_MAX_TAG = 64 * 1024 * 1024
_REMEDY = "Run `recorder verify` on it; it stays on the device and is tried again"


class BagFile(msgspec.Struct, frozen=True):
    """One file: path in the bag, size and digest as signed for."""

    name: str
    size_bytes: int
    sha256: str


class Bag(msgspec.Struct, frozen=True):
    """``files`` in the order of travel: payload, tag files; the signature stands alone, last.

    ``day`` is the local day of line 0, ``retention`` that of its act (""
    without one); ``left`` what lies in the folder and is listed nowhere.
    """

    recording: str
    folder: Path
    day: str
    retention: str
    files: tuple[BagFile, ...]
    signature: BagFile
    left: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """All files, the signature included."""
        return sum(file.size_bytes for file in self.files) + self.signature.size_bytes

    @property
    def stages(self) -> tuple[tuple[BagFile, ...], tuple[BagFile, ...]]:
        """(what must have arrived first, the journal's first file with all that follows it)."""
        names = [file.name for file in self.files]
        at = names.index(_FIRST) if _FIRST in names else len(names)
        return self.files[:at], self.files[at:]

    @property
    def tagmanifest_sha256(self) -> str:
        """Digest of the signed file."""
        return self.files[-1].sha256


def load(folder: Path) -> Bag:
    """Read a sealed bag. SourceError where it is not whole or its signature does not fit.

    The seal is on the card for certain, so that no power cut can make the device seal it anew.
    """
    _settle(folder)
    listing = _tag(folder, TAGMANIFEST)
    signature = _tag(folder, SIGNATURE)
    header, opened = line_0(folder)
    try:
        public = base64.b64decode(opened.key, validate=True)
        if not signed(public, signature, listing):  # or a desk closed it for a dead device
            public = desk_key(chain.files(folder / "data", "journal")) or public
        Ed25519PublicKey.from_public_bytes(public).verify(signature, listing)
    except OSError as error:
        raise _unreadable(folder / "data", error) from error
    except (InvalidSignature, ValueError) as error:
        raise _broken(folder / SIGNATURE, "the seal's signature does not fit") from error
    named = listed(folder, listing, _tag(folder, MANIFEST))
    files = tuple(BagFile(name, _size(folder / name), digest) for name, digest in named)
    known = {file.name for file in files} | {SIGNATURE}
    return Bag(
        folder.name,
        folder,
        day_of(header, opened),
        retention_of(opened),
        files,
        BagFile(SIGNATURE, len(signature), hashlib.sha256(signature).hexdigest()),
        tuple(sorted(name for name in _names(folder) if name not in known)),
    )


def _journal_last(name: str) -> tuple[bool, int, str]:
    """Other payload by name, then the journal's files, the first one last: where it has arrived,
    so has all that it speaks of."""
    journal = _JOURNAL.fullmatch(name)
    return (False, 0, name) if journal is None else (True, -int(journal[1] or 1), name)


def listed(folder: Path, listing: bytes, manifest: bytes) -> list[tuple[str, str]]:
    """(name, digest) of every file but the signature, in the order of travel, by the signed
    ``listing`` (the tag manifest) and the manifest that it names. SourceError where they do not
    fit; ``folder`` only says where."""
    tags = _entries(folder / TAGMANIFEST, listing)
    if dict(tags).get(MANIFEST) != hashlib.sha256(manifest).hexdigest():
        raise _broken(folder / MANIFEST, "it is not the manifest that was signed")
    payload = _entries(folder / MANIFEST, manifest)
    if any(not name.startswith("data/") for name, _ in payload):
        raise _broken(folder / MANIFEST, "it lists a file that is no payload")
    payload.sort(key=lambda entry: _journal_last(entry[0]))
    return [*payload, *tags, (TAGMANIFEST, hashlib.sha256(listing).hexdigest())]


def oxum(folder: Path) -> tuple[int, int]:
    """(bytes, files) of the payload as bag-info.txt says: for the progress bar only."""
    try:
        with chain.open_plain(folder / "bag-info.txt") as file:
            match = _OXUM.search(file.read(65536))
    except OSError:
        match = None  # the copy itself will say what is wrong with it
    return (int(match[1]), int(match[2])) if match else (0, 0)


@contextmanager
def source(path: Path) -> Iterator[FileIO]:
    """Open a file of the spool, unbuffered; leaves it out of the page cache behind."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(path, error) from error
    with FileIO(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _broken(path, "it is no regular file")
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        yield file
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _settle(folder: Path) -> None:
    for path in (folder / SIGNATURE, folder):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _unreadable(path, error) from error


def _tag(folder: Path, name: str) -> bytes:
    with source(folder / name) as file:
        try:
            data = file.read(_MAX_TAG + 1) or b""
            while len(data) <= _MAX_TAG and (more := file.read(_MAX_TAG)):
                data += more
        except OSError as error:
            raise _unreadable(folder / name, error) from error
    if len(data) > _MAX_TAG:
        raise _broken(folder / name, "too long to be a tag file")
    return data


def _entries(path: Path, data: bytes) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in found:
            raise _broken(path, f"line {number} is no digest and name")
        found[check_key(match[2])] = match[1]
    return list(found.items())


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error


def _names(folder: Path) -> Iterator[str]:
    for root, folders, files in os.walk(folder):
        for name in (*files, *(f for f in folders if Path(root, f).is_symlink())):
            yield Path(root, name).relative_to(folder).as_posix()


def line_0(folder: Path) -> tuple[chain.Header, lines.Open]:
    """What a recording's journal begins with. SourceError where that cannot be read."""
    path = folder / "data" / "journal.jsonl"
    try:
        raw, _ = next(iter(chain.raw_lines(path)), (b"", False))
        header, body = chain.decode(raw, lines.Journal, None)
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise _broken(path, f"line 0: {error}") from error
    if not isinstance(body, lines.Open):
        raise _broken(path, "line 0 opens no recording")
    return header, body


def retention_of(opened: lines.Open) -> str:
    """The catalogue's word; "" without an act."""
    return opened.act.retention if opened.act else ""


def day_of(header: chain.Header, opened: lines.Open) -> str:
    """The local day of line 0."""
    try:
        start = datetime.fromisoformat(header.utc).astimezone(UTC)
        return f"{start + timedelta(minutes=opened.utc_offset_min):%Y-%m-%d}"
    except (ValueError, OverflowError):
        return "0000-00-00"


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(
        "source-unreadable", f"cannot read it: {error.strerror}", where=str(path), remedy=_REMEDY
    )


def _broken(path: Path, problem: str) -> SourceError:
    return SourceError("bag-broken", problem, where=str(path), remedy=_REMEDY)
