"""Segments into a bucket beside ``rclone copy`` and ``aws s3 cp``, each into a fresh gateway.

BENCH_MB says how much (2000), BENCH_RELEASE which gateway (strict or lenient). Needs root or sudo.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from recorder.config import Settings
from recorder.sync.stores.s3_wire import credentials
from scripts.benches import peers, room
from scripts.benches.sync_child import Run
from tests.rigs.gateway import ROOT, Gateway, Release
from tests.unit.sync.spools import DEVICE, Place

MB = int(os.environ.get("BENCH_MB", "2000"))
RELEASE: Release = "lenient" if os.environ.get("BENCH_RELEASE") == "lenient" else "strict"
SEGMENT_MB = 15
"""20 s at 6 Mbit/s."""
SEGMENTS = 20
BUCKET = "evidence"


def filled(folder: Path) -> Place:
    """A spool with MB of segments in recordings of SEGMENTS."""
    place = Place(folder)
    left = max(1, MB // SEGMENT_MB)
    while left:
        count = min(left, SEGMENTS)
        place.recording(*[SEGMENT_MB * 1_000_000] * count)
        left -= count
    return place


def run(settings: Settings, folder: Path, *words: str) -> Run:
    """One run of sync as a process of its own."""
    path = folder / "settings.json"
    path.write_bytes(msgspec.json.encode(settings))
    command = [sys.executable, "-m", "scripts.benches.sync_child", str(path), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    return msgspec.json.decode(done.stdout, type=Run)


def forget(folder: Path) -> None:
    """Sync's own folder without what it knows to be stored."""
    for path in (*(folder / "receipts").glob("*"), folder / "index", folder / "ledger.json"):
        path.unlink(missing_ok=True)


def _ours(place: Place, gateway: Gateway, *words: str) -> str:
    settings = gateway.settings(place.settings, BUCKET, gateway.folder / f"{DEVICE}.toml")
    found = run(settings, place.sync.parent, *words)
    return f"{found.cpu_s:.1f} s of CPU, {found.peak_mb:.0f} MB of memory at most"


def _theirs(
    place: Place, gateway: Gateway, peer: Callable[..., peers.Peer],
    *words: str,
) -> str:  # fmt: skip
    command, environment = peer(gateway.ca, gateway.endpoint, *credentials(gateway.admin_file))
    subprocess.run([*command, *words], env=environment, check=True)
    return ""


def main() -> None:
    """Rates, ours with and without the read-back."""
    peers.install()
    with tempfile.TemporaryDirectory(dir=room()) as name:
        place = filled(Path(name) / "place")
        spool = str(place.spool)
        size = sum(path.stat().st_size for path in place.spool.rglob("*") if path.is_file())
        contenders: dict[str, Callable[[Gateway], str]] = {
            "sync, not read back": lambda gateway: _ours(place, gateway, "unread"),
            "rclone copy --checksum": lambda gateway: _theirs(
                place, gateway, peers.rclone, "copy", "--checksum", spool, f"store:{BUCKET}/x"
            ),
            "aws s3 cp, SHA256": lambda gateway: _theirs(
                place, gateway, peers.aws, "s3", "cp", "--recursive", "--only-show-errors",
                "--checksum-algorithm", "SHA256", spool, f"s3://{BUCKET}/x",
            ),
            "sync, every byte read back": lambda gateway: _ours(place, gateway),
        }  # fmt: skip
        for words, contender in contenders.items():
            folder = Path(tempfile.mkdtemp(dir=name))
            forget(place.sync)
            with closing(Gateway(RELEASE, folder)) as gateway:
                gateway.bucket(BUCKET, place.settings)
                gateway.device(DEVICE, BUCKET)
                began = time.perf_counter()
                more = contender(gateway)
                seconds = time.perf_counter() - began
            print(f"{words:27} {size / 1e6 / seconds:6.1f} MB/s  {more}", flush=True)
