"""What a run of sync did and what it found wrong: shapes only."""

import msgspec

from recorder.errors import RecorderError


class Finding(msgspec.Struct, frozen=True):
    """Something that a person must look at. ``where`` is a file of the spool or the store."""

    code: str
    recording: str
    where: str
    text: str
    remedy: str

    @classmethod
    def of(cls, recording: str, error: RecorderError) -> "Finding":
        """An error that concerns ``recording`` alone, or "" the ledger."""
        return cls(error.code, recording, error.where, error.problem, error.remedy)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One run. ``sent_*`` went over now, ``present_*`` were there already and were compared.
    ``live_*`` went over now out of recordings that are not sealed yet. ``waiting``: sealed, and not
    in the store yet; where none was reached, in no store.

    ``quarantined`` of what could not be understood are stored now, ``read_twice`` have their second
    read-back now, for which ``read_files`` were fetched. ``devices``: for so many a dock read.
    ``duplicates``: identical versions that a store made which does not honour create-only.
    """

    store: str = ""
    stored: tuple[str, ...] = ()
    stored_before: int = 0
    not_sealed: int = 0
    waiting: int = 0
    sent_files: int = 0
    sent_bytes: int = 0
    present_files: int = 0
    present_bytes: int = 0
    ledger_lines: int = 0
    live_files: int = 0
    live_bytes: int = 0
    quarantined: int = 0
    read_twice: int = 0
    read_files: int = 0
    read_bytes: int = 0
    devices: int = 0
    duplicates: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 fine, 1 found something wrong."""
        return 1 if self.findings else 0
