"""Sync gets a new key: what the old one has signed still counts, until the register revokes it."""

from pathlib import Path

import msgspec
import pytest

from recorder.clock import ManualClock
from recorder.evidence import keys, provision, registering, revocation
from recorder.sync import readers, receipts
from tests.unit.sync.spools import DEVICE, Place, tree
from tests.unit.sync.stepped import Days


class Changed:
    """A recording that was stored before the change, and read a second time after it."""

    def __init__(self, here: Path, *, listed: bool) -> None:
        self.days = Days(Place(here))
        self.place = self.days.place
        self.keys, self.township = here / "keys", here / "township"
        self.keys.mkdir()
        paths = msgspec.structs.replace(self.place.settings.paths, keys=str(self.keys))
        self.place.settings = msgspec.structs.replace(self.place.settings, paths=paths)
        early = ManualClock(utc="2026-01-01T00:00:00.000Z")
        provision.provision("township", self.township, "张营镇", clock=early)
        self.provision(early)
        self.bag = self.place.recording(5000)
        if listed:
            self.take_register()
        assert self.days.sync().stored == (self.bag.name,)
        self.provision(ManualClock(utc="2026-11-23T23:00:00.000Z"), rotate=True)
        if listed:
            self.take_register()

    def provision(self, clock: ManualClock, *, rotate: bool = False) -> None:
        provision.provision(
            "sync", self.place.sync, DEVICE, township=self.township, rotate=rotate, clock=clock
        )

    def take_register(self) -> None:
        for name in ("register.json", "register.json.sig", "township.pem"):
            (self.keys / name).write_bytes((self.township / name).read_bytes())

    def counting(self) -> list[int]:
        """Which read-backs count where the device asks whether it may free the recording."""
        known = readers.of_device(self.keys, self.place.sync)
        found = receipts.vouched(self.place.sync / "receipts", self.bag.name, known)
        return [line.body.read_back for line in found]


@pytest.mark.parametrize("listed", [False, True], ids=["alone", "with-register"])
def test_nothing_is_sent_again_and_both_read_backs_count(listed: bool, tmp_path: Path) -> None:
    changed = Changed(tmp_path, listed=listed)
    new = keys.load_public(changed.place.sync / "sync.pem")
    assert new != changed.place.key
    summary = changed.days.sync(25)
    assert (summary.stored, summary.read_twice, summary.stored_before) == ((), 1, 1)
    assert changed.counting() == [1, 2]
    found = receipts.load(changed.place.sync / "receipts", changed.bag.name, new)
    assert receipts.twice(found, tree(changed.bag)["tagmanifest-sha256.txt"]) is not None
    assert keys.load_public(changed.place.sync / "sync-1.pem") == changed.place.key


def test_a_receipt_that_the_old_key_signs_after_its_end_and_a_revoked_keys_count_for_nothing(
    tmp_path: Path,
) -> None:
    changed = Changed(tmp_path, listed=True)
    book = registering.open_book(changed.township)
    old, new = (key for key in book.register.keys if key.role == "sync")
    assert old.until is not None and new.until is None
    until = "2026-01-02T00:00:00.000Z"
    book = book.write([msgspec.structs.replace(old, until=until), new])
    changed.take_register()
    assert changed.counting() == []
    book.write([old, new])
    changed.take_register()
    assert changed.counting() == [1]
    revocation.revoke(registering.open_book(changed.township), DEVICE, ["sync"], until, None)
    changed.take_register()
    assert changed.counting() == []


@pytest.mark.parametrize("wrong", ["unregistered", "revoked", "other-name"])
def test_sync_tells_that_the_register_does_not_vouch_for_its_key(
    wrong: str, tmp_path: Path
) -> None:
    changed = Changed(tmp_path, listed=True)
    assert changed.days.sync(25).findings == ()
    book = registering.open_book(changed.township)
    if wrong == "revoked":
        revocation.revoke(book, DEVICE, ["sync"], "2026-11-24T00:00:00.000Z", None)
    elif wrong == "other-name":
        book.write(msgspec.structs.replace(key, name="bc-1") for key in book.register.keys)
    else:
        book.write(())
    changed.take_register()
    changed.place.recording(100)
    told: list[str] = []

    def dock(contact: str) -> bool:
        told.append(contact)
        return False

    (finding,) = changed.days.sync(dock=dock).findings
    assert finding.code == {"unregistered": "not-registered"}.get(wrong, wrong)
    assert f"recorder provision sync {changed.place.sync} --name {DEVICE}" in finding.remedy
    assert ("--rotate" in finding.remedy) == (wrong != "unregistered")
    assert told[-1] == "person" and "done" not in told
