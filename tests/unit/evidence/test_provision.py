"""Provisioning: what it refuses before it writes, and what a kill leaves of it."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from pathlib import Path

import pytest

from recorder.cli import run
from recorder.clock import ManualClock
from recorder.errors import RecorderError
from recorder.evidence import keys, provision, register
from recorder.evidence.age import Identity
from recorder.evidence.register import Register
from tests.rigs.killed_at import fork_and_kill

CLOCK = ManualClock()
Made = provision.Provisioned


class Town:
    """A township's folder, and devices below another one."""

    def __init__(self, here: Path) -> None:
        self.here = here
        self.folder = here / "township"
        self.custodians = [Identity.generate()[0].recipient for _ in range(2)]
        provision.provision("township", self.folder, "张营镇", clock=CLOCK)

    def copy(self, here: Path) -> "Town":
        """Another one that is the same so far."""
        shutil.copytree(self.here, here)
        made = copy(self)
        made.here, made.folder = here, here / self.folder.name
        return made

    def provision(
        self, role: provision.Role = "device", name: str = "cam-01", *, at: str = "",
        rotate: bool = False, custodians: list[str] | None = None,
    ) -> Made:  # fmt: skip
        given = (self.custodians if role == "device" else []) if custodians is None else custodians
        return provision.provision(
            role, self.here / (at or f"{role}-{name}"), name, custodians=given,
            township=self.folder, rotate=rotate, clock=CLOCK,
        )  # fmt: skip

    @property
    def listed(self) -> Register:
        """As a judge reads it, who has township.pem."""
        township = keys.load_public(self.folder / "township.pem")
        return register.load(self.folder / register.FILE, township)

    def tree(self) -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in self.here.rglob("*") if p.is_file()}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def private(town: Town) -> list[str]:
    return [*town.custodians, Identity.generate()[1]]


@pytest.mark.parametrize(
    ("code", "where", "refused"),
    [
        ("usage", "--name", lambda town: town.provision(name="Cam 01")),
        ("usage", "--name", lambda town: town.provision("sync", name="cam_01")),
        ("usage", "--name", lambda town: town.provision(name="c" * 32)),
        ("usage", "--name", lambda town: town.provision("desk", name="desk\n1")),
        ("age-recipient", "--custodian", lambda town: town.provision(custodians=["age1nobody"])),
        (
            "custodian-private", "--custodian",
            lambda town: town.provision(name="cam-02", custodians=private(town)),
        ),
        ("name-taken", "register.json", lambda town: town.provision(at="another")),
        ("key-taken", "register.json", lambda town: town.provision(name="cam-02", at="first")),
    ],
    ids=["capitals", "underscore", "long", "line-break", "no-key", "private", "twice", "renamed"],
)  # fmt: skip
def test_what_will_not_do_is_refused_before_anything_is_written(
    code: str, where: str, refused: Callable[[Town], Made], town: Town
) -> None:
    town.provision(at="first")
    before = town.tree()
    with pytest.raises(RecorderError) as caught:
        refused(town)
    assert caught.value.code == code and caught.value.remedy
    assert caught.value.where.endswith(where)
    assert town.tree() == before


def test_a_township_keeps_its_name_and_says_so(town: Town) -> None:
    before = town.tree()
    made = provision.provision("township", town.folder, "李营镇", clock=CLOCK)
    assert made.name == "张营镇" and any("李营镇" in warning for warning in made.warnings)
    for name in ("张营镇", "township"):
        assert provision.provision("township", town.folder, name, clock=CLOCK).warnings == ()
    assert town.tree() == before


def test_a_key_in_no_register_is_warned_of(tmp_path: Path, town: Town) -> None:
    alone = provision.provision("device", tmp_path / "alone", "cam-09", clock=CLOCK)
    assert any("in no register" in warning for warning in alone.warnings)
    assert alone.registered == "not looked at"
    made = town.provision()
    assert made.registered == "yes"
    assert not any("in no register" in warning for warning in made.warnings)


@pytest.mark.parametrize(
    ("name", "known"), [("cam-01", "yes"), ("device", "yes"), ("cam-02", "no")]
)
def test_a_custodians_change_looks_into_the_register_beside_the_key(
    name: str, known: str, town: Town
) -> None:
    town.provision()
    folder = town.here / "device-cam-01"
    for each in ("register.json", "register.json.sig", "township.pem"):
        shutil.copy(town.folder / each, folder / each)
    first, _ = town.custodians
    made = provision.provision("device", folder, name, removed=[first], clock=CLOCK)
    assert made.registered == known
    assert any("untrusted" in warning for warning in made.warnings) == (known == "no")


def test_a_sync_key_by_a_name_that_no_device_has_is_warned_of(town: Town) -> None:
    town.provision(name="cam-01")
    (warning,) = town.provision("sync", name="cam-1").warnings
    assert "no device cam-1" in warning and "device.name" in warning
    assert town.provision("sync", name="cam-01").warnings == ()


