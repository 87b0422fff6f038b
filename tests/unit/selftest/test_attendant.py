"""The daemon's part of a self-test: one at a time, never beside a recording, never for ever."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from recorder.archive import Declaration
from recorder.clock import NS, ManualClock
from recorder.control import Answer
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.panel.announcer import Outcome
from recorder.selftest.attendant import AFTER_NS, GONE_NS, PRESS_NS, Attendant, Judged
from recorder.selftest.report import Media, Phase, Verdict
from recorder.session.phrases import Phrase
from recorder.session.states import Session, State


class Rig:
    """A supervisor, as far as a self-test needs one."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.session = Session(State.READY)
        self.said: list[Phrase] = []
        self.done: list[Any] = []
        self.noted: list[Any] = []
        self.emitted: list[Any] = []
        self.leaving = False
        self.vitals = None
        self.key_kind, self.custodians = "device", 2
        self.broken: list[RecorderError] = []
        self.effects = SimpleNamespace(act=None, say=self._say)
        self.announcer = SimpleNamespace(cancel=lambda *_: None)
        self.fitness = SimpleNamespace(measured_last=None)
        self.faults = SimpleNamespace(now=dict)
        self.archive = SimpleNamespace(note=self.noted.append, declare=self._declare)
        self.panel = SimpleNamespace(listed=list)
        self.relit = 0
        self.selftest = Attendant(self, self.emitted.append)  # type: ignore[arg-type]

    def relight(self) -> None:
        self.relit += 1

    def _say(self, phrase: Phrase, *, done: Any = None, **_: Any) -> None:
        self.said.append(phrase)
        self.done.append(done)

    def _declare(self, body: Any, private: Any, then: Any) -> None:
        self.noted.append(body)
        then(Declaration(7, durable=True))

    def ask(self, action: str, text: str = "") -> Answer:
        answers: list[Answer] = []
        answer = self.selftest.asked(action, text, "wang", answers.append)
        return answer or answers[0]

    def after(self, ns: int) -> None:
        self.clock.advance(ns / NS)
        self.selftest.tick(self.clock.boot_ns())

    def listened(self) -> None:
        """The first part is over: nothing flowed."""
        self.ask("begin")
        self.done[-1](Outcome("spoken", 1, 2))
        self.after(31 * NS)
        self.selftest.judged(self.emitted.pop())


def test_without_any_fragment_it_is_over_all_the_same() -> None:
    rig = Rig()
    rig.listened()
    data = rig.ask("look").data
    assert data["phase"] == Phase.WAITING
    assert data["media"]["frames"] == 0


def test_a_camera_that_restarts_again_and_again_is_not_waited_for_long() -> None:
    rig = Rig()
    rig.ask("begin")
    rig.done[-1](Outcome("spoken", 1, 2))
    rig.after(AFTER_NS - 1)
    assert rig.ask("look").data["phase"] == Phase.LISTENING
    rig.after(2)
    assert rig.ask("look").data["phase"] == Phase.JUDGING


def test_the_answer_to_an_older_test_is_old_news() -> None:
    rig = Rig()
    rig.ask("begin")
    rig.after(31 * NS)
    rig.selftest.judged(Judged(0, Media(frames=90)))
    assert rig.ask("look").data["phase"] == Phase.JUDGING


def test_two_do_not_run_at_once() -> None:
    rig = Rig()
    rig.ask("begin")
    with pytest.raises(RecorderError, match="already"):
        rig.ask("begin")


@pytest.mark.parametrize("state", [State.RECORDING, State.CLOSING])
def test_none_begins_while_a_recording_is_open_and_that_is_said_and_written(state: State) -> None:
    rig = Rig()
    rig.session = Session(state)
    written: list[Any] = []
    rig.effects.act = SimpleNamespace(sealing=state is State.CLOSING, journal=written.append)
    with pytest.raises(RecorderError) as caught:
        rig.ask("begin")
    assert "End the recording" in caught.value.remedy
    assert rig.said == [Phrase.SELFTEST_REFUSED]
    if state is State.RECORDING:
        assert written == [lines.Refused(event="selftest", state="recording")]


def test_the_press_that_was_asked_for_counts_once_and_no_other() -> None:
    rig = Rig()
    assert not rig.selftest.takes_press()
    rig.listened()
    assert not rig.selftest.takes_press()
    rig.ask("press")
    assert rig.selftest.takes_press()
    assert not rig.selftest.takes_press()
    rig.done[-1](Outcome("spoken", 1, 2))
    rig.after(PRESS_NS + 1)
    assert rig.ask("look").data["button"] == "pressed"


def test_ten_seconds_after_the_question_the_button_is_dead() -> None:
    rig = Rig()
    rig.listened()
    rig.ask("press")
    rig.after(PRESS_NS + 1)
    assert rig.ask("look").data["button"] == ""  # the question itself is not over
    rig.done[-1](Outcome("failed", None, None))
    rig.after(PRESS_NS + 1)
    assert rig.ask("look").data["button"] == "dead"
    assert not rig.selftest.takes_press()


def test_a_technician_who_leaves_ends_it() -> None:
    rig = Rig()
    rig.listened()
    rig.after(GONE_NS + 1)
    (line,) = rig.noted
    assert (line.verdict, line.why, line.by) == ("broken_off", "gone", "wang")
    assert rig.ask("begin").data["phase"] == Phase.LISTENING


def test_broken_off_it_takes_no_verdict_and_is_noted_once() -> None:
    rig = Rig()
    rig.listened()
    rig.selftest.break_off("press")
    rig.selftest.break_off("press")
    assert rig.ask("end", "{}").data["why"] == "press"
    assert len(rig.noted) == 1
    assert rig.relit


def test_the_light_is_shown_until_the_next_part() -> None:
    rig = Rig()
    rig.listened()
    rig.ask("light")
    assert rig.selftest.lit
    assert rig.relit == 1
    rig.ask("press")
    assert not rig.selftest.lit
    assert rig.relit == 2


def test_the_verdict_is_written_and_said() -> None:
    rig = Rig()
    rig.listened()
    verdict = Verdict(failed=("lens:covered",), warned=("clock:unsure",), left_out=("light:none",))
    answer = rig.ask("end", msgspec.json.encode(verdict).decode())
    assert answer.data == {"line": 7, "durable": True}
    assert rig.said[-1] is Phrase.SELFTEST_FAILED
    assert rig.noted == [
        lines.SelfTest(
            verdict="failed", failed=("lens:covered",), warned=("clock:unsure",),
            left_out=("light:none",), by="wang", why="",
        )
    ]  # fmt: skip
    with pytest.raises(RecorderError, match="no self-test"):
        rig.ask("look")
