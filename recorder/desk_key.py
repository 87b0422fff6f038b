"""The desk's key, before it signs anything: what no register would vouch for is refused.

A recording that a desk ends is untrusted for ever where its key is none of a desk's.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from recorder.clock import SystemClock
from recorder.desk_list import vouched_by
from recorder.errors import RecorderError
from recorder.evidence import keys, ledger, lines
from recorder.evidence.chain import files, open_plain
from recorder.evidence.desk_copy import entries
from recorder.evidence.recording import JOURNAL
from recorder.evidence.verification_lines import declared_key, raw_key
from recorder.evidence.verification_trust import Vouched, registered
from recorder.evidence.wall_time import claimed
from recorder.spool import LEDGER, QUARANTINE, number_of

_OTHERS = ("device", "sync", "dock", "township")
_REMEDY = "Enter it: recorder provision desk FOLDER --name NAME --township DIR"
_MAKE = "`recorder provision desk FOLDER --name NAME --township DIR` makes and registers one"
_MOST_BYTES = 64 * 1024


def load(path: Path, vouched: Vouched) -> keys.KeySigner:
    """The key in ``path``. RecorderError where it is no private key, or where the register, if one
    is given, or what lies beside it knows it as another's than a desk's."""
    _refuse_others(path)
    signer = keys.load_private(path, remedy=f"Give desk.key; {_MAKE}")
    for role, public in _beside(path.parent):
        if public == signer.public:
            raise _not_desks(f"it is the key of {role}.pem beside it", path)
    _may_sign(signer, vouched)
    return signer


def _refuse_others(path: Path) -> None:
    """What is no private key of ours is called what it is, before its mode is complained of."""
    try:
        with open_plain(path.resolve()) as file:
            data = file.read(_MOST_BYTES)
    except OSError:
        return  # loading says what is wrong
    if b"AGE-SECRET-KEY-" in data.upper():
        raise _not_desks("this is a custodian's age key", path)
    if b"BEGIN PUBLIC KEY" in data:
        raise _not_desks("this is a public half", path)


def _not_desks(what: str, path: Path) -> RecorderError:
    return RecorderError(
        "not-desk-key", f"{what}: what it signed would stay untrusted",
        where=f"--desk-key {path}", remedy=f"Give desk.key; {_MAKE}",
    )  # fmt: skip


def _may_sign(signer: keys.KeySigner, vouched: Vouched) -> None:
    """RecorderError where a register is given and does not vouch for the key as a desk's."""
    if vouched.register is None:
        return
    public = keys.base64_public(signer)
    wrong = registered(vouched.register, "desk", public, when=claimed(SystemClock().stamp()))
    if wrong is None:
        return
    for entry in vouched.register.keys:
        if entry.public == public and entry.role != "desk":
            raise RecorderError(
                wrong[0], f"the register has it as the key of {entry.role} {entry.name}",
                where="--desk-key", remedy=f"Give desk.key; {_MAKE}",
            )  # fmt: skip
    raise RecorderError(wrong[0], wrong[1], where="--desk-key", remedy=_REMEDY)


def for_card(options: argparse.Namespace) -> keys.KeySigner:
    """The key that is to end what lies on the card. RecorderError where there is none, or where it
    is not a desk's: by the register, or else because it is one of the device's own."""
    if options.desk_key is None:
        raise RecorderError(
            "no-desk-key", "what the device left open must be signed by somebody",
            where="--desk-key", remedy=f"Give desk.key; {_MAKE}",
        )  # fmt: skip
    signer = load(options.desk_key, vouched_by(options))
    if signer.public in _on_card(options.spool):
        raise _not_desks("it is the device's own key, by this card", options.desk_key)
    return signer


def _beside(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Keys of other roles that lie where the given one lies."""
    for role in _OTHERS:
        path = folder / f"{role}.pem"
        if path.exists():
            yield role, keys.load_public(path, path.name)


def _on_card(spool: Path) -> Iterator[bytes]:
    """Keys under which the device signed ledger and journals; what cannot be read names none."""
    for folder in (spool, spool / QUARANTINE):
        try:
            found = [each for each in entries(folder) if number_of(each.name) is not None]
        except OSError:
            continue
        for each in found:
            yield from _declared(each.path)
    for entry in ledger.entries(spool / LEDGER):
        if isinstance(entry.body, lines.Boot | lines.Rekeyed):
            yield from (key for key in (raw_key(entry.body.key),) if key is not None)


def _declared(recording: Path) -> Iterator[bytes]:
    try:
        key = declared_key(files(recording / "data", JOURNAL))
    except OSError:
        return
    if key is not None:
        yield key
