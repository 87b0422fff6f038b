"""A segment's file: an age file whose plaintext is one stream's init and some of its fragments.

Each fragment is padded with a ``free`` box to whole 64 KiB chunks, so that all of it is out of the
encryptor at once, and the 24 bytes that would end the file there are known ahead. It only appends;
who may read a segment, and when it is durable, is said by the journal.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from recorder import boxes
from recorder.evidence.age import CHUNK, Encryptor, Recipient
from recorder.evidence.chain import sync_folder


class Place(msgspec.Struct, frozen=True):
    """Where a fragment lies: the fields of its journal line that the file determines."""

    offset: int
    bytes: int
    sha256: str
    age_bytes: int
    age_sha256: str
    age_tail: str


class SegmentFile:
    """One file in the making, owned by the disk thread."""

    def __init__(self, path: Path, recipients: Sequence[Recipient]) -> None:
        """Creates the file, exclusively. Nothing is durable before ``sync``."""
        self.path = path
        self._encryptor = Encryptor(recipients)
        self._digest = hashlib.sha256()
        self._plain_bytes = 0
        self.age_bytes = 0
        self._durable = (0, b"")
        self._fresh = True
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        self._file = os.fdopen(descriptor, "wb", buffering=0)

    def add(self, parts: Sequence[bytes | bytearray]) -> Place:
        """Append one fragment (the first with the init before it), padded. Not durable yet."""
        size = sum(len(part) for part in parts)
        pad = -size % CHUNK
        if 0 < pad < 8:
            pad += CHUNK
        plain = b"".join((*parts, boxes.free(pad)) if pad else parts)
        data = self._encryptor.chunks(plain)
        self._write(self._encryptor.header + data if self._plain_bytes == 0 else data)
        place = Place(
            offset=self._plain_bytes,
            bytes=len(plain),
            sha256=hashlib.sha256(plain).hexdigest(),
            age_bytes=self.age_bytes,
            age_sha256=self._digest.hexdigest(),
            age_tail=base64.b64encode(self._encryptor.tail()).decode(),
        )
        self._plain_bytes += len(plain)
        return place

    def sync(self) -> None:
        """Make what was added durable, the file's name included."""
        if self._fresh:
            os.fsync(self._file.fileno())
            sync_folder(self.path.parent)
            self._fresh = False
        else:
            os.fdatasync(self._file.fileno())
        self._durable = (self.age_bytes, self._encryptor.tail())

    def finish(self) -> tuple[int, str]:
        """End the file with its final chunk, durably; its length and SHA-256."""
        self._write(self._encryptor.tail())
        os.fdatasync(self._file.fileno())
        self._file.close()
        return self.age_bytes, self._digest.hexdigest()

    @property
    def durable(self) -> tuple[int, bytes]:
        """After a failed write or sync: the length up to the last good one, and what ends it there.

        (0, b"") where nothing ever was durable.
        """
        return self._durable

    def close(self) -> None:
        """Give the file up without ending it."""
        try:
            self._file.close()
        except OSError:
            return  # what it held goes into the next file

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]
        self._digest.update(data)
        self.age_bytes += len(data)
