"""What a start has to say of how the device was provisioned: its key, the register, the custodians.

Each is a sentence for the log, with its remedy; nothing of it keeps the recorder from recording.
"""

from collections.abc import Sequence
from pathlib import Path

from recorder.clock import Clock
from recorder.errors import RecorderError
from recorder.evidence import drill
from recorder.evidence.chain import Signer
from recorder.sync.readers import unvouched


def unregistered(folder: Path, name: str, signer: Signer, clock: Clock) -> RecorderError | None:
    """What keeps the register beside the keys from vouching for the device's, or from being
    believed; None: nothing, or no register is there."""
    if signer.kind != "device":
        return None
    try:
        return unvouched(folder, "device", folder, name, signer.public, clock)
    except RecorderError as error:
        return error
    except OSError as error:
        return RecorderError("register-unreadable", str(error), where=str(folder))


def notes(folder: Path, wrong: RecorderError | None, custodians: Sequence[str]) -> list[str]:
    """What a person should look at. ``wrong``: what ``unregistered`` had to say."""
    found: list[str] = []
    if wrong is not None:
        found.append(f"what it records is untrusted: {wrong}")
    try:
        found += [
            f"custodian {each} has never shown that the private key opens files: hold a drill "
            f"with `recorder provision drill {folder}`"
            for each in drill.unproven(folder, custodians)
        ]
    except (RecorderError, OSError) as error:
        found.append(str(error))
    return found
