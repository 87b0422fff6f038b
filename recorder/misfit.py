"""What people read where a value of their file has not the shape asked for: key, problem, remedy.

msgspec's own words are for programmers. A pattern is told by its ``Meta(description=…)``.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import inspect

_KINDS = {
    "int": "a whole number", "float": "a number", "str": "text in quotation marks",
    "bool": "true or false", "array": "a list in [ ]", "object": "a table", "date": "a date",
    "datetime": "a date with a time", "time": "a time",
}  # fmt: skip


class Misfit(NamedTuple):
    """A file is named by who knows it."""

    key: str
    problem: str
    remedy: str


def told(error: msgspec.ValidationError, type_: object) -> Misfit | None:
    """The same in people's words; None for what is not known here."""
    problem, _, place = str(error).partition(" - at `$")
    key = place.rstrip("`").lstrip(".")
    there = _at(inspect.type_info(type_), re.sub(r"\[.*?\]", ".[", key).split(".") if key else [])
    for pattern, words in _WORDS:
        if found := re.fullmatch(pattern, problem):
            return words(key, found[1], there)
    return None


def _missing(key: str, name: str, _: Sequence[inspect.Type]) -> Misfit:
    return Misfit(f"{key}.{name}".lstrip("."), "missing", "Write it in; the example has it")


def _unknown(key: str, name: str, there: Sequence[inspect.Type]) -> Misfit:
    known = [f.encode_name for t in there if isinstance(t, inspect.StructType) for f in t.fields]
    remedy = f"Correct its name, or take it out; there are {', '.join(known)}"
    return Misfit(f"{key}.{name}".lstrip("."), "there is no such key", remedy)


def _not_allowed(key: str, value: str, there: Sequence[inspect.Type]) -> Misfit:
    allowed: list[str] = []
    for each in there:
        if isinstance(each, inspect.LiteralType):
            allowed += [str(value) for value in each.values]
        elif isinstance(each, inspect.EnumType):
            allowed += [str(member.value) for member in each.cls]
    return Misfit(key, f"{value} is not allowed", f"Write one of {', '.join(allowed)}")


def _another_form(key: str, _: str, there: Sequence[inspect.Type]) -> Misfit:
    forms = [
        each.extra_json_schema["description"] for each in there
        if isinstance(each, inspect.Metadata) and each.extra_json_schema
    ]  # fmt: skip
    return Misfit(key, "not in the form that belongs there", f"Write {' or '.join(forms)}")


def _another_kind(key: str, names: str, _: Sequence[inspect.Type]) -> Misfit:
    wanted, got = names.split("`, got `")
    kinds = [_KINDS.get(name, name) for name in wanted.split(" | ") if name != "null"]
    return Misfit(
        key, f"{_KINDS.get(got, got)} does not belong there", f"Write {' or '.join(kinds)}"
    )


def _bound(problem: str, remedy: str) -> "_Words":
    return lambda key, bound, _: Misfit(key, problem, remedy.format(bound.removesuffix(".0")))


_Words = Callable[[str, str, Sequence[inspect.Type]], Misfit]

_WORDS: tuple[tuple[str, _Words], ...] = (
    (r"Object missing required field `(.*)`", _missing),
    (r"Object contains unknown field `(.*)`", _unknown),
    (r"(?s)Invalid enum value (.*)", _not_allowed),
    (r"Expected `str` matching regex (.*)", _another_form),
    (r"Expected `([^`]*`, got `[^`]*)`", _another_kind),
    (r"Expected `\w+` >= (.*)", _bound("too small", "Write {} or more")),
    (r"Expected `\w+` > (.*)", _bound("too small", "Write more than {}")),
    (r"Expected `\w+` <= (.*)", _bound("too large", "Write {} or less")),
    (r"Expected `\w+` that's a multiple of (.*)",
     _bound("not a multiple of what it must be", "Write a multiple of {}")),
    (r"Expected `str` of length >= (.*)", _bound("too short", "Write {} or more characters")),
    (r"Expected `str` of length <= (.*)", _bound("too long", "Write {} or fewer characters")),
    (r"Expected `array` of length >= (.*)", _bound("too few entries", "Write {} or more")),
    (r"Invalid RFC3339 encoded (date)", _bound("no date", "Write it like 2026-11-23")),
)  # fmt: skip


def _at(type_: inspect.Type, steps: list[str]) -> list[inspect.Type]:
    """The types where ``steps`` lead: a field's name, or "[" into a list or a table."""
    match type_:
        case inspect.Metadata(type=inner):
            return _at(inner, steps) if steps else [type_, *_at(inner, steps)]
        case inspect.UnionType(types=types):
            return [found for each in types for found in _at(each, steps)]
        case inspect.StructType(fields=fields) if steps:
            inner_types = [f.type for f in fields if f.encode_name == steps[0]]
            return [found for each in inner_types for found in _at(each, steps[1:])]
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item) if steps:
            return _at(item, steps[1:])
        case inspect.DictType(value_type=item) if steps:
            return _at(item, steps[1:])
    return [] if steps else [type_]
