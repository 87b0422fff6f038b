"""`recorder statement` as the desk uses it: what it asks for, what it refuses, what it answers."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.cli import run
from recorder.evidence import lines, provision
from recorder.evidence.age import Identity
from recorder.evidence.keys import KeySigner, pem_pair
from recorder.evidence.statement_text import as_toml
from recorder.session import catalogue
from recorder.sync.stores.marker import init_store
from tests.unit.evidence import bags
from tests.unit.evidence.test_statement_text import WRITTEN

CATALOGUE = Path(__file__).parents[2] / "config" / "catalogue.toml"


class Desk:
    """A store with one device's recording, the desk's key, and a written text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.device = bags.Device(folder)
        self.store = folder / "store"
        init_store(self.store)
        place = self.store / "bc-001"
        place.mkdir()
        self.bag = bags.copy(bags.interrupted(self.device, statement=True), place)
        shutil.copytree(self.device.spool / "ledger", place / "ledger")
        (folder / "custodian.key").write_text(self.device.identity_text)
        (folder / "device.pem").write_bytes(pem_pair(self.device.signer.private)[1])
        clock = self.device.clock
        self.township = folder / "township"
        provision.provision("township", self.township, "张营镇", clock=clock)
        provision.provision("desk", folder / "desk", "desk-1", township=self.township, clock=clock)
        self.text = folder / "statement.toml"
        self.text.write_text(as_toml(WRITTEN), encoding="utf-8")

    def write(self, *more: object, custodians: int = 2, out: Path | None = None) -> int:
        command = ["statement", "write", self.bag, "--text", self.text, "--out", out or self.store,
                   "--desk-key", self.folder / "desk" / "desk.key",
                   "--key", self.folder / "device.pem", *more]  # fmt: skip
        for _ in range(custodians):
            command += ["--custodian", Identity.generate()[0].recipient]
        return run([str(word) for word in command])

    def list(self, *more: object) -> int:
        return run(["statement", "list", str(self.store), *map(str, more)])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_list_exits_1_until_everything_that_is_owed_is_explained(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.list() == 1
    assert "none yet" in capsys.readouterr().out
    assert desk.write() == 0
    assert "bc-001-00000001-0001-1" in capsys.readouterr().out
    register = ("--register", desk.township / "register.json")
    assert desk.list("--json", *register, "--township", desk.township / "township.pem") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["open"], answer["problems"]) == (0, [])
    assert answer["owed"][0]["archived"] == ["bc-001-00000001-0001-1"]
    owed = answer["owed"][0]
    assert (owed["due_from"], owed["due"], owed["provisional"]) == (
        "2026-11-23", "2026-11-25", False,
    )  # fmt: skip


@pytest.mark.parametrize("where", ["store", "device", "bag", "spool"])
def test_list_takes_a_bag_a_spool_a_devices_folder_and_a_store(where: str, desk: Desk) -> None:
    path = {"store": desk.store, "device": desk.bag.parent, "bag": desk.bag,
            "spool": desk.device.spool}[where]  # fmt: skip
    assert run(["statement", "list", str(path)]) == 1


