"""What a check says: its measure, its limit, its level and its sentence."""

from enum import StrEnum

import msgspec

from recorder.evidence.lines import CheckRecord
from recorder.session.phrases import Phrase


class Level(StrEnum):
    """``block`` refuses a recording, ``warn`` is said aloud and recorded all the same."""

    OK = "ok"
    WARN = "warn"
    BLOCK = "block"


class Result(msgspec.Struct, frozen=True):
    """One check's outcome. ``minutes`` fills the sentence's slot where it has one."""

    name: str
    level: Level
    value: str
    limit: str
    phrase: Phrase | None = None
    minutes: int | None = None

    def record(self) -> CheckRecord:
        """As journal and ledger have it."""
        return CheckRecord(self.name, self.level.value, self.value, self.limit)
