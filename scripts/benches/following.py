"""Follows a journal that is being written: what it holds, and how far it is behind."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from recorder.clock import NS
from recorder.evidence import chain, lines


class Following:
    """``read`` takes what was added; it holds counts, not lines."""

    def __init__(self, folder: Path, now_ns: Callable[[], int]) -> None:
        self._folder = folder
        self._now_ns = now_ns
        self._offsets: dict[Path, int] = {}
        self.kinds: Counter[str] = Counter()
        self.size_bytes = 0
        self._start_ns: int | None = None
        self._end_ns = now_ns()
        self.press_ns = 0
        self.closing_ns: int | None = None
        self.worst_s = 0.0
        self._worst_s = 0.0
        self._news: list[str] = []

    def read(self) -> None:
        """Take what is new."""
        for path in chain.files(self._folder, "journal"):
            offset = self._offsets.get(path, 0)
            for raw, ended in chain.raw_lines(path, offset):
                if not ended:
                    break
                offset += len(raw) + 1
                self._take(raw)
            self._offsets[path] = offset
        self.size_bytes = sum(self._offsets.values())

    def _take(self, raw: bytes) -> None:
        header, body = chain.decode(raw, lines.Journal, None)
        self.kinds[header.kind] += 1
        match body:
            case lines.Start():
                self._start_ns = body.start_ns
            case lines.Fragment():
                self._end_ns = body.end_ns
                if body.start_ns > self.press_ns:
                    late_s = (header.boot_ns - body.end_ns) / NS
                    self._worst_s = max(self._worst_s, late_s)
                    self.worst_s = max(self.worst_s, late_s)
            case lines.Press():
                self.press_ns = body.at_ns
            case lines.Interruption():
                self._news.append(f"interruption: {body.cause}, {body.detail}")
            case lines.Resumed():
                self._news.append(f"footage again after {(body.to_ns - body.from_ns) / NS:.1f} s")
            case lines.State(now="closing"):
                self.closing_ns = header.boot_ns
            case _:
                pass

    def take_news(self) -> list[str]:
        """Interruptions since the last call."""
        news, self._news = self._news, []
        return news

    @property
    def recorded_s(self) -> float:
        """From the recording's start to its last fragment's end."""
        return 0.0 if self._start_ns is None else (self._end_ns - self._start_ns) / NS

    @property
    def lag_s(self) -> float:
        """How long ago the last fragment ended that is on record."""
        return (self._now_ns() - self._end_ns) / NS

    def take_worst_s(self) -> float:
        """How long after its end a fragment's line was written, at worst since the last call."""
        worst, self._worst_s = self._worst_s, 0.0
        return worst
