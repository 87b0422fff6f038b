"""What a run finds in the spool: sealed recordings that the store lacks, oldest first."""

from pathlib import Path

from recorder.errors import RecorderError
from recorder.spool import Held, look, numbered
from recorder.sync.index import Index
from recorder.sync.tally import Tally
from recorder.sync.upload import Means


class Todo:
    """``once``: those that were read back once, and when."""

    def __init__(self, means: Means, tally: Tally) -> None:
        self._means = means
        self._tally = tally
        self._spool = Path(means.settings.paths.spool)
        self._taken: set[str] = set()
        self.once: dict[str, str] = {}

    def of(self, store: str | None) -> list[Held]:
        """What the store with this id lacks (None: every store). RecorderError where the spool
        cannot be read."""
        todo: list[Held] = []
        try:
            index = Index(self._means.home.path, self._means.signer.public, self._means.others)
            for name in numbered(self._spool):
                if index.has(name, store):
                    self._taken.add(name)
                    first, second = index.reads(name, store)
                    if not second:
                        self.once[name] = first
                    self._tally.sums["stored_before"] += 1
                elif (recording := look(self._spool / name)) is None:
                    continue
                elif recording.state == "open":
                    self._tally.sums["not_sealed"] += 1
                else:
                    todo.append(recording)
        except OSError as error:
            raise RecorderError(
                "spool-unreadable", f"cannot read it: {error.strerror}", where=str(self._spool),
                remedy="Check paths.spool, and put sync's user into the spool's group",
            ) from error  # fmt: skip
        self._tally.todo = frozenset(recording.name for recording in todo)
        self._taken |= self._tally.todo
        try:
            index.save(self._means.signer)
        except RecorderError as error:
            self._tally.progress.note(f"every receipt is read again next time: {error}")
        return todo

    def has_all(self) -> bool:
        """Whether nothing was sealed since the run looked: that is for the next one."""
        try:
            new = [look(self._spool / n) for n in numbered(self._spool) if n not in self._taken]
        except OSError:
            return False
        return all(recording is None or recording.state == "open" for recording in new)
