"""What the technician's side tries itself: each answer has its finding, and that its words."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from recorder import config
from recorder.clock import ClockState, Quality, SystemClock
from recorder.errors import RecorderError
from recorder.evidence import provision, registering
from recorder.selftest import child, local
from recorder.selftest.card import Speed
from recorder.selftest.finding import Finding, Level
from recorder.selftest.report import Device, Phase, Report
from recorder.selftest.store import Reached
from recorder.selftest.words import Words
from recorder.spool import LOCK
from tests.rigs.drill import hold


def told(key_kind: str = "device", custodians: int = 2) -> Report:
    """By the daemon."""
    clock = ClockState(Quality.SYNCED, 20)
    device = Device(clock=clock, key_kind=key_kind, custodians=custodians)
    return Report(phase=Phase.WAITING, device=device)


REPORT = told()


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    """A provisioned device's."""
    public = [provision.new_custodian(tmp_path / f"custodian-{i}.key") for i in range(2)]
    provision.provision(
        "device", tmp_path / "keys", "cam-01", custodians=public, clock=SystemClock()
    )
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / LOCK).touch()
    (tmp_path / "sync").mkdir()
    return config.Settings(
        device=config.Device(name="cam-01", officer="ZY-017"),
        organisation=config.Organisation(name="镇政府", rule="办法", rule_version="试行"),
        paths=config.Paths(
            spool=str(tmp_path / "spool"), sync=str(tmp_path / "sync"), keys=str(tmp_path / "keys")
        ),
        sync=config.Sync(store=str(tmp_path / "store")),
    )  # fmt: skip


def is_(finding: Finding, code: str, level: Level) -> None:
    assert (finding.code, finding.level) == (code, level)
    for language in ("zh", "en"):
        row = Words(language).row(finding)
        assert row.remedy or level is Level.OK


def answers(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    """The child says so."""

    def measure(*_: Any, **__: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(local, "measure", measure)


@pytest.mark.parametrize(
    ("answer", "code", "level"),
    [
        (Speed(20_000_000, 40), "ok", Level.OK),
        (Speed(900_000, 900), "slow", Level.FAIL),
        (Speed(20_000_000, 1500), "stalls", Level.FAIL),
        (RecorderError("hung", "no answer within 20 s"), "hung", Level.FAIL),
        (RecorderError("failed", "Input/output error"), "failed", Level.FAIL),
        (OSError(5, "Input/output error"), "failed", Level.FAIL),
    ],
)
def test_a_cards_figures_are_judged(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch, answer: Any, code: str, level: Level
) -> None:
    answers(monkeypatch, answer)
    is_(local.card(settings), code, level)


@pytest.mark.parametrize(
    ("answer", "code", "level"),
    [
        *((Reached(each, "x", "it says so"), each, Level.FAIL) for each in
          ("gone", "readonly", "full", "conflict", "busy", "clock", "unlocked", "refused", "sync")),
        (Reached("ok", "x"), "ok", Level.OK),
        (Reached("unwritten", "x"), "unwritten", Level.LEFT_OUT),
        (Reached("working", "x"), "working", Level.LEFT_OUT),
        (RecorderError("hung", "no answer within 30 s"), "hung", Level.FAIL),
        (RecorderError("failed", "ImportError"), "sync", Level.FAIL),
    ],
)  # fmt: skip
def test_a_stores_answer_is_judged(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch, answer: Any, code: str, level: Level
) -> None:
    answers(monkeypatch, answer)
    is_(local.store(settings), code, level)


def test_without_a_store_or_its_sync_that_is_what_is_said(settings: config.Settings) -> None:
    none = msgspec.structs.replace(settings, sync=config.Sync())
    is_(local.store(none), "none", Level.WARN)
    Path(settings.paths.sync).rmdir()
    is_(local.store(settings), "sync", Level.FAIL)


def test_a_user_who_may_not_is_told_so_and_no_part_is_blamed(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    is_(local.card(settings), "unseen", Level.LEFT_OUT)
    is_(local.store(settings), "unseen", Level.LEFT_OUT)


def test_a_devices_key_is_there_its_users_alone_and_used(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(settings.paths.keys) / "device.key"
    is_(local.key(settings, REPORT), "ok", Level.OK)
    unused = told("ephemeral")
    is_(local.key(settings, unused), "unused", Level.FAIL)
    path.chmod(0o640)
    is_(local.key(settings, REPORT), "exposed", Level.FAIL)
    path.rename(path.with_name("elsewhere"))
    is_(local.key(settings, REPORT), "missing", Level.FAIL)


@pytest.mark.parametrize("role", ["device", "sync"])
def test_a_key_for_which_the_register_does_not_vouch_has_the_remedy_that_helps(
    settings: config.Settings, tmp_path: Path, role: provision.Role
) -> None:
    township, clock, beside = tmp_path / "township", SystemClock(), Path(settings.paths.keys)
    provision.provision("township", township, "张营镇", clock=clock)

    def judged() -> Finding:
        for name in ("register.json", "register.json.sig", "township.pem"):
            (beside / name).write_bytes((township / name).read_bytes())
        return local.key(settings, REPORT)

    for each, folder in (("device", beside), ("sync", Path(settings.paths.sync))):
        provision.provision(each, folder, "cam-01", township=township, clock=clock)  # type: ignore[arg-type]
    is_(judged(), "ok", Level.OK)
    book, ahead = registering.open_book(township), "sync_" if role == "sync" else ""
    for code, change in (
        ("misnamed", {"name": "cam-1"}), ("ended", {"revoked": "2026-01-01T00:00:00.000Z"}),
        ("ended", {"until": "2026-01-01T00:00:00.000Z"}), ("unregistered", {"role": "desk"}),
    ):  # fmt: skip
        book.write(
            msgspec.structs.replace(key, **change) if key.role == role else key
            for key in book.register.keys
        )
        is_(judged(), ahead + code, Level.WARN)


def test_a_key_of_somebody_else_is_named(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(settings.paths.keys) / "device.key"
    real = Path.stat

    def stat(self: Path, **more: Any) -> os.stat_result:
        found = real(self, **more)
        if self != path:
            return found
        return os.stat_result([*found[:4], 54321, *found[5:10]])

    monkeypatch.setattr(Path, "stat", stat)
    is_(local.key(settings, REPORT), "owner", Level.FAIL)


def test_custodians_are_counted_on_the_disk_and_in_the_daemon(settings: config.Settings) -> None:
    path = Path(settings.paths.keys) / "custodians.txt"
    is_(local.custodians(settings, REPORT), "undrilled", Level.WARN)
    private = [path.parents[1] / f"custodian-{i}.key" for i in range(2)]
    hold(path.parent, private, SystemClock())
    is_(local.custodians(settings, REPORT), "ok", Level.OK)
    one = told(custodians=1)
    is_(local.custodians(settings, one), "changed", Level.WARN)
    path.write_text(path.read_text().strip().splitlines()[-1])
    is_(local.custodians(settings, one), "one", Level.WARN)
    secret = (Path(settings.paths.keys).parent / "custodian-0.key").read_text()
    path.write_text(secret)
    is_(local.custodians(settings, REPORT), "private", Level.FAIL)
    path.unlink()
    is_(local.custodians(settings, REPORT), "missing", Level.FAIL)


def test_what_is_not_there_belongs_to_nobody(tmp_path: Path) -> None:
    assert child.owner_of(tmp_path / "gone") is None
    assert child.owner_of(tmp_path) == os.geteuid()
