"""Plays values on an output, each for its time. A thread of its own writes, so that an output that
hangs holds up nobody."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Value = TypeVar("Value")
Step = tuple[Value, float]
"""A value and its seconds."""

_CLOSE_S = 1.0


class Player(Generic[Value]):
    """``write`` is called on the player's thread; it may hang, and must not raise."""

    def __init__(self, name: str, write: Callable[[Value], None]) -> None:
        self._write = write
        self._orders: queue.SimpleQueue[Iterable[Step[Value]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def play(self, steps: Iterable[Step[Value]]) -> None:
        """From now on these, once or without end; returns at once. The last value stays."""
        self._orders.put(steps)

    def close(self) -> bool:
        """No more writes. False: the output still hangs in one."""
        self._orders.put(None)
        self._thread.join(_CLOSE_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        steps: Iterator[Step[Value]] = iter(())
        while True:
            step = next(steps, None)
            if step is not None:
                self._write(step[0])
            try:
                order = self._orders.get(timeout=step[1] if step is not None else None)
            except queue.Empty:
                continue
            if order is None:
                return
            steps = iter(order)
