"""What a run of sync did and found: counted for its summary, and told as it happens."""

import queue
import threading

from recorder.errors import RecorderError
from recorder.sync.live import Sent
from recorder.sync.progress import Progress
from recorder.sync.stores import Kept
from recorder.sync.summary import Finding, Summary


class Tally:
    """Owned by the run's thread, on which alone ``progress`` hears of anything; ``note`` and
    ``moved`` may be called on any."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.store = ""
        self.stored: list[str] = []
        self.todo: frozenset[str] = frozenset()
        self.findings: list[Finding] = []
        self.sums: dict[str, int] = dict.fromkeys(
            ("stored_before", "not_sealed", "sent_files", "sent_bytes", "present_files",
             "present_bytes", "ledger_lines", "live_files", "live_bytes",
             "quarantined", "read_twice", "read_files", "read_bytes", "duplicates"), 0,
        )  # fmt: skip
        self._moved: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._notes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.get_ident()

    def summary(self) -> Summary:
        """What was done so far."""
        return Summary(
            store=self.store, stored=tuple(self.stored), findings=tuple(self.findings),
            waiting=len(self.todo.difference(self.stored)), **self.sums,
        )  # fmt: skip

    def found(self, recording: str, error: RecorderError) -> None:
        """What a person must look at, once; "": the ledger's."""
        finding = Finding.of(recording, error)
        if finding not in self.findings:
            self.findings.append(finding)
            self.progress.found(finding)

    def done(self, recording: str) -> None:
        """It has its receipt."""
        self.stored.append(recording)
        self.progress.stored(recording)

    def file(self, size_bytes: int, kept: Kept, *, sent: bool) -> None:
        """One more file is in the store."""
        kind = "sent" if sent else "present"
        self.sums[f"{kind}_files"] += 1
        self.sums[f"{kind}_bytes"] += size_bytes
        self.sums["duplicates"] += kept.duplicates
        self.progress.file()

    def live(self, sent: Sent) -> None:
        """Something of an open recording went."""
        self.sums["ledger_lines"] += sent.ledger_lines
        self.sums["live_files"] += sent.files
        self.sums["live_bytes"] += sent.size_bytes
        for recording, error in sent.wrong:
            self.found(recording, error)

    def moved(self, size_bytes: int) -> None:
        """So much more went over."""
        self._moved.put(size_bytes)

    def note(self, text: str) -> None:
        """Something worth a line. What is to be waited for is told before the wait."""
        self._notes.put(text)
        if threading.get_ident() == self._thread:
            self.tell()

    def tell(self) -> None:
        """Hand on what came from other threads."""
        size_bytes = 0
        while not self._moved.empty():
            size_bytes += self._moved.get()
        if size_bytes:
            self.progress.moved(size_bytes)
        while not self._notes.empty():
            self.progress.note(self._notes.get())
