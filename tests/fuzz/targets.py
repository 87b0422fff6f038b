"""What a parser's module under ``tests.fuzz.parsers`` has: the promise, seeds, and words to try.

``check(data)`` gives any bytes to the parser and raises where a promise is broken. Nothing but
RecorderError may come out of a parser (a reader of logs tells Defects, a verifier findings): all
else is a crash. What is accepted must be what was written: written again it is the same.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence

import msgspec


class Broken(AssertionError):
    """Accepted, but not what was written (or signed)."""


class Target(msgspec.Struct, frozen=True):
    """One parser. ``heavy``: inputs beyond ``most_bytes``, each tried once."""

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    words: tuple[str, ...]
    heavy: tuple[bytes, ...]
    most_bytes: int


def names() -> tuple[str, ...]:
    """All parsers, without importing one."""
    from tests.fuzz import parsers

    return tuple(sorted(m.name for m in pkgutil.iter_modules(parsers.__path__)))


def load(name: str) -> Target:
    """Import a parser's module (and so the parser); ``name`` may be any module's dotted name."""
    module = importlib.import_module(name if "." in name else f"tests.fuzz.parsers.{name}")
    return Target(
        name, module.check, module.seeds, tuple(getattr(module, "WORDS", ())),
        tuple(getattr(module, "HEAVY", ())),
        getattr(module, "MOST_BYTES", 4096),
    )  # fmt: skip


def same(have: object, want: object, what: str) -> None:
    """Broken where the two differ."""
    if have != want:
        raise Broken(f"{what}: {str(have)[:300]!r} where {str(want)[:300]!r} was written")
