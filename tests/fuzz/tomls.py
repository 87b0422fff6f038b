"""TOML for the fuzzer: edits of an example's tree, written down again, and the words to try."""

import json
import tomllib
from collections.abc import Sequence
from typing import Any

from tests.fuzz.choices import Choices, edit_bytes, edit_tree

HEAVY = (
    b"a = " + b"[" * 100_000, b"a = " + b"{a=" * 50_000, b"a." * 50_000 + b"b = 1",
    b"[" + b"a." * 50_000 + b"b]", b"a = " + b"9" * 10_000, b"a = 0x" + b"f" * 10_000,
    b"[" + b"a." * 300 + b"a]\n" + b"".join(b"a%d.b=1\n" % n for n in range(100)),
)  # fmt: skip
"""Longer than the fuzzer tries: depth, length and numbers without end."""


def keys_of(texts: Sequence[bytes]) -> tuple[str, ...]:
    """Every key, every table's name and some of the grammar."""
    found: dict[str, None] = dict.fromkeys(
        (
            "[[",
            "]]",
            " = ",
            '"""',
            "'''",
            "nan",
            "inf",
            "-inf",
            "1e400",
            "0x",
            "true",
            "{",
            "}",
            "\\u",
            "1979-05-27T07:32:00Z",
        )
    )
    for text in texts:
        _keys(tomllib.loads(text.decode()), found)
    return tuple(found)


def _keys(node: Any, found: dict[str, None]) -> None:
    if isinstance(node, dict):
        for key, child in node.items():
            found[key] = None
            _keys(child, found)
    elif isinstance(node, list):
        for child in node[:2]:
            _keys(child, found)


def edited(data: bytes, example: bytes) -> bytes:
    """The text that these bytes stand for: themselves, or edits of the example."""
    choices = Choices(data)
    match choices.number(3):
        case 0:
            return choices.rest()
        case 1:
            tree = tomllib.loads(example.decode())
            while choices.more:
                tree = edit_tree(tree, choices)
            return dumps(tree).encode("utf-8", "replace") if isinstance(tree, dict) else b""
        case _:
            text = example
            while choices.more:
                text = edit_bytes(text, choices)
            return text


def dumps(tree: dict[str, Any]) -> str:
    """Inline everything: every tree of dicts, lists and values has a TOML text."""
    return "".join(
        f"{json.dumps(str(k))} = {_value(v)}\n" for k, v in tree.items() if v is not None
    )


def _value(node: Any) -> str:
    if isinstance(node, dict):
        inner = ", ".join(
            f"{json.dumps(str(k))} = {_value(v)}" for k, v in node.items() if v is not None
        )
        return "{" + inner + "}"
    if isinstance(node, list):
        return "[" + ", ".join(_value(v) for v in node if v is not None) + "]"
    if isinstance(node, str):
        return json.dumps(node, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(node, bool):
        return "true" if node else "false"
    return repr(node)
