"""What the supervisor says of deadlines, and when: never into an act, never twice."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from recorder.clock import ManualClock
from recorder.evidence import lines
from recorder.panel.announcer import Outcome
from recorder.session import phrases
from recorder.session.states import Session, State
from recorder.storing import Looked, Storing
from recorder.sync.deadlines import Lateness
from recorder.sync.kept import Kept
from recorder.sync.standing import Standing, Unsent


class Rig:
    """A supervisor, as far as Storing needs one; nobody looks but the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = ManualClock()
        self.session = Session(State.READY)
        self.speaker = phrases.load("zh", None, 480)
        self.said: list[str] = []
        self.waiting: list[Any] = []
        self.noted: list[Any] = []
        self.effects = SimpleNamespace(say=self._say, act=None)
        self.announcer = SimpleNamespace(cancel=self._cancel)
        self.archive = SimpleNamespace(note=self.noted.append)
        monkeypatch.setattr(Storing, "look", lambda _: None)
        self.storing = Storing(self, lambda _: None)  # type: ignore[arg-type]

    def _say(self, phrase: Any, *, owner: str, done: Any, **slots: str) -> None:
        self.said.append(self.speaker.say(phrase, **slots))
        self.waiting.append(done)

    def _cancel(self, *owners: str) -> None:
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done(Outcome("cut", None, None))

    def found(self, *unsent: Unsent) -> None:
        self.storing.looked(Looked(Standing(unsent, Kept(), 0), ""))

    def tick(self, seconds: float = 1) -> list[str]:
        """What is newly said."""
        self.clock.advance(seconds)
        before = len(self.said)
        self.storing.tick(self.clock.boot_ns())
        return self.said[before:]


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    made = Rig(monkeypatch)
    made.storing.begin(None)
    return made


def unsent(lateness: Lateness, day: int = 25, name: str = "a") -> Unsent:
    return Unsent(recording=name, where="waiting", lateness=lateness, due=date(2026, 11, day))


def test_power_on_says_what_is_due_and_by_when_and_what_is_late(rig: Rig) -> None:
    rig.found(
        unsent(Lateness.DUE), unsent(Lateness.DUE), unsent(Lateness.DUE, 26),
        unsent(Lateness.OVERDUE, 20), unsent(Lateness.POSSIBLY, 21), unsent(Lateness.IN_TIME, 30),
    )  # fmt: skip
    assert rig.tick() == [
        "有一条记录已超过存储期限，请立即接入采集站。",
        "有一条记录可能已超过存储期限，请立即接入采集站。",
        "有两条记录须在十一月二十五日下班前存储，请接入采集站。",
        "有一条记录须在十一月二十六日下班前存储，请接入采集站。",
    ]
    assert rig.tick() == []


def test_nothing_is_said_while_an_act_is_recorded_but_after_it(rig: Rig) -> None:
    rig.session = Session(State.RECORDING)
    rig.found(unsent(Lateness.OVERDUE))
    assert rig.tick() == []
    rig.session = Session(State.READY)
    assert len(rig.tick()) == 1


def test_a_press_cuts_the_reminder_short_and_it_is_said_again_later(rig: Rig) -> None:
    rig.found(unsent(Lateness.OVERDUE))
    assert rig.tick()
    rig.session = Session(State.OPENING)
    assert rig.tick() == []
    assert rig.noted == [lines.Reminded(phrase="overdue", count=1, day="", outcome="cut")]
    rig.session = Session(State.READY)
    assert len(rig.tick()) == 1


def test_a_dock_that_syncs_every_few_minutes_repeats_nothing_for_hours(rig: Rig) -> None:
    rig.found(unsent(Lateness.OVERDUE))
    assert rig.tick()
    for _ in range(5):
        rig.storing.dock("done", "sync", lambda _: None)
        assert rig.tick(300) == []
    rig.storing.dock("done", "sync", lambda _: None)
    assert len(rig.tick(4 * 3600)) == 1


def test_what_is_new_is_said_at_the_next_contact(rig: Rig) -> None:
    rig.found(unsent(Lateness.OVERDUE))
    assert rig.tick()
    rig.found(unsent(Lateness.OVERDUE), unsent(Lateness.OVERDUE, name="b"))
    assert rig.tick() == []
    rig.storing.dock("done", "sync", lambda _: None)
    assert rig.tick() == ["有两条记录已超过存储期限，请立即接入采集站。"]


def test_what_could_not_be_counted_is_told_and_nothing_is_made_up(rig: Rig) -> None:
    rig.storing.looked(Looked(None, "sync.pem: Permission denied"))
    assert rig.tick() == []
    assert rig.storing.status() == {"away": False, "deadlines": "sync.pem: Permission denied"}


def test_status_lists_the_most_urgent_first_and_counts_the_rest(rig: Rig) -> None:
    many = [unsent(Lateness.IN_TIME, 1 + n % 28, f"r{n:03d}") for n in range(60)]
    rig.found(*many)
    found = rig.storing.status()
    days = [row["deadline"] for row in found["recordings"]]
    assert days == sorted(days)
    assert (len(days), found["not_shown"], found["unsent"]) == (50, 10, 60)
