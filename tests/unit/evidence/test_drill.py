"""The drill: only a custodian's own private key finds the answer, once and for all."""

import json
import shutil
from copy import copy
from pathlib import Path

import pytest

from recorder.cli import run
from recorder.clock import ManualClock
from recorder.errors import RecorderError
from recorder.evidence import drill, provision
from recorder.evidence.age import Identity, identities
from tests.rigs.killed_at import fork_and_kill

CLOCK = ManualClock()


class Held:
    """A device's keys, and its two custodians' private ones at their desks."""

    def __init__(self, here: Path) -> None:
        self.here, self.keys = here, here / "keys"
        self.private = [here / f"custodian-{number}.key" for number in range(2)]
        self.public = [provision.new_custodian(path) for path in self.private]
        provision.provision("device", self.keys, "cam-01", custodians=self.public, clock=CLOCK)

    def copy(self, here: Path) -> "Held":
        """Another one that is the same so far."""
        shutil.copytree(self.here, here)
        made = copy(self)
        made.here, made.keys = here, here / "keys"
        return made

    def identities(self, number: int) -> tuple[Identity, ...]:
        return identities(self.private[number].read_text(), "")

    def ask(self) -> tuple[drill.State, ...]:
        return drill.ask(self.keys, self.public, CLOCK)

    def word(self, number: int) -> str:
        return drill.read_word(Path(self.ask()[number].file), self.identities(number))

    def answer(self, word: str) -> tuple[drill.State, ...]:
        return drill.answer(self.keys, self.public, word, CLOCK)

    @property
    def silent(self) -> tuple[str, ...]:
        return drill.unproven(self.keys, self.public)


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return Held(tmp_path)


def test_each_custodian_proves_it_alone_and_asking_again_changes_nothing(held: Held) -> None:
    assert held.silent == tuple(held.public)
    first = held.ask()
    kept = {p: p.read_bytes() for p in held.keys.rglob("*") if p.is_file()}
    assert held.ask() == first
    assert kept == {p: p.read_bytes() for p in held.keys.rglob("*") if p.is_file()}
    with pytest.raises(RecorderError) as caught:
        drill.read_word(Path(first[0].file), held.identities(1))
    assert caught.value.where == first[0].file
    held.answer(f" {held.word(0).upper()}\n")
    assert held.silent == (held.public[1],)
    held.answer(held.word(1))
    assert not held.silent
    assert all(state.answered and not state.file for state in held.ask())


def test_a_wrong_word_another_custodians_word_and_a_word_of_no_custodian_count_for_nothing(
    held: Held,
) -> None:
    words = [held.word(0), held.word(1)]
    for wrong in ("", "aaaa-bbbb-cccc-dddd", words[0][:-1]):
        with pytest.raises(RecorderError, match="no custodian was asked"):
            held.answer(wrong)
    with pytest.raises(RecorderError, match="no custodian was asked"):
        drill.answer(held.keys, held.public[1:], words[0], CLOCK)
    held.answer(words[0])
    held.answer(words[0])
    assert held.silent == (held.public[1],)


def test_nothing_that_lies_on_the_device_tells_the_word(held: Held) -> None:
    word = held.word(0)
    for path in held.keys.rglob("*"):
        assert path.is_dir() or word.encode() not in path.read_bytes()


def test_a_new_custodian_is_asked_and_one_who_has_answered_stays_so(held: Held) -> None:
    held.answer(held.word(0))
    newcomer = Identity.generate()[0].recipient
    states = drill.ask(held.keys, [held.public[0], newcomer], CLOCK)
    assert [bool(state.answered) for state in states] == [True, False]
    assert drill.unproven(held.keys, [held.public[0], newcomer]) == (newcomer,)


def test_killed_anywhere_every_question_can_still_be_answered(tmp_path: Path) -> None:
    step, died = 0, True
    first = Held(tmp_path / "first")
    while died:
        step += 1
        held = first.copy(tmp_path / str(step))
        died = fork_and_kill(held.ask, step, "/") is None
        held.answer(held.word(0))
        held.answer(held.word(1))
        assert held.silent == ()
    assert step > 10


def test_a_damaged_record_names_its_file_and_the_way_out(held: Held) -> None:
    held.ask()
    (held.keys / drill.RECORD).write_text("{")
    with pytest.raises(RecorderError) as caught:
        drill.load(held.keys)
    assert caught.value.where == str(held.keys / drill.RECORD) and "again" in caught.value.remedy


def test_a_private_key_is_refused_where_the_device_asks(
    held: Held, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = ["--identity", str(held.private[0])]
    assert run(["provision", "drill", str(held.keys), *identity]) == 2
    assert "--answer WORD" in capsys.readouterr().err
    assert not (held.keys / "drill").exists()


def test_by_the_command_until_all_have_answered_the_exit_status_is_1(
    held: Held, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = str(held.keys)
    assert run(["provision", "drill", keys, "--json"]) == 1
    asked = json.loads(capsys.readouterr().out)["custodians"]
    for number, state in enumerate(asked):
        identity = ["--identity", str(held.private[number])]
        assert run(["provision", "drill", state["file"], *identity, "--json"]) == 0
        word = json.loads(capsys.readouterr().out)["word"]
        typed = f" {word.upper().replace('-', ' ')} "
        assert run(["provision", "drill", keys, "--answer", typed]) == (0 if number else 1)
        assert state["custodian"] in capsys.readouterr().out
    assert run(["provision", "drill", keys, "--answer", "wrong"]) == 2
    (held.keys / "drill").rmdir()
    assert run(["provision", "drill", keys]) == 0
