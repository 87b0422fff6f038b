"""What a part of the self-test came to: a code that the words file explains, and its figures."""

from enum import StrEnum

import msgspec

Figure = int | float | str


class Level(StrEnum):
    """``fail`` alone makes the test fail; ``left_out`` needs a person, or could not be measured."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    LEFT_OUT = "left_out"


class Finding(msgspec.Struct, frozen=True):
    """``limits`` fill the limit's text, ``figures`` the value's and the remedy's."""

    part: str
    code: str
    level: Level = Level.FAIL
    figures: dict[str, Figure] = {}
    limits: dict[str, Figure] = {}

    @property
    def name(self) -> str:
        """As the ledger has it."""
        return f"{self.part}:{self.code}"


def fine(part: str, code: str = "ok", /, **figures: Figure) -> Finding:
    """It works."""
    return Finding(part, code, Level.OK, figures)


def warned(part: str, code: str, /, **figures: Figure) -> Finding:
    """It works, but somebody should look after it."""
    return Finding(part, code, Level.WARN, figures)


def failed(part: str, code: str, /, **figures: Figure) -> Finding:
    """It does not work."""
    return Finding(part, code, Level.FAIL, figures)


def left_out(part: str, code: str, /, **figures: Figure) -> Finding:
    """Not tried."""
    return Finding(part, code, Level.LEFT_OUT, figures)