def test_a_register_that_is_not_there_names_the_option_that_asked_for_it(
    tmp_path: Path, town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["provision", "device", str(tmp_path / "keys"), "--json", "--township"]
    assert run([*words, str(tmp_path / "nowhere"), "--name", "cam-01"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert "--township" in said["remedy"] and "provision township" in said["remedy"]
    assert run([*words, str(town.folder)]) == 2
    assert json.loads(capsys.readouterr().out)["where"] == "--name"
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    ("option", "wanted"), [("--township", "township.pem"), ("--sync-key", "sync.pem")]
)
def test_a_public_key_that_cannot_be_read_is_asked_for_by_its_own_name(
    option: str, wanted: str, town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"--township": town.folder / "township.pem", "--sync-key": town.folder / "sync.pem"}
    given[option] = town.here / "nothing.pem"
    if option == "--township":
        given.pop("--sync-key")
    words = [str(word) for pair in given.items() for word in pair]
    register_file = town.folder / register.FILE
    receipts = ["--receipts", str(town.here)] if option == "--sync-key" else []
    assert run(["verify", str(town.here), "--register", str(register_file), *words, *receipts]) == 2
    said = capsys.readouterr().err
    assert "nothing.pem" in said and wanted in said and "device.pem" not in said


@pytest.mark.parametrize("role", ["device", "sync"])
def test_the_townships_key_and_the_devices_never_meet_on_one_machine(
    role: str, town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, brought = town.here / "keys", town.here / "brought"
    brought.mkdir()

    def device(*more: str) -> int:
        return run(["provision", role, str(folder), "--name", "cam-01", *more])

    def enter(public: str, *more: str) -> int:
        words = ["--role", role, "--name", "cam-01", "--public", str(folder / public), *more]
        done = run(["provision", "enter", str(town.folder), *words])
        for name in ("register.json", "register.json.sig", "township.pem"):
            (brought / name).write_bytes((town.folder / name).read_bytes())
        return done

    entered = ("--rotate", "--entered", str(brought))
    assert device() == 0 and "in no register" in capsys.readouterr().out
    first = keys.load_private(folder / f"{role}.key").public
    assert (enter(f"{role}.pem"), enter(f"{role}.pem")) == (0, 0)
    assert (device("--rotate"), device("--rotate")) == (0, 0)
    assert f"{role}.next.pem at the township" in capsys.readouterr().out
    assert device(*entered) == 2 and "recorder provision enter" in capsys.readouterr().err
    assert keys.load_private(folder / f"{role}.key").public == first
    assert enter(f"{role}.next.pem") == 2 and "--rotate" in capsys.readouterr().err
    assert enter(f"{role}.next.pem", "--rotate") == 0
    assert (device(*entered), device(*entered)) == (0, 0)
    second = keys.load_private(folder / f"{role}.key").public
    assert second == keys.load_public(folder / f"{role}.pem") != first
    assert not list(folder.glob("*.next.*"))
    assert (folder / ("device.old.key" if role == "device" else "sync-1.pem")).exists()
    assert enter(f"{role}.pem", "--alone") == (2 if role == "device" else 0)
    ends = {key.public: key.until for key in town.listed.keys}
    assert ends[keys.base64_raw(second)] is None
    assert (ends[keys.base64_raw(first)] is None) == (role == "device")


def test_several_at_once_are_all_entered(town: Town) -> None:
    def one(number: int) -> int:
        return run(["provision", "desk", str(town.here / f"desk-{number}"), "--name",
                    f"desk-{number}", "--township", str(town.folder)])  # fmt: skip

    with ThreadPoolExecutor(6) as at_once:
        assert not any(at_once.map(one, range(6)))
    assert {key.name for key in town.listed.keys} == {f"desk-{number}" for number in range(6)}


def test_a_custodian_can_be_taken_out_but_not_the_last_one(town: Town) -> None:
    made = town.provision()
    listed = town.here / "device-cam-01" / provision.CUSTODIANS
    first, second = town.custodians

    def remove(*gone: str) -> Made:
        return provision.provision(
            "device", listed.parent, "cam-01", removed=gone, township=town.folder, clock=CLOCK
        )

    assert remove(first).public == made.public
    assert remove(first).warnings[0].startswith("one custodian only")
    assert keys.load_custodians(listed).recipients == (second,)
    with pytest.raises(RecorderError, match="no custodian would be left"):
        remove(second)
    assert keys.load_custodians(listed).recipients == (second,)


@pytest.mark.parametrize(("role", "rotate"), [("device", False), ("device", True), ("sync", True)])
def test_killed_anywhere_keys_and_register_are_whole_and_the_next_run_ends_it(
    role: provision.Role, rotate: bool, tmp_path: Path
) -> None:
    step, died = 0, True
    first = Town(tmp_path / "first")
    old = first.provision(role).public if rotate else ""
    while died:
        step += 1
        town = first.copy(tmp_path / str(step))
        folder = town.here / f"{role}-cam-01"
        died = fork_and_kill(lambda: town.provision(role, rotate=rotate), step, "/") is None  # noqa: B023
        publics = {key.public: key.until for key in town.listed.keys}
        for path in folder.glob("*.key"):
            assert path.stat().st_mode & 0o777 == 0o600
            keys.load_private(path)
        if rotate:
            assert keys.base64_public(keys.load_private(folder / f"{role}.key")) in publics
        if died and publics.get(old) is None:  # the old key's end is the last thing of all
            town.provision(role, rotate=rotate)
        signer = keys.load_private(folder / f"{role}.key")
        assert keys.load_public(folder / f"{role}.pem") == signer.public
        ends = {key.public: key.until for key in town.listed.keys}
        assert ends[keys.base64_public(signer)] is None
        assert len(ends) == (2 if rotate else 1)
        if rotate:
            assert keys.base64_public(signer) != old
            assert (ends[old] is None) == (role == "device")
            assert (folder / ("device.old.key" if role == "device" else "sync-1.pem")).exists()
        assert not list(town.here.rglob("*.next.key"))
    assert step > 10
