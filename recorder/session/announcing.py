"""What the device can read aloud of an act (Art. 14): from the clock and the case card. Pure."""

from collections.abc import Iterable, Iterator

from recorder.config import Organisation
from recorder.session.case import Checked, Officer
from recorder.session.opening_plan import Element, Sentence
from recorder.session.phrases import Phrase, Speaker


def known(
    case: Checked | None, speaker: Speaker, organisation: Organisation, utc_ns: int | None
) -> dict[Element, tuple[Sentence, ...]]:
    """The sentences for each element that is known. ``utc_ns`` is None where the clock is not set;
    an element that the card leaves empty is left out, and so asked for."""
    out: dict[Element, tuple[Sentence, ...]] = {}
    if utc_ns is not None:
        text = speaker.say(Phrase.TIME, time=speaker.time(utc_ns))
        out[Element.TIME] = (Sentence(Phrase.TIME, text),)
    if case is None:
        return out
    card = case.card
    for element, phrase, value in (
        (Element.PLACE, Phrase.PLACE, card.place),
        (Element.REASON, Phrase.REASON, card.reason),
        (Element.SUBJECT, Phrase.SUBJECT, card.subject),
    ):
        if value:
            text = speaker.say(phrase, **{phrase.value: value})
            out[element] = (Sentence(phrase, text, personal=True),)
    if card.officers:
        out[Element.OFFICERS] = tuple(_officers(card.officers, speaker, organisation))
    if case.stages:
        text = speaker.say(Phrase.STAGES, stages=speaker.join(case.stages))
        out[Element.STAGES] = (Sentence(Phrase.STAGES, text),)
    return out


def _officers(
    officers: Iterable[Officer], speaker: Speaker, organisation: Organisation
) -> Iterator[Sentence]:
    """One sentence each; before them, who entrusted the act, where somebody did (Art. 24)."""
    name = organisation.name
    if principal := organisation.entrusted_by:
        text = speaker.say(Phrase.ENTRUSTED, principal=principal, organisation=name)
        yield Sentence(Phrase.ENTRUSTED, text)
    for officer in officers:
        number = speaker.digits(officer.certificate)
        text = speaker.say(Phrase.OFFICER, organisation=name, name=officer.name, number=number)
        yield Sentence(Phrase.OFFICER, text, personal=True)
