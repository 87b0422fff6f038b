"""recorder.toml: settings that are what was written, or an error with file, key and remedy."""

import math
import tomllib
from collections.abc import Sequence
from typing import Any

import msgspec

from recorder import config
from recorder.errors import RecorderError
from tests.fuzz import made
from tests.fuzz.targets import Broken, same
from tests.fuzz.tomls import HEAVY as LONG, edited, keys_of

WORDS = keys_of(made.examples("recorder.toml"))
MOST_BYTES = 16_384
_EXAMPLE = made.examples("recorder.toml")[0]
_SMALL = b"""
[device]
name = "cam-01"
officer = "P1"
[organisation]
name = "x"
rule = "r"
rule_version = "1"
[camera]
kind = "demo"
[ring]
seconds = 30.0
"""
HEAVY = tuple(b"\0" + text for text in LONG)


def seeds() -> Sequence[bytes]:
    """As text, and as a start for edits."""
    return [b"\0" + _EXAMPLE, b"\0" + _SMALL, b"\1", b"\1" + bytes(30)]


def check(data: bytes) -> None:
    """RecorderError with where and remedy, or settings that hold every key as it was written."""
    text = edited(data, _EXAMPLE)
    path = made.scratch() / "recorder.toml"
    path.write_bytes(text)
    try:
        settings = config.load(path)
    except RecorderError as error:
        if not error.remedy or str(path) not in error.where or not error.code.startswith("config-"):
            raise Broken(f"an error that does not help: {error!r}") from error
        return
    held(settings, tomllib.loads(text.decode()))
    settings.capture()


def held(settings: Any, raw: dict[str, Any]) -> None:
    """Every key that stood in the file is in the settings, as it was; numbers are numbers."""
    within(msgspec.to_builtins(settings), raw, "$")
    same(msgspec.convert(msgspec.to_builtins(settings), type(settings)), settings, "settings")


def within(have: Any, want: Any, at: str) -> None:
    """``have`` holds all that ``want`` has."""
    if isinstance(want, dict):
        for key, value in want.items():
            within(have[key], value, f"{at}.{key}")
    elif isinstance(want, list):
        for index, (left, right) in enumerate(zip(have, want, strict=True)):
            within(left, right, f"{at}[{index}]")
    else:
        if isinstance(have, float) and not math.isfinite(have):
            raise Broken(f"{at} is {have}")
        same(have, want, at)
