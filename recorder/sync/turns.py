"""Between two files of a run what is being recorded has its turn, and the card is its own."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from recorder.clock import Clock
from recorder.sync.live import Live, Sent
from recorder.sync.pace import Pace
from recorder.sync.stores import Store
from recorder.sync.tally import Tally

T = TypeVar("T")


class Turns:
    """``live`` None: nothing is sent of what is not sealed."""

    def __init__(
        self, live: Live | None, store: Store, pace: Pace, clock: Clock, tally: Tally
    ) -> None:
        self._live = live
        self._store = store
        self._pace = pace
        self._clock = clock
        self._tally = tally

    def begin(self) -> None:
        """Of the run: due or not."""
        if self._live is not None:
            self._tally.live(self._live.send(self._store))

    def live(self) -> None:
        """Send what has been closed meanwhile, for as long as a recording is open."""
        for send in self._due():
            self._tally.live(send())

    def give_way(self) -> None:
        """Wait while a recording is open; what it has closed has its turn."""
        self.live()
        while self._live is None and self._pace.held_up():
            continue

    def between(self, jobs: Iterable[Callable[[], T]]) -> Iterator[Callable[[], Sent | T]]:
        """The jobs; before the next one what is being recorded has its turn, and keeps it."""
        for job in jobs:
            yield from self._due()
            yield job

    def _due(self) -> Iterator[Callable[[], Sent]]:
        while self._live is not None:
            if self._live.due(self._clock.boot_ns()):
                yield self._send
            if not self._pace.held_up():
                break

    def _send(self) -> Sent:
        assert self._live is not None
        return self._live.send(self._store)
