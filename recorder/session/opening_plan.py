"""What an opening consists of (Art. 14): its elements, sentences and their order. Data only."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

import msgspec

from recorder.evidence.lines import SlotState
from recorder.session.phrases import Phrase, Speaker


class Element(StrEnum):
    """What the officers have to say first, in the rule's order."""

    TIME = "time"
    PLACE = "place"
    OFFICERS = "officers"
    REASON = "reason"
    SUBJECT = "subject"
    STAGES = "stages"


class Sentence(msgspec.Struct, frozen=True):
    """A sentence of the opening; ``personal`` ones are encrypted in the journal."""

    phrase: Phrase
    text: str
    personal: bool = False


ASK = {
    Element.TIME: Phrase.ASK_TIME,
    Element.PLACE: Phrase.ASK_PLACE,
    Element.OFFICERS: Phrase.ASK_OFFICERS,
    Element.REASON: Phrase.ASK_REASON,
    Element.SUBJECT: Phrase.ASK_SUBJECT,
    Element.STAGES: Phrase.ASK_STAGES,
}


class Read(msgspec.Struct, frozen=True):
    """Read aloud what is known; ``element`` None: a sentence of the opening itself."""

    element: Element | None
    sentences: tuple[Sentence, ...]


class Ask(msgspec.Struct, frozen=True):
    """Ask; ``element`` None: a question that belongs to no element."""

    element: Element | None
    sentence: Sentence


class Confirm(msgspec.Struct, frozen=True):
    """Ask the officers to confirm aloud what was read."""

    sentence: Sentence


Step = Read | Ask | Confirm


def plan(
    known: Mapping[Element, tuple[Sentence, ...]],
    speaker: Speaker,
    *,
    done: Mapping[Element, SlotState],
    first: tuple[Phrase, ...],
) -> Iterator[Step]:
    """The steps, in order: start, first questions, what is known, what is not, adoption, notice."""

    def fixed(phrase: Phrase) -> Sentence:
        return Sentence(phrase, speaker.say(phrase))

    if not done:
        yield Read(None, (fixed(Phrase.OPENING_START),))
    for phrase in first:
        yield Ask(None, fixed(phrase))
    wanted = [element for element in Element if element not in done]
    for element in wanted:
        if known.get(element):
            yield Read(element, known[element])
    for element in wanted:
        if not known.get(element):
            yield Ask(element, fixed(ASK[element]))
    yield Confirm(fixed(Phrase.ADOPT))
    yield Read(None, (fixed(Phrase.NOTICE_ALL),))
