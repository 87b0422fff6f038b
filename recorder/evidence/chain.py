"""Signed, hash-chained logs: what journal and ledger are made of.

A line is one JSON object, a TAB and the base64 Ed25519 signature of the JSON's bytes; ``prev`` in
it is the SHA-256 of the whole line before, so nothing can be changed, cut, moved or added unseen.
What a log says is lines.py; when it is written is recording.py's and ledger.py's business.
"""

import base64
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from recorder.clock import Clock, ClockState
from recorder.evidence.places import Place
from recorder.shapes import UNREADABLE, Int

Heir = Callable[[Any], bytes | None]
"""The key that a body names as the one that signs from this very line on, or None."""

ZERO = "0" * 64
MAX_LINE = 1024 * 1024


class Signer(Protocol):
    """Signs for a device, or (``ephemeral``) for a device whose key is missing."""

    @property
    def public(self) -> bytes:
        """Raw Ed25519 public key, 32 bytes."""
        ...

    @property
    def kind(self) -> Literal["device", "ephemeral"]:
        """Whether a register can know this key."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Raw signature, 64 bytes."""
        ...


class Header(msgspec.Struct, frozen=True):
    """The fields that every line starts with."""

    n: Int
    kind: str
    boot_id: str
    boot_ns: Int
    utc: str
    clock: ClockState
    prev: str


HEADER_FIELDS = frozenset(Header.__struct_fields__)


class Written(msgspec.Struct, frozen=True):
    """A line as it stands in the file, without its newline."""

    n: int
    line: bytes
    sha256: str


class Line(msgspec.Struct, frozen=True):
    """A line as it was read."""

    header: Header
    body: Any
    raw: bytes
    sha256: str
    file: str
    number: int


class Defect(msgspec.Struct, frozen=True):
    """Something in a log that is not as it was written. ``number`` counts a file's lines from 1."""

    file: str
    number: int
    code: str
    text: str


def encode(header: Header, body: msgspec.Struct, signer: Signer) -> Written:
    """Sign a line."""
    fields = msgspec.to_builtins(header)
    content = msgspec.to_builtins(body)
    del content["kind"]
    text = msgspec.json.encode(fields | content)
    line = text + b"\t" + base64.b64encode(signer.sign(text))
    return Written(header.n, line, digest(line))


def decode(raw: bytes, bodies: Any, key: bytes | None) -> tuple[Header, Any]:
    """Parse a line; check its signature unless ``key`` is None. ValueError says what is wrong."""
    text, tab, signature = raw.partition(b"\t")
    if not tab:
        raise ValueError("no signature")
    if key is not None:
        try:
            sign = base64.b64decode(signature, validate=True)
            Ed25519PublicKey.from_public_bytes(key).verify(sign, text)
            if base64.b64encode(sign) != signature:  # spare bits, which nobody signed
                raise ValueError("another spelling of the signature")
        except (InvalidSignature, ValueError) as error:
            raise ValueError("the signature does not fit") from error
    try:
        fields = msgspec.json.decode(text)
        if not isinstance(fields, dict):
            raise ValueError("not an object")
        header = msgspec.convert({k: v for k, v in fields.items() if k in HEADER_FIELDS}, Header)
        rest = {k: v for k, v in fields.items() if k not in HEADER_FIELDS}
        body = msgspec.convert(rest | {"kind": header.kind}, bodies)
    except UNREADABLE as error:
        raise ValueError(f"not a line of this log: {error}") from error
    return header, body


