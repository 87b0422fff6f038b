"""Whom verify believes: keys that are registered, given, unknown, or that prove nothing."""

import base64
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from recorder.clock import NS, ClockState, Quality
from recorder.errors import RecorderError
from recorder.evidence import keys, lines
from recorder.evidence.ledger import entries, open_ledger
from recorder.evidence.register import FORMAT, Key, Register
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_bag import signed
from recorder.evidence.verification_report import Report, Verdict
from tests.unit.evidence import bags
from tests.unit.evidence.judge import verify_folder

IDENTITY = b"\x01" + bytes(31)


class Nobody(keys.KeySigner):
    """Signs without a private key: the point of order one fits every message."""

    def __init__(self) -> None:
        super().__init__(Ed25519PrivateKey.generate())
        self._public = IDENTITY

    def sign(self, data: bytes) -> bytes:
        return IDENTITY + bytes(32)


@pytest.fixture
def device(tmp_path: Path) -> bags.Device:
    return bags.Device(tmp_path)


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def test_no_key_another_key_and_an_ephemeral_key_are_untrusted(device: bags.Device) -> None:
    bag = bags.plain(device)
    report = verify_recording(bag)
    assert (report.verdict, report.exit_code) == (Verdict.UNTRUSTED, 1)
    assert verify_recording(bag, key=bytes(32)).verdict is Verdict.UNTRUSTED


def registered(device: bags.Device, **changes: object) -> Register:
    key = Key(
        role="device",
        name=device.name,
        public=base64.b64encode(device.signer.public).decode(),
        since="2026-01-01T00:00:00.000Z",
    )
    return Register(FORMAT, "张营镇", (msgspec.structs.replace(key, **changes),))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"role": "sync"}, "not-registered"),
        ({"name": "bc-002"}, "not-registered"),
        ({"since": "2027-01-01T00:00:00.000Z"}, "too-early"),
        ({"until": "2026-02-01T00:00:00.000Z"}, "expired"),
        ({"revoked": "2026-02-01T00:00:00.000Z"}, "revoked"),
        ({"first": 2}, "not-registered"),
    ],
    ids=str,
)
def test_the_register_says_whom_to_trust_and_when(
    device: bags.Device, changes: dict[str, object], code: str | None
) -> None:
    report = verify_recording(bags.plain(device), register=registered(device, **changes))
    assert report.verdict is (Verdict.UNTRUSTED if code else Verdict.VALID)
    assert codes(report) == ({code} if code else set())


def test_a_register_whose_signature_was_not_asked_for_is_named(device: bags.Device) -> None:
    bag, register = bags.plain(device), registered(device)
    for judge in (verify_recording, verify_folder):
        given = bag if judge is verify_recording else device.spool
        report = judge(given, register=register, register_signed=False)
        assert report.verdict is Verdict.VALID
        assert any(item.startswith("register: its signature") for item in report.not_checked)
        report = judge(given, register=register)
        assert not any(item.startswith("register") for item in report.not_checked)


def test_a_key_under_which_anybody_can_sign_proves_nothing(tmp_path: Path) -> None:
    forger = bags.Device(tmp_path, signer=Nobody())
    bag = bags.plain(forger)
    assert signed(IDENTITY, Nobody().sign(b""), b"whatever was never signed")
    for given in (None, IDENTITY):
        report = verify_recording(bag, register=registered(forger), key=given)
        assert report.verdict is Verdict.TAMPERED
        assert {"no-device-key", "seal-signature"} <= codes(report)
    report = verify_recording(bag, ledger=forger.spool / "ledger")
    assert "line-damaged" in codes(report)


def test_points_of_low_order_and_second_spellings_are_no_keys(tmp_path: Path) -> None:
    prime = 2**255 - 19
    order_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
    weak = [0, 1, prime - 1, int.from_bytes(bytes.fromhex(order_8), "little"), prime, prime + 1]
    for y in weak:
        for sign in (0, 1 << 255):
            assert not keys.proves((y | sign).to_bytes(32, "little"))
    own = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert keys.proves(own)
    assert not keys.proves(own[:31])
    pem = Ed25519PublicKey.from_public_bytes(IDENTITY).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "weak.pem").write_bytes(pem)
    with pytest.raises(RecorderError, match="signatures fit this key that nobody made"):
        keys.load_public(tmp_path / "weak.pem")


def test_whoever_sealed_it_must_be_vouched_for_as_well(device: bags.Device) -> None:
    writer = device.begin()
    made = bags.media(3)
    writer.fragments(bags.batch(made))
    ledger, register, stranger = device.spool / "ledger", registered(device), keys.ephemeral()
    *_, last = entries(ledger)
    device.ledger = open_ledger(ledger, last, stranger, device.clock)
    text = keys.base64_public(stranger)
    device.ledger.append(
        lines.Boot(
            format=lines.LEDGER_FORMAT,
            device=device.name,
            software="0.1",
            key=text,
            key_kind="ephemeral",
        )
    )
    bag = device.finish(writer, made.fragments[-1][0].end_ns)
    assert verify_recording(bag, register=register).verdict is Verdict.VALID
    report = verify_recording(bag, register=register, ledger=ledger)
    assert report.verdict is Verdict.UNTRUSTED
    assert codes(report) == {"ephemeral-key", "not-registered"}


@pytest.mark.parametrize("years", [-20, 20])
def test_a_clock_that_nobody_set_makes_no_key_too_early_or_expired(
    device: bags.Device, years: int
) -> None:
    device.clock.wall_ns += years * 366 * 86_400 * NS
    device.clock.clock_state = ClockState(Quality.KEPT, None)
    until = "2027-01-01T00:00:00.000Z"
    report = verify_recording(bags.plain(device), register=registered(device, until=until))
    assert (report.verdict, codes(report)) == (Verdict.VALID, {"undated"})
    assert report.facts is not None and report.facts.start.doubtful


def test_a_revoked_key_does_not_escape_by_a_clock_that_nobody_set(device: bags.Device) -> None:
    device.clock.wall_ns -= 20 * 366 * 86_400 * NS
    device.clock.clock_state = ClockState(Quality.KEPT, None)
    revoked = registered(device, revoked="2026-02-01T00:00:00.000Z")
    report = verify_recording(bags.plain(device), register=revoked)
    assert (report.verdict, codes(report)) == (Verdict.UNTRUSTED, {"revoked"})
