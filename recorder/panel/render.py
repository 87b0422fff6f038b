"""One sentence to one WAV file, then exit: `python -m recorder.panel.render`. Text on stdin.

pyttsx3 loses sentences and crashes when one process renders several, so each gets its own, which
can be killed. Debian 12's espeak-ng reads Hanzi as letters; espeakng-loader's newer library is
loaded before pyttsx3 looks for one. No text ever stands in an argument list.
"""

import argparse
import ctypes
import os
import sys
import time
import wave
from pathlib import Path

from recorder import memory

VOICES = {"zh": "sit/cmn", "en": "gmw/en"}
_MIN_S = 0.2
_WAIT_S = 3.0
_QUIET = 200


def load_espeak() -> None:
    """Put espeakng-loader's library and data where pyttsx3 will find them first: the loader knows
    a library by its SONAME, so pyttsx3's own search ends at this one."""
    import espeakng_loader

    os.environ["ESPEAK_DATA_PATH"] = str(espeakng_loader.get_data_path())
    ctypes.CDLL(str(espeakng_loader.get_library_path()), ctypes.RTLD_GLOBAL)


def render(text: str, out: Path, language: str, rate_wpm: int, volume: float) -> None:
    """Speak ``text`` into ``out`` (mono WAV), which appears whole or not at all."""
    load_espeak()
    import pyttsx3

    part = out.with_suffix(".part.wav")
    part.unlink(missing_ok=True)
    engine = pyttsx3.init("espeak")
    engine.setProperty("voice", VOICES[language])
    engine.setProperty("rate", rate_wpm)
    engine.setProperty("volume", volume)
    engine.save_to_file(text, str(part))
    engine.runAndWait()
    deadline = time.monotonic() + _WAIT_S
    while not _sounds(part):
        if time.monotonic() > deadline:
            raise RuntimeError("no sound came out")
        time.sleep(0.01)
    os.replace(part, out)


def _sounds(path: Path) -> bool:
    """A whole WAV file that is neither too short nor silent."""
    if not path.exists() or path.stat().st_size < 100:
        return False
    try:
        with wave.open(str(path), "rb") as file:
            frames, rate = file.getnframes(), file.getframerate()
            data = file.readframes(frames)
    except (wave.Error, EOFError):
        return False
    loud = max((abs(v) for v in memoryview(data).cast("h")), default=0)
    return frames / rate >= _MIN_S and len(data) == 2 * frames and loud > _QUIET


def main() -> int:
    """Entry point of the child."""
    memory.give_way(memory.HELPER)
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--language", choices=sorted(VOICES), required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--volume", type=float, required=True)
    options = parser.parse_args()
    text = sys.stdin.buffer.read().decode()
    render(text, options.out, options.language, options.rate, options.volume)
    return 0


if __name__ == "__main__":
    sys.exit(main())
