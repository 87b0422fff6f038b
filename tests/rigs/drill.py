"""A drill that every custodian of a rig has passed, as on a device that is well provisioned."""

from collections.abc import Sequence
from pathlib import Path

from recorder.clock import Clock
from recorder.evidence import drill, keys
from recorder.evidence.age import identities
from recorder.evidence.provision import CUSTODIANS


def hold(folder: Path, private: Sequence[Path], clock: Clock) -> None:
    """``private``: the custodians' identity files."""
    listed = keys.load_custodians(folder / CUSTODIANS).recipients
    opened_by = [key for path in private for key in identities(path.read_text(), str(path))]
    for state in drill.ask(folder, listed, clock):
        if state.file:
            word = drill.read_word(Path(state.file), opened_by)
            drill.answer(folder, listed, word, clock)
