"""Is every fragment's ciphertext on disk as its journal line says? No key is needed for that.

Each segment's file is read once, in pieces, and its digest is compared at every fragment; what
lies behind the last fragment must be the end that the journal knows. Memory stays flat.
"""

import hashlib
from pathlib import Path
from typing import BinaryIO

import msgspec

from recorder.evidence import lines, plaintext
from recorder.evidence.age import CHUNK, SEALED_CHUNK
from recorder.evidence.instants import Where, instant_utc
from recorder.evidence.verification_bag import Digests, Inventory
from recorder.evidence.verification_report import Findings, Level

_PIECE_BYTES = 1024 * 1024


class Piece(msgspec.Struct, frozen=True):
    """A fragment's line and where it stands."""

    where: Where
    line: lines.Fragment


class Written(msgspec.Struct):
    """One segment as the journal has it."""

    where: Where
    line: lines.Segment
    pieces: list[Piece]
    end: lines.SegmentEnd | None = None


class Segments:
    """``feed`` each segment, once its lines are complete."""

    def __init__(self, found: Inventory, digests: Digests, findings: Findings) -> None:
        self._found = found
        self._digests = digests
        self._findings = findings
        self.files: set[str] = set()
        self.media_bytes = 0

    def feed(self, written: Written) -> bool:
        """Hold one segment against its file. True: the file is as signed for, to the last byte."""
        line = written.line
        if line.file in self.files or not proper(line.file):
            self._wrong(Level.TAMPERED, "order", f"segment file named {line.file!r}", written.where)
            return False
        self.files.add(line.file)
        self._arithmetic(written)
        if line.file not in self._found.files:
            if written.pieces or written.end:
                self._missing(written)
            return False
        try:
            with (self._found.root / line.file).open("rb", buffering=0) as stream:
                return self._read(stream, written)
        except OSError as error:
            self._findings.add(
                Level.TAMPERED, "unreadable", f"cannot be read: {error.strerror}", file=line.file
            )
            return False

    def _read(self, stream: BinaryIO, written: Written) -> bool:
        digest = hashlib.sha256()
        at_bytes = 0
        buffer = memoryview(bytearray(_PIECE_BYTES))
        good = True
        for piece in written.pieces:
            line = piece.line
            while at_bytes < line.age_bytes:
                size = stream.readinto(buffer[: min(_PIECE_BYTES, line.age_bytes - at_bytes)])  # type: ignore[attr-defined]
                if not size:
                    self._fragment(
                        piece, written, "cut", f"ends at byte {at_bytes}, before this fragment does"
                    )
                    self._digests.leave(written.line.file, digest.hexdigest())
                    return False
                digest.update(buffer[:size])
                at_bytes += size
            if digest.hexdigest() != line.age_sha256:
                self._fragment(
                    piece,
                    written,
                    "changed",
                    "the file's bytes up to this fragment differ from the journal",
                )
                good = False
                break
            self.media_bytes += line.bytes
        return self._tail(stream, digest, at_bytes, written) and good

    def _tail(
        self, stream: BinaryIO, digest: "hashlib._Hash", at_bytes: int, written: Written
    ) -> bool:
        rest_bytes = 0
        first = b""
        while data := stream.read(_PIECE_BYTES):
            first = first or data[:64]
            rest_bytes += len(data)
            digest.update(data)
        whole = digest.hexdigest()
        file = written.line.file
        self._digests.leave(file, whole)
        end = written.end
        if end is not None:
            if (at_bytes + rest_bytes, whole) != (end.age_bytes, end.age_sha256):
                self._findings.add(
                    Level.TAMPERED,
                    "changed",
                    "the file differs from the end that the journal has for it",
                    file=file,
                )
                return False
            if not written.pieces or first == plaintext.tail(written.pieces[-1].line):
                return True
            self._findings.add(
                Level.TAMPERED,
                "changed",
                "it ends otherwise than its last fragment on record says",
                file=file,
            )
            return False
        if not written.pieces:
            return True
        tail = plaintext.tail(written.pieces[-1].line)
        if first != tail or rest_bytes != len(tail):
            self._findings.add(
                Level.INCOMPLETE,
                "open-segment",
                f"not ended: {rest_bytes} bytes after its last fragment on record",
                file=file,
            )
            return False
        return True

    def _arithmetic(self, written: Written) -> None:
        """Offsets follow from sizes, and sizes in the file from whole chunks."""
        at_bytes = 0
        header_bytes: int | None = None
        for piece in written.pieces:
            line = piece.line
            chunks, over_bytes = divmod(line.offset + line.bytes, CHUNK)
            header = line.age_bytes - chunks * SEALED_CHUNK
            if (
                line.offset != at_bytes
                or over_bytes
                or line.bytes <= 0
                or (header_bytes not in (None, header))
            ):
                self._wrong(
                    Level.INCOMPLETE,
                    "arithmetic",
                    "offset and sizes do not fit together",
                    piece.where,
                )
                return
            header_bytes = header
            at_bytes += line.bytes
        end = written.end
        if end is not None and end.fragments != len(written.pieces):
            self._wrong(
                Level.INCOMPLETE,
                "count",
                f"segment ends with {end.fragments} fragments, {len(written.pieces)} are on record",
                written.where,
            )

    def _missing(self, written: Written) -> None:
        at_ns = written.pieces[0].line.start_ns if written.pieces else None
        self._findings.add(
            Level.TAMPERED,
            "missing",
            f"segment {written.line.segment} ({len(written.pieces)} fragments) is not there",
            file=written.line.file,
            at_ns=at_ns,
            utc="" if at_ns is None else instant_utc(written.pieces[0].where, at_ns),
        )

    def _fragment(self, piece: Piece, written: Written, code: str, text: str) -> None:
        line = piece.line
        self._findings.add(
            Level.TAMPERED,
            code,
            f"segment {line.segment}, fragment {line.fragment}: {text} "
            f"({piece.where.file}:{piece.where.line})",
            file=written.line.file,
            at_ns=line.start_ns,
            utc=instant_utc(piece.where, line.start_ns),
        )

    def _wrong(self, level: Level, code: str, text: str, where: Where) -> None:
        self._findings.add(level, code, text, file=where.file, line=where.line)


def proper(file: str, folder: str = "data/segments") -> bool:
    """The name is that of a file in ``folder`` of its bag, written the plain way."""
    path = Path(file)
    return file.startswith(folder + "/") and ".." not in path.parts and str(path) == file
