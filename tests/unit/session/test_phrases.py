"""Every sentence is there in both languages, is short, and a township's wording is checked."""

from pathlib import Path

import pytest

from recorder.errors import RecorderError
from recorder.session import phrases
from recorder.session.phrases import Phrase, Speaker

UTC_NS = 1_795_397_400_000_000_000  # 2026-11-23T01:30:00Z
EXAMPLES = {
    "time": "二〇二六年十一月二十三日九时三十分",
    "place": "张营镇张营村三组十二号",
    "organisation": "永济市张营镇人民政府",
    "principal": "永济市人民政府",
    "name": "王建国",
    "number": "幺四零八八幺零幺零二三",
    "reason": "涉嫌占道经营",
    "subject": "永济市某某建材经营部",
    "stages": "告知、清点、装运、入库",
    "element": "执法人员",
    "item": "文书制作签收",
    "items": "到场、亮证、环境",
    "seconds": "三十",
    "stage": "责令撤离",
    "clock": "九时三十分",
    "duration": "两分十秒",
    "minutes": "二十",
    "count": "两",
    "day": "十一月二十五日",
}


def speaker(language: str = "zh", own: Path | None = None) -> Speaker:
    return phrases.load(language, own, 480)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_sentence_is_packaged_in_both_languages(language: str) -> None:
    voice = speaker(language)
    for phrase in Phrase:
        assert "{" not in voice.say(phrase, **EXAMPLES)


def test_both_languages_fill_the_same_slots() -> None:
    names = {k: phrases.slots(v) for k, v in phrases._defaults("zh").items()}
    assert names == {k: phrases.slots(v) for k, v in phrases._defaults("en").items()}


@pytest.mark.parametrize("phrase", sorted(Phrase))
def test_a_sentence_takes_eight_seconds_at_most(phrase: Phrase) -> None:
    assert phrases.spoken_hanzi(speaker().say(phrase, **EXAMPLES)) <= 36


def test_mandarin_sentences_hold_no_digit_and_no_letter() -> None:
    for phrase in Phrase:
        assert not any(c.isascii() and c.isalnum() for c in speaker().say(phrase, **EXAMPLES))


def test_what_is_rendered_ahead_has_no_slot() -> None:
    fixed = speaker().fixed()
    assert Phrase.NOTICE_ALL in fixed
    assert Phrase.TIME not in fixed
    assert not any("{" in text for text in fixed.values())


def test_times_are_spoken_at_the_devices_offset() -> None:
    assert speaker().time(UTC_NS) == "二〇二六年十一月二十三日九时三十分"
    assert speaker().clock(UTC_NS) == "九时三十分"
    assert speaker("en").time(UTC_NS) == "23 November 2026, 09:30"


def test_counts_and_lengths_are_spoken_in_the_language() -> None:
    assert speaker().number(2) == "两"
    assert speaker().duration(130 * 10**9) == "两分十秒"
    assert speaker("en").duration(130 * 10**9) == "2 minutes 10 seconds"
    assert speaker().digits("101") == "幺零幺"


@pytest.mark.parametrize("duration_ns", [-1, 10**30])
def test_a_nonsensical_duration_is_still_spoken(duration_ns: int) -> None:
    assert speaker().duration(duration_ns)


def test_digits_of_a_case_card_are_spoken_as_words() -> None:
    assert speaker().say(Phrase.PLACE, place="3组12号") == "地点：三组十二号。"


def test_a_township_replaces_single_sentences(tmp_path: Path) -> None:
    own = written(tmp_path, 'again = "请再说一遍。"')
    assert speaker(own=own).say(Phrase.AGAIN) == "请再说一遍。"
    assert speaker(own=own).say(Phrase.READY) == speaker().say(Phrase.READY)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param('hello = "你好"', "no such sentence", id="unknown sentence"),
        pytest.param('place = "地点。"', "where ['place'] belong", id="missing slot"),
        pytest.param('place = "{place}{city}"', "where ['place'] belong", id="unknown slot"),
        pytest.param('place = "{place}{place}"', "where ['place'] belong", id="slot twice"),
        pytest.param('place = "{place"', "expected '}'", id="open brace"),
        pytest.param('place = "{place:d}"', "only a name", id="format that fails when spoken"),
        pytest.param('place = "{place!r}"', "only a name", id="conversion"),
        pytest.param('place = "{place.x}"', "where ['place'] belong", id="attribute"),
        pytest.param('again = " "', "is empty", id="empty"),
        pytest.param('again = "请说3遍"', "digits", id="digits"),
        pytest.param(f'again = "{"说" * 60}"', "too long", id="too long"),
        pytest.param("again = 1", "a sentence is text", id="no text"),
        pytest.param("again = ", "not TOML", id="no TOML"),
    ],
)
def test_wording_that_cannot_be_spoken_names_file_key_and_remedy(
    tmp_path: Path, text: str, problem: str
) -> None:
    own = written(tmp_path, text)
    with pytest.raises(RecorderError) as caught:
        speaker(own=own)
    error = caught.value
    assert error.where == str(own)
    assert problem in error.problem
    assert error.remedy
    if "TOML" not in error.problem:
        assert text.split(" ")[0] in error.problem
