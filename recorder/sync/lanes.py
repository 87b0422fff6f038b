"""Several files on their way at once: while one is sent, others are asked for and read back."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
_TURN_S = 0.1


def at_once(
    lanes: int, jobs: Iterable[Callable[[], T]], meanwhile: Callable[[], None]
) -> Iterator[T]:
    """Results as they come, of jobs that begin in their order, ``lanes`` of them at a time.

    The first that fails is raised when those that had begun are over; none begins after it.
    ``meanwhile`` is called here, after each result and ten times a second.
    """
    left = iter(jobs)
    with ThreadPoolExecutor(lanes, thread_name_prefix="lane") as pool:
        waiting = {pool.submit(job) for job in islice(left, lanes)}
        while waiting:
            done, waiting = wait(waiting, _TURN_S, FIRST_COMPLETED)
            meanwhile()
            results = [each.result() for each in done]
            waiting |= {pool.submit(job) for job in islice(left, len(done))}
            yield from results
