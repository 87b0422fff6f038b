"""A folder's verdict by the keys that a test names."""

from collections.abc import Sequence
from pathlib import Path

from recorder.evidence.age import Identity
from recorder.evidence.register import Register
from recorder.evidence.verification_folder import judge_folder
from recorder.evidence.verification_many import Given
from recorder.evidence.verification_report import FolderReport
from recorder.evidence.verification_trust import Vouched


def verify_folder(
    folder: Path,
    *,
    register: Register | None = None,
    register_signed: bool = True,
    key: bytes | None = None,
    ledger: Path | None = None,
    identities: Sequence[Identity] = (),
    statements: Path | None = None,
) -> FolderReport:
    """As ``recorder verify`` judges a spool or a store."""
    given = Given(
        vouched=Vouched(register, register_signed, key), identities=identities,
        statements=statements,
    )  # fmt: skip
    return judge_folder(folder, given, ledger=ledger)
