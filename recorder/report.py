"""Answers for people: as a table, one key a line, nested values indented; or as a page's file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from recorder.errors import RecorderError


def table(data: Mapping[str, object]) -> str:
    """``key  value`` lines; an empty answer is "done"."""
    return "\n".join(_rows(data, "")) or "done"


def _rows(data: Mapping[str, object], indent: str) -> Iterator[str]:
    width = max((len(key) for key in data), default=0)
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}"
            yield from _rows(value, indent + "  ")
        elif isinstance(value, list | tuple):
            yield f"{indent}{key}" + ("" if value else f"{'':{width - len(key) + 2}}none")
            for item in value:
                if isinstance(item, Mapping):
                    yield f"{indent}  " + "  ".join(f"{v}" for v in item.values() if v != "")
                else:
                    yield f"{indent}  {item}"
        else:
            yield f"{indent}{key:{width}}  {_word(value)}"


def _word(value: object) -> object:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value


def write_page(out: Path, page: str, what: Literal["form", "sheet"]) -> None:
    """A page for people, over an older one. RecorderError where it cannot be written."""
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise RecorderError(
            f"{what}-unwritable", f"cannot write it: {error.strerror}", where=str(out),
            remedy="Choose a folder that you may write to",
        ) from error  # fmt: skip
