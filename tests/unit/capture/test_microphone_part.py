"""When a microphone counts as down, and when as working again."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from recorder.capture import microphone_part, microphones
from recorder.capture.messages import Fault
from recorder.capture.microphone_part import MicrophonePart
from recorder.capture.notices import Notices
from recorder.capture.speech import Detector
from recorder.capture.units import AUDIO_SCALE, NS
from recorder.config import MicrophoneSettings

BLOCK = AUDIO_SCALE // 10


class Scripted:
    """A microphone that gives blocks of these instants; ``meanwhile`` is called before each."""

    name = "scripted"

    def __init__(self, starts_ns: list[int], meanwhile: Callable[[int], None]) -> None:
        self._starts_ns = starts_ns
        self._meanwhile = meanwhile

    def run(self, emit: Callable[[microphones.Block], None], stop: threading.Event) -> None:
        dice = np.random.default_rng(1)
        for number, at_ns in enumerate(self._starts_ns):
            self._meanwhile(number)
            samples = dice.uniform(-0.1, 0.1, BLOCK).astype(np.float32)
            emit(microphones.Block(samples, at_ns, exact=True))
        stop.set()

    def close(self) -> None:
        """Nothing."""


def test_what_a_stalled_driver_held_back_does_not_count_as_working_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It stops after a second and hands over what it kept 3 s later, then goes on as ever."""
    now_ns = 10 * NS
    kept = [n * NS // 10 for n in range(10)]
    late = [n * NS // 10 for n in range(10, 40)]
    fresh = [n * NS // 10 for n in range(40, 50)]
    told: list[tuple[int, Fault]] = []
    at = 0

    def clock() -> int:
        return now_ns

    def meanwhile(number: int) -> None:
        nonlocal now_ns, at
        at = number
        starts_ns = 10 * NS + (kept + late + fresh)[number]
        now_ns = max(now_ns, starts_ns + NS // 10)
        if number == len(kept):
            now_ns += 3 * NS
        part.watch(now_ns)

    monkeypatch.setattr(microphone_part, "boot_ns", clock)
    monkeypatch.setattr(
        microphones, "make",
        lambda _: Scripted([10 * NS + at_ns for at_ns in kept + late + fresh], meanwhile),
    )  # fmt: skip
    part = MicrophonePart(
        MicrophoneSettings(kind="demo"),
        Notices(lambda fault: told.append((at, fault))),
        Detector(lambda _: None),
        lambda _: None,
    )
    part.run(threading.Event())
    assert [(f.code, f.over) for _, f in told] == [("stalled", False), ("stalled", True)]
    (begins, _), (ends, _) = told
    assert begins == len(kept)
    # The first sound that is younger than what counts as stalled: not the first one at all.
    assert ends > len(kept) + 10
