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
from recorder.evidence.chain import files
from recorder.evidence.desk_copy import entries
from recorder.evidence.recording import JOURNAL
from recorder.evidence.verification_lines import declared_key, raw_key
from recorder.evidence.verification_trust import Vouched, registered
from recorder.evidence.wall_time import claimed
from recorder.spool import LEDGER, QUARANTINE, number_of

_OTHERS = ("device.pem", "sync.pem", "dock.pem", "township.pem")
_REMEDY = "Enter it: recorder provision desk FOLDER --name NAME --township DIR"


def may_sign(signer: keys.KeySigner, vouched: Vouched) -> None:
    """RecorderError where a register is given and does not vouch for the key as a desk's."""
    if vouched.register is None:
        return
    public = keys.base64_public(signer)
    wrong = registered(vouched.register, "desk", public, when=claimed(SystemClock().stamp()))
    if wrong is not None:
        raise RecorderError(wrong[0], wrong[1], where="--desk-key", remedy=_REMEDY)


def for_card(options: argparse.Namespace) -> keys.KeySigner:
    """The key that is to end what lies on the card. RecorderError where there is none, or where it
    is not a desk's: by the register, or else because it is one of the device's own."""
    if options.desk_key is None:
        raise RecorderError(
            "no-desk-key", "what the device left open must be signed by somebody",
            where="--desk-key",
            remedy="Give desk.key; `recorder provision desk` makes and registers one",
        )  # fmt: skip
    signer = keys.load_private(
        options.desk_key, remedy="Give desk.key; `recorder provision desk` makes and registers one"
    )
    may_sign(signer, vouched_by(options))
    if signer.public in (*_beside(options.desk_key.parent), *_on_card(options.spool)):
        raise RecorderError(
            "not-desk-key", "that key is a device's, its sync's, a dock's or the township's: what "
            "it ends would stay untrusted",
            where=f"--desk-key {options.desk_key}",
            remedy="Give desk.key; `recorder provision desk FOLDER --name NAME --township DIR` "
            "makes and registers one",
        )  # fmt: skip
    return signer


def _beside(folder: Path) -> Iterator[bytes]:
    """Keys of other roles that lie where the given one lies."""
    for name in _OTHERS:
        if (folder / name).exists():
            yield keys.load_public(folder / name, name)


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
