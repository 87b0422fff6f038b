"""The text that people write: every field is asked for, and what they wrote comes out again."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given, strategies as st

from recorder.errors import RecorderError
from recorder.evidence import statement_text
from recorder.evidence.statement_text import LABELS, MAX_BYTES, Category, Text, as_toml, parse

WRITTEN: dict[str, str | int] = {
    "recording": "bc-001-00000001-0001",
    "interruption": 1,
    "case_number": "张执〔2026〕3号",
    "time": "2026年11月23日9时30分许",
    "place": "张营镇东街12号",
    "parties": "李某某",
    "category": "fault",
    "what_happened": "采集程序退出，\n约三秒后自动恢复。",
    "act_during": "宣读决定书",
    "act_went_on": "继续",
    "recorded_instead": "现场笔录",
    "why_not": "当事人情绪激动，未及口述",
    "proof": "现场笔录一份",
    "author": "王建国（14088100123）",
    "fellow_officer": "李秀英（14088101031）",
    "signed": "纸质签名，存案卷",
    "head_opinion": "不详",
}

_words = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), include_characters="\n\t\"\\'#"), min_size=1
).filter(lambda s: s.strip())
_texts = st.builds(
    Text,
    **{k: _words.map(lambda s: s[:300]) for k in LABELS if k not in ("interruption", "category")},
    interruption=st.integers(0, 1_000_000),
    category=st.sampled_from(get_args(Category)),
).filter(lambda t: all(str(v).strip() for v in msgspec.structs.asdict(t).values()))


@given(_texts)
def test_what_is_printed_is_read_back_as_it_was(text: Text) -> None:
    assert parse(as_toml(msgspec.structs.asdict(text)), "t.toml") == text
    assert msgspec.json.decode(msgspec.json.encode(text), type=Text) == text


@given(st.text(max_size=200))
def test_any_other_text_is_an_error_that_names_the_file(text: str) -> None:
    with pytest.raises(RecorderError) as caught:
        parse(text, "t.toml")
    assert caught.value.where == "t.toml" and caught.value.remedy


def test_a_category_that_is_none_is_answered_with_those_there_are() -> None:
    text = as_toml({**WRITTEN, "category": "设备故障"})
    with pytest.raises(RecorderError, match="key category") as caught:
        parse(text, "t.toml")
    assert ", ".join(sorted(get_args(Category))) in caught.value.remedy
    assert "recorder statement template" in caught.value.remedy


@pytest.mark.parametrize("bomb", ["a = " + "[" * 50_000, "a = " + "9" * 50_000])
def test_nesting_and_numbers_without_end_are_errors_too(bomb: str) -> None:
    with pytest.raises(RecorderError):
        parse(bomb, "t.toml")


def test_every_field_has_a_name_on_the_form_and_stands_in_the_template() -> None:
    assert tuple(LABELS) == Text.__struct_fields__
    assert all(f"\n{key} = " in as_toml({}) for key in LABELS)


@pytest.mark.parametrize("key", [k for k in WRITTEN if k != "interruption"])
@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_field_that_is_missing_or_empty_is_named_with_what_to_write(
    key: str, value: str | None
) -> None:
    if value is None:
        text = "".join(r for r in as_toml({**WRITTEN, key: "x"}).splitlines(True)
                       if not r.startswith(f"{key} = "))  # fmt: skip
    else:
        text = as_toml({**WRITTEN, key: value})
    with pytest.raises(RecorderError) as caught:
        parse(text, "t.toml")
    assert key in caught.value.problem and caught.value.remedy


@pytest.mark.parametrize("more", ['feelings = "bad"', 'proof = "twice"', 'author = "\\u001b[2J"'])
def test_an_unknown_key_a_key_twice_or_a_control_character_is_refused(more: str) -> None:
    key = more.partition(" ")[0]
    text = as_toml(WRITTEN)
    if key == "author":
        text = "".join(r for r in text.splitlines(True) if not r.startswith("author = "))
    with pytest.raises(RecorderError) as caught:
        parse(f"{text}{more}\n", "t.toml")
    assert "t.toml" in str(caught.value) and "王建国" not in str(caught.value)


def test_a_file_that_is_too_large_or_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(RecorderError, match="over 256 KiB"):
        statement_text.load(path)
    path.write_bytes(b"\xff")
    with pytest.raises(RecorderError, match="not UTF-8"):
        statement_text.load(path)
    with pytest.raises(RecorderError, match="cannot read it"):
        statement_text.load(tmp_path / "none")
