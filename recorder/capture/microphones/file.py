"""A WAV file (48 kHz, 16 bit) played in real time, over and over: a microphone for tests."""

import threading
import wave
from collections.abc import Callable

import numpy as np

from recorder.capture.microphones import RATE, Block, MicrophoneError
from recorder.capture.units import NS
from recorder.clock import boot_ns

_BLOCK = 1024


class FileMicrophone:
    """The file's first channel."""

    def __init__(self, path: str) -> None:
        self.name = f"file {path.rpartition('/')[2]}"
        try:
            with wave.open(path, "rb") as file:
                if file.getframerate() != RATE or file.getsampwidth() != 2:
                    raise MicrophoneError(f"{path}: 48 kHz and 16 bit are needed")
                data = np.frombuffer(file.readframes(file.getnframes()), np.int16)
                channels = file.getnchannels()
        except (OSError, EOFError, wave.Error) as error:
            raise MicrophoneError(f"{path}: {error}") from error
        self._samples = (data[::channels] / 32768).astype(np.float32)
        if len(self._samples) < _BLOCK:
            raise MicrophoneError(f"{path}: shorter than a block")

    def run(self, emit: Callable[[Block], None], stop: threading.Event) -> None:
        """A block whenever it is due."""
        start_ns = boot_ns()
        first = 0
        while not stop.is_set():
            due_ns = start_ns + (first + _BLOCK) * NS // RATE
            wait_s = (due_ns - boot_ns()) / NS
            if wait_s > 0 and stop.wait(wait_s):
                return
            at = np.arange(first, first + _BLOCK) % len(self._samples)
            emit(Block(self._samples[at], start_ns + first * NS // RATE, exact=True))
            first += _BLOCK

    def close(self) -> None:
        """Nothing to release."""
