"""Personal data of ledger lines, in age files beside the ledger: why somebody is away (Art. 17)."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import age, lines
from recorder.evidence.chain import sync_folder
from recorder.evidence.recording import write_new

FOLDER = "private"
MAX_BYTES = 64 * 1024


def write(
    ledger: Path, n: int, record: Mapping[str, Any], recipients: Sequence[age.Recipient]
) -> lines.Private:
    """The personal part of line ``n``. Durable on return.

    OSError where the card refuses; RecorderError without custodians. A file that an earlier try
    left behind without its line stays as it is.
    """
    if not recipients:
        raise RecorderError(
            "no-custodian", "a reason is encrypted to the custodians, and there are none",
            remedy="Provision the device with custodians",
        )  # fmt: skip
    place = ledger / FOLDER
    if not place.is_dir():
        place.mkdir(mode=0o750)
        sync_folder(ledger)
    name = f"{n}.json.age"
    if (place / name).exists():
        name = f"{n}.{secrets.token_hex(2)}.json.age"
    data = age.encrypt(msgspec.json.encode(record), recipients)
    digest = write_new(place / name, data)
    sync_folder(place)
    return lines.Private(f"{FOLDER}/{name}", len(data), digest)


def read(ledger: Path, private: lines.Private) -> bytes:
    """The age file as its line has it. ValueError where it is another, OSError where it is gone."""
    path = Path(private.file)
    if path.parent != Path(FOLDER) or path.name.startswith("."):
        raise ValueError("it is outside its folder")
    with (ledger / path).open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) != private.bytes or hashlib.sha256(data).hexdigest() != private.sha256:
        raise ValueError("it differs from what its line says")
    return data
