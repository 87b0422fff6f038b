"""What the commands answer when they cannot run."""

import io
import json
from pathlib import Path

import pytest

from recorder.cli import run
from recorder.control import Answer, Request

CONFIG = Path(__file__).parents[2] / "config" / "recorder.toml"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_folder_that_this_user_may_not_read_is_an_error_with_its_path_and_a_remedy(
    as_json: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def denied(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path / "bagit.txt"))

    monkeypatch.setattr("recorder.evidence.verification_folder.is_recording", denied)
    assert run(["verify", str(tmp_path), *(["--json"] if as_json else [])]) == 2
    out, err = capsys.readouterr()
    if as_json:
        answer = json.loads(out)
        assert answer["where"] == str(tmp_path / "bagit.txt")
        assert answer["remedy"]
    else:
        assert err.startswith(f"recorder: {tmp_path / 'bagit.txt'}: Permission denied. ")


def test_a_device_s_own_sync_takes_no_other_device(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--config", str(CONFIG), "sync", "--device", "cam-9"]) == 2
    assert "--read-back" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["file", "-"])
def test_a_reason_reaches_the_recorder_without_standing_in_an_argument(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Request] = []

    def ask(_: Path, request: Request) -> Answer:
        asked.append(request)
        return Answer(True, data={})

    monkeypatch.setattr("recorder.control.ask", ask)
    monkeypatch.setattr("sys.stdin", io.StringIO("道路被洪水中断\n"))
    (tmp_path / "why.txt").write_text("道路被洪水中断\n", encoding="utf-8")
    where = "-" if given == "-" else str(tmp_path / "why.txt")
    words = ["away", "start", "--ground", "remote", "--prevented", "--reason", where]
    assert run(["--config", str(CONFIG), *words]) == 0
    assert [(r.verb, r.reason) for r in asked] == [("away-start", "道路被洪水中断")]


def test_a_reason_that_is_written_as_an_argument_is_refused_with_the_way_to_give_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["away", "start", "--ground", "remote", "--prevented", "--reason", "flood"]
    assert run(["--config", str(CONFIG), *words]) == 2
    assert "standard input" in capsys.readouterr().err
