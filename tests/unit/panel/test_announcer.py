"""The order of sentences: one at a time, waiting for people, and knowing the device's own voice."""

from recorder.clock import NS
from recorder.panel.announcer import MOST, Announcement, Announcer, Outcome
from recorder.panel.voice import Ended, Failed, Sentence, Started


class FakeVoice:
    """Takes sentences; the real one is heard in tests/real."""

    def __init__(self) -> None:
        self.said: list[Sentence] = []
        self.cancelled = 0

    def say(self, sentence: Sentence) -> None:
        self.said.append(sentence)

    def cancel(self) -> None:
        self.cancelled += 1


class Rig:
    def __init__(self) -> None:
        self.voice = FakeVoice()
        self.outcomes: list[tuple[str, str]] = []
        self.announcer = Announcer(self.voice, self._said)

    def _said(self, item: Announcement, outcome: Outcome) -> None:
        self.outcomes.append((item.phrase, outcome.outcome))

    def say(self, phrase: str, owner: str = "status", *, patient: bool = True) -> None:
        self.announcer.say(Announcement(phrase, f"text of {phrase}", owner=owner, patient=patient))


def test_sentences_are_said_one_after_the_other() -> None:
    rig = Rig()
    rig.say("a")
    rig.say("b")
    rig.announcer.tick(5 * NS, 0)
    rig.announcer.tick(6 * NS, 0)
    assert [s.text for s in rig.voice.said] == ["text of a"]
    rig.announcer.on_voice(Started(1, NS))
    rig.announcer.on_voice(Ended(1, 2 * NS))
    rig.announcer.tick(7 * NS, 0)
    assert [s.text for s in rig.voice.said] == ["text of a", "text of b"]
    assert rig.outcomes == [("a", "spoken")]


def test_it_waits_while_people_speak_but_not_longer_than_three_seconds() -> None:
    rig = Rig()
    rig.say("a")
    for tenth in range(29):
        rig.announcer.tick(tenth * NS // 10, people_until_ns=tenth * NS // 10)
    assert not rig.voice.said
    rig.announcer.tick(31 * NS // 10, people_until_ns=31 * NS // 10)
    assert rig.voice.said


def test_what_cannot_wait_does_not() -> None:
    rig = Rig()
    rig.say("interrupted", patient=False)
    rig.announcer.tick(NS, people_until_ns=NS)
    assert rig.voice.said


def test_cancelling_an_owner_leaves_the_others() -> None:
    rig = Rig()
    rig.say("a", "opening")
    rig.say("b", "status")
    rig.announcer.cancel("opening")
    rig.announcer.tick(5 * NS, 0)
    assert [s.text for s in rig.voice.said] == ["text of b"]


def test_a_cut_sentence_is_on_record_as_cut() -> None:
    rig = Rig()
    rig.say("a", "opening")
    rig.announcer.tick(5 * NS, 0)
    rig.announcer.cancel("opening")
    assert rig.voice.cancelled == 1
    rig.announcer.on_voice(Failed(1, "cancelled", ""))
    assert rig.outcomes == [("a", "cut")]


def test_the_devices_own_voice_and_half_a_second_more_is_no_answer() -> None:
    rig = Rig()
    rig.say("a")
    rig.announcer.tick(5 * NS, 0)
    rig.announcer.on_voice(Started(1, 10 * NS))
    assert rig.announcer.without_own(11 * NS, 12 * NS) is None
    rig.announcer.on_voice(Ended(1, 13 * NS))
    assert rig.announcer.without_own(12 * NS, 13 * NS + NS // 4) is None
    assert rig.announcer.without_own(12 * NS, 15 * NS) == (13 * NS + NS // 2, 15 * NS)
    assert rig.announcer.without_own(9 * NS, 11 * NS) == (9 * NS, 10 * NS)
    assert rig.announcer.without_own(20 * NS, 21 * NS) == (20 * NS, 21 * NS)


def test_a_voice_that_never_answers_is_given_up_and_holds_nothing_up() -> None:
    rig = Rig()
    for phrase in ("a", "b", "c"):
        rig.say(phrase)
    for tenth in range(320):
        rig.announcer.tick(tenth * NS // 10, 0)
    assert [s.text for s in rig.voice.said] == ["text of a"]
    assert rig.outcomes == [("a", "failed"), ("b", "failed"), ("c", "failed")]
    assert rig.announcer.idle
    # It answers after all: from now on it is asked again.
    rig.announcer.on_voice(Failed(1, "hung", ""))
    rig.say("d")
    rig.announcer.tick(33 * NS, 0)
    assert [s.text for s in rig.voice.said] == ["text of a", "text of d"]
    assert len(rig.outcomes) == 3


def waiting(rig: Rig) -> list[str]:
    """All that is said from now on, each at once."""
    told = len(rig.voice.said)
    for number in range(1, 10 * MOST):
        rig.announcer.tick(number * NS, 0)
        if rig.announcer.idle:
            break
        rig.announcer.on_voice(Ended(len(rig.voice.said), number * NS))
    return [sentence.text.removeprefix("text of ") for sentence in rig.voice.said[told:]]


def test_too_much_that_waits_loses_the_oldest_of_the_same_kind_then_the_oldest() -> None:
    rig = Rig()
    for number in range(MOST):
        rig.say("marked" if number in (3, 5) else f"n{number}")
    rig.say("marked")
    rig.say("other")
    assert rig.outcomes == [("marked", "cut"), ("n0", "cut")]
    said = waiting(rig)
    assert len(said) == MOST and said[-2:] == ["marked", "other"]
    assert said[:4] == ["n1", "n2", "n4", "marked"]


def test_what_is_owed_is_said_however_much_waits() -> None:
    rig = Rig()
    for number in range(MOST + 8):
        rig.announcer.say(Announcement("officer", f"{number}", owner="opening"))
    rig.say("marked")
    rig.say("end")
    said = waiting(rig)
    assert said == [*(f"{number}" for number in range(MOST + 8)), "end"]
    for _ in range(10 * MOST):
        rig.say("filming_1")
        rig.say("filming_2")
    said = waiting(rig)
    assert len(said) == MOST and said[-2:] == ["filming_1", "filming_2"]


def test_a_supervisor_that_stood_still_blames_no_voice_for_it() -> None:
    rig = Rig()
    rig.say("a")
    rig.announcer.tick(NS, 0)
    rig.announcer.tick(100 * NS, 0)
    rig.announcer.on_voice(Started(1, 2 * NS))
    rig.announcer.on_voice(Ended(1, 3 * NS))
    assert rig.outcomes == [("a", "spoken")]
