"""Is the bag whole: every file signed for is there as it was, and none is foreign? (RFC 8493)

Reads files, follows no link, opens nothing but regular files, and never writes. What the
journal says about the files is another module's question.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from recorder.evidence import chain
from recorder.evidence.places import Place
from recorder.evidence.verification_report import Findings, Level

TAGS = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt")
TAGMANIFEST = "tagmanifest-sha256.txt"
SIGNATURE = TAGMANIFEST + ".sig"
DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_FOLDERS = frozenset({"data", "data/private", "data/segments", "data/tails"})
_JOURNAL = re.compile(r"data/(journal[^/]*\.jsonl)")
_LINE = re.compile(rb"([0-9a-f]{64})  (\S.*)")
_LIMIT_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024


class Inventory(msgspec.Struct, frozen=True):
    """What lies in a folder: regular files with their sizes, folders, and all else. ``apart``: the
    path beside which lies what was sent before it (verification_live)."""

    root: Place
    files: dict[str, int]
    folders: frozenset[str]
    others: tuple[str, ...]
    apart: Path

    @property
    def name(self) -> str:
        """The folder's own name, of whatever the path to it is written like."""
        return (self.root.resolve() if isinstance(self.root, Path) else self.root).name

    def journal(self) -> list[Place]:
        """The journal's files in their order."""
        names = (_JOURNAL.fullmatch(name) for name in self.files)
        found = sorted((match[1] for match in names if match), key=chain.in_order)
        return [self.root / f"data/{name}" for name in found]


def inventory(root: Path) -> Inventory:
    """Walk ``root`` without following links. Raises OSError where it cannot be read."""
    files: dict[str, int] = {}
    folders: set[str] = set()
    others: list[str] = []
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for entry in sorted(os.scandir(root / folder), key=lambda e: e.name):
            name = f"{folder}/{entry.name}" if folder else entry.name
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                folders.add(name)
                waiting.append(name)
            elif stat.S_ISREG(status.st_mode):
                files[name] = status.st_size
            else:
                others.append(name)
    return Inventory(root, files, frozenset(folders), tuple(others), root)


class Digests:
    """SHA-256 of files, each read once: who has to read one anyway leaves its digest."""

    def __init__(self, root: Place) -> None:
        self._root = root
        self._known: dict[str, str] = {}

    def leave(self, file: str, sha256: str) -> None:
        """The digest of the whole ``file`` as it was just read."""
        self._known[file] = sha256

    def of(self, file: str) -> str:
        """Hex digest; raises OSError where the file cannot be read."""
        if file not in self._known:
            with (self._root / file).open("rb", buffering=0) as stream:
                digest = hashlib.sha256()
                while piece := stream.read(_PIECE_BYTES):
                    digest.update(piece)
            self._known[file] = digest.hexdigest()
        return self._known[file]


