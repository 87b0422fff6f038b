"""The opening by slots (Art. 14): announced, adopted, heard or missing, whatever the voice does."""

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from recorder.clock import NS
from recorder.config import Opening as Limits
from recorder.evidence.lines import SlotState
from recorder.session import phrases
from recorder.session.opening import (
    Answered,
    Done,
    Effect,
    Element,
    Opening,
    Say,
    Sentence,
    Slot,
)
from recorder.session.opening_plan import ASK
from recorder.session.phrases import Phrase

SPEAKER = phrases.load("zh", None, 480)
LIMITS = Limits()
STEP_NS = NS // 20
QUESTIONS = {*ASK.values(), Phrase.ADOPT, Phrase.CONTINUED, Phrase.LATE_START}


def sentence(phrase: Phrase, **values: str) -> Sentence:
    return Sentence(phrase, SPEAKER.say(phrase, **values), personal=True)


PLACE = {Element.PLACE: (sentence(Phrase.PLACE, place="路口"),)}
OFFICERS = {
    Element.OFFICERS: tuple(
        sentence(Phrase.OFFICER, organisation="镇政府", name=name, number="幺")
        for name in ("甲", "乙")
    )
}
ALL: dict[Element, tuple[Sentence, ...]] = {
    Element.TIME: (sentence(Phrase.TIME, time="九时整"),),
    **PLACE,
    **OFFICERS,
    Element.REASON: (sentence(Phrase.REASON, reason="占道"),),
    Element.SUBJECT: (sentence(Phrase.SUBJECT, subject="待查"),),
    Element.STAGES: (sentence(Phrase.STAGES, stages="告知"),),
}


class Scene:
    """Plays an opening on a clock of its own: a voice of 2 s a sentence, and people who answer."""

    def __init__(
        self,
        opening: Opening,
        *,
        answers: Callable[[Phrase], float] = lambda _: 1.0,
        voice_ok: Callable[[Phrase], bool] = lambda _: True,
        silent_voice: bool = False,
    ) -> None:
        self.opening = opening
        self.answers = answers
        self.voice_ok = voice_ok
        self.silent_voice = silent_voice
        self.now_ns = 100 * NS
        self.said: list[Phrase] = []
        self.slots: dict[Element, Slot] = {}
        self.history: list[tuple[Element, SlotState]] = []
        self.answered: list[Answered] = []
        self.done = 0
        self._speaking: tuple[Sentence, int] | None = None
        self._answering: tuple[int, int] | None = None
        self.take(opening.begin(self.now_ns))

    def take(self, effects: list[Effect]) -> None:
        for effect in effects:
            assert not self.done, "nothing comes after Done"
            match effect:
                case Say(sentence=what):
                    self.said.append(what.phrase)
                    self._speaking = (what, self.now_ns)
                    self._answering = None
                case Slot():
                    self.slots[effect.element] = effect
                    self.history.append((effect.element, effect.state))
                case Answered():
                    self.answered.append(effect)
                case Done():
                    self.done += 1

    def step(self) -> None:
        self.now_ns += STEP_NS
        if self._speaking is not None and not self.silent_voice:
            what, since_ns = self._speaking
            if self.now_ns - since_ns >= 2 * NS:
                self._speaking = None
                ok = self.voice_ok(what.phrase)
                from_ns, to_ns = (since_ns, self.now_ns) if ok else (None, None)
                self.take(self.opening.spoken(ok, from_ns, to_ns, self.now_ns, what))
                length_s = self.answers(what.phrase) if what.phrase in QUESTIONS else 0
                if self._speaking is None and length_s:
                    start_ns = self.now_ns + NS // 2
                    self._answering = (start_ns, start_ns + round(length_s * NS))
        if self._answering is not None and self.now_ns > self._answering[0]:
            start_ns, end_ns = self._answering
            ongoing = self.now_ns < end_ns
            told = self.opening.speech(start_ns, min(self.now_ns, end_ns), ongoing, self.now_ns)
            if not ongoing:
                self._answering = None
            self.take(told)
        self.take(self.opening.tick(self.now_ns))

    def until(self, phrase: Phrase) -> None:
        while self.said[-1] != phrase:
            self.step()

    def play(self, limit_s: int = 400) -> "Scene":
        end_ns = self.now_ns + limit_s * NS
        while not self.done:
            assert self.now_ns < end_ns, "the opening hangs"
            self.step()
        return self

    @property
    def states(self) -> dict[Element, SlotState]:
        return {element: slot.state for element, slot in self.slots.items()}


def silent(_: Phrase) -> float:
    return 0


def test_what_is_known_is_read_in_the_rules_order_confirmed_and_followed_by_the_notice() -> None:
    scene = Scene(Opening(ALL, SPEAKER, LIMITS)).play()
    assert scene.said == [
        Phrase.OPENING_START, Phrase.TIME, Phrase.PLACE, Phrase.OFFICER, Phrase.OFFICER,
        Phrase.REASON, Phrase.SUBJECT, Phrase.STAGES, Phrase.ADOPT, Phrase.NOTICE_ALL,
    ]  # fmt: skip
    assert set(scene.states.values()) == {"adopted"}
    assert [s for _, s in scene.history[:6]] == ["announced"] * 6


