"""A start after provisioning changed something: a new key takes over, the ledger says who reads."""

from pathlib import Path

import msgspec
import pytest

from recorder.clock import ManualClock, SystemClock
from recorder.evidence import keys, lines, provision, registering, rekey
from recorder.evidence.verification_report import Verdict
from recorder.sync.readers import load_register
from tests.rigs.drill import hold
from tests.rigs.killed_at import fork_and_kill
from tests.unit.evidence.judge import verify_folder
from tests.unit.test_archive import Device


class Provisioned(Device):
    """Its township is beside it."""

    def __init__(self, here: Path) -> None:
        super().__init__(here)
        self.here = here
        self.keys = here / "keys"

    def rotate(self) -> str:
        """The new key's public side."""
        made = provision.provision(
            "device", self.keys, "rig-01", township=self.here / "township", rotate=True,
            clock=SystemClock(),
        )  # fmt: skip
        return made.public

    def take_register(self) -> None:
        """Beside the keys, as README asks; since before the day on which these devices live."""
        book = registering.open_book(self.here / "township")
        early = "2026-01-01T00:00:00.000Z"
        book.write(msgspec.structs.replace(key, since=early) for key in book.register.keys)
        for name in ("register.json", "register.json.sig", "township.pem"):
            (self.keys / name).write_bytes((self.here / "township" / name).read_bytes())

    def signing(self) -> str:
        """Whose part of the ledger it is now."""
        boots = [line.body.key for line in self.ledger() if isinstance(line.body, lines.Boot)]
        return str(boots[-1])

    def kinds(self) -> list[str]:
        return [line.header.kind for line in self.ledger()]


@pytest.fixture
def device(tmp_path: Path) -> Provisioned:
    return Provisioned(tmp_path)


def test_the_new_key_takes_over_at_a_start_and_the_old_one_is_gone(device: Provisioned) -> None:
    device.start()
    old = device.signing()
    device.stop()
    new = device.rotate()
    assert device.rotate() == new != old
    again = provision.provision("device", device.keys, "rig-01", clock=SystemClock())
    assert any("at its next start" in warning for warning in again.warnings)
    ready = device.start()
    assert any("new key has taken over" in note for note in ready.notes)
    assert device.kinds()[-3:] == ["boot", "rekeyed", "boot"]
    assert device.signing() == new
    assert not (device.keys / rekey.OLD).exists()
    device.press()
    device.stop()
    device.start()
    assert device.kinds().count("rekeyed") == 1
    device.stop()
    device.take_register()
    report = verify_folder(device.spool, register=load_register(device.keys))
    assert report.verdict is Verdict.INCOMPLETE, report
    assert not [f for f in report.findings if f.code in ("rekeyed", "line-damaged", "key-ended")]


def test_a_kill_in_provisioning_and_then_a_start_leave_a_ledger_that_is_believed(
    tmp_path: Path,
) -> None:
    step, died = 0, True
    while died:
        step += 1
        (tmp_path / str(step)).mkdir()
        device = Provisioned(tmp_path / str(step))
        device.start()
        device.stop()
        died = fork_and_kill(device.rotate, step, "/") is None
        device.start()
        device.stop()
        heir = device.rotate()
        device.start()
        device.stop()
        assert device.signing() == heir
        assert not (device.keys / rekey.OLD).exists()
        device.take_register()
        report = verify_folder(device.spool, register=load_register(device.keys))
        assert report.verdict is Verdict.VALID, (step, report.findings)
    assert step > 10


def test_a_recording_that_the_old_key_has_open_is_ended_by_it_first(device: Provisioned) -> None:
    device.start()
    name = device.press()
    device.stop()
    new = device.rotate()
    ready = device.start()
    assert ready.resumed is not None and ready.resumed.recording == name
    assert any("waits" in note for note in ready.notes)
    assert device.signing() != new and "rekeyed" not in device.kinds()
    assert (device.keys / rekey.OLD).exists()


