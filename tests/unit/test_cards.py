"""A case card that cannot be kept or read ends neither the daemon nor a recording."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from recorder.cards import FILE, Cards
from recorder.clock import ManualClock
from recorder.errors import RecorderError

if TYPE_CHECKING:
    from recorder.app import App


def cards(run: Path) -> Cards:
    app = SimpleNamespace(
        run_folder=run, clock=ManualClock(), catalogue_error=None, catalogue=None,
        settings=SimpleNamespace(device=SimpleNamespace(utc_offset_min=480), organisation=None),
        effects=SimpleNamespace(case="of before"),
    )  # fmt: skip
    return Cards(cast("App", app))


def not_utf8(card: Path) -> None:
    card.write_bytes(b"\xff\xfe\x00")


def folder(card: Path) -> None:
    card.mkdir()


@pytest.mark.parametrize("damage", [not_utf8, folder])
def test_a_card_that_cannot_be_read_at_the_start_is_told_and_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None]
) -> None:
    damage(tmp_path / FILE)
    cards(tmp_path).load_stored()
    assert "no case card" in capsys.readouterr().err


def test_a_card_that_cannot_be_kept_or_removed_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.session.case.check", lambda *_: "checked")
    (tmp_path / FILE).mkdir()
    kept = cards(tmp_path)
    with pytest.raises(RecorderError, match="cannot be kept"):
        kept.load("", "card.toml")
    with pytest.raises(RecorderError, match="cannot be kept"):
        kept.clear()
