"""Answers as a table for people: one key a line, nested values indented."""

from collections.abc import Iterator, Mapping


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
