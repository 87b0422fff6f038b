"""The township's list of acts (Art. 8): content, stages, obligation. Pure but for ``load``."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from recorder import toml
from recorder.errors import RecorderError

Id = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$",
         description="small letters, digits and hyphens, 41 at most"),
]  # fmt: skip
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Date = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", description="a day such as 2026-11-23")]
Obligation = Literal["must", "may"]

MUST_ARTICLE = "10."
NEVER_ENTRUSTED = frozenset({"10.1", "10.2"})
"""Sealing and seizing: an entrusted organisation may not do them."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every table."""


class Item(_Strict, frozen=True, kw_only=True):
    """Content that is to be shown and tagged (Art. 12)."""

    id: Id
    text: Text


class Stage(_Strict, frozen=True, kw_only=True):
    """A stage; ``obligation`` "must" raises an act that only may be recorded."""

    name: Text
    obligation: Obligation | None = None


class Entry(_Strict, frozen=True, kw_only=True):
    """One kind of act."""

    id: Id
    number: Text
    category: Text
    title: Text
    basis: Text
    obligation: Obligation
    article: Annotated[
        str,
        Meta(pattern=r"^(10\.[1-6]|11\.[1-5])$", description="10.1 to 10.6, or 11.1 to 11.5"),
    ]
    stages: Annotated[tuple[Stage, ...], Meta(min_length=1)]
    begins: Text
    ends: Text
    content: tuple[Item, ...] = ()
    method: Text
    recorded_by: Text
    approval: bool = False
    warn_night: bool = False
    warn_holiday: bool = False
    retention: Annotated[
        str,
        Meta(pattern=r"^(\d{1,3}y|permanent|case)$",
             description="permanent, case, or years such as 3y"),
    ]  # fmt: skip
    sensitivity: Literal["normal", "restricted"] = "normal"
    entrustable: bool = True
    enabled: bool = True
    remark: str = ""


class Catalogue(_Strict, frozen=True, kw_only=True):
    """The whole list. ``common`` is content of every act."""

    version: Text
    issued: Date
    valid_from: Date
    valid_until: Date
    basis: Text
    common: tuple[Item, ...]
    acts: Annotated[tuple[Entry, ...], Meta(min_length=1)]
    sha256: str = ""

    def find(self, act_id: str) -> Entry | None:
        """An act by its id."""
        return next((act for act in self.acts if act.id == act_id), None)

    def content(self, act: Entry) -> tuple[Item, ...]:
        """Everything that an act should show."""
        return (*self.common, *act.content)

    def item(self, item_id: str) -> str:
        """An item's text, or its id where the catalogue has none."""
        everything = (*self.common, *(i for act in self.acts for i in act.content))
        return next((item.text for item in everything if item.id == item_id), item_id)


NONE = Catalogue(version="", issued="", valid_from="", valid_until="", basis="", common=(), acts=())
"""Stands for one that does not load: no card fits it; any act can be recorded without a card."""


def load(path: Path) -> Catalogue:
    """Read and check catalogue.toml. RecorderError names file, key and remedy."""
    catalogue = toml.load(path, Catalogue, what="catalogue")
    check(catalogue, str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return msgspec.structs.replace(catalogue, sha256=digest)


def check(catalogue: Catalogue, where: str) -> None:
    """What shapes alone cannot say."""

    def bad(key: str, problem: str, remedy: str) -> RecorderError:
        return RecorderError(
            "catalogue-invalid", f"key {key}: {problem}", where=where, remedy=remedy
        )

    seen: set[str] = set()
    for index, act in enumerate(catalogue.acts):
        key = f"acts[{index}]"
        if act.id in seen:
            raise bad(f"{key}.id", f"{act.id} stands twice", "Give every act its own id")
        seen.add(act.id)
        if act.article.startswith(MUST_ARTICLE) and act.obligation != "must":
            raise bad(
                f"{key}.obligation",
                f"{act.id} must be recorded (Art. 10)",
                'Write "must"',
            )
        if act.article in NEVER_ENTRUSTED and act.entrustable:
            raise bad(
                f"{key}.entrustable",
                f"{act.id} may not be entrusted",
                "Write entrustable = false",
            )
        items = [item.id for item in catalogue.content(act)]
        if len(items) != len(set(items)):
            raise bad(f"{key}.content", "an item stands twice", "Give every item its own id")
        names = [stage.name for stage in act.stages]
        if len(names) != len(set(names)):
            raise bad(f"{key}.stages", "a stage stands twice", "Name every stage once")
        if act.obligation == "must" and any(stage.obligation == "may" for stage in act.stages):
            raise bad(
                f"{key}.stages", f"{act.id} must be recorded in every stage",
                "A stage may raise the obligation, never lower it",
            )  # fmt: skip
    for name in ("issued", "valid_from", "valid_until"):
        try:
            date.fromisoformat(getattr(catalogue, name))
        except ValueError as error:
            raise bad(name, str(error), "Write it like 2026-11-23") from error
    if catalogue.valid_until < catalogue.valid_from:
        raise bad("valid_until", "lies before valid_from", "Correct one of the dates")
