"""Recorders that forget a sync: an ordeal that lets one of them pass proves nothing."""

import shutil
from pathlib import Path

from tests.rigs.daemon import ROOT

_DATA, _FRESH = "os.fdatasync(self._file.fileno())", "os.fsync(self._file.fileno())"
_CHAIN, _SEGMENT = "recorder/evidence/chain.py", "recorder/evidence/segment.py"
FORGOTTEN = {
    "segment": ((_SEGMENT, _DATA, "pass"), (_SEGMENT, _FRESH, "pass")),
    "journal": (
        (_CHAIN, _DATA, f"self._stem == 'journal' or {_DATA}"),
        (_CHAIN, _FRESH, f"self._stem == 'journal' or {_FRESH}"),
    ),
    "ledger": (
        (_CHAIN, _DATA, f"self._stem == '' or {_DATA}"),
        (_CHAIN, _FRESH, f"self._stem == '' or {_FRESH}"),
    ),
    "folder": ((_CHAIN, "os.fsync(descriptor)", "pass"),),
}
"""Whose sync is forgotten: (file, what stands there, what stands there instead)."""


def mutant(name: str, here: Path) -> Path:
    """A copy of the recorder's source under ``here`` without the sync of ``name``."""
    root = here / f"without-{name}"
    shutil.copytree(ROOT / "recorder", root / "recorder")
    shutil.copytree(ROOT / "config", root / "config")
    for file, old, new in FORGOTTEN[name]:
        text = (root / file).read_text()
        assert old in text, f"{file} has no {old}: mend tests/ordeal/mutations.py"
        (root / file).write_text(text.replace(old, new))
    return root
