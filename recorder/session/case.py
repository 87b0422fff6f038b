"""The case card: what the device knows of the act ahead. Personal, so in the clear only under /run.

Pure but for the text it is given: it is checked against the catalogue and the organisation.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from recorder import toml
from recorder.config import Organisation
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.session.catalogue import Catalogue, Entry, Stage

Word = Annotated[str, Meta(max_length=120)]
LONG_CHARACTERS = 34
MOST_CHARACTERS = 16 * 1024
"""Of a whole card: it is read while the recorder serves nobody else."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every table."""


class Officer(_Strict, frozen=True, kw_only=True):
    """An officer present: name and certificate are spoken, the personnel number is a pseudonym."""

    name: Annotated[str, Meta(min_length=1, max_length=20)]
    certificate: Annotated[str, Meta(min_length=1, max_length=24)]
    personnel: Word = ""


class Document(_Strict, frozen=True, kw_only=True):
    """A legal document that the recording stands beside (approval, decision, list)."""

    kind: Word
    number: Word


class Card(_Strict, frozen=True, kw_only=True):
    """The card as it was written. An element left empty is asked for (Art. 14)."""

    id: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9-]{1,40}$", description="letters, digits and hyphens, 1 to 40"),
    ]
    act: Annotated[str, Meta(min_length=1, max_length=41)]
    case_number: Word = ""
    place: Word = ""
    reason: Word = ""
    subject: Word = ""
    arrival: str = ""
    late_reason: Word = ""
    stages: tuple[str, ...] = ()
    officers: tuple[Officer, ...] = ()
    documents: tuple[Document, ...] = ()

    def private(self) -> dict[str, Any]:
        """The personal part, for an age file."""
        return {
            "place": self.place,
            "reason": self.reason,
            "subject": self.subject,
            "officers": [msgspec.to_builtins(officer) for officer in self.officers],
            "documents": [msgspec.to_builtins(document) for document in self.documents],
            "late_reason": self.late_reason,
        }


class Checked(msgspec.Struct, frozen=True):
    """A card that fits, with its act and what should be said about it.

    ``stages`` are announced; ``known_stages`` may be entered: an inspection may become a seizure.
    """

    card: Card
    entry: Entry
    stages: tuple[str, ...]
    warnings: tuple[str, ...]

    def act(self, catalogue: Catalogue) -> lines.Act:
        """The part that goes on record in the clear."""
        return lines.Act(
            id=self.entry.id,
            title=self.entry.title,
            article=self.entry.article,
            obligation=self.entry.obligation,
            stages=self.stages,
            content=tuple(item.id for item in catalogue.content(self.entry)),
            retention=self.entry.retention,
            card=self.card.id,
            case_number=self.card.case_number,
        )

    @property
    def known_stages(self) -> tuple[str, ...]:
        """Every stage that the act may come to: the planned ones first."""
        names = (stage.name for stage in self.entry.stages)
        return (*self.stages, *(name for name in names if name not in self.stages))

    def obligation(self, stage: str) -> lines.Obligation:
        """What holds from this stage on (Art. 10): a stage may raise the act's obligation."""
        named = next((s for s in self.entry.stages if s.name == stage), None)
        if named is not None and named.obligation is not None:
            return named.obligation
        return self.entry.obligation


def arrival_utc(card: Card, where: str = "case card") -> datetime | None:
    """When the officers arrived; RecorderError where that is no time with an offset."""
    if not card.arrival:
        return None
    try:
        arrived = datetime.fromisoformat(card.arrival)
    except ValueError as error:
        raise _bad(where, "arrival", f"{card.arrival!r} is no time", "") from error
    if arrived.tzinfo is None:
        raise _bad(where, "arrival", "the time has no offset", "")
    if not 2000 <= arrived.year < 2200:
        raise _bad(where, "arrival", f"the year {arrived.year} cannot be meant", "")
    return arrived


def _bad(where: str, key: str, problem: str, remedy: str) -> RecorderError:
    return RecorderError(
        "case-invalid",
        f"key {key}: {problem}",
        where=where,
        remedy=remedy or "Write it like 2026-11-23T09:20:00+08:00",
    )


def check(
    text: str, catalogue: Catalogue, organisation: Organisation, today: str, where: str
) -> Checked:
    """Read a card. ``today`` is a local date (YYYY-MM-DD), for the catalogue's validity."""
    card = toml.loads(text, Card, what="case", where=where, most_characters=MOST_CHARACTERS)
    entry = catalogue.find(card.act)
    if entry is None:
        known = ", ".join(act.id for act in catalogue.acts)
        raise _bad(where, "act", f"the catalogue has no act {card.act!r}", f"Acts: {known}")
    if not entry.enabled:
        raise _bad(
            where, "act", f"{card.act} is switched off in the catalogue",
            "The township has no power for it; ask the archivist",
        )  # fmt: skip
    if organisation.entrusted_by and not entry.entrustable:
        raise _bad(
            where, "act", f"{card.act} may not be done by an entrusted organisation",
            f"{organisation.entrusted_by} has to act itself",
        )  # fmt: skip
    known_stages = [stage.name for stage in entry.stages]
    for stage in card.stages:
        if stage not in known_stages:
            raise _bad(
                where, "stages", f"{card.act} has no stage {stage!r}",
                f"Stages: {', '.join(known_stages)}",
            )  # fmt: skip
    if len(card.stages) != len(set(card.stages)):
        raise _bad(where, "stages", "a stage stands twice", "Name every stage once")
    arrival_utc(card, where)
    warnings = []
    if len(card.officers) < 2:
        warnings.append("fewer than two officers on the card")
    if entry.approval and not card.documents:
        warnings.append("this act needs an approval, and the card names no document")
    if entry.warn_night or entry.warn_holiday:
        when = (
            ("at night", entry.warn_night),
            ("on public holidays", entry.warn_holiday),
        )
        never = " or ".join(words for words, applies in when if applies)
        warnings.append(f"this act may not be done {never} unless it is urgent")
    for key in ("place", "reason", "subject"):
        if len(getattr(card, key)) > LONG_CHARACTERS:
            warnings.append(f"key {key}: over {LONG_CHARACTERS} characters take 8 s to read aloud")
    if not catalogue.valid_from <= today <= catalogue.valid_until:
        warnings.append(
            f"the catalogue is valid from {catalogue.valid_from} to {catalogue.valid_until}"
        )
    planned = tuple(stage.name for stage in entry.stages if not _raises(entry, stage))
    return Checked(card, entry, card.stages or planned or tuple(known_stages), tuple(warnings))


def _raises(entry: Entry, stage: Stage) -> bool:
    """A stage that nobody plans: it turns an act that may be recorded into one that must be."""
    return entry.obligation == "may" and stage.obligation == "must"
