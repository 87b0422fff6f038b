"""Many recordings at once: processes, because signatures and JSON hold the interpreter's lock.

They are forked, so nothing that a judge was given (a custodian's key, a ledger) travels or lies
anywhere; only names go in and reports come out. Judges nothing itself.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import Any, TypeVar

from recorder.errors import RecorderError

_AHEAD = 4
"""Names that wait for each process: a list may be longer than memory."""
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_work: Callable[[Any], Any] | None = None


def each(work: Callable[[_Item], _Result], items: Iterable[_Item], jobs: int) -> Iterator[_Result]:
    """``work`` of every item, in ``jobs`` processes, as it is done. RecorderError where one dies.

    The caller has neither threads nor, in ``work``, an open connection. One item is worth no fork.
    """
    items = iter(items)
    first = list(islice(items, 2))
    if jobs == 1 or len(first) < 2:
        yield from map(work, first)
        yield from map(work, items)
        return
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, fork, _adopt, (work,)) as pool:
        waiting: set[Future[_Result]] = set()
        try:
            for item in chain(first, items):
                waiting.add(pool.submit(_run, item))
                if len(waiting) >= jobs * _AHEAD:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool as error:
            raise RecorderError(
                "job-died", "a process that judged recordings was ended from outside",
                where=f"--jobs {jobs}", remedy="Was there memory left? Try it with fewer --jobs",
            ) from error  # fmt: skip
        finally:
            pool.shutdown(cancel_futures=True)


def _adopt(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work


def _run(item: Any) -> Any:
    assert _work is not None
    return _work(item)
