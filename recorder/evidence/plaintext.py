"""A segment's plaintext, fragment by fragment, for those who hold a custodian's key.

Reads no further than the journal says the segment goes, and ends it with the tail that the journal
has, so that a recording which was never closed opens like any other. Nothing is written.
"""

import base64
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.evidence.age import Identity, decrypt
from recorder.evidence.places import Place

MAX_PRIVATE_BYTES = 4 * 1024 * 1024


def tail(line: lines.Fragment) -> bytes:
    """The final chunk that would end the file behind this fragment; empty where there is none."""
    try:
        return base64.b64decode(line.age_tail, validate=True)
    except ValueError:
        return b""


class _Durable:
    """The file up to its last fragment on record, then that fragment's tail."""

    def __init__(self, stream: BinaryIO, last: lines.Fragment) -> None:
        self._stream = stream
        self._left_bytes = last.age_bytes
        self._tail = tail(last)

    def read(self, size: int) -> bytes:
        """``size`` bytes, fewer only at the end."""
        data = self._stream.read(min(size, self._left_bytes))
        self._left_bytes -= len(data)
        if len(data) < size and self._left_bytes == 0:
            data, self._tail = data + self._tail[: size - len(data)], self._tail[size - len(data) :]
        return data


def fragments(
    path: Place, written: Sequence[lines.Fragment], keys: Sequence[Identity]
) -> Iterator[tuple[lines.Fragment, bytes]]:
    """Each fragment's plaintext, in order; RecorderError at the first that does not open."""
    if not written:
        return
    try:
        with path.open("rb", buffering=256 * 1024) as stream:
            chunks = decrypt(_Durable(stream, written[-1]).read, keys)
            held = bytearray()
            for line in written:
                while len(held) < line.bytes:
                    chunk = next(chunks, None)
                    if chunk is None:
                        raise RecorderError(
                            "age-chunk", "the age file ends too early", remedy="It is damaged"
                        )
                    held += chunk
                yield line, bytes(held[: line.bytes])
                del held[: line.bytes]
    except OSError as error:
        raise RecorderError(
            "unreadable",
            f"cannot be read: {error.strerror}",
            where=str(path),
            remedy="Check the medium and the file's permissions",
        ) from error


def private(path: Place, keys: Sequence[Identity]) -> bytes:
    """A private record's JSON; RecorderError where it does not open."""
    try:
        with path.open("rb") as stream:
            size = 0
            parts = []
            for chunk in decrypt(stream.read, keys):
                size += len(chunk)
                if size > MAX_PRIVATE_BYTES:
                    raise RecorderError(
                        "oversized", "too large for a private record", remedy="It is damaged"
                    )
                parts.append(chunk)
            return b"".join(parts)
    except OSError as error:
        raise RecorderError(
            "unreadable",
            f"cannot be read: {error.strerror}",
            where=str(path),
            remedy="Check the medium and the file's permissions",
        ) from error
