"""Burns time, device, officer and organisation into the luma plane. Glyphs are drawn once; a frame
only copies.

The time is the wall clock's, to the second; a question mark behind it says that nobody vouches
for that clock. Evidence of time is the journal, not this.
"""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.capture.messages import Overlay
from recorder.clock import utc_ns

_INK, _PAPER = 235, 16
_TIME = "0123456789-: ?"
HANZI = (
    Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
)
"""Fonts of Debian for what Pillow's own one lacks: the first that is there."""
_LATIN = 0x250


class Burner:
    """``burn`` belongs to the camera's thread; ``show`` may be called from another."""

    def __init__(self, width: int, height: int, overlay: Overlay) -> None:
        self.error = ""
        self._broken = False
        self._size = max(12, height // 30)
        self._fonts: dict[bool, Any] = {}
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
            for character in _TIME + overlay.device + overlay.officer + overlay.organisation:
                self._glyph(character)
            self._fonts.clear()
        except Exception as error:  # noqa: BLE001 - told as a fault; the picture goes on without
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._broken, self.error = True, f"{type(error).__name__}: {error}"

    def _glyph(self, character: str) -> NDArray[np.uint8]:
        known = self._glyphs.get(character)
        if known is None:
            known = self._draw(character)
            self._glyphs[character] = known
        return known

    def _draw(self, character: str) -> NDArray[np.uint8]:
        """What no font has is left out, and told; the rest is burned in all the same."""
        from PIL import Image, ImageDraw

        height = self._size * 5 // 4
        font = self._font(latin=ord(character) < _LATIN)
        if font is None:
            self.error = self.error or f"no font has {character}: install fonts-wqy-microhei"
            return np.zeros((height, 0), np.uint8)
        image = Image.new("L", (max(1, round(font.getlength(character))), height), _PAPER)
        ImageDraw.Draw(image).text((0, 0), character, fill=_INK, font=font)
        return np.asarray(image, np.uint8)

    def _font(self, *, latin: bool) -> Any:
        from PIL import ImageFont

        if latin not in self._fonts:
            file = next((path for path in HANZI if path.exists()), None)
            if latin:
                self._fonts[latin] = ImageFont.load_default(self._size)
            else:
                self._fonts[latin] = file and ImageFont.truetype(str(file), self._size)
        return self._fonts[latin]

    def text(self, seconds: int, overlay: Overlay) -> str:
        """The line as it is burned in."""
        zone = timezone(timedelta(minutes=overlay.utc_offset_min))
        local = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
        mark = "" if overlay.trusted else "?"
        words = (f"{local:%Y-%m-%d %H:%M:%S}{mark}", overlay.device, overlay.officer)
        return f" {'  '.join(filter(None, (*words, overlay.organisation)))} "

    def burn(self, luma: NDArray[np.uint8]) -> None:
        """Write into ``luma`` (height, width), in place, at the lower left.

        A failure is kept in ``error`` and never costs the picture.
        """
        if self._broken:
            return
        try:
            self._burn(luma)
        except Exception as error:  # noqa: BLE001 - told as a fault; the picture goes on without
            self._failed(error)

    def _burn(self, luma: NDArray[np.uint8]) -> None:
        seconds, overlay = utc_ns() // 1_000_000_000, self._overlay
        if self._shown != (seconds, overlay):
            strip = np.concatenate([self._glyph(c) for c in self.text(seconds, overlay)], axis=1)
            self._strip = strip[:, : self._width]
            self._shown = (seconds, overlay)
        rows, columns = self._strip.shape
        margin = rows // 4
        luma[-rows - margin : -margin, :columns] = self._strip
