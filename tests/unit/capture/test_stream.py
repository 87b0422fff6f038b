"""A stream's end: what it held is given back."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from recorder.capture.messages import Fragment, Init
from recorder.capture.stream import Covered, Stream
from tests.unit.capture.test_mux import PERIOD_NS, pictures, sounds


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nobody looks for cycles, as hardly ever in a process that makes few objects."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_a_stream_that_ended_gives_its_memory_back_at_once() -> None:
    """A broken microphone may begin a new one every few seconds, for a whole day."""
    out: list[Init | Fragment] = []
    units = pictures(31)
    stream = Stream(
        1, units[0], True, PERIOD_NS, "rig", 1000, lambda message, _: out.append(message), Covered()
    )
    for unit in units:
        stream.picture(unit)
    for sound in sounds(1.0):
        stream.sound(sound)
    stream.close()
    there = weakref.ref(stream)
    del stream
    assert len(out) > 1
    assert there() is None
