"""Microphones behind one protocol; which one is used is a line in the config.

A microphone is opened by its constructor (``MicrophoneError`` where that fails) and gives blocks
from ``run``, on the calling thread, until ``stop`` is set; one that is lost raises.
"""

import threading
from collections.abc import Callable
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from recorder.capture.units import AUDIO_SCALE
from recorder.config import MicrophoneSettings

Samples = NDArray[np.float32]


class MicrophoneError(Exception):
    """The microphone cannot be opened, or was lost; the text is for the technician."""


class Block(msgspec.Struct, frozen=True):
    """Mono samples (-1 to 1, 48 kHz); ``at_ns`` is the first one's time on the boot clock.

    ``exact``: the clock of the samples is the boot clock itself, so there is nothing to correct.
    """

    samples: Samples
    at_ns: int
    exact: bool = False


class Microphone(Protocol):
    """What the pipeline knows of a microphone."""

    name: str

    def run(self, emit: Callable[[Block], None], stop: threading.Event) -> None:
        """Emit blocks until ``stop``. MicrophoneError when it is lost."""
        ...

    def close(self) -> None:
        """Release the device; may hang with a frozen sound server, so on a thread of its own."""
        ...


RATE = AUDIO_SCALE


def make(settings: MicrophoneSettings) -> Microphone:
    """Open the configured microphone."""
    match settings.kind:
        case "demo":
            from recorder.capture.microphones.demo import DemoMicrophone

            return DemoMicrophone()
        case "file":
            from recorder.capture.microphones.file import FileMicrophone

            return FileMicrophone(settings.source)
        case "sounddevice":
            from recorder.capture.microphones.portaudio import PortAudioMicrophone

            return PortAudioMicrophone(settings.source)
        case _:
            raise MicrophoneError("no microphone is configured")
