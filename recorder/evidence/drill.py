"""The drill: each custodian proves, before it matters, that the private key opens files.

For each one a random word is encrypted to that custodian alone (a word that all could read would
prove that one of them can). The word itself is kept nowhere: its digest tells the right answer.
Questions lie beside custodians.txt in ``drill/``, who answered stands in ``drill.json``. It guards
against lost and mistaken keys, not against whoever may write there.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from recorder.clock import Clock
from recorder.errors import RecorderError
from recorder.evidence import whole
from recorder.evidence.age import Identity, Recipient, decrypt, encrypt
from recorder.evidence.chain import make_folder
from recorder.shapes import UNREADABLE

FORMAT = "bodycam-drill/1"
RECORD, FOLDER = "drill.json", "drill"
_WORD_BYTES = 10
_PART = 4


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One custodian's question: the digest of the answer, when it was asked, and answered."""

    recipient: str
    sha256: str
    asked: str
    answered: str | None = None


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that were asked, also such as are no custodians any more."""

    format: str = FORMAT
    custodians: tuple[Asked, ...] = ()

    def of(self, recipient: str) -> Asked | None:
        """What that custodian was asked."""
        return next((each for each in self.custodians if each.recipient == recipient), None)


class State(msgspec.Struct, frozen=True):
    """Where a custodian stands. ``file``: what is to be decrypted, "" where that is done."""

    custodian: str
    answered: str
    file: str


def ask(folder: Path, custodians: Sequence[str], clock: Clock) -> tuple[State, ...]:
    """A question for each custodian who has not answered yet; one that is open stays as it is.
    Durable on return."""
    record = load(folder)
    for recipient in custodians:
        known = record.of(recipient)
        if known is not None and (known.answered or _file(folder, recipient).exists()):
            continue
        word = _word()
        asked = Asked(recipient, _digest(recipient, word), clock.stamp().utc)
        record = _with(record, asked)
        _write(folder, record)  # first: a question without its digest could never be answered
        make_folder(folder / FOLDER)
        data = encrypt(f"{word}\n".encode(), (Recipient(recipient),))
        whole.replace(_file(folder, recipient), data)
    return states(folder, custodians, record)


def answer(folder: Path, custodians: Sequence[str], word: str, clock: Clock) -> tuple[State, ...]:
    """Keep that the custodian whose word this is has answered. Durable on return. RecorderError
    where it is nobody's."""
    record = load(folder)
    tidy = _grouped("".join(each for each in word.lower() if each.isalnum()))
    for asked in record.custodians:
        if asked.recipient in custodians and asked.sha256 == _digest(asked.recipient, tidy):
            if asked.answered is None:
                done = msgspec.structs.replace(asked, answered=clock.stamp().utc)
                record = _with(record, done)
                _write(folder, record)
            _file(folder, asked.recipient).unlink(missing_ok=True)
            return states(folder, custodians, record)
    raise RecorderError(
        "drill-word", "no custodian was asked for that word", where=f"--answer {word}",
        remedy="Type it as `age -d` printed it; a question that was replaced has another word: "
        "`recorder provision drill` names the files that count",
    )  # fmt: skip


def read_word(path: Path, identities: Sequence[Identity]) -> str:
    """A custodian's side: the word in a question. RecorderError where it is not for that key."""
    try:
        with path.open("rb") as file:
            return b"".join(decrypt(file.read, identities)).decode().strip()
    except OSError as error:
        raise RecorderError(
            "drill-unreadable", f"cannot read it: {error.strerror}", where=str(path),
            remedy="Give the .age file that `recorder provision drill` named",
        ) from error  # fmt: skip
    except RecorderError as error:
        error.where = error.where or str(path)
        raise


def unproven(folder: Path, custodians: Sequence[str]) -> tuple[str, ...]:
    """Those who have never answered. RecorderError where the record cannot be read."""
    record = load(folder)
    return tuple(each.custodian for each in states(folder, custodians, record) if not each.answered)


def states(folder: Path, custodians: Sequence[str], record: Record) -> tuple[State, ...]:
    """Of these custodians, in their order."""
    found = []
    for recipient in custodians:
        asked = record.of(recipient)
        answered = (asked.answered if asked is not None else None) or ""
        found.append(State(recipient, answered, "" if answered else str(_file(folder, recipient))))
    return tuple(found)


def load(folder: Path) -> Record:
    """Who was asked, and who answered; nobody where no drill was held. RecorderError where the
    record cannot be read."""
    path = folder / RECORD
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return Record()
    except (OSError, *UNREADABLE) as error:
        problem = error.strerror if isinstance(error, OSError) else str(error)
        raise RecorderError(
            "drill-broken", f"not a drill's record: {problem}", where=str(path),
            remedy="Remove it and hold the drill again: recorder provision drill",
        ) from error  # fmt: skip
    if record.format != FORMAT:
        raise RecorderError(
            "drill-broken", f"unknown format {record.format!r}", where=str(path),
            remedy=f"This program knows {FORMAT}",
        )  # fmt: skip
    return record


def _with(record: Record, asked: Asked) -> Record:
    others = (each for each in record.custodians if each.recipient != asked.recipient)
    return msgspec.structs.replace(record, custodians=(*others, asked))


def _write(folder: Path, record: Record) -> None:
    whole.replace(folder / RECORD, msgspec.json.format(msgspec.json.encode(record)) + b"\n")


def _file(folder: Path, recipient: str) -> Path:
    return folder / FOLDER / f"{recipient}.age"


def _word() -> str:
    """Sixteen letters and digits in four groups: can be read out and typed, cannot be guessed."""
    return _grouped(base64.b32encode(os.urandom(_WORD_BYTES)).decode().lower())


def _grouped(text: str) -> str:
    return "-".join(text[at : at + _PART] for at in range(0, len(text), _PART))


def _digest(recipient: str, word: str) -> str:
    return hashlib.sha256(f"{FORMAT}\n{recipient}\n{word}\n".encode()).hexdigest()
