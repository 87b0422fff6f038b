"""The case card on the device: checked, and kept in the clear under /run only, mode 0600."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.errors import RecorderError
from recorder.session import case
from recorder.session.hanzi import local

if TYPE_CHECKING:
    from recorder.app import App

FILE = "case.toml"


class Cards:
    """At most one card, for the act ahead; the effects hold it."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._path = app.run_folder / FILE

    def load(self, text: str, where: str) -> case.Checked:
        """Check and keep a card for the next recording. RecorderError names key and remedy."""
        app = self._app
        if app.catalogue_error is not None:
            raise app.catalogue_error  # what makes every card unfit, with its own remedy
        today = f"{local(app.clock.utc_ns(), app.settings.device.utc_offset_min):%Y-%m-%d}"
        checked = case.check(text, app.catalogue, app.settings.organisation, today, where)
        part = self._path.with_suffix(".part")
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            part.replace(self._path)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        app.effects.case = checked
        return checked

    def clear(self) -> None:
        """Forget the card."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        self._app.effects.case = None

    def load_stored(self) -> None:
        """After a crash: the card is still there, because /run is."""
        if not self._path.exists():
            return
        try:
            self.load(self._path.read_text(encoding="utf-8"), str(self._path))
        except RecorderError as error:
            print(f"recorder: {error}", file=sys.stderr, flush=True)
        except (OSError, UnicodeDecodeError) as error:
            print(f"recorder: {self._path}: no case card: {error}", file=sys.stderr, flush=True)


def _unwritable(path: Path, error: OSError) -> RecorderError:
    """A full /run must not end what is being recorded."""
    return RecorderError(
        "card-unwritable", f"the case card cannot be kept: {error.strerror}", where=str(path),
        remedy="Make room there, or restart the device",
    )  # fmt: skip
