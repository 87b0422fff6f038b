"""What plays on an output, and what happens when the output fails."""

import queue
import threading
from itertools import cycle

from recorder.panel.rhythm import Player

LIMIT_S = 10.0


def test_steps_are_played_in_order_and_the_last_one_stays() -> None:
    written: queue.SimpleQueue[int] = queue.SimpleQueue()
    player = Player("test", written.put)
    player.play([(1, 0.001), (2, 0.001), (3, 0.001)])
    assert [written.get(timeout=LIMIT_S) for _ in range(3)] == [1, 2, 3]
    player.play(cycle([(4, 0.001), (5, 0.001)]))
    assert [written.get(timeout=LIMIT_S) for _ in range(5)] == [4, 5, 4, 5, 4]
    assert player.close()


def test_what_is_played_anew_begins_at_once() -> None:
    written: queue.SimpleQueue[str] = queue.SimpleQueue()
    player = Player("test", written.put)
    player.play([("for ever", 1e6)])
    assert written.get(timeout=LIMIT_S) == "for ever"
    player.play([("now", 1e6)])
    assert written.get(timeout=LIMIT_S) == "now"
    assert player.close()


def test_an_output_that_hangs_holds_up_nobody() -> None:
    hangs, free = threading.Event(), threading.Event()

    def write(value: bool) -> None:
        hangs.set()
        free.wait()

    player = Player("test", write)
    player.play([(True, 0.0)])
    assert hangs.wait(LIMIT_S)
    player.play([(False, 0.0)])
    assert not player.close()
    free.set()
