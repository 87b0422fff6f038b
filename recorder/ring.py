"""The last seconds of fragments, in memory only: what a press turns into a recording's head.

It holds the current unbroken run and nothing else: a new stream or a hole empties it, because
a recording must not begin with an interruption that nobody lived through.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import msgspec

from recorder.capture.messages import Fragment, Init
from recorder.clock import NS
from recorder.config import Ring as RingSettings


class Stream(msgspec.Struct, frozen=True):
    """A stream's description and its ``ftyp`` + ``moov``."""

    init: Init
    data: bytes


class Piece(msgspec.Struct, frozen=True):
    """One fragment on its way from the pipe to the card."""

    stream: Stream
    fragment: Fragment
    media: bytes


def follows(before: Piece, after: Piece) -> bool:
    """No instant between the two is uncovered: same stream, and less than half a frame of hole."""
    slack_ns = max(before.stream.init.period_ns // 2, 1_000_000)
    return (
        before.stream.init.stream == after.stream.init.stream
        and after.fragment.start_ns - before.fragment.end_ns <= slack_ns
    )


def memory_bytes() -> int:
    """RAM of this machine."""
    line = Path("/proc/meminfo").read_text(encoding="ascii").partition("\n")[0]
    return int(line.split()[1]) * 1024


class Ring:
    """Bounded by seconds and by a share of RAM, whichever is less."""

    def __init__(self, settings: RingSettings, ram_bytes: int) -> None:
        self._hold_ns = round(settings.seconds * NS)
        self._limit_bytes = int(ram_bytes * settings.ram_share)
        self._pieces: deque[Piece] = deque()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._pieces)

    def __iter__(self) -> Iterator[Piece]:
        return iter(self._pieces)

    @property
    def held_ns(self) -> int:
        """Length of what is held."""
        if not self._pieces:
            return 0
        return self._pieces[-1].fragment.end_ns - self._pieces[0].fragment.start_ns

    def push(self, piece: Piece) -> None:
        """Take a fragment; forget what is older than the ring is long."""
        if not self._hold_ns:
            return
        if self._pieces and not follows(self._pieces[-1], piece):
            self.clear()
        self._pieces.append(piece)
        self.size_bytes += len(piece.media)
        # One fragment more than the length: the press decides where to cut.
        oldest_ns = piece.fragment.end_ns - self._hold_ns - 2 * NS
        while len(self._pieces) > 1 and (
            self._pieces[0].fragment.end_ns < oldest_ns or self.size_bytes > self._limit_bytes
        ):
            self.size_bytes -= len(self._pieces.popleft().media)

    def take(self, press_ns: int) -> list[Piece]:
        """Everything from the ring's length before the press on (to the nearest fragment)."""
        wanted_ns = press_ns - self._hold_ns
        pieces = [
            piece
            for piece in self._pieces
            if (piece.fragment.start_ns + piece.fragment.end_ns) // 2 >= wanted_ns
        ]
        if not pieces and self._pieces:
            pieces = [self._pieces[-1]]
        self.clear()
        return pieces

    def clear(self) -> None:
        """Forget everything."""
        self._pieces.clear()
        self.size_bytes = 0
