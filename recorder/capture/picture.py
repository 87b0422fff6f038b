"""What is wrong with a picture that arrives: it stands still, or something covers the lens.

Judged frame by frame, before a fragment says so; the fragment's own state comes from the same
numbers. It decides nothing: a camera that freezes is opened anew by its part.
"""

from recorder.capture.units import NS, Look
from recorder.config import CaptureSettings

FROZEN_NS = NS
"""Frames that are all the same for so long come from no sensor: a real one has noise."""
STILL_NS = 800_000_000
COVERED_NS = NS
_FEWEST = 6


class Watch:
    """Fed with the frames of one opening of a camera."""

    def __init__(self, settings: CaptureSettings, period_ns: int) -> None:
        self._dark = settings.lens_dark_luma
        self._flat = settings.lens_flat_contrast
        self._period_ns = period_ns
        self._last_ns: int | None = None
        self._still_since_ns: int | None = None
        self._print: int | None = None
        self._print_since_ns = 0
        self._prints = 0
        self._covered_since_ns: int | None = None
        self._seen_since_ns: int | None = None
        self._well_since_ns: int | None = None

    def frame(self, ts_ns: int, look: Look | None, now_ns: int) -> None:
        """The next frame; ``now_ns`` is when it came."""
        if self._last_ns is not None and ts_ns - self._last_ns < self._period_ns // 2:
            if self._still_since_ns is None:
                self._still_since_ns = now_ns
        else:
            self._still_since_ns = None
        self._last_ns = ts_ns
        if look is not None:
            self._looked(look, now_ns)
        if self.stands_still_ns(now_ns) or self.frozen_ns(now_ns) > FROZEN_NS // 2:
            self._well_since_ns = None
        elif self._well_since_ns is None:
            self._well_since_ns = now_ns

    def _looked(self, look: Look, now_ns: int) -> None:
        if look.fingerprint != self._print or look.contrast < self._flat:
            # A flat picture, all white or all black, has nothing by which it could be told.
            self._print, self._print_since_ns, self._prints = look.fingerprint, now_ns, 0
        self._prints += 1
        if look.brightness < self._dark and look.contrast < self._flat:
            self._seen_since_ns = None
            if self._covered_since_ns is None:
                self._covered_since_ns = now_ns
        else:
            self._covered_since_ns = None
            if self._seen_since_ns is None:
                self._seen_since_ns = now_ns

    def stands_still_ns(self, now_ns: int) -> int:
        """For so long frames came whose time did not advance; 0 where the last one's did."""
        return 0 if self._still_since_ns is None else max(1, now_ns - self._still_since_ns)

    def frozen_ns(self, now_ns: int) -> int:
        """For so long all frames were the same."""
        return now_ns - self._print_since_ns if self._prints >= _FEWEST else 0

    def well_ns(self, now_ns: int) -> int:
        """For so long the picture has advanced and changed."""
        return 0 if self._well_since_ns is None else now_ns - self._well_since_ns

    def covered(self, now_ns: int) -> bool:
        """The picture has been dark and flat for a second."""
        since_ns = self._covered_since_ns
        return since_ns is not None and now_ns - since_ns > COVERED_NS

    def uncovered(self, now_ns: int) -> bool:
        """It has been neither for half a second."""
        return self._seen_since_ns is not None and now_ns - self._seen_since_ns > COVERED_NS // 2