def test_announced_points_at_the_devices_words_and_adopted_at_the_officers() -> None:
    scene = Scene(Opening(OFFICERS, SPEAKER, LIMITS), answers=silent)
    scene.until(Phrase.ASK_TIME)
    slot = scene.slots[Element.OFFICERS]
    assert slot.from_ns is not None
    assert slot.to_ns is not None
    assert 3.9 * NS < slot.to_ns - slot.from_ns < 4.3 * NS  # both officers' sentences
    scene.answers = lambda _: 1.0
    scene.play()
    adopted = scene.slots[Element.OFFICERS]
    assert adopted.state == "adopted"
    assert adopted.from_ns is not None
    assert adopted.from_ns > slot.to_ns


def test_silence_after_please_confirm_leaves_what_was_read_announced() -> None:
    scene = Scene(Opening(ALL, SPEAKER, LIMITS), answers=silent).play()
    assert set(scene.states.values()) == {"announced"}
    assert scene.said[-1] == Phrase.NOTICE_ALL


def test_what_is_not_known_is_asked_for_and_heard() -> None:
    scene = Scene(Opening({}, SPEAKER, LIMITS)).play()
    assert scene.said == [Phrase.OPENING_START, *ASK.values(), Phrase.NOTICE_ALL]
    assert scene.states == dict.fromkeys(Element, "heard")


def test_an_element_is_asked_twice_then_missing_and_that_is_said() -> None:
    known = dict(ALL)
    del known[Element.REASON]
    scene = Scene(
        Opening(known, SPEAKER, LIMITS), answers=lambda p: 0 if p is Phrase.ASK_REASON else 1
    ).play()
    asked = scene.said.index(Phrase.ASK_REASON)
    assert scene.said[asked : asked + 3] == [Phrase.ASK_REASON, Phrase.AGAIN, Phrase.MISSING]
    assert scene.states[Element.REASON] == "missing"
    assert scene.slots[Element.REASON].from_ns is None
    assert scene.states[Element.PLACE] == "adopted"


def test_a_cough_is_no_answer() -> None:
    scene = Scene(Opening({}, SPEAKER, LIMITS), answers=lambda _: 0.2).play()
    assert set(scene.states.values()) == {"missing"}


def test_an_answer_with_a_breath_in_it_is_one_answer() -> None:
    opening = Opening({}, SPEAKER, LIMITS)
    scene = Scene(opening, answers=silent)
    scene.until(Phrase.ASK_TIME)
    for _ in range(42):
        scene.step()
    start_ns = scene.now_ns
    scene.take(opening.speech(start_ns, start_ns + NS, False, start_ns + NS))
    second_ns = start_ns + 2 * NS
    scene.take(opening.speech(second_ns, second_ns + NS, False, second_ns + NS))
    assert Element.TIME not in scene.states
    scene.take(opening.tick(second_ns + NS + round(1.3 * NS)))
    slot = scene.slots[Element.TIME]
    assert (slot.from_ns, slot.to_ns) == (start_ns, second_ns + NS)


def test_a_crowd_that_never_falls_silent_does_not_hold_the_opening_up() -> None:
    scene = Scene(Opening({}, SPEAKER, LIMITS), answers=lambda _: 1000).play()
    assert scene.states == dict.fromkeys(Element, "heard")


def test_without_a_voice_everything_is_listened_for_and_nothing_counts_as_announced() -> None:
    scene = Scene(Opening(ALL, SPEAKER, LIMITS), voice_ok=lambda _: False).play()
    assert scene.states == dict.fromkeys(Element, "heard")
    assert Phrase.ADOPT not in scene.said


def test_an_element_that_could_be_read_only_in_part_is_asked_for() -> None:
    heard: list[Phrase] = []

    def once(phrase: Phrase) -> bool:
        heard.append(phrase)
        return heard.count(Phrase.OFFICER) != 2 or phrase is not Phrase.OFFICER

    scene = Scene(Opening(ALL, SPEAKER, LIMITS), voice_ok=once).play()
    assert scene.states[Element.OFFICERS] == "heard"
    assert scene.states[Element.REASON] == "adopted"


def test_a_voice_that_never_reports_ends_within_the_limit_with_everything_missing() -> None:
    scene = Scene(Opening(ALL, SPEAKER, LIMITS), silent_voice=True).play(400)
    assert scene.states == dict.fromkeys(Element, "missing")


def test_skipping_drops_questions_keeps_readings_and_says_the_notice() -> None:
    scene = Scene(Opening(PLACE | OFFICERS, SPEAKER, LIMITS))
    scene.until(Phrase.PLACE)
    scene.take(scene.opening.skip(scene.now_ns))
    scene.play()
    assert scene.states == {
        Element.TIME: "missing", Element.PLACE: "announced", Element.OFFICERS: "announced",
        Element.REASON: "missing", Element.SUBJECT: "missing", Element.STAGES: "missing",
    }  # fmt: skip
    assert not set(scene.said) & QUESTIONS
    assert scene.said[-1] == Phrase.NOTICE_ALL


