"""The ladder: a capture process that dies or stands still is replaced, one rung lower in time."""

from typing import cast

import pytest

from recorder.capture.messages import Overlay, Vitals
from recorder.clock import NS, ManualClock
from recorder.ladder import RUNGS, STARVED_NS, Ladder
from recorder.link import CaptureLink, Gone, Received

OVERLAY = Overlay("d", "o", True, 480)
VITALS = Vitals(0, 0, 0, None, None, None, None, None, None, 0, 0, 0, 0, 0)


class FakeLink:
    """Counts what is asked of it; the real one is exercised in tests/real."""

    def __init__(self) -> None:
        self.generation = 0
        self.rungs: list[int] = []
        self.kills = 0
        self.sent: list[object] = []

    def start(self, rung: int, overlay: Overlay) -> None:
        self.generation += 1
        self.rungs.append(rung)

    def kill(self) -> None:
        self.kills += 1

    def send(self, command: object) -> None:
        self.sent.append(command)


class Rig:
    """A ladder whose time is moved in small steps, as the loop does."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.link = FakeLink()
        self.ladder = Ladder(cast(CaptureLink, self.link), self.clock, OVERLAY)
        self.ladder.tick(self.clock.boot_ns())

    def run(self, seconds: float, *, talking: bool) -> None:
        for _ in range(round(seconds / 0.05)):
            self.clock.advance(0.05)
            if talking:
                message = Received(self.link.generation, VITALS, b"")
                self.ladder.heard(message, self.clock.boot_ns())
            self.ladder.tick(self.clock.boot_ns())

    def die(self) -> tuple[str, str] | None:
        gone = Gone(self.link.generation, self.clock.boot_ns(), "capture_died", "exit status -9")
        return self.ladder.gone(gone, self.clock.boot_ns())


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_dead_process_is_replaced_at_once(rig: Rig) -> None:
    assert rig.die() == ("capture_died", "exit status -9")
    rig.run(0.05, talking=False)
    assert rig.link.generation == 2


def test_every_second_death_within_a_minute_goes_one_rung_down(rig: Rig) -> None:
    for _ in range(8):
        rig.die()
        rig.run(6, talking=True)
    assert rig.link.rungs[:5] == [0, 0, 1, 1, 2]
    assert max(rig.link.rungs) == RUNGS - 1


def test_deaths_that_lie_far_apart_change_nothing(rig: Rig) -> None:
    for _ in range(4):
        rig.die()
        rig.run(3, talking=True)
        for _ in range(13):
            rig.clock.advance(5)
            rig.ladder.tick(rig.clock.boot_ns())
    assert set(rig.link.rungs) == {0}


def test_a_process_that_says_nothing_is_killed_and_the_cause_is_known(rig: Rig) -> None:
    rig.run(9, talking=False)
    assert rig.link.kills == 1
    assert rig.die() == ("capture_stalled", "exit status -9")


def test_a_process_without_fragments_is_killed_and_the_cause_is_known(rig: Rig) -> None:
    rig.run(7 + STARVED_NS / NS, talking=True)
    assert rig.link.kills == 1
    assert rig.die() == ("no_fragments", "exit status -9")


def test_messages_of_a_replaced_process_are_old_news(rig: Rig) -> None:
    old = rig.link.generation
    rig.die()
    rig.run(0.05, talking=False)
    assert not rig.ladder.heard(Received(old, VITALS, b""), rig.clock.boot_ns())
    assert rig.ladder.gone(Gone(old, 0, "capture_died", ""), rig.clock.boot_ns()) is None


def test_a_supervisor_that_stood_still_blames_nobody_else(rig: Rig) -> None:
    rig.run(7, talking=True)
    rig.clock.advance(10)
    rig.ladder.tick(rig.clock.boot_ns())
    assert rig.link.kills == 0
