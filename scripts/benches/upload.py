"""Segments into a bucket beside ``rclone copy`` and ``aws s3 cp``, each into a fresh gateway.

BENCH_MB says how much (2000), BENCH_ROUNDS how often (3), BENCH_RELEASE which gateway (strict or
lenient). Needs root or sudo.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from recorder.sync.stores.s3_wire import credentials
from scripts.benches import peers, room
from scripts.benches.segments import cold, filled, forget, run, size_mb, take_turns, told
from tests.rigs.gateway import Gateway, Release
from tests.unit.sync.spools import DEVICE, Place

RELEASE: Release = "lenient" if os.environ.get("BENCH_RELEASE") == "lenient" else "strict"
BUCKET = "evidence"


def _ours(place: Place, gateway: Gateway, *words: str) -> str:
    settings = gateway.settings(place.settings, BUCKET, gateway.folder / f"{DEVICE}.toml")
    return told(run(settings, place.sync.parent, *words))


def _theirs(place: Place, gateway: Gateway, peer: Callable[..., peers.Peer], *words: str) -> str:
    command, environment = peer(gateway.ca, gateway.endpoint, *credentials(gateway.admin_file))
    subprocess.run([*command, *words], env=environment, check=True)
    return ""


def _contenders(place: Place) -> dict[str, Callable[[Gateway], str]]:
    spool = str(place.spool)
    return {
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


def _timed(place: Place, contender: Callable[[Gateway], str]) -> tuple[float, str]:
    forget(place.sync)
    cold(place.spool)
    with (
        tempfile.TemporaryDirectory(dir=place.sync.parent) as folder,
        closing(Gateway(RELEASE, Path(folder))) as gateway,
    ):
        gateway.bucket(BUCKET, place.settings)
        gateway.device(DEVICE, BUCKET)
        began = time.perf_counter()
        more = contender(gateway)
        return time.perf_counter() - began, more


def main() -> None:
    """Median rates, ours with and without the read-back; all take turns in every round."""
    peers.install()
    with tempfile.TemporaryDirectory(dir=room()) as name:
        place = filled(Path(name) / "place")
        print(f"{RELEASE} gateway")
        take_turns(
            size_mb(place.spool),
            {name: partial(_timed, place, each) for name, each in _contenders(place).items()},
        )
