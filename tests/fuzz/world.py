"""A device with three recordings (plain, interrupted, open), made by the device's own writer."""

from functools import cache
from pathlib import Path

import msgspec

from recorder.clock import NS
from recorder.evidence import lines
from recorder.evidence.age import Identity, Recipient
from tests.fuzz import made
from tests.unit.evidence import bags


class World(msgspec.Struct, frozen=True):
    """Every file of the spool, by its path in it, and the custodian who can open them."""

    files: dict[str, bytes]
    sealed: tuple[str, ...]
    open: str
    identity: Identity
    recipient: Recipient


@cache
def world() -> World:
    """Made once a process. Everything is signed with ``made.SIGNER``."""
    folder = made.scratch() / "world"
    device = bags.Device(folder, signer=made.SIGNER)
    plain = bags.plain(device, seconds=4)
    broken = _interrupted(device)
    writer = device.begin()
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    writer.fragments(bags.batch(bags.media(3)))
    writer.journal(lines.Spoken(phrase="place", outcome="spoken", from_ns=102 * NS, to_ns=103 * NS,
                                text=None), {"text": "某地"})  # fmt: skip
    return World(made.tree(device.spool), (plain.name, broken.name), writer.name,
                 device.identity, device.recipients[0])  # fmt: skip


def _interrupted(device: bags.Device) -> Path:
    return bags.interrupted(device, statement=True)


def journal(name: str) -> bytes:
    """A recording's journal as it was written."""
    return world().files[f"{name}/data/journal.jsonl"]


def ledger() -> bytes:
    """The device's ledger as it was written."""
    return world().files["ledger/0001.jsonl"]


KINDS = tuple(
    str(body.__struct_config__.tag) for body in (*lines.Journal.__args__, *lines.Ledger.__args__)
)
FIELDS = tuple(dict.fromkeys(
    field
    for body in (*lines.Journal.__args__, *lines.Ledger.__args__)
    for field in body.__struct_fields__
))  # fmt: skip
HEADER = ("n", "kind", "boot_id", "boot_ns", "utc", "clock", "quality", "error_ms", "prev")
WORDS = (*HEADER, *KINDS, *FIELDS, "must", "may", "ok", "absent", "frozen", "device", "ephemeral",
         "synced", "unset", "\t", "\n", '":', '{"')  # fmt: skip
