"""TOML from people: whatever it holds, an answer at once that says where and what to do."""

import re
import time
from enum import StrEnum
from pathlib import Path

import msgspec
import pytest

from recorder import toml
from recorder.config import Organisation, Settings
from recorder.errors import RecorderError
from recorder.session import case, catalogue

CATALOGUE = Path(__file__).parents[2] / "config" / "catalogue.toml"


def refused(text: str) -> RecorderError:
    with pytest.raises(RecorderError) as caught:
        toml.loads(text, Settings, what="config", where="recorder.toml")
    assert caught.value.where == "recorder.toml" and caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 4000, "a = " + "{a=" * 1000, "a = " + "[\n" * 100_000,
     "a = 1" + "0" * 4085, "a = 0x" + "f" * 4085, "a = [" + "1,\n" * 100_000],
    ids=["brackets", "braces", "lines", "number", "hexadecimal", "long"],
)  # fmt: skip
def test_depth_numbers_and_length_without_end_are_errors(text: str) -> None:
    assert refused(text).code in ("config-syntax", "config-invalid")


@pytest.mark.parametrize(
    "text", ["a." * 100_000 + "b = 1", "[" + "a." * 100_000 + "b]"], ids=["key", "table"]
)
def test_a_key_of_very_many_parts_holds_nobody_up(text: str) -> None:
    """tomllib takes the square of the parts: minutes."""
    began = time.monotonic()
    assert "line 1 is longer" in refused(text).problem
    assert time.monotonic() - began < 5


def test_a_card_as_long_as_a_book_is_refused() -> None:
    organisation = Organisation(name="t", rule="r", rule_version="1")
    with pytest.raises(RecorderError, match="longer than 16384 characters"):
        case.check("# x\n" * 5000, catalogue.load(CATALOGUE), organisation, "2026-11-23", "card")


def test_a_byte_order_mark_from_an_editor_changes_nothing(tmp_path: Path) -> None:
    marked = tmp_path / "catalogue.toml"
    marked.write_bytes(b"\xef\xbb\xbf" + CATALOGUE.read_bytes())
    assert catalogue.load(marked).acts == catalogue.load(CATALOGUE).acts
    assert "not TOML" in refused("\ufeff\ufeff").problem


def test_a_value_that_is_not_allowed_is_answered_with_those_that_are() -> None:
    acts = CATALOGUE.read_text(encoding="utf-8").split("\n[[acts]]\n")
    acts[12] = re.sub(r"(?m)^sensitivity = .*$", "", acts[12])
    acts[12] = 'sensitivity = "secret"\n' + acts[12]
    text = "\n[[acts]]\n".join(acts)
    with pytest.raises(RecorderError) as caught:
        toml.loads(text, catalogue.Catalogue, what="catalogue", where="catalogue.toml")
    assert caught.value.problem == "key acts[11].sensitivity: 'secret' is not allowed"
    assert caught.value.remedy == "Write one of normal, restricted"

    class Weather(StrEnum):
        RAIN = "rain"

    class Days(msgspec.Struct):
        days: dict[str, Weather] = {}
        first: Weather | None = None

    for text in ('days.monday = "hail"', 'first = "hail"'):
        with pytest.raises(RecorderError, match=r"'hail' is not allowed\. Write one of rain"):
            toml.loads(text, Days, what="days", where="days.toml")
