"""Ends of keys in the township's register: a device that was lost, a key that handed over.

Both are harmless twice: an end that stands is moved earlier, never later.
"""

from collections.abc import Collection
from pathlib import Path

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import register, verification_ledger
from recorder.evidence.register import Key, Role
from recorder.evidence.registering import Book
from recorder.evidence.verification_keys import Ended
from recorder.evidence.verification_ledger import Ledger
from recorder.evidence.verification_report import Findings, Level
from recorder.spool import number_of

LOST: tuple[Role, ...] = ("device", "sync")
"""What somebody has who has the device."""


def revoke(
    book: Book, name: str, roles: Collection[Role], since: str, last: int | None
) -> tuple[Key, ...]:
    """Nothing counts that these keys signed from ``since`` (UTC) on, or of a recording above
    ``last``. Durable on return; what stands now comes back. RecorderError where there are none."""

    def ended(key: Key) -> Key:
        if key.role not in roles or key.name != name:
            return key
        limit = _least(key.last, last) if key.role == "device" else key.last
        revoked = min(since, key.revoked or since)
        return msgspec.structs.replace(key, revoked=revoked, last=limit)

    new = book.write(map(ended, book.register.keys))
    found = tuple(key for key in new.register.keys if key.role in roles and key.name == name)
    if not found:
        raise RecorderError(
            "not-registered", f"no {' or '.join(roles)} key of {name!r} is in the register",
            where=str(book.folder / register.FILE),
            remedy="Give the --name under which it was provisioned",
        )  # fmt: skip
    return found


def retire(book: Book, folder: Path) -> tuple[Key, ...]:
    """Give the old keys that handed over in the ledger in ``folder`` their end: the time of that
    line, and the number of the last recording before it. Durable on return.

    RecorderError where the ledger is not as it was written, has no such line, or names keys that
    the register does not know as one device's.
    """
    findings = Findings()
    ledger = verification_ledger.read(folder, findings)
    for wrong in findings.listed():
        if wrong.level in (Level.TAMPERED, Level.UNTRUSTED):
            raise RecorderError(
                wrong.code, wrong.text, where=f"{wrong.file}:{wrong.line or 1}",
                remedy="Look at it with `recorder verify`; no key is ended by such a ledger",
            )  # fmt: skip
    if not ledger.keys.ended:
        raise RecorderError(
            "not-handed-over", "no key has handed over yet", where=str(folder),
            remedy="Restart the recorder, so that it takes the new key up, and fetch its ledger "
            "again",
        )  # fmt: skip
    ended = {_known(book, hand): hand for hand in ledger.keys.ended.values()}
    new = book.write(
        _retired(key, ended[key], ledger) if key in ended else key for key in book.register.keys
    )
    publics = {key.public for key in ended}
    return tuple(key for key in new.register.keys if key.public in publics)


def _known(book: Book, hand: Ended) -> Key:
    old, heir = (book.register.find("device", public) for public in (hand.public, hand.heir))
    if old is None or heir is None or {old.name, heir.name} != {hand.device}:
        raise RecorderError(
            "not-registered", f"the ledger's line {hand.n} names keys that the register does not "
            f"have for {hand.device}",
            where=str(book.folder / register.FILE),
            remedy="Enter the new key first: recorder provision device KEYS --name NAME "
            "--township DIR",
        )  # fmt: skip
    return old


def _retired(key: Key, hand: Ended, ledger: Ledger) -> Key:
    when = ledger.wall.at(hand.boot_id, hand.boot_ns)
    until = key.until if when.doubtful else min(when.between()[1], key.until or "9999")
    return msgspec.structs.replace(
        key, until=until, last=_least(key.last, number_of(hand.last_recording) or 0)
    )


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)
