"""What an export reads: the fragments that open, grouped into runs that one decoder can take."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import chain, lines, plaintext
from recorder.evidence.age import Identity


class Run:
    """Segments with one and the same init, one after the other: ``read`` is a file of them all.

    What does not open is left out and named in ``left_out``; the rest goes on behind it.
    """

    def __init__(self, bag: Path, init_sha256: str, keys: Sequence[Identity]) -> None:
        self.init_sha256 = init_sha256
        self.segments: list[tuple[lines.Segment, list[lines.Fragment]]] = []
        self.fragments = 0
        self.left_out: list[str] = []
        self._bag = bag
        self._keys = keys
        self._pieces: Iterator[bytes] | None = None
        self._held = b""

    def again(self) -> "Run":
        """The same from its beginning."""
        other = Run(self._bag, self.init_sha256, self._keys)
        other.segments = self.segments
        return other

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; none at the end. For PyAV, which reads and never seeks here."""
        if self._pieces is None:
            self._pieces = self._open()
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._held = piece
        out, self._held = self._held[:size], self._held[size:]
        return out

    def _open(self) -> Iterator[bytes]:
        begun = False
        for segment, written in self.segments:
            opened = plaintext.fragments(self._bag / segment.file, written, self._keys)
            line = None
            try:
                for line, data in opened:
                    first = line is written[0]
                    yield data[segment.init_bytes :] if first and begun else data
                    begun = True
                    self.fragments += 1
            except RecorderError as error:
                if error.code == "age-identity":
                    error.where = segment.file
                    raise
                reached = f"after fragment {line.fragment}" if line else "from its first fragment"
                self.left_out.append(f"{segment.file} {reached}: {error.problem}")


class _Found(msgspec.Struct):
    line: lines.Segment
    fragments: list[lines.Fragment]


def runs(bag: Path, keys: Sequence[Identity]) -> list[Run]:
    """The recording's runs in order. Fragment lines are kept, media is read as it is asked for."""
    found: dict[int, _Found] = {}
    for item in chain.read(chain.files(bag / "data", "journal"), lines.Journal, None):
        if isinstance(item, chain.Defect):
            continue
        if isinstance(item.body, lines.Segment):
            found[item.body.segment] = _Found(item.body, [])
        elif isinstance(item.body, lines.Fragment) and item.body.segment in found:
            found[item.body.segment].fragments.append(item.body)
    out: list[Run] = []
    for each in found.values():
        if not each.fragments or bag.resolve() not in (bag / each.line.file).resolve().parents:
            continue
        if not out or out[-1].init_sha256 != each.line.init_sha256:
            out.append(Run(bag, each.line.init_sha256, keys))
        out[-1].segments.append((each.line, each.fragments))
    return out
