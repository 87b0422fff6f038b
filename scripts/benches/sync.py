"""Flash and beep of the demo parts in the decoded recording: at its start and after ten minutes."""

import os
import tempfile
import time
from pathlib import Path

import av
import numpy as np

from recorder.evidence.age import decrypt
from scripts.benches import room
from tests.rigs.daemon import DEMO, Daemon

MINUTES = float(os.environ.get("BENCH_MINUTES", "10"))


def offsets_ms(path: Path) -> list[float]:
    """For every flash: the nearest beep's distance."""
    flashes = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.to_ndarray(format="gray").mean() > 200:
                flashes.append(frame.time)
    beeps = []
    loud_until = -1.0
    with av.open(str(path)) as container:
        for sound in container.decode(audio=0):
            samples = np.abs(sound.to_ndarray()[0])
            for index in np.flatnonzero(samples > 0.1):
                at = (sound.time or 0.0) + float(index) / 48_000
                if at > loud_until + 0.2:
                    beeps.append(at)
                loud_until = at
    return [min((beep - flash for beep in beeps), key=abs) * 1000 for flash in flashes]


def main() -> None:
    """One recording of ten minutes (BENCH_MINUTES changes that)."""
    with tempfile.TemporaryDirectory(dir=room()) as name:
        here = Path(name).resolve()
        daemon = Daemon(here, DEMO.replace("segment_s = 5.0", "segment_s = 20.0"))
        daemon.start()
        try:
            daemon.ask("start")
            time.sleep(MINUTES * 60)
            bag = daemon.end()
        finally:
            daemon.stop()
        segments = sorted((bag / "data" / "segments").iterdir())
        for words, segment in (("start", segments[0]), ("end", segments[-2])):
            path = here / "segment.mp4"
            with segment.open("rb") as file:
                path.write_bytes(b"".join(decrypt(file.read, daemon.identities())))
            found = offsets_ms(path)
            worst = max(found, key=abs)
            print(f"{words:6} ({segment.name}): worst of {len(found)} flashes {worst:+.2f} ms")
