"""The table says what was found, what was wanted and what to do, in both languages alike."""

import re
import tomllib
from importlib import resources
from typing import Any

import msgspec
import pytest

from recorder import toml
from recorder.evidence.words import Language
from recorder.selftest import words
from recorder.selftest.finding import failed, fine, warned
from recorder.selftest.words import Words, _Words

SOURCES = resources.files("recorder.selftest")


def texts(language: str) -> dict[str, str]:
    """Every text by its path."""
    name = f"words.{language}.toml"
    found: dict[str, str] = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                walk(f"{path}.{key}", each)
        else:
            found[path] = str(value)

    text = SOURCES.joinpath(name).read_text(encoding="utf-8")
    toml.loads(text, _Words, what="words", where=name)
    walk("", tomllib.loads(text))
    return found


def test_both_languages_have_the_same_texts_with_the_same_slots() -> None:
    chinese, english = texts("zh"), texts("en")
    assert chinese.keys() == english.keys()
    for path, text in chinese.items():
        slots = set(re.findall(r"{(\w+)}", text))
        assert slots == set(re.findall(r"{(\w+)}", english[path])), path


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_row_has_its_remedy_right_under_it(language: Language) -> None:
    chosen = Words(language)
    rows = [
        chosen.row(fine("catalogue")),
        chosen.row(failed("lens", "covered", luma=2, contrast=1)),
    ]
    rows.append(chosen.row(warned("custodians", "one", count=1)))
    lines = chosen.table(rows).splitlines()
    assert rows[1].value in lines[2]
    assert rows[1].remedy in lines[3]
    assert rows[2].name in lines[4]
    columns = {words._width(line[: line.index(row.value)]) for line, row in
               ((lines[1], rows[0]), (lines[2], rows[1]), (lines[4], rows[2]))}  # fmt: skip
    assert len(columns) == 1


def test_a_limit_has_its_own_figures() -> None:
    finding = failed("card", "hung", problem="x")
    assert Words("zh").row(finding).limit == ""
    limited = msgspec.structs.replace(finding, limits={"least_mb_s": 1.5, "stall_ms": 1000})
    assert "1.5 MB" in Words("zh").row(limited).limit


def test_parts_are_listed_by_their_names() -> None:
    finding = failed("start", "parts", parts="gnss, storing")
    assert "卫星定位、存储期限提醒" in Words("zh").row(finding).value
    assert "satellite receiver, deadlines" in Words("en").row(finding).value