def test_what_was_archived_twice_by_mistake_is_told_and_a_correction_says_so(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.write() == 0
    assert desk.write() == 2
    assert "--corrects bc-001-00000001-0001-1" in capsys.readouterr().err
    assert desk.write("--corrects", "bc-001-00000001-0001-9") == 2
    assert desk.write("--corrects", "bc-001-00000001-0001-1", "--json") == 0
    said = capsys.readouterr().out
    assert json.loads(said)["statement"] == "bc-001-00000001-0001-2"


@pytest.mark.parametrize(
    ("changed", "key"),
    [({"recording": "bc-001-00000002-0002"}, "recording"), ({"interruption": 2}, "interruption")],
)
def test_a_text_about_another_thing_is_not_archived_here(
    changed: dict[str, str | int], key: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.text.write_text(as_toml(WRITTEN | changed), encoding="utf-8")
    assert desk.write() == 2
    err = capsys.readouterr().err
    assert f"{desk.text}: key {key}" in err
    assert not (desk.store / "bc-001" / "statements").exists()


@pytest.mark.parametrize(
    "refused",
    [
        lambda desk: desk.write(custodians=1),
        lambda desk: desk.write("--interruption", 2),
        lambda desk: desk.write("--whole"),
        lambda desk: desk.write("--ledger-line", 1),
        lambda desk: desk.write(out=desk.bag),
        lambda desk: desk.write(out=desk.bag / "data"),
        lambda desk: desk.write(out=desk.store / "bc-002"),
    ],
)
def test_one_custodian_a_number_that_is_not_owed_and_a_place_in_a_recording_are_refused(
    refused: Callable[[Desk], int], desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(desk) == 2
    assert capsys.readouterr().err.startswith("recorder: ")
    assert not list(desk.store.rglob("statement.jsonl"))


def test_a_spool_is_no_place_for_statements(desk: Desk) -> None:
    (desk.device.spool / ".lock").touch()
    assert desk.write(out=desk.device.spool) == 2


def test_a_desk_key_that_the_register_does_not_know_signs_nothing(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = desk.folder / "stranger.key"
    stranger.write_bytes(pem_pair(KeySigner(Ed25519PrivateKey.generate()).private)[0])
    stranger.chmod(0o600)
    register = ("--register", desk.township / "register.json")
    assert desk.write("--desk-key", stranger, *register) == 2
    assert "provision desk" in capsys.readouterr().err


def test_a_tampered_recording_is_told_and_may_be_explained_all_the_same(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk.bag / "foreign").touch()
    assert desk.write("--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["verdict"] == "tampered"
    assert "tampered (foreign)" in err


def test_the_form_has_every_field_and_personal_data_only_with_the_custodians_key(
    desk: Desk,
) -> None:
    page = desk.folder / "form.html"
    base = ["statement", "form", str(desk.bag), "--out", str(page)]
    assert run(base) == 0
    closed = page.read_text(encoding="utf-8")
    for field in ("案号", "记录编号", "时间", "地点", "当事人", "设备编号", "设备记录起",
                  "设备记录止", "设备查明", "按键选择", "原因类别", "情况经过", "执法活动",
                  "是否继续", "替代记录", "未口述原因", "佐证材料", "说明人", "同行执法人员",
                  "负责人意见", "采集进程退出", "09:30:04"):  # fmt: skip
        assert field in closed.replace("\n", ""), field
    assert "李某某" not in closed and "张营镇东街" not in closed
    assert run([*base, "--identity", str(desk.folder / "custodian.key")]) == 0
    opened = page.read_text(encoding="utf-8")
    assert "李某某" in opened and "张营镇东街" in opened
    assert run([*base, "--text", str(desk.text)]) == 0
    assert "☑ 设备突发故障" in page.read_text(encoding="utf-8")


def test_a_forms_text_cannot_bring_markup_of_its_own(desk: Desk) -> None:
    desk.text.write_text(as_toml(WRITTEN | {"proof": "<script>alert(1)</script>"}))
    page = desk.folder / "form.html"
    assert run(["statement", "form", str(desk.bag), "--text", str(desk.text),
                "--out", str(page)]) == 0  # fmt: skip
    assert "<script" not in page.read_text(encoding="utf-8")


def test_what_was_archived_is_read_by_people_by_programs_and_for_a_correction(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.write("--custodian", desk.device.identity.recipient, "--json") == 0
    path = json.loads(capsys.readouterr().out)["path"]
    base = ["statement", "read", path, "--identity", str(desk.folder / "custodian.key")]
    assert run(base) == 0
    shown = capsys.readouterr().out
    assert "checks out" in shown and "约三秒后自动恢复" in shown and "采集进程退出" in shown
    assert run([*base, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == WRITTEN
    assert run([*base, "--toml"]) == 0
    assert capsys.readouterr().out == as_toml(WRITTEN)
    monkeypatch.chdir(path)
    assert run(["statement", "read", ".", *base[3:]]) == 0
    assert "checks out" in capsys.readouterr().out
    (Path(path) / "foreign").touch()
    assert run(base) == 1
    assert "DOES NOT CHECK OUT" in capsys.readouterr().out


def test_a_template_of_a_recording_names_it_and_has_no_personal_data_without_the_key(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["statement", "template", str(desk.bag)]) == 0
    out = capsys.readouterr().out
    assert 'recording = "bc-001-00000001-0001"\n' in out and "interruption = 1\n" in out
    assert "李某某" not in out
    assert run(["statement", "template"]) == 0


def test_a_folder_that_is_not_there_is_never_made(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mistyped, or a store that nobody mounted."""
    out = desk.folder / "nostore"
    assert desk.write(out=out) == 2
    err = capsys.readouterr().err
    assert str(out) in err and "Mount the store" in err
    assert not out.exists()


def test_the_form_for_an_act_that_could_not_be_started_names_it_by_its_title(desk: Desk) -> None:
    refused = lines.LedgerRefused(event="press", state="unfit", act="seal", must=True)
    number = desk.device.ledger.n
    desk.device.ledger.append(refused)
    desk.device.ledger.sync()
    page = desk.folder / "form.html"
    given = desk.folder / "catalogue.toml"
    shipped = CATALOGUE.read_text(encoding="utf-8")
    base = ["statement", "form", str(desk.device.spool / "ledger"), "--ledger-line", str(number),
            "--out", str(page), "--catalogue", str(given)]  # fmt: skip
    entry = catalogue.load(CATALOGUE).acts[0]
    given.write_text(shipped.replace(f'id = "{entry.id}"', 'id = "seal"'), encoding="utf-8")
    assert run(base) == 0
    shown = page.read_text(encoding="utf-8")
    assert f"{entry.title}（{entry.article}" in shown and "未能进行音像记录情况说明" in shown
    given.write_text(shipped, encoding="utf-8")
    assert run(base) == 0
    assert '<td class="write">seal</td>' in page.read_text(encoding="utf-8")
    given.unlink()
    assert run(base) == 2
