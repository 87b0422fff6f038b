"""Keeps the microphone going: opens it, encodes what it hears, opens it anew when it is lost.

It may hang with a frozen sound server, for as long as that is frozen; the picture never waits. Only
an encoder that never comes back cannot be saved from within (``Hung``).
"""

import math
import threading
from collections.abc import Callable

import numpy as np

from recorder.capture import microphones
from recorder.capture.anchor import Anchor
from recorder.capture.codecs import SoundEncoder
from recorder.capture.notices import Hung, Notices
from recorder.capture.speech import Detector
from recorder.capture.units import AUDIO_SCALE, NS, Sound
from recorder.clock import boot_ns
from recorder.config import MicrophoneSettings

_DELAYS_S = (0.2, 0.5, 1.0, 2.0)
"""Before the next attempt to open, by the number of attempts in vain."""
_ZEROS = AUDIO_SCALE
"""So many samples of nothing but zeros come from no microphone that works."""
_STALLED_NS = 6 * NS // 5
_LATE_NS = 7 * NS
"""A sound card may take so long from being opened to its first block."""
_STUCK_NS = 5 * NS // 2


class MicrophonePart:
    """``run`` has a thread of its own; counters are read from others."""

    def __init__(
        self,
        settings: MicrophoneSettings,
        notices: Notices,
        detector: Detector,
        emit: Callable[[Sound], None],
    ) -> None:
        self._settings = settings
        self._notices = notices
        self._detector = detector
        self._emit = emit
        self._encoder = SoundEncoder(settings.bitrate_kbps)
        self._anchor = Anchor()
        self._zeros = 0
        self._heard = (0.0, 0)
        self._before = (0.0, 0)
        self._since_ns: int | None = None
        self._encoding_ns: int | None = None
        self.name = ""
        self.samples = self.lost_samples = 0
        self.last_sample_ns: int | None = None

    def run(self, stop: threading.Event) -> None:
        """Until ``stop``."""
        failures = 0
        while not stop.is_set():
            before = self.samples
            self._since_ns = boot_ns()
            try:
                self._run_once(stop)
            except (microphones.MicrophoneError, OSError) as error:
                self._notices.down("microphone", "lost", str(error))
            self._since_ns = None
            failures = 0 if self.samples > before else failures + 1
            stop.wait(_DELAYS_S[min(failures, len(_DELAYS_S) - 1)])

    def _run_once(self, stop: threading.Event) -> None:
        microphone = microphones.make(self._settings)
        self.name = microphone.name
        self._encoder = SoundEncoder(self._settings.bitrate_kbps)
        self._anchor = Anchor()
        self._zeros = 0
        try:
            microphone.run(self._block, stop)
        except microphones.MicrophoneError as error:
            self._notices.down("microphone", "lost", str(error))
        finally:
            microphone.close()

    def _block(self, block: microphones.Block) -> None:
        before = self._anchor.lost
        try:
            samples, tick, hole_ns = self._anchor.place(
                block.samples, block.at_ns, exact=block.exact
            )
        except ValueError as error:
            raise microphones.MicrophoneError(str(error)) from error
        self.lost_samples += self._anchor.lost - before
        count = len(block.samples)
        self.samples += count
        self.last_sample_ns = block.at_ns + count * NS // AUDIO_SCALE
        energy = float(np.dot(block.samples, block.samples))
        self._heard = (self._heard[0] + energy, self._heard[1] + count)
        self._zeros = 0 if energy else self._zeros + count
        if self._zeros > _ZEROS:
            self._notices.down("microphone", "silent", "nothing but zeros for a second")
        elif energy:
            self._notices.works("microphone", after=("silent",))
        self._detector.feed(block.samples, self.last_sample_ns)
        self._encoding_ns = boot_ns()
        sounds = self._encoder.encode(samples, tick, hole_ns)
        self._encoding_ns = None
        for sound in sounds:
            self._emit(sound)
        if sounds and boot_ns() - self.last_sample_ns < _STALLED_NS:
            # What a stalled driver held back comes first: that is no sound of now.
            self._notices.works("microphone", after=("lost", "stalled"))

    def watch(self, now_ns: int) -> None:
        """Some times a second: a microphone that hangs is told. ``Hung`` where its encoder does."""
        encoding_ns, since_ns, last_ns = self._encoding_ns, self._since_ns, self.last_sample_ns
        if encoding_ns is not None and now_ns - encoding_ns > _STUCK_NS:
            raise Hung("microphone", "its encoder hangs")
        if since_ns is None:
            return
        flowing = last_ns is not None and last_ns > since_ns
        idle_ns = now_ns - (last_ns if flowing and last_ns is not None else since_ns)
        if idle_ns > (_STALLED_NS if flowing else _LATE_NS):
            self._notices.down("microphone", "stalled", f"no sound for {idle_ns / NS:.1f} s")

    def take_level(self) -> float | None:
        """RMS in dBFS since the call before the last; None without sound or with zeros alone."""
        heard, self._heard = self._heard, (0.0, 0)
        energy, count = heard[0] + self._before[0], heard[1] + self._before[1]
        self._before = heard
        return round(10 * math.log10(energy / count), 1) if count and energy > 0 else None
