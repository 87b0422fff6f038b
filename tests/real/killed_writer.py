"""A process that records until it is killed: ``python -m tests.real.killed_writer FOLDER``.

Prints ``device-key-hex`` first and then one line for each fragment that is durable.
"""

import sys
from pathlib import Path

from tests.unit.evidence import bags


def main() -> None:
    """Records 60 s of media as fast as the disk takes it, fragment by fragment."""
    device = bags.Device(Path(sys.argv[1]))
    key = device.signer._private.private_bytes_raw().hex()
    print(key, device.identity_text, flush=True)
    writer = device.begin()
    made = bags.media(60)
    print(writer.name, flush=True)
    for index in range(len(made.fragments)):
        writer.fragments(bags.batch(made, slice(index, index + 1)))
        print(index, flush=True)


if __name__ == "__main__":
    main()
