"""What the commands answer when they cannot run."""

import json
from pathlib import Path

import pytest

from recorder.cli import run


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
