"""A device's new key takes over, at a start, while no recording is open. On the disk thread.

Until then the old one signs, so that whatever it left open is ended by it.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from recorder.errors import RecorderError
from recorder.evidence import ledger, lines, rekey
from recorder.evidence.chain import Signer, sync_folder
from recorder.open_spool import OpenSpool
from recorder.spool import LEDGER


class Succession:
    """Of one start: made once the ledger was read, ``complete`` when nothing is open."""

    def __init__(self, taken: OpenSpool, entries: Sequence[ledger.Entry], notes: list[str]) -> None:
        self._taken = taken
        self._notes = notes
        self._heir: Signer | None = None
        folder = Path(taken.settings.paths.keys)
        self._old = folder / rekey.OLD
        bodies = [entry.body for entry in entries]
        self._named = rekey.is_named(taken.signer, bodies)
        if taken.signer.kind != "device" or self._named:
            return
        try:
            old = rekey.predecessor(folder, taken.signer, bodies)
        except RecorderError as error:
            notes.append(f"the new key takes over without the old one's word: {error}")
            return
        if old is not None:
            self._heir, taken.signer = taken.signer, old

    def complete(self, boot: lines.Boot, *, open_left: bool) -> None:
        """The old key names the new one, which begins the ledger's next file. Durable on return.

        ``boot``: the old one's line of this start. Where the card refuses it the old key signs on,
        and its lines wait in memory as all others do.
        """
        taken = self._taken
        if self._heir is None or taken.ledger is None or taken.spool is None:
            if self._named and not open_left:
                self._forget()
            return
        if open_left or taken.ledger.failing:
            self._notes.append("the new device key waits until no recording is open")
            return
        heir = rekey.line(boot.device, taken.signer, self._heir)
        taken.ledger.append(heir)
        try:
            taken.ledger.close()
        except OSError as error:
            self._notes.append(f"the new device key waits for the card: {error.strerror}")
            return
        taken.signer = self._heir
        taken.begin_ledger([*ledger.entries(taken.spool.path / LEDGER)][-1])
        with suppress(OSError):  # then it waits in memory, before whatever comes next
            taken.note(
                lines.Boot(
                    format=boot.format, device=boot.device, software=boot.software, key=heir.key,
                    key_kind="device",
                )
            )  # fmt: skip
        self._notes.append("the device's new key has taken over")
        self._forget()

    def _forget(self) -> None:
        """The old private key has nothing left to sign."""
        with suppress(OSError):
            self._old.unlink(missing_ok=True)
            sync_folder(self._old.parent)
        if os.path.lexists(self._old):
            self._notes.append(f"{self._old} is not needed any more: remove it")
