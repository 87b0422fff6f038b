"""`recorder provision settings`: what is a device's own, and nothing else in the file."""

import json
import shutil
from pathlib import Path

import pytest

from recorder import config
from recorder.cli import run
from tests.rigs.killed_at import fork_and_kill

ROOT = Path(__file__).resolve().parents[2]


class File:
    """The shipped settings, with folders below a test's own."""

    def __init__(self, here: Path) -> None:
        self.here = here
        here.mkdir(parents=True, exist_ok=True)
        self.path = here / "recorder.toml"
        text = (ROOT / "config" / "recorder.toml").read_text(encoding="utf-8")
        for old in ("/var/lib/recorder/spool", "/etc/recorder"):
            text = text.replace(f'"{old}', f'"{here}{old}')
        self.path.write_text(text, encoding="utf-8")
        self.path.chmod(0o640)
        (here / "etc/recorder").mkdir(parents=True)
        self.shipped = text

    def settings(self, *words: str) -> int:
        return run(["--config", str(self.path), "provision", "settings", *words])

    @property
    def loaded(self) -> config.Settings:
        return config.load(self.path)


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path)


def test_what_is_given_is_written_and_every_other_line_stays(
    file: File, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--name", "cam-01", "--officer", 'ZY-"018"', "--organisation", "张营镇人民政府",
             "--store", "/srv/recorder-store")  # fmt: skip
    assert file.settings(*words, "--json") == 0
    assert json.loads(capsys.readouterr().out)["officer"] == 'ZY-"018"'
    now = file.loaded
    assert (now.device.name, now.device.officer, now.organisation.name, now.sync.store) == (
        "cam-01", 'ZY-"018"', "张营镇人民政府", "/srv/recorder-store",
    )  # fmt: skip
    text = file.path.read_text(encoding="utf-8")
    changed = [(a, b) for a, b in zip(
        file.shipped.splitlines(), text.splitlines(), strict=True) if a != b]  # fmt: skip
    assert len(changed) == 4
    assert file.path.stat().st_mode & 0o777 == 0o640
    assert file.settings(*words) == 0
    assert file.path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--name", "Cam 01"), "device.name"),
        (("--officer", ""), "device.officer"),
        (("--store", "s3://evidence"), "s3.endpoint"),
        (("--catalogue", "nowhere.toml"), "nowhere.toml"),
        ((), "--officer"),
    ],
)
def test_what_would_not_load_is_refused_before_anything_is_written(
    words: tuple[str, ...], named: str, file: File, capsys: pytest.CaptureFixture[str]
) -> None:
    assert file.settings(*words) == 2
    assert named in capsys.readouterr().err
    assert file.path.read_text(encoding="utf-8") == file.shipped
    assert not (file.here / "etc/recorder/catalogue.toml").exists()


@pytest.mark.parametrize(
    "section",
    [
        '[device]\nname = "{}"\nofficer = "ZY-017"\n',
        'device = {{name = "{}", officer = "ZY-017"}} # in one line\n',
        'device.name = "{}"\ndevice.officer = "ZY-017"\n',
    ],
    ids=["table", "inline", "dotted"],
)
def test_however_a_section_is_written_it_is_changed_and_nothing_else(
    section: str, file: File
) -> None:
    head, _, rest = file.shipped.partition("\n[device]\n")
    rest = rest[rest.index("[organisation]") :]
    text = head + "\n" + section + rest
    file.path.write_text(text.format("cam-07"), encoding="utf-8")
    assert file.settings("--name", "cam-01") == 0
    assert file.path.read_text(encoding="utf-8") == text.format("cam-01")


def test_a_catalogue_that_loads_is_put_where_the_settings_want_it(file: File) -> None:
    shipped = ROOT / "config" / "catalogue.toml"
    assert file.settings("--catalogue", str(shipped)) == 0
    assert Path(file.loaded.paths.catalogue).read_bytes() == shipped.read_bytes()


def test_a_device_that_has_recorded_keeps_its_name(
    file: File, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Path(file.loaded.paths.spool) / "ledger"
    ledger.mkdir(parents=True)
    (ledger / "0001.jsonl").touch()
    assert file.settings("--name", "cam-02") == 2
    assert "has recorded" in capsys.readouterr().err
    assert file.settings("--name", "zhangying-01", "--officer", "ZY-018") == 0


def test_a_key_by_another_name_than_the_devices_is_refused(
    file: File, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = Path(file.loaded.paths.keys)
    words = ["--config", str(file.path), "provision", "device", str(keys), "--name"]
    assert run([*words, "cam-01"]) == 2
    assert "zhangying-01" in capsys.readouterr().err
    assert not keys.exists()
    assert run([*words, "zhangying-01"]) == 0


def test_a_store_that_is_no_whole_path_is_refused(
    file: File, capsys: pytest.CaptureFixture[str]
) -> None:
    assert file.settings("--store", "store") == 2
    assert str(Path("store").absolute()) in capsys.readouterr().err
    assert file.path.read_text(encoding="utf-8") == file.shipped


@pytest.mark.parametrize("registered", [True, False])
def test_another_name_than_its_key_s_is_warned_of(
    file: File, registered: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, township = file.here / "etc/recorder/keys", file.here / "township"
    assert file.settings("--name", "cam-01") == 0
    assert run(["provision", "township", str(township)]) == 0
    words = ["provision", "device", str(folder), "--name", "cam-01"]
    assert run([*words, "--township", str(township)] if registered else words) == 0
    for name in ("register.json", "register.json.sig", "township.pem") if registered else ():
        shutil.copy(township / name, folder)
    for name, warned in (("cam-01", False), ("cam-02", True), ("cam-02", registered)):
        capsys.readouterr()
        assert file.settings("--name", name, "--json") == 0
        warnings = json.loads(capsys.readouterr().out)["warnings"]
        assert bool(warnings) == warned, (name, warnings)
        assert not warned or "device.key was made for cam-01" in warnings[0]


def test_killed_anywhere_the_settings_are_the_old_or_the_new_ones(tmp_path: Path) -> None:
    step, died = 0, True
    while died:
        step += 1
        file = File(tmp_path / str(step))
        died = fork_and_kill(lambda: file.settings("--officer", "ZY-018"), step, "/") is None  # noqa: B023
        assert file.loaded.device.officer in ("ZY-017", "ZY-018")
        assert file.settings("--officer", "ZY-018") == 0
        assert file.loaded.device.officer == "ZY-018"
    assert step > 4
