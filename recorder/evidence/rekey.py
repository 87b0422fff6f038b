"""How a device's key hands over to the next one: a line of the ledger that both have signed.

The old key signs the line as it signs every other, the new one signs ``statement`` in it. From the
``boot`` line behind it on the old key signs nothing any more.
"""

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recorder.evidence import keys, lines
from recorder.evidence.chain import Signer
from recorder.evidence.verification_bag import signed
from recorder.evidence.verification_lines import raw_key

OLD = "device.old.key"
"""The key of before, until the recorder has noted its end."""


def statement(device: str, old: bytes, new: bytes) -> bytes:
    """What the new key signs: who follows whom on which device."""
    pair = (base64.b64encode(key).decode() for key in (old, new))
    return "\n".join(("bodycam-rekey/1", device, *pair, "")).encode()


def line(device: str, old: Signer, new: Signer) -> lines.Rekeyed:
    """The ledger's line; ``old`` is to sign it."""
    proof = new.sign(statement(device, old.public, new.public))
    return lines.Rekeyed(
        device=device, key=keys.base64_public(new), proof=base64.b64encode(proof).decode()
    )


def is_proven(body: lines.Rekeyed, old: bytes) -> bool:
    """Whether the new key agreed to follow ``old``."""
    new = raw_key(body.key)
    try:
        proof = base64.b64decode(body.proof, validate=True)
    except ValueError:
        return False
    return new is not None and signed(new, proof, statement(body.device, old, new))


def predecessor(folder: Path, new: Signer, ledger: Iterable[Any]) -> keys.KeySigner | None:
    """The key that has still to name ``new`` in the ledger (its bodies are given); None: none has,
    or the old one is still in its place, as a kill amid the change leaves it. RecorderError where
    there is one that cannot be read."""
    if not keys.is_there(folder / OLD):
        return None
    old = keys.load_private(folder / OLD)
    boots = {body.key for body in ledger if isinstance(body, lines.Boot)}
    return old if old.public != new.public and keys.base64_public(old) in boots else None


def is_named(new: Signer, ledger: Iterable[Any]) -> bool:
    """The ledger has its line already."""
    text = keys.base64_public(new)
    return any(isinstance(body, lines.Rekeyed) and body.key == text for body in ledger)
