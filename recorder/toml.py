"""Strict TOML: a file becomes a frozen struct, or an error that names file, key and remedy."""

import re
import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import inspect

from recorder.errors import RecorderError

T = TypeVar("T")

MOST_CHARACTERS = 256 * 1024
_MOST_IN_A_LINE = 4096
"""A key of thousands of parts takes the parser many seconds, in which nobody else is served."""


def load(path: Path, type_: type[T], *, what: str, remedy: str = "") -> T:
    """Read ``path`` as ``type_`` (a struct that forbids unknown fields).

    ``what`` names the kind of file for people ("config"). Raises RecorderError with
    code ``<what>-unreadable``, ``<what>-syntax`` or ``<what>-invalid``.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise RecorderError(
            f"{what}-unreadable",
            f"cannot read it: {error.strerror}",
            where=str(path),
            remedy=remedy or f"Give the path of a readable {what} file",
        ) from error
    except UnicodeDecodeError as error:
        raise RecorderError(
            f"{what}-syntax",
            f"not UTF-8 at byte {error.start}",
            where=str(path),
            remedy="Save the file as UTF-8",
        ) from error
    return loads(text, type_, what=what, where=str(path), remedy=remedy)


def loads(
    text: str,
    type_: type[T],
    *,
    what: str,
    where: str,
    remedy: str = "",
    most_characters: int = MOST_CHARACTERS,
) -> T:
    """The same for text that is already in memory; ``where`` names its source.

    A byte order mark at the start, as editors on Windows write it, is no part of it.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > most_characters:
        raise RecorderError(
            f"{what}-syntax", f"longer than {most_characters} characters", where=where,
            remedy=remedy or f"Give a {what} file",
        )  # fmt: skip
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _MOST_IN_A_LINE:
            raise RecorderError(
                f"{what}-syntax", f"line {number} is longer than {_MOST_IN_A_LINE} characters",
                where=where, remedy="Break the line",
            )  # fmt: skip
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers and nesting without end
        raise RecorderError(
            f"{what}-syntax",
            f"not TOML: {error}",
            where=where,
            remedy=remedy or "Compare that line with the example file",
        ) from error
    try:
        return msgspec.convert(raw, type_)
    except msgspec.ValidationError as error:
        problem, _, key = str(error).partition(" - at `$")
        key = key.rstrip("`").lstrip(".") or "top level"
        if problem.startswith("Invalid enum value"):
            allowed = _allowed(inspect.type_info(type_), re.sub(r"\[.*?\]", ".[", key).split("."))
            problem += f", not one of {', '.join(allowed)}" if allowed else ""
        raise RecorderError(
            f"{what}-invalid",
            f"key {key}: {problem[0].lower()}{problem[1:]}",
            where=where,
            remedy=remedy or f"Compare the key with the example {what} file",
        ) from error


def _allowed(type_: inspect.Type, steps: list[str]) -> list[str]:
    """The values that fit where ``steps`` lead: a field's name, or "[" into a list or a table.
    None where the way is not plain."""
    match type_:
        case inspect.Metadata(type=inner):
            return _allowed(inner, steps)
        case inspect.UnionType(types=types):
            return [value for each in types for value in _allowed(each, steps)]
        case inspect.LiteralType(values=values) if not steps:
            return [str(value) for value in values]
        case inspect.EnumType(cls=cls) if not steps:
            return [str(each.value) for each in cls]
        case inspect.StructType(fields=fields) if steps:
            inner_types = [f.type for f in fields if f.encode_name == steps[0]]
            return [value for each in inner_types for value in _allowed(each, steps[1:])]
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item) if steps:
            return _allowed(item, steps[1:])
        case inspect.DictType(value_type=item) if steps:
            return _allowed(item, steps[1:])
    return []
