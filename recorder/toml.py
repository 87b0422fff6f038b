"""Strict TOML: a file becomes a frozen struct, or an error that names file, key and remedy."""

import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from recorder.errors import RecorderError
from recorder.misfit import Misfit, told

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
        key, problem, advice = told(error, type_) or Misfit(
            "top level", str(error), f"Compare it with the example {what} file"
        )
        raise RecorderError(
            f"{what}-invalid", f"key {key}: {problem}", where=where,
            remedy=f"{advice}. {remedy}" if remedy else advice,
        ) from error  # fmt: skip
