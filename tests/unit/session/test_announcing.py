"""What the device reads aloud of an act: what is known, and nothing else (Art. 14)."""

from recorder.session import announcing, phrases
from recorder.session.opening_plan import Element
from recorder.session.phrases import Phrase
from tests.unit.session.test_case import BARE, ENTRUSTED, EXAMPLE, TOWNSHIP, TWO, check

SPEAKER = phrases.load("zh", None, 480)
NOON_NS = 1_795_492_800_000_000_000


def test_without_card_and_clock_nothing_is_known() -> None:
    assert announcing.known(None, SPEAKER, TOWNSHIP, None) == {}
    assert set(announcing.known(None, SPEAKER, TOWNSHIP, NOON_NS)) == {Element.TIME}


def test_an_element_that_the_card_leaves_empty_is_left_out() -> None:
    known = announcing.known(check(BARE), SPEAKER, TOWNSHIP, None)
    assert set(known) == {Element.STAGES}
    assert set(announcing.known(check(EXAMPLE), SPEAKER, TOWNSHIP, NOON_NS)) == set(Element)


def test_each_officer_has_a_sentence_and_it_is_personal() -> None:
    sentences = announcing.known(check(BARE + TWO), SPEAKER, TOWNSHIP, None)[Element.OFFICERS]
    assert [(s.phrase, s.personal) for s in sentences] == [(Phrase.OFFICER, True)] * 2
    assert "永济市张营镇人民政府执法人员王建国" in sentences[0].text


def test_who_entrusted_the_act_is_said_once_before_the_officers() -> None:
    sentences = announcing.known(check(BARE + TWO, ENTRUSTED), SPEAKER, ENTRUSTED, None)
    first, *officers = sentences[Element.OFFICERS]
    assert first.text == "本次执法由永济市张营镇人民政府委托综合服务中心实施。"
    assert (first.phrase, first.personal) == (Phrase.ENTRUSTED, False)
    assert [s.phrase for s in officers] == [Phrase.OFFICER] * 2
