"""recorder.toml: every mistake names the file, the key and the remedy."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import inspect

from recorder import config
from recorder.errors import RecorderError
from recorder.session.case import Card
from recorder.session.catalogue import Catalogue

GOOD = """
[device]
name = "d-1"
officer = "P1"
[organisation]
name = "o"
rule = "r"
rule_version = "1"
"""


def load(tmp_path: Path, text: str) -> config.Settings:
    path = tmp_path / "recorder.toml"
    path.write_text(text)
    return config.load(path)


def test_no_file_names_the_option_and_the_example(tmp_path: Path) -> None:
    with pytest.raises(RecorderError) as caught:
        config.load(tmp_path / "recorder.toml")
    assert "--config FILE" in caught.value.remedy
    assert "config/recorder.toml" in caught.value.remedy


def test_a_short_file_gets_the_documented_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    assert settings.ring.seconds == 30
    assert settings.capture().queue_s == 10


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param(GOOD + "[camera]\nfpss = 30\n", "camera", id="unknown key"),
        pytest.param(GOOD + "[camera]\nfps = 300\n", "camera.fps", id="out of range"),
        pytest.param(GOOD + '[camera]\nkind = "eye"\n', "camera.kind", id="no such kind"),
        pytest.param(GOOD + "[ring]\nseconds = 121\n", "ring.seconds", id="ring too long"),
        pytest.param(GOOD.replace('"d-1"', '"D 1"'), "device.name", id="name with a space"),
        pytest.param(GOOD + '[camera]\nkind = "file"\n', "camera.source", id="file without name"),
        pytest.param(
            GOOD + '[camera]\nkind = "none"\n[microphone]\nkind = "none"\n', "camera.kind",
            id="nothing to record with",
        ),
        pytest.param(GOOD + '[gnss]\ngpsd = "localhost:65536"\n', "gnss.gpsd", id="no such port"),
        pytest.param(GOOD + '[battery]\npisugar = "8423"\n', "battery.pisugar", id="no host"),
        pytest.param(GOOD.replace("officer", "offiser"), "device", id="misspelt"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_key_and_remedy(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(RecorderError) as caught:
        load(tmp_path, text)
    assert caught.value.where.endswith("recorder.toml")
    assert f"key {key}" in caught.value.problem
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("[device]\n", "key device.name: missing", "Write it in; the example has it"),
        (GOOD + "[gnss]\nkin = 3\n", "key gnss.kin: there is no such key",
         "Correct its name, or take it out; there are kind, gpsd, every_s"),
        (GOOD + "[camera]\nfps = 300\n", "key camera.fps: too large", "Write 60 or less"),
        (GOOD + "[camera]\nfps = 4\n", "key camera.fps: too small", "Write 5 or more"),
        (GOOD + "[camera]\nwidth = 161\n", "key camera.width: not a multiple of what it must be",
         "Write a multiple of 2"),
        (GOOD + "[voice]\nvolume = 1.5\n", "key voice.volume: too large", "Write 1 or less"),
        (GOOD + "[ring]\nram_share = 0\n", "key ring.ram_share: too small",
         "Write more than 0"),
        (GOOD + '[camera]\nfps = "30"\n', "key camera.fps: text in quotation marks does not "
         "belong there", "Write a whole number"),
        (GOOD + '[button]\nsecond_pin = "5"\n', "key button.second_pin: text in quotation marks "
         "does not belong there", "Write a whole number"),
        (GOOD + '[camera]\nkind = "eye"\n', "key camera.kind: 'eye' is not allowed",
         "Write one of demo, file, none, picamera2, v4l2"),
        (GOOD.replace('"o"', '""'), "key organisation.name: too short",
         "Write 1 or more characters"),
        (GOOD.replace('"d-1"', '"D 1"'), "key device.name: not in the form that belongs there",
         "Write small letters, digits and hyphens, 31 at most, such as cam-01"),
        (GOOD + '[calendar]\nextra_holidays = ["2026-02-30"]\n',
         "key calendar.extra_holidays[0]: no date", "Write it like 2026-11-23"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_words_that_no_programmer_is_needed_for(
    tmp_path: Path, text: str, problem: str, remedy: str
) -> None:
    with pytest.raises(RecorderError) as caught:
        load(tmp_path, text)
    assert (caught.value.problem, caught.value.remedy) == (problem, remedy)


def bounded(type_: inspect.Type) -> Iterator[tuple[bool, inspect.Type]]:
    """Every type of a file's shape, and whether its form is described."""
    inner: list[inspect.Type] = []
    match type_:
        case inspect.Metadata(type=each):
            yield from ((True, found) for _, found in bounded(each))
            return
        case inspect.StructType(fields=fields):
            inner = [field.type for field in fields]
        case inspect.UnionType(types=types):
            inner = list(types)
        case inspect.VarTupleType(item_type=item):
            inner = [item]
    yield False, type_
    for each in inner:
        yield from bounded(each)


@pytest.mark.parametrize("shape", [config.Settings, Card, Catalogue], ids=lambda s: s.__name__)
def test_every_form_that_a_value_must_have_is_described(shape: type) -> None:
    for described, found in bounded(inspect.type_info(shape)):
        if isinstance(found, inspect.StrType) and found.pattern is not None:
            assert described, found.pattern


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"[device", "config-syntax"), (b"\xff\xfe", "config-syntax"), (None, "config-unreadable")],
)
def test_a_file_that_is_no_toml_is_an_error(tmp_path: Path, data: bytes | None, code: str) -> None:
    path = tmp_path / "recorder.toml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(RecorderError) as caught:
        config.load(path)
    assert caught.value.code == code
