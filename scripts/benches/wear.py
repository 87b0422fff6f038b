"""What an hour of recording writes to the card: sectors that an ext4 of its own hands down, its
journal and metadata with them. The peer is FFmpeg writing the same picture and sound into one file,
without syncing. Needs root or sudo, for the loop device.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from scripts.benches import room
from scripts.benches.cost import material
from tests.rigs.daemon import DEMO, Daemon
from tests.rigs.disks import unmount
from tests.rigs.privileged import as_root

SECONDS = 60
SECTOR = 512
CARD_MB = 400


def main() -> None:
    """A minute of 1080p30 at 6 Mbit/s (a noisy film), without the ring's head and the seal."""
    with tempfile.TemporaryDirectory(dir=room()) as name:
        here = Path(name).resolve()
        _, _, film = material(here)
        card = _card(here)
        try:
            ready, recorder = _recorder(card, film)
            peer = _written(card, lambda: _peer(card, film))
            made = (card / "peer.mp4").stat().st_size
        finally:
            unmount(card)
    print(f"recorder, recording    {_gb_an_hour(recorder):6.2f} GB an hour, {recorder / made:.2f}")
    print(f"ffmpeg -c copy         {_gb_an_hour(peer):6.2f} GB an hour, {peer / made:.2f}")
    print(f"its file               {_gb_an_hour(made):6.2f} GB an hour, 1.00")
    print(f"recorder, ready        {_gb_an_hour(ready):6.2f} GB an hour")


def _gb_an_hour(size_bytes: int) -> float:
    return size_bytes * 3600 / SECONDS / 1e9


def _card(here: Path) -> Path:
    image, card = here / "card.img", here / "card"
    card.mkdir()
    with image.open("wb") as file:
        file.truncate(CARD_MB << 20)
    as_root("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
    as_root("mount", "-o", "loop,noatime", str(image), str(card))
    as_root("chown", f"{os.getuid()}:{os.getgid()}", str(card))
    return card


def _written(card: Path, work: Callable[[], object]) -> int:
    """Bytes that the device below took meanwhile."""
    device = card.stat().st_dev
    stat = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")

    def sectors() -> int:
        subprocess.run(["sync", "-f", str(card)], check=True)
        return int(stat.read_text().split()[6])

    before = sectors()
    work()
    return (sectors() - before) * SECTOR


def _recorder(card: Path, film: Path) -> tuple[int, int]:
    """A minute of readiness and one of recording."""
    camera = f'[camera]\nkind = "file"\nsource = "{film}"'
    settings = DEMO.replace('[camera]\nkind = "demo"', camera)
    for was, now in (
        ("width = 640", "width = 1920"), ("height = 360", "height = 1080"),
        ("bitrate_kbps = 1000", "bitrate_kbps = 6000"), ("segment_s = 5.0", "segment_s = 20.0"),
    ):  # fmt: skip
        settings = settings.replace(was, now)
    daemon = Daemon(card, settings)
    daemon.start()
    try:
        ready = _written(card, lambda: time.sleep(SECONDS))
        daemon.ask("start")
        daemon.when(lambda s: s["state"] == "recording", "recording", 60)
        recording = _written(card, lambda: time.sleep(SECONDS))
        daemon.end()
    finally:
        daemon.stop()
    return ready, recording


def _peer(card: Path, film: Path) -> None:
    subprocess.run(
        ["ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-t", str(SECONDS), "-i", str(film),
         "-c", "copy", "-movflags", "frag_keyframe", str(card / "peer.mp4")],
        check=True,
    )  # fmt: skip
