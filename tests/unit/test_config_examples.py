"""The example files load as they are, and the settings' example leaves no key out."""

import re
from pathlib import Path

import msgspec
import pytest

from recorder import config
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.session import case, catalogue, phrases

CONFIG = Path(__file__).parents[2] / "config"
RECORDER = CONFIG / "recorder.toml"


def keys(type_: type[msgspec.Struct], prefix: str = "") -> set[str]:
    """Dotted names of every key of a struct of structs."""
    out: set[str] = set()
    for field in msgspec.structs.fields(type_):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            out |= keys(field.type, f"{prefix}{field.encode_name}.")
        else:
            out.add(prefix + field.encode_name)
    return out


def written_keys() -> set[str]:
    """Keys of the example, those that are commented out included."""
    out, section = set(), ""
    for line in RECORDER.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\[(\w+)\]$", line):
            section = found[1] + "."
        elif found := re.match(r"(?:# )?(\w+) = ", line):
            out.add(section + found[1])
    return out


def test_every_setting_stands_in_the_example_and_nothing_else() -> None:
    assert written_keys() == keys(Settings)


def test_the_example_shows_the_defaults() -> None:
    settings = config.load(RECORDER)
    assert settings == Settings(device=settings.device, organisation=settings.organisation)


def test_every_key_of_the_example_is_explained() -> None:
    lines = RECORDER.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.startswith("["):
            assert len(lines[number + 1]) > 0
    assert sum(line.startswith("# ") for line in lines) > len(written_keys())


def test_the_examples_fit_together() -> None:
    settings = config.load(RECORDER)
    listed = catalogue.load(CONFIG / "catalogue.toml")
    text = (CONFIG / "case.example.toml").read_text(encoding="utf-8")
    checked = case.check(text, listed, settings.organisation, "2026-11-23", "case.example.toml")
    assert checked.entry.id == "seizure"


def test_the_example_wording_is_accepted() -> None:
    own = phrases.load("zh", CONFIG / "phrases.example.toml", 480)
    assert own.say(phrases.Phrase.ADOPT) != phrases.load("zh", None, 480).say(phrases.Phrase.ADOPT)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param("seconds = 30.0", "seconds = 121", "ring.seconds", id="out of range"),
        pytest.param("seconds = 30.0", "secs = 30.0", "secs", id="unknown key"),
        pytest.param("width = 1920", "width = 1921", "camera.width", id="odd width"),
        pytest.param('name = "zhangying-01"', 'name = "Zhang Ying"', "device.name", id="name"),
        pytest.param('kind = "picamera2"', 'kind = "file"', "camera.source", id="no file"),
        pytest.param('kind = "picamera2"', 'kind = "polaroid"', "camera.kind", id="unknown kind"),
    ],
)
def test_a_wrong_setting_names_file_key_and_remedy(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    text = RECORDER.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "recorder.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RecorderError) as caught:
        config.load(path)
    assert caught.value.where == str(path)
    assert problem in caught.value.problem
    assert caught.value.remedy
