"""What the dock shows and says, and that a recording's light is never hidden."""

from types import SimpleNamespace
from typing import Any

import pytest

from recorder.app import _LIGHTS
from recorder.clock import ManualClock
from recorder.docked import Docked
from recorder.panel.light import LightState
from recorder.session.phrases import Phrase
from recorder.session.states import Session, State


class Rig:
    """A supervisor, as far as Docked needs one."""

    def __init__(self, *, only_docked: bool = True) -> None:
        self.clock = ManualClock()
        self.session = Session(State.READY)
        self.settings = SimpleNamespace(
            sync=SimpleNamespace(limit_kbps=20000, only_docked=only_docked)
        )
        self.storing = SimpleNamespace(dock=lambda *_: None)
        self.effects = SimpleNamespace(act=None)
        self.fitness = SimpleNamespace(warn=self._warn)
        self.said: list[Phrase] = []
        self.light = self
        self.lit: LightState | None = None
        self.docked = Docked(self)  # type: ignore[arg-type]

    def _warn(self, phrase: Phrase, **_: Any) -> None:
        self.said.append(phrase)

    @property
    def sign(self) -> LightState | None:
        return self.docked.light(self.session.state)

    def show(self, sign: LightState | None) -> None:
        self.lit = sign

    def tell(self, *contacts: str) -> LightState | None:
        """What the light shows instead of the state's own, after a few seconds."""
        for contact in contacts:
            self.docked.told(contact, "sync", lambda _: None)
        self.after(3)
        return self.lit

    def after(self, seconds: float) -> LightState | None:
        self.clock.advance(seconds)
        self.docked.tick(self.clock.boot_ns())
        return self.lit


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_filling_then_done_and_said_once_until_it_is_plugged_in_again(rig: Rig) -> None:
    assert rig.tell("reached", "filling", "alive") is LightState.FILLING
    assert rig.tell("done") is LightState.DONE
    for _ in range(10):
        rig.after(300)
        assert rig.tell("reached", "done") is LightState.DONE
    assert rig.said == [Phrase.DOCK_DONE]
    assert rig.tell("left") is None
    rig.tell("reached", "done")
    assert rig.said == [Phrase.DOCK_DONE] * 2


def test_what_needs_a_person_is_said_once_however_often_it_is_tried(rig: Rig) -> None:
    for _ in range(3):
        rig.tell("gone")
        assert rig.tell("person") is LightState.PERSON
    assert rig.said == [Phrase.DOCK_PERSON]
    rig.tell("reached", "filling", "done")
    assert rig.said == [Phrase.DOCK_PERSON, Phrase.DOCK_DONE]


def test_what_sync_has_said_itself_is_not_said_again_in_general_words(rig: Rig) -> None:
    rig.docked.told("filling", "sync", lambda _: None)
    rig.docked.told("person", "sync", lambda _: None)
    rig.docked.explained()  # store_full, right behind it
    assert rig.tell("reached", "filling", "person") is LightState.PERSON
    assert rig.said == []


def test_a_device_with_a_store_in_reach_all_day_speaks_only_of_what_it_stored() -> None:
    rig = Rig(only_docked=False)
    assert rig.tell("reached", "done") is LightState.DONE
    assert rig.said == []
    rig.tell("reached", "filling", "done")
    assert rig.said == [Phrase.DOCK_DONE]


def test_a_sync_that_falls_silent_leaves_no_light_behind(rig: Rig) -> None:
    rig.tell("reached", "filling")
    for _ in range(10):
        rig.after(60)
        assert rig.tell("alive") is LightState.FILLING
    assert rig.after(95) is None
    rig.tell("reached", "filling", "done")
    assert rig.after(16 * 60) is None


def test_done_ends_when_an_act_begins_and_is_not_prolonged_by_what_is_only_read(rig: Rig) -> None:
    rig.tell("reached", "filling", "done")
    rig.effects.act = SimpleNamespace()
    assert rig.after(1) is None
    assert rig.tell("alive", "done") is None
    rig.effects.act = None
    assert rig.tell("alive", "later") is None
    assert rig.tell("done") is LightState.DONE
    for _ in range(4):
        rig.after(5 * 60)
        rig.tell("alive")
    assert rig.lit is None


@pytest.mark.parametrize("state", sorted(set(_LIGHTS) - {State.READY, State.UNFIT}))
@pytest.mark.parametrize("contact", ["filling", "done", "person"])
def test_nothing_of_the_dock_hides_a_recording_or_a_fault(
    rig: Rig, state: State, contact: str
) -> None:
    rig.tell("reached", contact)
    rig.session = Session(state)
    assert rig.docked.light(state) is None
    rig.lit = None
    rig.tell("left", "filling", contact)
    assert rig.lit is None


def test_a_device_that_cannot_record_shows_that_it_is_being_emptied_and_no_promise(
    rig: Rig,
) -> None:
    rig.session = Session(State.UNFIT)
    assert rig.tell("reached", "filling") is LightState.FILLING
    assert rig.tell("done") is None


def test_nothing_is_said_into_an_act(rig: Rig) -> None:
    rig.tell("reached", "filling")
    rig.session = Session(State.OPENING)
    rig.tell("done")
    assert rig.said == []


def test_status_shows_the_limit_and_who_waits_for_whom(rig: Rig) -> None:
    assert rig.docked.status() == {"shows": "nothing", "limit_kbps": 20000}
    rig.tell("reached", "filling")
    assert rig.docked.status()["shows"] == "filling"
    rig.effects.act = SimpleNamespace()
    assert rig.docked.status()["shows"] == "giving way"
