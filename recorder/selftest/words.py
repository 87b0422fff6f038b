"""The table's words, in two languages (words.zh.toml, words.en.toml)."""

import unicodedata
from collections.abc import Sequence
from importlib import resources
from typing import Any

import msgspec

from recorder import toml
from recorder.evidence.words import Language, word
from recorder.selftest.finding import Finding, Level


class _Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: str
    remedy: str = ""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    limit: str
    codes: dict[str, _Code]


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    levels: dict[Level, str]
    heads: tuple[str, str, str, str]
    remedy: str
    said: dict[str, str]
    parts: dict[str, _Part]


class Row(msgspec.Struct, frozen=True):
    """A finding as it is read."""

    part: str
    code: str
    level: Level
    name: str
    value: str
    limit: str
    remedy: str
    figures: dict[str, Any]


class Words:
    """Everything that the technician reads."""

    def __init__(self, language: Language) -> None:
        self._language = language
        name = f"words.{language}.toml"
        text = resources.files("recorder.selftest").joinpath(name).read_text(encoding="utf-8")
        self._words = toml.loads(text, _Words, what="words", where=name)

    def said(self, key: str, **values: object) -> str:
        """A sentence beside the table."""
        return self._words.said[key].format(**values)

    def row(self, finding: Finding) -> Row:
        """A finding in words, its limit and what to do."""
        part = self._words.parts[finding.part]
        code = part.codes[finding.code]
        figures = {**finding.figures, **self._named(finding)}
        return Row(
            finding.part, finding.code, finding.level, part.name,
            code.value.format(**figures),
            part.limit.format(**finding.limits) if finding.limits or "{" not in part.limit else "",
            code.remedy.format(**figures), finding.figures,
        )  # fmt: skip

    def _named(self, finding: Finding) -> dict[str, str]:
        """The device's parts that a figure lists, by their names."""
        if "parts" not in finding.figures:
            return {}
        listed = str(finding.figures["parts"]).split(", ")
        names = [word("part", each, self._language) for each in listed]
        return {"parts": ("、" if self._language == "zh" else ", ").join(names)}

    def table(self, rows: Sequence[Row]) -> str:
        """Columns, and under a row what to do about it."""
        cells = [self._words.heads] + [
            (row.name, self._words.levels[row.level], row.value, row.limit) for row in rows
        ]
        widths = [max(_width(line[column]) for line in cells) for column in range(3)]
        remedies = ["", *(row.remedy for row in rows)]
        out = []
        for line, remedy in zip(cells, remedies, strict=True):
            padded = (_pad(cell, width) for cell, width in zip(line[:3], widths, strict=True))
            out.append("  ".join((*padded, line[3])).rstrip())
            if remedy:
                out.append(" " * (widths[0] + 2) + self._words.remedy.format(remedy=remedy))
        return "\n".join(out)


def _width(text: str) -> int:
    """Columns of a terminal: a Hanzi takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