def test_the_ledger_says_who_can_decrypt_once_and_at_every_change(device: Provisioned) -> None:
    device.start()
    device.stop()
    device.start()
    device.stop()
    before = [line.body for line in device.ledger() if isinstance(line.body, lines.Custodians)]
    assert [body.recipients for body in before] == [
        keys.load_custodians(device.keys / provision.CUSTODIANS).recipients
    ]
    first, second = before[0].recipients
    provision.provision("device", device.keys, "rig-01", removed=[first], clock=SystemClock())
    device.start()
    device.stop()
    changed = [line.body for line in device.ledger() if isinstance(line.body, lines.Custodians)]
    assert changed[1].recipients == (second,)


NOWHERE = "k" * 300
"""A name that fails every stat, whoever asks, as a folder that may not be entered does."""


@pytest.mark.parametrize("name", ["register.json", rekey.OLD])
def test_what_lies_beside_the_keys_and_cannot_be_looked_at_is_told_and_keeps_no_start(
    name: str, device: Provisioned
) -> None:
    device.start()
    recording = device.press()
    device.stop()
    (device.keys / name).symlink_to(NOWHERE)
    ready = device.start()
    device.stop()
    assert ready.resumed is not None and ready.resumed.recording == recording
    (told,) = [note for note in ready.notes if f"{device.keys / name}: cannot look" in note]
    assert "Let this program's user" in told


def test_a_register_that_fails_while_it_is_read_keeps_no_start(device: Provisioned) -> None:
    device.take_register()
    (device.keys / "register.json.sig").write_bytes(bytes(64))
    (device.keys / "register.json.part").symlink_to(NOWHERE)
    ready = device.start()
    device.stop()
    assert ready.key_kind == "device"
    assert any(f"{device.keys}/register.json" in note for note in ready.notes)


def test_a_folder_of_keys_that_cannot_be_entered_keeps_no_start_from_looking_at_what_is_open(
    device: Provisioned,
) -> None:
    device.start()
    recording = device.press()
    device.stop()
    settings = device.settings
    paths = msgspec.structs.replace(settings.paths, keys=str(device.here / NOWHERE))
    device.settings = msgspec.structs.replace(settings, paths=paths)
    ready = device.start()
    device.stop()
    assert ready.key_kind == "ephemeral"
    assert any(note.startswith(f"{recording}: left as it is") for note in ready.notes)
    device.settings = settings
    resumed = device.start().resumed
    device.stop()
    assert resumed is not None and resumed.recording == recording


def test_a_start_names_a_key_that_no_register_knows_and_custodians_who_never_answered(
    device: Provisioned,
) -> None:
    device.take_register()
    ready = device.start()
    device.stop()
    assert sum("never shown" in note for note in ready.notes) == 2
    assert not any("untrusted" in note for note in ready.notes)
    hold(device.keys, [device.here / "custodian.key", device.here / "deputy-0.key"], ManualClock())
    (device.keys / "device.key").unlink()
    keys.make(device.keys / "device.key")
    ready = device.start()
    device.stop()
    assert not any("never shown" in note for note in ready.notes)
    assert any("untrusted" in note and "provision device" in note for note in ready.notes)


@pytest.mark.parametrize(
    ("change", "code", "remedy"),
    [
        ({"revoked": "2026-01-02T00:00:00.000Z"}, "revoked", "--name rig-01 --rotate"),
        ({"until": "2026-01-02T00:00:00.000Z"}, "expired", "--name rig-01 --rotate"),
        ({"name": "rig-1"}, "other-name", "settings --name rig-1"),
        ({"role": "desk"}, "not-registered", "Enter it"),
    ],
)
def test_a_key_for_which_the_register_does_not_vouch_is_told_with_the_remedy_that_helps(
    change: dict[str, str], code: str, remedy: str, device: Provisioned
) -> None:
    provision.provision(
        "device", device.keys, "rig-01", township=device.here / "township", clock=SystemClock()
    )
    book = registering.open_book(device.here / "township")
    book.write(msgspec.structs.replace(key, **change) for key in book.register.keys)
    device.take_register()
    ready = device.start()
    device.stop()
    assert (ready.key_kind, ready.unvouched) == ("device", code)
    assert any("untrusted" in note and remedy in note for note in ready.notes)
