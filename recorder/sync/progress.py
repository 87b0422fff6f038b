"""How a run of sync is shown: a bar for people, JSON lines for programs, nothing. No logic of sync.

The bar goes to stderr and is one line where that is a terminal; elsewhere only what a log wants.
"""

from typing import Any, Protocol, TextIO

import msgspec

from recorder.clock import NS, Clock
from recorder.sync.summary import Finding, Summary

_BAR = 24
_REDRAW_NS = NS // 10
_REPORT_NS = NS


class Progress(Protocol):
    """What a run tells. Called on the run's own thread; must return at once."""

    def begin(self, store: str, recordings: int, files: int, size_bytes: int) -> None:
        """What there is to do."""
        ...

    def recording(self, name: str, files: int, size_bytes: int) -> None:
        """A recording's turn."""
        ...

    def moved(self, size_bytes: int) -> None:
        """So much more is in the store, newly or already."""
        ...

    def file(self) -> None:
        """One more file is settled."""
        ...

    def stored(self, name: str) -> None:
        """A recording has its receipt."""
        ...

    def found(self, finding: Finding) -> None:
        """Something is wrong."""
        ...

    def note(self, text: str) -> None:
        """Something worth a line."""
        ...

    def end(self, summary: Summary) -> None:
        """The run is over (also before an error is raised)."""
        ...


class Quiet:
    """Shows nothing."""

    def begin(self, store: str, recordings: int, files: int, size_bytes: int) -> None:
        """Nothing."""

    def recording(self, name: str, files: int, size_bytes: int) -> None:
        """Nothing."""

    def moved(self, size_bytes: int) -> None:
        """Nothing."""

    def file(self) -> None:
        """Nothing."""

    def stored(self, name: str) -> None:
        """Nothing."""

    def found(self, finding: Finding) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def end(self, summary: Summary) -> None:
        """Nothing."""


class _Counter(Quiet):
    """Keeps the sums that both kinds show."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._began_ns = self._shown_ns = clock.boot_ns()
        self._total_bytes = self._total_files = self._bytes = self._files = 0
        self._name = ""

    def begin(self, store: str, recordings: int, files: int, size_bytes: int) -> None:
        self._total_bytes, self._total_files = size_bytes, files
        self._bytes = self._files = 0
        self._began_ns = self._shown_ns = self._clock.boot_ns()

    def recording(self, name: str, files: int, size_bytes: int) -> None:
        self._name = name

    def _due(self, every_ns: int) -> bool:
        now_ns = self._clock.boot_ns()
        if now_ns - self._shown_ns < every_ns:
            return False
        self._shown_ns = now_ns
        return True

    def _rate(self) -> float:
        """Bytes a second since the beginning."""
        return self._bytes * NS / max(1, self._clock.boot_ns() - self._began_ns)


class Lines(_Counter):
    """One JSON object a line; byte counts once a second at most."""

    def _write(self, event: str, **fields: Any) -> None:
        line = msgspec.json.encode({"event": event} | fields).decode()
        self._stream.write(line + "\n")
        self._stream.flush()

    def begin(self, store: str, recordings: int, files: int, size_bytes: int) -> None:
        super().begin(store, recordings, files, size_bytes)
        self._write("begin", store=store, recordings=recordings, files=files, bytes=size_bytes)

    def recording(self, name: str, files: int, size_bytes: int) -> None:
        super().recording(name, files, size_bytes)
        self._write("recording", recording=name, files=files, bytes=size_bytes)

    def moved(self, size_bytes: int) -> None:
        self._bytes += size_bytes
        if self._due(_REPORT_NS):
            self._write(
                "progress",
                recording=self._name,
                files=self._files,
                bytes=self._bytes,
                bytes_per_s=round(self._rate()),
            )

    def file(self) -> None:
        self._files += 1

    def stored(self, name: str) -> None:
        self._write("stored", recording=name)

    def found(self, finding: Finding) -> None:
        self._write("finding", **msgspec.to_builtins(finding))

    def note(self, text: str) -> None:
        self._write("note", text=text)

    def end(self, summary: Summary) -> None:
        self._write("end", **msgspec.to_builtins(summary))


class Bar(_Counter):
    """``[####......] 12/40 files 512 MB/1.0 GB 88 MB/s 6 s left``."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        super().__init__(stream, clock)
        self._live = stream.isatty()
        self._width = 0

    def moved(self, size_bytes: int) -> None:
        self._bytes += size_bytes
        self._draw()

    def file(self) -> None:
        self._files += 1
        self._draw()

    def stored(self, name: str) -> None:
        self._say(f"{name}  stored")

    def found(self, finding: Finding) -> None:
        self._say(f"{finding.where}: {finding.text}. {finding.remedy}")

    def note(self, text: str) -> None:
        self._say(text)

    def end(self, summary: Summary) -> None:
        done = _read_for_devices(summary) if summary.devices else _stored(summary)
        self._say(f"{summary.store or 'store'}: {done}")

    def text(self) -> str:
        """The line as it would be drawn now."""
        share = min(1.0, self._bytes / self._total_bytes) if self._total_bytes else 0.0
        full = int(share * _BAR)
        rate = self._rate()
        left = max(0, self._total_bytes - self._bytes) / rate if rate else 0
        return (
            f"[{'#' * full}{'.' * (_BAR - full)}] {self._files}/{self._total_files} files  "
            f"{size(self._bytes)}/{size(self._total_bytes)}  {size(int(rate))}/s  {left:.0f} s left"
        )

    def _draw(self) -> None:
        if self._live and self._due(_REDRAW_NS):
            text = self.text()
            self._stream.write("\r" + text.ljust(self._width))
            self._stream.flush()
            self._width = len(text)

    def _say(self, text: str) -> None:
        clear = "\r" + " " * self._width + "\r" if self._width else ""
        self._width = 0
        self._stream.write(f"{clear}{text}\n")
        self._stream.flush()


def _stored(summary: Summary) -> str:
    files = summary.sent_files + summary.present_files
    fetched = f", {size(summary.read_bytes)} fetched for it" if summary.read_bytes else ""
    return (
        f"{len(summary.stored)} recordings stored now, "
        f"{summary.stored_before} before, {summary.waiting} wait, "
        f"{summary.not_sealed} not sealed yet; "
        f"{files} files, {size(summary.sent_bytes)} sent, "
        f"{size(summary.present_bytes)} there already; {summary.ledger_lines} ledger lines"
        + (f"; {summary.live_files} files of open recordings" if summary.live_files else "")
        + (f"; {summary.quarantined} from quarantine" if summary.quarantined else "")
        + (f"; {summary.read_twice} read a second time" if summary.read_twice or fetched else "")
        + fetched
        + (f"; {summary.duplicates} files twice in the store" if summary.duplicates else "")
    )


def _read_for_devices(summary: Summary) -> str:
    """A dock's run: it stores nothing."""
    read = f"{summary.read_files} files, {size(summary.read_bytes)} fetched and compared"
    return f"{summary.read_twice} recordings of {summary.devices} devices read a second time; " + (
        read if summary.read_files else "nothing was due to be read"
    )


def size(size_bytes: int) -> str:
    """``512 MB`` (decimal, as disks are sold)."""
    value, unit = float(size_bytes), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.1f} {unit}" if unit != "B" and value < 100 else f"{value:.0f} {unit}"
