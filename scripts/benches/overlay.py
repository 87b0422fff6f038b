"""CPU time of burning date, time, device and officer into a frame of 1080p; new text each second.

Beside it picamera2's manual: cv2.putText into the frame's array, and Pillow drawing the same line.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from recorder.capture import overlay
from recorder.capture.look import look
from recorder.capture.units import NS
from scripts.benches import peers
from tests.rigs.capture import OVERLAY

WIDTH, HEIGHT, FPS, SECONDS = 1920, 1080, 30, 20
CACHES = 32 << 20
Burn = Callable[[NDArray[np.uint8], int], object]
"""Into a frame's luma, at this second."""


def timed(words: str, burn: Burn) -> None:
    """Over as many frames as a camera gives in ``SECONDS``, none of them in the processor's caches,
    because a sensor's frames come by DMA."""
    luma = np.full((HEIGHT, WIDTH), 128, np.uint8)
    others = np.zeros(CACHES, np.uint8)
    took = []
    for number in range(FPS * SECONDS):
        second = number // FPS
        others.fill(number & 255)
        with mock.patch.object(overlay, "utc_ns", lambda at_ns=second * NS: at_ns):
            began_ns = time.thread_time_ns()
            burn(luma, second)
            took.append((time.thread_time_ns() - began_ns) / 1e6)
    last = statistics.quantiles(took, n=100)[-1]
    print(f"{words:36} median {statistics.median(took):7.4f} ms, 99 % {last:7.4f} ms")


def pillow(burner: overlay.Burner) -> Burn:
    """The line drawn anew in every frame."""
    from PIL import Image, ImageDraw, ImageFont

    font: Any = ImageFont.load_default(HEIGHT // 30)

    def burn(luma: NDArray[np.uint8], second: int) -> None:
        text = burner.text(second, OVERLAY)
        image = Image.new("L", (round(font.getlength(text)), HEIGHT // 24), 16)
        ImageDraw.Draw(image).text((0, 0), text, fill=235, font=font)
        strip = np.asarray(image)
        luma[-strip.shape[0] :, : strip.shape[1]] = strip

    return burn


def put_text(burner: overlay.Burner) -> Burn:
    """As the manual does it, before each frame goes to the encoder."""
    cv2 = peers.opencv()

    def burn(luma: NDArray[np.uint8], second: int) -> None:
        text = burner.text(second, OVERLAY)
        cv2.putText(luma, text, (0, HEIGHT - 20), cv2.FONT_HERSHEY_SIMPLEX, 1, 235, 2)

    return burn


def main() -> None:
    """Ours and two others; and what is told of the picture itself, which comes with each frame."""
    burner = overlay.Burner(WIDTH, HEIGHT, OVERLAY)
    timed("overlay", lambda luma, _: burner.burn(luma))
    timed("picamera2's manual, cv2.putText", put_text(burner))
    timed("Pillow, drawn in each frame", pillow(burner))
    timed("brightness, contrast, fingerprint", lambda luma, _: look(luma))