def test_skipping_while_an_answer_is_waited_for_goes_straight_to_the_notice() -> None:
    scene = Scene(Opening({}, SPEAKER, LIMITS), answers=silent)
    scene.until(Phrase.ASK_PLACE)
    scene.take(scene.opening.skip(scene.now_ns))
    assert scene.said[-1] == Phrase.NOTICE_ALL
    scene.play()
    assert scene.states == dict.fromkeys(Element, "missing")


def test_skipping_during_the_notice_says_it_once_more_and_does_not_hang() -> None:
    scene = Scene(Opening(PLACE, SPEAKER, LIMITS))
    scene.until(Phrase.NOTICE_ALL)
    scene.take(scene.opening.skip(scene.now_ns))
    scene.play()
    assert scene.said[-2:] == [Phrase.NOTICE_ALL, Phrase.NOTICE_ALL]


def test_late_news_of_a_skipped_sentence_changes_nothing() -> None:
    scene = Scene(Opening(PLACE, SPEAKER, LIMITS), answers=silent)
    scene.until(Phrase.ASK_TIME)
    scene.take(scene.opening.skip(scene.now_ns))
    late = sentence(Phrase.ASK_TIME)
    assert scene.opening.spoken(True, 1, 2, scene.now_ns, late) == []
    assert not scene.done


def test_a_question_that_comes_first_is_answered_or_not_on_record() -> None:
    first = (Phrase.CONTINUED, Phrase.LATE_START)
    scene = Scene(
        Opening(ALL, SPEAKER, LIMITS, first=first),
        answers=lambda p: 0 if p is Phrase.LATE_START else 1,
    ).play()
    assert scene.said[:3] == [Phrase.OPENING_START, Phrase.CONTINUED, Phrase.LATE_START]
    assert [(a.question, a.heard) for a in scene.answered] == [
        (Phrase.CONTINUED, True), (Phrase.LATE_START, False),
    ]  # fmt: skip


def test_a_first_question_that_is_skipped_was_not_answered() -> None:
    scene = Scene(Opening(ALL, SPEAKER, LIMITS, first=(Phrase.CONTINUED,)))
    scene.take(scene.opening.skip(scene.now_ns))
    assert [a.heard for a in scene.answered] == [False]


def test_after_an_interruption_what_is_left_is_said_and_what_was_read_confirmed() -> None:
    done: dict[Element, SlotState] = {
        Element.TIME: "announced", Element.PLACE: "heard", Element.OFFICERS: "missing",
    }  # fmt: skip
    scene = Scene(Opening(ALL, SPEAKER, LIMITS, done=done)).play()
    assert scene.said == [
        Phrase.REASON, Phrase.SUBJECT, Phrase.STAGES, Phrase.ADOPT, Phrase.NOTICE_ALL,
    ]  # fmt: skip
    assert scene.states[Element.TIME] == "adopted"
    assert Element.PLACE not in scene.states
    assert Element.OFFICERS not in scene.states


def test_after_the_end_nothing_is_said_any_more() -> None:
    opening = Scene(Opening(ALL, SPEAKER, LIMITS)).play().opening
    assert opening.tick(10**15) == []
    assert opening.skip(10**15) == []
    assert opening.speech(1, 10**15, False, 10**15) == []
    assert opening.spoken(True, 1, 2, 10**15) == []


@given(
    known=st.sets(st.sampled_from(list(Element))),
    answers=st.dictionaries(st.sampled_from(sorted(QUESTIONS)), st.sampled_from([0, 0.2, 1, 90])),
    broken=st.sets(st.sampled_from(list(Phrase)), max_size=6),
    skips=st.lists(st.integers(0, 2000), max_size=3),
)
def test_whatever_happens_every_element_is_settled_once_and_the_opening_ends(
    known: set[Element], answers: dict[Phrase, float], broken: set[Phrase], skips: list[int]
) -> None:
    scene = Scene(
        Opening({e: ALL[e] for e in known}, SPEAKER, LIMITS),
        answers=lambda phrase: answers.get(phrase, 0),
        voice_ok=lambda phrase: phrase not in broken,
    )
    for n in range(8000):
        if scene.done:
            break
        if n in skips:
            scene.take(scene.opening.skip(scene.now_ns))
        scene.step()
    assert scene.done == 1
    assert set(scene.states) == set(Element)
    for element in Element:
        states = [state for e, state in scene.history if e is element]
        assert states in (["announced"], ["announced", "adopted"], ["heard"], ["missing"])
    assert Phrase.NOTICE_ALL in scene.said


@pytest.mark.parametrize("element", list(Element))
def test_missing_is_spoken_with_the_elements_name(element: Element) -> None:
    text = SPEAKER.say(Phrase.MISSING, element=SPEAKER.element(element))
    assert text.endswith("未说明，已经记录。")
    assert not text[0].isascii()
