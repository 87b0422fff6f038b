"""What a start has to say of how the device was provisioned: its key, the register, the custodians.

Each is a sentence for the log, with its remedy; nothing of it keeps the recorder from recording.
"""

from collections.abc import Sequence
from pathlib import Path

from recorder.clock import Clock
from recorder.errors import RecorderError
from recorder.evidence import drill
from recorder.evidence.chain import Signer
from recorder.evidence.keys import base64_public
from recorder.evidence.verification_trust import registered
from recorder.evidence.wall_time import claimed
from recorder.sync.readers import load_register


def unregistered(folder: Path, name: str, signer: Signer, clock: Clock) -> str:
    """What keeps the register beside the keys from vouching for the device's; "": nothing, or no
    register is there. RecorderError where that cannot be believed."""
    listed = load_register(folder)
    if listed is None or signer.kind != "device":
        return ""
    wrong = registered(
        listed, "device", base64_public(signer), when=claimed(clock.stamp()), name=name
    )
    return "" if wrong is None else wrong[1]


def notes(
    folder: Path, name: str, signer: Signer, custodians: Sequence[str], clock: Clock
) -> list[str]:
    """What a person should look at."""
    found: list[str] = []
    try:
        problem = unregistered(folder, name, signer, clock)
        if problem:
            found.append(
                f"{folder}: {problem}: what it records is untrusted. Enter it with `recorder "
                "provision device`, and copy the township's register here again"
            )
    except (RecorderError, OSError) as error:
        found.append(str(error))
    try:
        found += [
            f"custodian {each} has never shown that the private key opens files: hold a drill "
            f"with `recorder provision drill {folder}`"
            for each in drill.unproven(folder, custodians)
        ]
    except (RecorderError, OSError) as error:
        found.append(str(error))
    return found
