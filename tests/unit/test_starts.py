"""What is left out after starts that died, and what ends the count."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from recorder import at_work, config
from recorder.at_work import PARTS, Part
from recorder.clock import NS
from recorder.errors import RecorderError
from recorder.starts import PATIENCE, STANDS_NS, Note, Starts, fitted, judge

ALL = frozenset(PARTS)
GUESSES = tuple(part for part in PARTS if part != "button")


@pytest.fixture(autouse=True)
def own_marks(tmp_path: Path) -> Iterator[None]:
    at_work.keep(tmp_path / "marks")
    yield
    at_work.leave_out(())


def settings() -> config.Settings:
    return config.Settings(
        device=config.Device(name="bc-001", officer="P-017"),
        organisation=config.Organisation(name="t", rule="r", rule_version="1"),
    )


def died(*deaths: tuple[Part, ...], fit: frozenset[Part] = ALL, note: Note | None = None) -> Note:
    note = note or Note()
    for found in deaths:
        note = judge(note, found, fit)
    return note


def test_two_deaths_leave_nothing_out_and_the_third_what_it_died_at() -> None:
    assert died(("gnss",), ("gnss",)).left_out == ()
    assert died(("gnss",), ("gnss",), ("gnss",)).left_out == ("gnss",)


def test_of_several_that_were_at_work_the_one_that_most_starts_died_at_goes() -> None:
    assert died(("light",), ("light",), ("voice", "light")).left_out == ("light",)


def test_nobody_knows_then_what_matters_least_goes_first_and_never_the_button() -> None:
    assert died(*[()] * 30).left_out == GUESSES


def test_a_recorder_that_got_ready_and_died_of_nobody_knows_what_keeps_its_voice_for_long() -> None:
    note, died_at = Note(), 0
    while "voice" not in note.left_out:
        note, died_at = judge(msgspec.structs.replace(note, up=True), (), ALL), died_at + 1
        if died_at < 2 * PATIENCE:
            assert note.left_out == ()
    assert note.left_out == GUESSES
    assert died_at == 2 * PATIENCE + len(GUESSES) - 1


def test_one_death_at_the_button_among_others_is_no_reason_to_do_without_it() -> None:
    assert died((), (), ("button",)).left_out == ()


def test_only_what_is_fitted_is_left_out() -> None:
    assert died(*[()] * 9, fit=frozenset({"light", "button"})).left_out == ("light",)


def test_the_button_is_left_out_where_the_starts_died_at_it() -> None:
    assert died(("button",), ("button",), ("button",)).left_out == ("button",)


def test_after_a_recorder_that_stood_three_starts_must_die_again() -> None:
    stood = Note(died=5, at={"gnss": 5}, left_out=("gnss",), stood=True)
    note = died(("voice",), ("voice",), ("voice",), note=stood)
    assert note == Note(died=2, at={"voice": 2}, left_out=("gnss",))


def test_a_device_without_parts_has_nothing_but_its_own_services() -> None:
    bare = config.Settings(
        device=config.Device(name="bc-001", officer="P-017"),
        organisation=config.Organisation(name="t", rule="r", rule_version="1"),
        voice=config.Voice(kind="none"), battery=config.Battery(kind="none"),
        light=config.Light(kind="terminal"), button=config.Button(kind="none"),
    )  # fmt: skip
    assert fitted(bare) == {"storing", "selftest"}


def test_what_was_left_out_is_off_told_and_stays_so_until_the_recorder_is_ended(
    tmp_path: Path,
) -> None:
    for _ in range(3):
        Starts(tmp_path, settings())
        at_work.mark("battery")
    starts = Starts(tmp_path, settings())
    assert starts.without(settings()).battery.kind == "none"
    (error,) = starts.errors()
    assert (error.code, error.phrase) == ("battery-left-out", "battery_fault")
    starts.up(0)
    starts.tick(STANDS_NS)
    again = Starts(tmp_path, settings())
    assert [each.code for each in again.errors()] == ["battery-left-out"]
    again.forget()
    assert Starts(tmp_path, settings()).errors() == []


def test_a_recorder_that_is_killed_now_and_then_keeps_all_of_its_parts(tmp_path: Path) -> None:
    for _ in range(9):
        starts = Starts(tmp_path, settings())
        assert starts.errors() == []
        starts.up(NS)
        starts.tick(NS + STANDS_NS)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"left_out": ["camera"]}', b"\xff" * 9])
def test_a_damaged_note_is_told_and_begun_anew(
    tmp_path: Path, damage: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "starts.json").write_bytes(damage)
    assert Starts(tmp_path, settings()).errors() == []
    assert str(tmp_path / "starts.json") in capfd.readouterr().err


def test_a_mark_outlives_the_process_however_it_dies(tmp_path: Path) -> None:
    script = (
        "import os, sys, pathlib; from recorder import at_work\n"
        "at_work.keep(pathlib.Path(sys.argv[1]))\n"
        "with at_work.at_work('voice'): pass\n"
        "with at_work.at_work('gnss'): os.kill(os.getpid(), 9)\n"
    )
    path = tmp_path / "at-work"
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False, cwd=os.getcwd())
    assert done.returncode == -9
    assert at_work.keep(path) == ("gnss",)
    assert at_work.keep(path) == ()


def test_what_nobody_expects_leaves_its_mark_and_a_refusal_does_not(tmp_path: Path) -> None:
    for error in (RecorderError("x", "y"), ValueError()):
        with pytest.raises(type(error)), at_work.at_work("light"):
            raise error
        expected = () if isinstance(error, RecorderError) else ("light",)
        assert at_work.keep(tmp_path / "marks") == expected
