"""Decodes what was just recorded and listens for the device's own voice in it:
`python -m recorder.selftest.media`, a child of the daemon.

Picture and sound come in by standard input and are never on a disk; only figures go out.
"""

import io
import math
import sys
import wave
from pathlib import Path
from typing import BinaryIO

import av
import msgspec
import numpy as np

from recorder import memory
from recorder.selftest import hearing
from recorder.selftest.report import Heard, Media, Played

SILENCE_DBFS = -120.0
_WITHIN_S = (-0.2, 1.0)


def _dbfs(sound: hearing.Sound) -> float:
    rms = float(np.sqrt((sound.astype(np.float64) ** 2).mean())) if len(sound) else 0.0
    return round(max(SILENCE_DBFS, 20 * math.log10(rms)), 1) if rms else SILENCE_DBFS


def judge(played: Played, stream: BinaryIO) -> Media:
    """Decode all of it, and look for the sentence where it was played."""
    frames: list[tuple[float, int, int]] = []
    sound: list[hearing.Sound] = []
    first_s: float | None = None
    problem = ""
    try:
        with av.open(stream, mode="r") as container:
            for frame in container.decode(*container.streams):
                if isinstance(frame, av.VideoFrame):
                    frames.append((float(frame.time or 0), frame.width, frame.height))
                elif isinstance(frame, av.AudioFrame):
                    first_s = frame.time if first_s is None else first_s
                    sound.append(frame.to_ndarray()[0])
    except (av.FFmpegError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"[:200]
    samples = np.concatenate(sound) if sound else np.zeros(0)
    times = sorted(at_s for at_s, _, _ in frames)
    return Media(
        frames=len(frames), width=frames[0][1] if frames else 0,
        height=frames[0][2] if frames else 0,
        video_s=round(times[-1] - times[0], 3) if times else 0.0,
        samples=len(samples), level_dbfs=_dbfs(samples) if sound else None,
        heard=_heard(played, samples, first_s), problem=problem,
    )  # fmt: skip


def _heard(played: Played, sound: hearing.Sound, first_s: float | None) -> Heard | None:
    if not played.clip or first_s is None:
        return None
    try:
        spoken = hearing.clip(Path(played.clip))
    except (OSError, EOFError, wave.Error):
        return None  # it was not played either, and the voice has said why
    at_first_s = played.from_s - first_s
    at_s, score = hearing.heard_at(sound, spoken, at_first_s, _WITHIN_S)
    begin = round(at_s * hearing.RATE)
    level = _dbfs(sound[begin : begin + len(spoken)])
    return Heard(round(score, 2), round((at_s - at_first_s) * 1000), level)


def main() -> int:
    """A line of JSON (what was played), then the media."""
    memory.give_way(memory.HELPER)
    played = msgspec.json.decode(sys.stdin.buffer.readline(), type=Played)
    media = judge(played, io.BytesIO(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(msgspec.json.encode(media))
    return 0


if __name__ == "__main__":
    sys.exit(main())
