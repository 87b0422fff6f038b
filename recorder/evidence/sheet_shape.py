"""What a record sheet is made of, whatever it says and however it is laid out."""

import msgspec

BLANK = None
NONE = "无"


class Row(msgspec.Struct, frozen=True):
    """A label and its value; None: a line to write on."""

    label: str
    value: str | None


class Table(msgspec.Struct, frozen=True):
    """Columns and rows; ``empty`` stands where there are none, ``blanks`` rows are to fill in."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = NONE
    blanks: int = 0
    digits: bool = False


class Section(msgspec.Struct, frozen=True):
    """A titled part: rows, tables, and notes below them."""

    title: str
    rows: tuple[Row, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


class Sheet(msgspec.Struct, frozen=True):
    """The whole sheet, ready to be laid out."""

    title: str
    recording: str
    organisation: str
    verdict: str
    good: bool
    sections: tuple[Section, ...]
    signatures: tuple[str, ...]


class Stored(msgspec.Struct, frozen=True):
    """What sync's receipt says, as far as the caller knows; empty: to be filled in."""

    store: str = ""
    at: str = ""