class Log:
    """Append-only, owned by one thread. A line is durable when the ``sync`` after it returned.

    A failed write or sync is never retried on the same file, because the kernel may have thrown
    the pages away and called them clean: everything since the last good sync goes into the next
    file, whose first line follows the last durable one. Where that fails too, the lines wait here
    and go before the next one's. ``on_failed`` hears of the first failure after a good sync,
    ``on_well`` of the first good sync after a failure; each may append a line about it.
    """

    def __init__(
        self,
        folder: Path,
        stem: str,
        signer: Signer,
        clock: Clock,
        *,
        first: bool,
        n: int = 0,
        prev: str = ZERO,
        number: int = 1,
    ) -> None:
        self._folder = folder
        self._stem = stem
        self._first = first
        self._signer = signer
        self.clock = clock
        self._number = number
        self._waiting: list[bytes] = []
        self._file: BinaryIO | None = None
        self._fresh = True
        self.failing = False
        self.on_failed: Callable[[OSError], None] | None = None
        self.on_well: Callable[[], None] | None = None
        self.n = n
        self.prev = prev

    @classmethod
    def create(
        cls,
        folder: Path,
        stem: str,
        signer: Signer,
        clock: Clock,
        *,
        n: int = 0,
        prev: str = ZERO,
        number: int = 1,
        plain_first: bool = True,
    ) -> "Log":
        """A new log; its file is made by the first ``sync``. ``plain_first``: number 1 is
        ``stem.jsonl``, not ``stem-0001.jsonl``."""
        return cls(folder, stem, signer, clock, first=plain_first, n=n, prev=prev, number=number)

    @property
    def path(self) -> Path:
        """The file that lines now go to."""
        return self._folder / file_name(self._stem, self._number, plain_first=self._first)

    def _open(self) -> None:
        while True:
            try:
                descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
                break
            except FileExistsError:
                self._number += 1
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._fresh = True

    def append(self, body: msgspec.Struct) -> Written:
        """Sign and write a line; not durable yet."""
        stamp = self.clock.stamp()
        kind = body.__struct_config__.tag
        header = Header(
            self.n, str(kind), stamp.boot_id, stamp.boot_ns, stamp.utc, stamp.clock, self.prev
        )
        written = encode(header, body, self._signer)
        self.n += 1
        self.prev = written.sha256
        self._waiting.append(written.line + b"\n")
        return written

    def sync(self) -> None:
        """Make everything durable that was appended. OSError: not even a new file takes it."""
        if not self._waiting:
            return
        try:
            self._write(b"".join(self._waiting))
        except OSError as error:
            self._next_file()
            if self.failing:
                raise  # one try a time, as long as it is known to fail
            self.failing = True
            if self.on_failed is not None:
                self.on_failed(error)
            try:
                self._write(b"".join(self._waiting))
            except OSError:
                self._next_file()
                raise
        self._waiting.clear()
        if self.failing:
            self.failing = False
            if self.on_well is not None:
                self.on_well()
                self.sync()  # its line

    def _next_file(self) -> None:
        """What was written since the last good sync goes there: never again into this one.

        One that never held a durable line is removed and its name used again, so that a card that
        fails for an hour is not littered with them.
        """
        if self._file is None:
            return
        self._close_quietly()
        if self._fresh:
            try:
                os.unlink(self.path)
            except OSError:
                self._number += 1  # it may come back; the next one gets another name
            return
        self._number += 1

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self._open()
        assert self._file is not None
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]
        if self._fresh:
            os.fsync(self._file.fileno())
            sync_folder(self._folder)
            self._fresh = False
        else:
            os.fdatasync(self._file.fileno())

    def _close_quietly(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                return  # what it held goes into the next file

    def close(self) -> None:
        """Sync and close."""
        self.sync()
        self._close_quietly()


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(place: Path) -> None:
    """A folder that may be there already; each new name on the way to it is durable on return."""
    for folder in reversed((place, *place.parents)):
        if not folder.exists():
            folder.mkdir(mode=0o750, exist_ok=True)
            sync_folder(folder.parent)


def file_name(stem: str, number: int, *, plain_first: bool) -> str:
    """``journal.jsonl``, ``journal-0002.jsonl`` …; a ledger's are ``0001.jsonl`` …"""
    if plain_first and number == 1:
        return f"{stem}.jsonl"
    return f"{stem}-{number:04d}.jsonl" if stem else f"{number:04d}.jsonl"


def files(folder: Path, stem: str) -> list[Path]:
    """A log's files in their order; what only has such a name (a pipe, a link) is none."""
    pattern = f"{stem}*.jsonl" if stem else "*.jsonl"
    found = (path for path in folder.glob(pattern) if is_plain(path))
    return sorted(found, key=lambda path: in_order(path.name))


def in_order(name: str) -> tuple[int, str]:
    """Sorts the names of a log's files."""
    return len(name), name


def is_plain(path: Path) -> bool:
    """A regular file, itself and not by a link."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def open_plain(path: Place) -> BinaryIO:
    """Open a regular file to read. OSError for all else: no link is followed, no pipe hangs."""
    if not isinstance(path, Path):
        return path.open("rb")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def raw_lines(path: Place, offset: int = 0) -> Iterator[tuple[bytes, bool]]:
    """(line without newline, whether it had one). A line over 1 MiB comes out cut, as not ended."""
    with open_plain(path) as file:
        if offset:
            file.seek(offset)
        while line := file.readline(MAX_LINE + 1):
            ended = line.endswith(b"\n")
            yield (line[:-1] if ended else line), ended
            if not ended:
                return


def read(
    paths: Sequence[Place],
    bodies: Any,
    key: bytes | None,
    *,
    n: int = 0,
    prev: str = ZERO,
    heir: Heir | None = None,
) -> Iterator[Line | Defect]:
    """Walk a log's files. Every line that parses comes out; everything that is wrong is a Defect.

    With several files a later one may repeat lines that the earlier one's failed sync left
    behind: those of the earlier file from the repeated number on are dropped by the reader.
    """
    cuts = _restarts(paths)
    for path, stop_at in zip(paths, cuts, strict=True):
        number = 0
        for raw, ended in raw_lines(path):
            number += 1
            if not ended:
                yield Defect(path.name, number, "line-torn", "the last line is not whole")
                break
            try:
                header, body, key = _follow(raw, bodies, key, heir)
            except ValueError as error:
                yield Defect(path.name, number, "line-damaged", str(error))
                n += 1
                prev = digest(raw)
                continue
            if stop_at is not None and header.n >= stop_at:
                break
            if header.n != n:
                yield Defect(path.name, number, "line-order", f"line {header.n} where {n} belongs")
            if header.prev != prev:
                yield Defect(
                    path.name, number, "line-chain", "it does not follow from the line before"
                )
            n, prev = header.n + 1, digest(raw)
            yield Line(header, body, raw, prev, path.name, number)


def _follow(
    raw: bytes, bodies: Any, key: bytes | None, heir: Heir | None
) -> tuple[Header, Any, bytes | None]:
    """A line, and the key that signs the next one."""
    if key is None or heir is None:
        return *decode(raw, bodies, key), key
    try:
        header, body = decode(raw, bodies, key)
    except ValueError:
        following = heir(decode(raw, bodies, None)[1])
        if following is None:
            raise
        return *decode(raw, bodies, following), following
    if heir(body) not in (None, key):
        raise ValueError("the key that it names did not sign it")
    return header, body, key


def headers(paths: Sequence[Place]) -> Iterator[Header]:
    """Every line's header, nothing else looked at: for what must be known before the first line is
    judged. What is no line is passed over."""
    decoder = msgspec.json.Decoder(Header)
    for path in paths:
        for raw, ended in raw_lines(path):
            if not ended:
                continue
            try:
                yield decoder.decode(raw.partition(b"\t")[0])
            except UNREADABLE:
                continue


def _restarts(paths: Sequence[Place]) -> list[int | None]:
    """For each file the number at which the next one takes over."""
    starts: list[int | None] = []
    for path in paths:
        starts.append(number(next(iter(raw_lines(path)), (b"", False))[0]))
    out: list[int | None] = []
    following: int | None = None
    for start in reversed(starts):
        out.append(following)
        following = following if start is None else start  # an empty file takes nothing over
    return out[::-1]


def digest(raw: bytes) -> str:
    """A whole line's SHA-256, as the next line's ``prev`` has it."""
    return hashlib.sha256(raw).hexdigest()


def number(raw: bytes) -> int | None:
    """A line's number, by its JSON alone; None where it has none."""
    try:
        return msgspec.json.decode(raw.partition(b"\t")[0], type=Header).n
    except UNREADABLE:
        return None