def signed(public: bytes, signature: bytes, data: bytes) -> bool:
    """``signature`` is ``public``'s raw Ed25519 signature of ``data``. Never raises."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


class Bag:
    """One recording's folder, held against its manifests."""

    def __init__(self, found: Inventory, findings: Findings, digests: Digests) -> None:
        self._found = found
        self._findings = findings
        self._digests = digests
        self.sealed = False
        self.tagmanifest_sha256 = ""

    def seal(self, public: bytes | None) -> None:
        """Manifests and their signature, by the key that the journal names."""
        size = self._found.files.get(SIGNATURE, 0)
        if not size:
            self._add(Level.INCOMPLETE, "no-seal", "the recording was never sealed", SIGNATURE)
            return
        data = self._read(TAGMANIFEST)
        signature = self._read(SIGNATURE) or b""
        if data is None:
            self._add(Level.TAMPERED, "missing", "signed for, but not there", TAGMANIFEST)
            return
        self.tagmanifest_sha256 = hashlib.sha256(data).hexdigest()
        self._digests.leave(TAGMANIFEST, self.tagmanifest_sha256)
        if public is None or not signed(public, signature, data):
            self._add(
                Level.TAMPERED,
                "seal-signature",
                "not the signature of the tag manifest by the journal's key",
                SIGNATURE,
            )
        else:
            self.sealed = True
        tags = self._manifest(TAGMANIFEST, data)
        for name in TAGS:
            if name not in tags:
                self._add(Level.TAMPERED, "not-signed", "the tag manifest does not list it", name)
        self._compare({n: d for n, d in tags.items() if n in TAGS}, TAGMANIFEST)
        for name in tags.keys() - set(TAGS):
            self._add(
                Level.TAMPERED,
                "manifest",
                f"lists {name!r}, no tag file of a recording",
                TAGMANIFEST,
            )
        payload = self._manifest("manifest-sha256.txt", self._read("manifest-sha256.txt") or b"")
        outside = [name for name in payload if not name.startswith("data/") or ".." in name]
        for name in outside:
            self._add(
                Level.TAMPERED,
                "manifest",
                f"lists {name!r}, which is no payload",
                "manifest-sha256.txt",
            )
            del payload[name]
        self._compare(payload, "manifest-sha256.txt")
        if self._read("bagit.txt") not in (DECLARATION, None):
            self._add(Level.TAMPERED, "bagit", "not a BagIt 1.0 declaration", "bagit.txt")
        self._foreign([*payload, *TAGS, TAGMANIFEST, SIGNATURE])

    def unsealed(self, named: Iterable[str]) -> None:
        """An open bag holds what its journal names; nothing signs for the rest yet."""
        begun = (*TAGS, TAGMANIFEST, SIGNATURE, SIGNATURE + ".part")
        waiting = {
            name
            for name in self._found.files
            if re.fullmatch(
                r"data/(segments/[^/]+\.mp4\.age|private/[^/]+\.json\.age|tails/[^/]+)", name
            )
        }
        for name in sorted(waiting - set(named)):
            if not name.startswith("data/tails/"):
                self._add(Level.INCOMPLETE, "unlisted", "no line of the journal names it yet", name)
        self._foreign([*named, *begun, *waiting])

    def _foreign(self, known: Iterable[str]) -> None:
        for name in sorted(self._found.files.keys() - set(known)):
            self._add(Level.TAMPERED, "foreign", "nothing signs for this file", name)
        for name in self._found.others:
            self._add(Level.TAMPERED, "foreign", "neither a file nor a folder", name)
        for name in sorted(self._found.folders - _FOLDERS):
            self._add(Level.TAMPERED, "foreign", "no folder of a recording", name)

    def _read(self, name: str) -> bytes | None:
        if name not in self._found.files:
            return None
        if self._found.files[name] > _LIMIT_BYTES:
            self._add(Level.TAMPERED, "oversized", "too large for what it is", name)
            return b""
        try:
            return (self._found.root / name).read_bytes()
        except OSError as error:
            self._add(Level.TAMPERED, "unreadable", f"cannot be read: {error.strerror}", name)
            return b""

    def _manifest(self, name: str, data: bytes) -> dict[str, str]:
        listed: dict[str, str] = {}
        for number, (digest, path) in _entries(data):
            if path is None or path in listed:
                self._add(Level.TAMPERED, "manifest", "not a line of a manifest", name, number)
            else:
                listed[path] = digest
        return listed

    def _compare(self, listed: dict[str, str], by: str) -> None:
        for name, digest in listed.items():
            if name not in self._found.files:
                self._add(Level.TAMPERED, "missing", f"{by} lists it, but it is not there", name)
                continue
            try:
                actual = self._digests.of(name)
            except OSError as error:
                self._add(Level.TAMPERED, "unreadable", f"cannot be read: {error.strerror}", name)
                continue
            if actual != digest:
                self._add(Level.TAMPERED, "changed", f"differs from its SHA-256 in {by}", name)

    def _add(self, level: Level, code: str, text: str, file: str, line: int | None = None) -> None:
        self._findings.add(level, code, text, file=file, line=line)


def listed(data: bytes) -> Iterator[tuple[str, str]]:
    """(path, digest) of each proper line of a manifest."""
    for _, (digest, path) in _entries(data):
        if path is not None:
            yield path, digest


def _entries(data: bytes) -> Iterator[tuple[int, tuple[str, str | None]]]:
    """(number, (digest, path)) of each line; path None where it is no manifest line."""
    rows = data.split(b"\n")
    if rows[-1] == b"":
        rows.pop()
    elif data:
        yield len(rows), ("", None)
    for number, row in enumerate(rows, 1):
        match = _LINE.fullmatch(row)
        path: str | None = None
        if match:
            try:
                path = match[2].decode()
            except UnicodeDecodeError:
                path = None
        yield number, (match[1].decode() if match else "", path)
