"""The township's register: signed, and asked for the keys that sign recordings."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from recorder.clock import ManualClock
from recorder.errors import RecorderError
from recorder.evidence import keys, register
from recorder.evidence.verification_report import Findings
from recorder.evidence.verification_trust import Vouched, trust
from recorder.evidence.wall_time import claimed
from tests.fuzz import made
from tests.fuzz.choices import Choices, edit_bytes, edit_tree
from tests.fuzz.targets import Broken, same

WORDS = ("format", "township", "keys", "role", "name", "public", "since", "until", "revoked",
         "first", "last", "device", "sync", "desk", register.FORMAT)  # fmt: skip
_SINCE = "2026-01-01T00:00:00.000Z"
_NOW = claimed(ManualClock(utc="2026-07-01T00:00:00.000Z").stamp())
_REGISTER = register.Register(
    register.FORMAT, "张营镇",
    (
        register.Key("device", "cam-01", keys.base64_public(made.SIGNER), _SINCE),
        register.Key("device", "cam-02", keys.base64_public(made.THIEF), _SINCE,
                     "2027-01-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z", 1, 9),
        register.Key("sync", "cam-01", keys.base64_public(made.THIEF), _SINCE),
    ),
)  # fmt: skip
_BYTES = register.encode(_REGISTER)
HEAVY = tuple(b"\0" + text for text in made.HEAVY)


def seeds() -> Sequence[bytes]:
    """As text, as bytes to edit without the key, and as a tree that is signed again."""
    return [b"\0" + _BYTES, b"\1", b"\2", b"\2" + bytes(9)]


def check(data: bytes) -> None:
    """RecorderError, or what the township signed, to the last byte."""
    choices = Choices(data)
    signature = made.SIGNER.sign(_BYTES)
    which = choices.number(3)
    match which:
        case 0:
            raw = choices.rest()
            signature = made.SIGNER.sign(raw)
        case 1:
            raw = _BYTES
            while choices.more:
                raw = edit_bytes(raw, choices)
                if choices.number(8) == 0:
                    signature = edit_bytes(signature, choices)
        case _:
            tree: Any = json.loads(_BYTES)
            while choices.more:
                tree = edit_tree(tree, choices, WORDS)
            raw = json.dumps(tree, ensure_ascii=False).encode("utf-8", "replace")
            signature = made.SIGNER.sign(raw)
    path = made.scratch() / register.FILE
    path.write_bytes(raw)
    path.with_name(register.SIGNATURE).write_bytes(signature)
    try:
        loaded = register.load(path, made.SIGNER.public)
    except RecorderError:
        return
    if which == 1 and (raw, signature) != (_BYTES, made.SIGNER.sign(_BYTES)):
        raise Broken("a register that the township did not sign")
    same(register.load(path, None), loaded, "unsigned reading")
    same(msgspec.json.decode(register.encode(loaded), type=register.Register), loaded, "register")
    for number in (0, 1, 9, 10**7):
        for key in (made.SIGNER, made.THIEF):
            findings = Findings()
            trust(findings, key.public, kind="device", device="cam-01", when=_NOW,
                  recording=f"cam-01-{number:08d}-0000", vouched=Vouched(loaded))  # fmt: skip
            for finding in findings.listed():
                msgspec.json.encode(finding)
