"""A measurement that hangs, fails or needs another user's rights."""

import os
import pwd
import time
from pathlib import Path

import msgspec
import pytest

from recorder.errors import RecorderError
from recorder.selftest import child
from recorder.selftest.card import Question, Speed


def test_a_card_that_refuses_is_told_in_its_own_words(tmp_path: Path) -> None:
    question = msgspec.json.encode(Question(str(tmp_path / "gone"), 1000))
    with pytest.raises(RecorderError, match="No such file"):
        child.measure("recorder.selftest.card", question, Speed, 30)


def test_a_card_is_measured_and_nothing_is_left(tmp_path: Path) -> None:
    question = msgspec.json.encode(Question(str(tmp_path), 200_000))
    speed = child.measure("recorder.selftest.card", question, Speed, 30)
    assert speed.bytes_per_s > 0
    assert not list(tmp_path.iterdir())


def test_what_does_not_answer_is_left_behind() -> None:
    began = time.monotonic()
    with pytest.raises(RecorderError) as caught:
        child.measure("timeit", b"", Speed, 0.0)
    assert caught.value.code == "hung"
    assert time.monotonic() - began < 10


def test_root_asks_with_the_rights_of_whoever_it_belongs_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = pwd.getpwuid(os.getuid())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    rights = child._rights(tmp_path)
    assert (rights["user"], rights["group"]) == (user.pw_uid, user.pw_gid)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert child._rights(tmp_path) == {}
