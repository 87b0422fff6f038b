"""Plays WAV files through pyaudio: `python -m recorder.panel.player`. The only part that does.

JSON lines in ({"id": 1, "path": "…"}), JSON lines out ({"id": 1, "event": "started", "at_ns": …}).
It ends with its standard input. A card that fails is opened anew for the next sentence; what
hangs in here is killed from outside.
"""

import contextlib
import ctypes
import os
import sys
import time
import wave
from collections.abc import Iterator
from typing import Any

import msgspec

from recorder import memory
from recorder.clock import boot_ns

_BLOCK = 2048


class Play(msgspec.Struct, frozen=True):
    """A file to play."""

    id: int
    path: str


class Heard(msgspec.Struct, frozen=True):
    """``event`` is started, ended or failed; ``at_ns`` when it leaves the loudspeaker."""

    id: int
    event: str
    at_ns: int
    detail: str = ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """ALSA and PortAudio print their search for devices; keep it out of the log."""
    sys.stderr.flush()
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


class Card:
    """The sound card, opened when first needed and after every failure."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._audio: Any = None

    def _open(self) -> Any:
        if self._audio is None:
            import pyaudio

            with _quiet():
                self._audio = pyaudio.PyAudio()
        return self._audio

    def _device(self) -> int | None:
        if not self._output:
            return None
        for index in range(self._audio.get_device_count()):
            info = self._audio.get_device_info_by_index(index)
            if self._output in str(info["name"]) and int(info["maxOutputChannels"]) > 0:
                return index
        raise OSError(f"no output named {self._output!r}")

    def drop(self) -> None:
        """After a failure: look for cards again next time."""
        audio, self._audio = self._audio, None
        if audio is not None:
            with _quiet():
                audio.terminate()

    def play(self, item: Play, tell: Any) -> None:
        """Play to the end. OSError when there is no card, or it fails."""
        audio = self._open()
        with wave.open(item.path, "rb") as file:
            with _quiet():
                stream = audio.open(
                    format=audio.get_format_from_width(file.getsampwidth()),
                    channels=file.getnchannels(),
                    rate=file.getframerate(),
                    output=True,
                    output_device_index=self._device(),
                    frames_per_buffer=_BLOCK,
                )
            try:
                room = max(0, stream.get_write_available())
                silence = bytes(room * file.getnchannels() * file.getsampwidth())
                # The card starts with the first block, however much room for more there is.
                stream.write(file.readframes(_BLOCK))
                tell(Heard(item.id, "started", boot_ns()))
                while data := file.readframes(_BLOCK):
                    stream.write(data)
                # On ALSA PortAudio drops what still waits in its buffer when a stream is closed:
                # behind a buffer full of silence the last word is out.
                stream.write(silence)
                tell(Heard(item.id, "ended", boot_ns()))
            finally:
                stream.close()


def main() -> int:
    """Entry point of the child; ``argv[1]`` names the output device ("" is the default)."""
    memory.give_way(memory.HELPER)
    ctypes.CDLL(None).prctl(1, 15)  # SIGTERM when the supervisor dies
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def tell(heard: Heard) -> None:
        out.write(msgspec.json.encode(heard) + b"\n")

    card = Card(sys.argv[1] if len(sys.argv) > 1 else "")
    for line in sys.stdin.buffer:
        item = msgspec.json.decode(line, type=Play)
        try:
            card.play(item, tell)
        except (OSError, EOFError, wave.Error, ImportError) as error:
            tell(Heard(item.id, "failed", boot_ns(), str(error)))
            card.drop()
            time.sleep(0.01)
    return 0


if __name__ == "__main__":
    sys.exit(main())
