"""recorder.toml: every mistake names the file, the key and the remedy."""

from pathlib import Path

import pytest

from recorder import config
from recorder.errors import RecorderError

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
