"""A new key in an old one's place: what the old one signed before stays good, nothing after."""

import shutil
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.clock import NS, ManualClock
from recorder.errors import RecorderError
from recorder.evidence import keys, lines, provision, register, registering, rekey, revocation
from recorder.evidence.ledger import entries, open_ledger
from recorder.evidence.register import Register
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import FolderReport, Report, Verdict
from tests.unit.evidence import bags
from tests.unit.evidence.judge import verify_folder


class Rotated:
    """A device with a recording under its first key, and one under its second."""

    def __init__(self, here: Path) -> None:
        self.device = bags.Device(here)
        self.old, self.new = self.device.signer, keys.KeySigner(Ed25519PrivateKey.generate())
        self.township = here / "township"
        provision.provision("township", self.township, "张营镇", clock=ManualClock())
        self.book = registering.open_book(self.township)
        for signer in (self.old, self.new):
            self.book = self.book.enter(
                msgspec.convert(
                    {"role": "device", "name": "bc-001", "public": keys.base64_public(signer),
                     "since": "2026-01-01T00:00:00.000Z"},
                    register.Key,
                )
            )  # fmt: skip
        self.before = bags.plain(self.device)
        self.hand_over(rekey.line("bc-001", self.old, self.new))
        self.after = bags.plain(self.device)

    def hand_over(self, line: lines.Rekeyed) -> None:
        """As the recorder does at a start."""
        self.device.ledger.append(line)
        self.boot(self.new)

    def boot(self, signer: keys.KeySigner) -> None:
        """A start under a key."""
        self.device.ledger.close()
        self.device.clock.advance(60)
        self.device.signer = signer
        last = [*entries(self.ledger)][-1]
        self.device.ledger = open_ledger(self.ledger, last, signer, self.device.clock)
        self.device.ledger.append(
            lines.Boot(
                format=lines.LEDGER_FORMAT, device="bc-001", software="0.1",
                key=keys.base64_public(signer), key_kind="device",
            )
        )  # fmt: skip
        self.device.ledger.sync()

    @property
    def ledger(self) -> Path:
        return self.device.spool / "ledger"

    def judge(self, bag: Path, given: Register | None = None) -> Report:
        return verify_recording(bag, register=given or self.book.register, ledger=self.ledger)

    def judge_all(self, given: Register | None = None) -> FolderReport:
        return verify_folder(self.device.spool, register=given or self.book.register)


@pytest.fixture
def rotated(tmp_path: Path) -> Rotated:
    return Rotated(tmp_path)


def codes(report: Report | FolderReport) -> set[str]:
    return {finding.code for finding in report.findings}


def test_recordings_of_both_keys_are_valid_and_so_is_the_folder(rotated: Rotated) -> None:
    for bag in (rotated.before, rotated.after):
        assert rotated.judge(bag).verdict is Verdict.VALID
    assert rotated.judge_all().verdict is Verdict.VALID


def test_what_the_old_key_signs_after_its_end_is_a_finding_by_the_ledgers_order(
    rotated: Rotated,
) -> None:
    rotated.boot(rotated.old)
    late = bags.plain(rotated.device)
    assert (rotated.judge(late).verdict, codes(rotated.judge(late))) == (
        Verdict.UNTRUSTED, {"key-ended"},
    )  # fmt: skip
    assert codes(rotated.judge_all()) == {"key-ended"}


def test_a_key_that_names_itself_has_not_ended(rotated: Rotated) -> None:
    rotated.hand_over(rekey.line("bc-001", rotated.new, rotated.new))
    assert rotated.judge(bags.plain(rotated.device)).verdict is Verdict.VALID
    assert rotated.judge_all().verdict is Verdict.VALID
    retired = revocation.retire(rotated.book, rotated.ledger)
    assert [key.public for key in retired] == [keys.base64_public(rotated.old)]


def test_the_registers_end_comes_from_the_ledger_and_needs_no_clock(rotated: Rotated) -> None:
    retired = revocation.retire(rotated.book, rotated.ledger)
    assert [(key.public, key.last) for key in retired] == [(keys.base64_public(rotated.old), 1)]
    assert retired[0].until is not None and retired[0].until.startswith("2026-11-23T01:30:")
    again = registering.open_book(rotated.township)
    assert revocation.retire(again, rotated.ledger) == retired
    assert registering.open_book(rotated.township).register == again.register
    for bag in (rotated.before, rotated.after):
        assert rotated.judge(bag, again.register).verdict is Verdict.VALID
    assert rotated.judge_all(again.register).verdict is Verdict.VALID
    rotated.boot(rotated.old)
    rotated.device.clock.wall_ns -= 365 * 86_400 * NS
    late = verify_recording(bags.plain(rotated.device), register=again.register)
    assert codes(late) == {"not-registered"}
    assert "up to 1" in late.findings[0].text


def test_a_new_key_that_did_not_agree_and_a_changed_line_are_tampered(tmp_path: Path) -> None:
    stranger = keys.KeySigner(Ed25519PrivateKey.generate())
    for number, device in enumerate(("bc-001", "bc-002")):
        rotated = Rotated(tmp_path / str(number))
        wrong = rekey.line(device, rotated.new, stranger if number == 0 else rotated.old)
        rotated.hand_over(
            lines.Rekeyed(device="bc-001", key=keys.base64_public(rotated.old), proof=wrong.proof)
        )
        assert "rekeyed" in codes(rotated.judge_all())
        assert rotated.judge_all().verdict is Verdict.TAMPERED
        with pytest.raises(RecorderError, match="did not sign"):
            revocation.retire(rotated.book, rotated.ledger)


def test_a_key_that_the_register_does_not_know_ends_none(rotated: Rotated) -> None:
    known = [key for key in rotated.book.register.keys
             if key.public != keys.base64_public(rotated.new)]  # fmt: skip
    book = rotated.book.write(known)
    with pytest.raises(RecorderError, match="does not have for bc-001"):
        revocation.retire(book, rotated.ledger)


def test_before_the_recorder_took_the_new_key_up_nothing_has_handed_over(
    rotated: Rotated, tmp_path: Path
) -> None:
    ledger = bags.Device(tmp_path / "not restarted").spool / "ledger"
    with pytest.raises(RecorderError, match="no key has handed over yet"):
        revocation.retire(rotated.book, ledger)


def test_a_copy_of_the_ledger_will_do(rotated: Rotated, tmp_path: Path) -> None:
    copy = tmp_path / "store" / "ledger"
    copy.mkdir(parents=True)
    whole = b"".join(path.read_bytes() for path in sorted(rotated.ledger.glob("*.jsonl")))
    for number, raw in enumerate(whole.splitlines(keepends=True)):
        (copy / f"{number:012d}").write_bytes(raw)
    shutil.rmtree(rotated.ledger)
    assert len(revocation.retire(rotated.book, copy)) == 1
