"""A wall clock for a rig's daemon that is stepped, runs off or forgets the time, while it runs.

The machine's own clock is never set: everybody else lives by it, and it stays the true time that a
test compares with.
"""

import json
import time
from pathlib import Path
from typing import Literal

from recorder.clock import boot_ns

RigQuality = Literal["synced", "unsynced"]


class WallClock:
    """``step`` and ``set`` count at once, in every process that was started with ``environment``.

    ``synced`` claims the error bound that is given (a lie where the clock is off by more);
    ``unsynced`` is what a clock is after somebody set it, or before anybody did.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset_ns = 0
        self._ppm = 0
        self._since_ns = boot_ns()
        self._quality: RigQuality = "synced"
        self._error_ms = 20
        self._write()

    def environment(self) -> dict[str, str]:
        """What a process's environment needs to live by this clock, beside ``Daemon.site``."""
        return {"RIG_WALL_CLOCK": str(self._file)}

    def step(self, seconds: float, *, quality: RigQuality | None = None) -> None:
        """The clock jumps by so much."""
        self.set(self.offset_s + seconds, quality=quality)

    def set(
        self,
        offset_s: float,
        *,
        ppm: int | None = None,
        quality: RigQuality | None = None,
        error_ms: int | None = None,
    ) -> None:
        """So far from the true time, from now on running off by ``ppm``; a time before 1970 is
        1970. What is not given stays."""
        self._since_ns = boot_ns()
        self._offset_ns = round(offset_s * 1e9)
        self._ppm = self._ppm if ppm is None else ppm
        self._quality = quality or self._quality
        self._error_ms = self._error_ms if error_ms is None else error_ms
        self._write()

    @property
    def offset_s(self) -> float:
        """How far it is from the true time now."""
        gone_ns = boot_ns() - self._since_ns
        return (self._offset_ns + gone_ns * self._ppm / 1e6) / 1e9

    def lose(self) -> None:
        """No clock at boot: it stands at 1970, and nobody has set it."""
        self.set(-time.time(), quality="unsynced")

    def _write(self) -> None:
        part = self._file.with_suffix(".part")
        part.write_text(
            json.dumps(
                {
                    "offset_ns": self._offset_ns, "ppm": self._ppm, "since_ns": self._since_ns,
                    "quality": self._quality, "error_ms": self._error_ms,
                }
            )
        )  # fmt: skip
        part.replace(self._file)
