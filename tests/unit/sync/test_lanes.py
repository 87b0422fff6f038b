"""Files on their way at once: in order, no more than there are lanes, none after a failure."""

import threading
from collections.abc import Callable

import pytest

from recorder.sync.lanes import at_once


def test_all_come_out_once_begin_in_order_and_no_more_than_the_lanes_at_a_time() -> None:
    began: list[int] = []
    full = threading.Barrier(3, timeout=20)  # passes only where three are on their way

    def job(number: int) -> Callable[[], int]:
        def run() -> int:
            began.append(number)
            full.wait()
            return number

        return run

    turns: list[None] = []
    found = list(at_once(3, map(job, range(9)), lambda: turns.append(None)))
    assert sorted(found) == list(range(9)) and len(turns) >= 3
    assert [set(began[n : n + 3]) for n in (0, 3, 6)] == [{0, 1, 2}, {3, 4, 5}, {6, 7, 8}]


def test_after_a_failure_none_begins_and_those_on_their_way_are_waited_for() -> None:
    began: list[int] = []
    failed, ended = threading.Event(), threading.Event()

    def job(number: int) -> Callable[[], int]:
        def run() -> int:
            began.append(number)
            if number == 1:
                failed.set()
                raise ValueError("one")
            assert failed.wait(20)
            ended.set()
            return number

        return run

    with pytest.raises(ValueError, match="one"):
        list(at_once(2, map(job, [0, 1, *range(2, 50)]), lambda: None))
    assert ended.is_set() and len(began) <= 3
