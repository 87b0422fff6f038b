"""Turns a fuzzer's bytes into decisions: which seed, which edit, which value. Pure.

The fuzzer only ever sees bytes, and coverage tells it which of them mattered; behind a signature or
a digest it gets nowhere with bytes alone. So the bytes say what to change, and targets sign again.
"""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 255, 2**31, 2**32 - 1, 2**53, 2**63 - 1, -(2**63), 2**63, 2**64,
    10**12, 10**18, 10**30, 10**400, 0.5, -0.0, 1e300, "", "0", "a", "..", "/", "../../x", "\0",
    "\n", "\t",
    "data/segments/../journal.jsonl", "data/private/0.json.age", "999999999999", "x" * 300, "汉字",
    "\u202e", "=", "AAAA", "0" * 64, "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z", "Z",
    "2026-02-30T00:00:00Z", "1969-12-31T23:59:59Z", [], {}, [[]], {"kind": "open"},
)  # fmt: skip


class Choices:
    """Reads decisions off ``data``; when it is used up every decision is 0."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def more(self) -> bool:
        """Something is left to decide with."""
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes, fewer at the end."""
        part = self._data[self._at : self._at + count]
        self._at += len(part)
        return part

    def number(self, below: int) -> int:
        """0 … ``below`` - 1."""
        width = (max(below - 1, 1).bit_length() + 7) // 8
        return int.from_bytes(self.take(width), "little") % max(below, 1)

    def pick(self, items: Sequence[T]) -> T:
        """One of them."""
        return items[self.number(len(items))]

    def text(self) -> bytes:
        """Up to 255 bytes, as they are."""
        return self.take(self.number(256))

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))


def edit_bytes(data: bytes, choices: Choices) -> bytes:
    """Flip, set, cut, insert, cut off, add, repeat or move bytes."""
    at = choices.number(len(data) + 1)
    match choices.number(8):
        case 0 if at < len(data):
            return data[:at] + bytes([data[at] ^ (1 << choices.number(8))]) + data[at + 1 :]
        case 1 if at < len(data):
            return data[:at] + choices.take(1) + data[at + 1 :]
        case 2:
            return data[:at] + data[at + 1 + choices.number(2 ** choices.number(17)) :]
        case 3:
            return data[:at] + choices.text() + data[at:]
        case 4:
            return data[:at]
        case 5:
            return data + choices.text()
        case 6:
            count = 1 + choices.number(64)
            return data[:at] + data[at : at + count] + data[at:]
        case _:
            part, rest = data[:at], data[at:]
            return rest + part


def value(choices: Choices) -> Any:
    """Something that may stand in JSON, TOML or MessagePack."""
    which = choices.number(len(_VALUES) + 4)
    if which < len(_VALUES):
        return _VALUES[which]
    match which - len(_VALUES):
        case 0:
            return choices.number(2**64)
        case 1:
            return -choices.number(2**16)
        case 2:
            return choices.text().decode("utf-8", "replace")
        case _:
            return [_VALUES[choices.number(len(_VALUES))]]


def edit_tree(tree: Any, choices: Choices, words: Sequence[str] = ()) -> Any:
    """``tree`` (of JSON) with one node changed, removed, added, doubled or exchanged."""
    tree = json.loads(json.dumps(tree))
    places: list[tuple[Any, Any]] = []
    _places(tree, places)
    if not places:
        return value(choices)
    parent, key = choices.pick(places)
    match choices.number(7):
        case 0 | 1:
            parent[key] = value(choices)
        case 2:
            del parent[key]
        case 3:
            other, its = choices.pick(places)
            parent[key] = json.loads(json.dumps(other[its]))
        case 4 if isinstance(parent, list):
            parent.append(parent[key])
        case 4 | 5:
            word = choices.pick(words) if words and choices.number(2) else "unknown"
            if isinstance(parent, dict):
                parent[word] = value(choices)
            else:
                parent.insert(key, word)
        case _:
            node = parent[key]
            if isinstance(node, bool) or not isinstance(node, int):
                parent[key] = [node]
            else:
                parent[key] = node + (choices.number(512) - 256)
    return tree


def _places(node: Any, found: list[tuple[Any, Any]]) -> None:
    items = (
        list(node.items()) if isinstance(node, dict)
        else list(enumerate(node)) if isinstance(node, list)
        else []
    )  # fmt: skip
    for key, child in items:
        found.append((node, key))
        _places(child, found)
