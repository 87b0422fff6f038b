"""A store that is a folder: all of it, one device, one day; several judges at once."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recorder.errors import RecorderError
from recorder.evidence import keys, verification_jobs
from recorder.evidence.verification_folder import judge_folder
from recorder.evidence.verification_many import Given
from recorder.evidence.verification_report import Verdict
from recorder.evidence.verification_trust import Vouched
from recorder.sync.stores.marker import MARKER
from tests.unit.evidence import bags

DAY = "2026-11-23"


class Store:
    """Two devices, the first with two recordings; one key for both."""

    def __init__(self, root: Path) -> None:
        self.root = root / "store"
        first = bags.Device(root / "1", "bc-001")
        second = bags.Device(root / "2", "bc-002", first.signer)
        self.signer = first.signer
        self.bags = []
        for device, made in ((first, bags.plain), (first, bags.interrupted), (second, bags.plain)):
            place = self.root / device.name
            place.mkdir(parents=True, exist_ok=True)
            self.bags.append(bags.copy(made(device), place))
            shutil.copytree(device.spool / "ledger", place / "ledger", dirs_exist_ok=True)
            (place / "days" / DAY).mkdir(parents=True, exist_ok=True)
            (place / "days" / DAY / self.bags[-1].name).touch()
        self.given = Given(vouched=Vouched(key=self.signer.public))

    def day(self, day: str, device: str = "") -> dict[str, int]:
        """How many of a day have which verdict."""
        given = Given(vouched=self.given.vouched, day=day)
        return judge_folder(self.root, given, device=device).judged


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_one_device_or_one_day_of_a_store(store: Store) -> None:
    assert judge_folder(store.root, store.given).judged == {
        "valid": 2, "valid with interruptions": 1,
    }  # fmt: skip
    shutil.rmtree(store.bags[0])
    whole = judge_folder(store.root, store.given)
    assert {f.code for f in whole.findings} == {"recording-missing"}
    assert judge_folder(store.root, store.given, device="bc-002").verdict is Verdict.VALID
    assert store.day(DAY, "bc-002") == {"valid": 1}
    report = judge_folder(store.root, Given(vouched=store.given.vouched, day=DAY))
    assert [(f.code, f.file) for f in report.findings] == [("no-bag", store.bags[0].name)]
    assert report.verdict is Verdict.TAMPERED  # its day has its name
    with pytest.raises(RecorderError, match="nothing of that device"):
        judge_folder(store.root, store.given, device="bc-003")
    with pytest.raises(RecorderError, match=r"no recording .* began on 2026-11-24"):
        store.day("2026-11-24")
    shutil.rmtree(store.root / "bc-002" / "days")
    with pytest.raises(RecorderError, match="days"):
        store.day(DAY, "bc-002")


def test_several_judges_say_what_one_says_as_they_are_done(store: Store, tmp_path: Path) -> None:
    pem = tmp_path / "device.pem"
    pem.write_bytes(keys.pem_pair(store.signer.private)[1])

    def verify(*words: str) -> str:
        command = [sys.executable, "-m", "recorder", "verify", str(store.root), "--key", str(pem)]
        return subprocess.run([*command, *words], check=True, capture_output=True, text=True,
                              timeout=60).stdout  # fmt: skip

    assert json.loads(verify("--jobs", "2", "--json")) == json.loads(
        verify("--jobs", "1", "--json")
    )
    table = verify("--jobs", "3").splitlines()
    assert {line.split()[0] for line in table[:3]} == {bag.name for bag in store.bags}
    assert table[3].startswith("VALID WITH INTERRUPTIONS")
    assert table[4] == "  recordings: 2 valid, 1 valid with interruptions"


def _die(item: int) -> int:
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_a_judge_that_is_killed_is_an_error_and_no_verdict() -> None:
    assert sorted(verification_jobs.each(abs, range(-50, 0), 3)) == list(range(1, 51))
    with pytest.raises(RecorderError, match="ended from outside"):
        list(verification_jobs.each(_die, range(8), 2))


def test_a_folder_that_a_damaged_card_does_not_show_is_told_and_holds_up_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ext4 answers EBADMSG where an inode's checksum is wrong."""
    damaged = {str(store.bags[0]), str(store.root / "bc-001" / "lost+found")}
    Path(max(damaged)).mkdir()
    real_stat, real_scandir = os.stat, os.scandir

    def shown(path: object) -> None:
        if any(str(path).startswith(folder) for folder in damaged):
            raise OSError(errno.EBADMSG, "Bad message", str(path))

    def stat(path: Any, *words: Any, **more: Any) -> os.stat_result:
        shown(path)
        return real_stat(path, *words, **more)

    def scandir(path: Any) -> Any:
        shown(path)
        return real_scandir(path)

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(os, "scandir", scandir)
    found = judge_folder(store.root, store.given)
    assert found.judged == {"valid": 1, "valid with interruptions": 1}
    assert [(f.code, f.file) for f in found.findings if f.file] == [
        ("no-bag", store.bags[0].name), ("beside", "lost+found"),
    ]  # fmt: skip
    assert found.verdict is Verdict.TAMPERED


def test_what_nobody_could_open_is_told_once_for_all_of_a_store(store: Store) -> None:
    told = [text for text in judge_folder(store.root, store.given).not_checked if "key" in text]
    assert told == [
        "custodian's key: none given, the encrypted contents were not opened (3 recordings)"
    ]


def test_a_ledger_that_is_given_with_a_store_is_one_devices(store: Store) -> None:
    (store.root / MARKER).touch()
    ledger = store.root / "bc-001" / "ledger"
    with pytest.raises(RecorderError, match="there are several devices"):
        judge_folder(store.root, store.given, ledger=ledger)
    shutil.rmtree(store.root / "bc-002")
    found = judge_folder(store.root, store.given, ledger=ledger)
    assert found.judged == {"valid": 1, "valid with interruptions": 1}
