"""Burns time, device and officer into the luma plane. Glyphs are drawn once; a frame only copies.

The time is the wall clock's, to the second; a question mark behind it says that nobody vouches
for that clock. Evidence of time is the journal, not this.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.capture.messages import Overlay
from recorder.clock import utc_ns

_INK, _PAPER = 235, 16
_TIME = "0123456789-: ?"


class Burner:
    """``burn`` belongs to the camera's thread; ``show`` may be called from another."""

    def __init__(self, width: int, height: int, overlay: Overlay) -> None:
        self.error = ""
        self._size = max(12, height // 30)
        self._font: Any = None
        self._width = width
        self._glyphs: dict[str, NDArray[np.uint8]] = {}
        self._overlay = overlay
        self._shown: tuple[int, Overlay] | None = None
        self._strip: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        self._prepare(overlay)

    def show(self, overlay: Overlay) -> None:
        """Change what is burned in from the next frame on."""
        self._prepare(overlay)
        self._overlay = overlay

    def _prepare(self, overlay: Overlay) -> None:
        """Draw all glyphs ahead: loading Pillow in the camera's thread would cost it frames."""
        try:
            for character in _TIME + overlay.device + overlay.officer:
                self._glyph(character)
        except Exception as error:  # noqa: BLE001 - told as a fault; the picture goes on without
            self.error = f"{type(error).__name__}: {error}"

    def _glyph(self, character: str) -> NDArray[np.uint8]:
        known = self._glyphs.get(character)
        if known is None:
            from PIL import Image, ImageDraw, ImageFont

            if self._font is None:
                self._font = ImageFont.load_default(self._size)
            width = max(1, round(self._font.getlength(character)))
            image = Image.new("L", (width, self._size * 5 // 4), _PAPER)
            ImageDraw.Draw(image).text((0, 0), character, fill=_INK, font=self._font)
            known = np.asarray(image, np.uint8)
            self._glyphs[character] = known
        return known

    def text(self, seconds: int, overlay: Overlay) -> str:
        """The line as it is burned in."""
        zone = timezone(timedelta(minutes=overlay.utc_offset_min))
        local = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
        mark = "" if overlay.trusted else "?"
        return f" {local:%Y-%m-%d %H:%M:%S}{mark}  {overlay.device}  {overlay.officer} "

    def burn(self, luma: NDArray[np.uint8]) -> None:
        """Write into ``luma`` (height, width), in place, at the lower left.

        A failure is kept in ``error`` and never costs the picture.
        """
        if self.error:
            return
        try:
            self._burn(luma)
        except Exception as error:  # noqa: BLE001 - told as a fault; the picture goes on without
            self.error = f"{type(error).__name__}: {error}"

    def _burn(self, luma: NDArray[np.uint8]) -> None:
        seconds, overlay = utc_ns() // 1_000_000_000, self._overlay
        if self._shown != (seconds, overlay):
            strip = np.concatenate([self._glyph(c) for c in self.text(seconds, overlay)], axis=1)
            self._strip = strip[:, : self._width]
            self._shown = (seconds, overlay)
        rows, columns = self._strip.shape
        margin = rows // 4
        luma[-rows - margin : -margin, :columns] = self._strip
