"""``recorder provision settings``: what is a device's own, written into its recorder.toml.

Comments and all other keys stay as they are. The file is read as the daemon reads it before it
takes the old one's place.
"""

from collections.abc import Mapping, MutableMapping
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from recorder import config
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.evidence import whole
from recorder.evidence.chain import files
from recorder.session import catalogue
from recorder.spool import LEDGER

Key = tuple[str, str]
"""Section and key."""
DEVICE_NAME: Key = ("device", "name")


def write(path: Path, values: Mapping[Key, str], acts: Path | None) -> Settings:
    """Set ``values``, and put the catalogue ``acts`` where the settings want it. Durable on return.

    RecorderError before anything is written: settings or a catalogue that would not load, or a new
    name for a device that has recorded.
    """
    before = config.load(path)
    text = _with(path, values)
    after = config.loads(text, path)
    if after.device.name != before.device.name and files(Path(before.paths.spool) / LEDGER, ""):
        raise RecorderError(
            "name-used", f"{before.device.name} has recorded under its name",
            where=f"{path}: key device.name",
            remedy=f"Keep it; another device's name needs an empty spool ({before.paths.spool})",
        )  # fmt: skip
    if acts is not None:
        catalogue.load(acts)
        whole.replace(Path(after.paths.catalogue), acts.read_bytes())
    if text.encode() != path.read_bytes():
        whole.replace(path, text.encode())
    return after


def _with(path: Path, values: Mapping[Key, str]) -> str:
    try:
        document = tomlkit.parse(path.read_bytes().decode("utf-8-sig"))
        for (section, key), value in values.items():
            table = document.setdefault(section, tomlkit.table())
            assert isinstance(table, MutableMapping)  # inline, too: the settings have loaded
            if table.get(key) != value:
                table[key] = value
    except TOMLKitError as error:
        raise RecorderError(
            "config-syntax", f"cannot be changed by a program: {error}", where=str(path),
            remedy="Write the keys by hand",
        ) from error  # fmt: skip
    return tomlkit.dumps(document)
