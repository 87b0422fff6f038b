"""A day's recordings of one device into a bucket that holds ever more of a thousand others'.

BENCH_OBJECTS says how many at last (100000). Beside it ``rclone copy`` of the same bags. Needs
root or sudo.
"""

import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from recorder.sync.stores.s3 import S3Store
from recorder.sync.stores.s3_wire import credentials, options, session
from scripts.benches import peers, room
from scripts.benches.segments import run
from tests.real.sync_run import Synced
from tests.rigs.gateway import Gateway
from tests.unit.sync.spools import DEVICE, Place

OBJECTS = int(os.environ.get("BENCH_OBJECTS", "100000"))
STEPS = [step for step in (0, 1000, 10_000) if step < OBJECTS] + [OBJECTS]
DEVICES = 1000
A_DAY = 20
BUCKET = "evidence"
FILES = (
    "bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt",
    "tagmanifest-sha256.txt.sig", "data/journal.jsonl", "data/segments/0001.mp4.age",
    "data/segments/0002.mp4.age",
)  # fmt: skip


def keys() -> Iterator[str]:
    """What a county's devices have in a store, bag after bag, device after device."""
    number = 0
    while True:
        for device in range(DEVICES):
            name = f"cam-{device:04d}"
            for each in range(number, number + A_DAY):
                recording = f"{name}-{each:08d}-{each & 0xFFFF:04x}"
                yield from (f"{name}/{recording}/{file}" for file in FILES)
                yield f"{name}/days/2026-11-{1 + number // A_DAY % 30:02d}/{recording}"
                yield from (f"{name}/ledger/{2 * each + line:012d}" for line in (0, 1))
        number += A_DAY


def _put(endpoint: str, ca: str, secrets: tuple[str, str], names: list[str]) -> None:
    client: Any = session().create_client(
        "s3", region_name="default", endpoint_url=endpoint, verify=ca,
        aws_access_key_id=secrets[0], aws_secret_access_key=secrets[1], config=options(60),
    )  # fmt: skip
    for name in names:
        client.put_object(Bucket=BUCKET, Key=name, Body=hashlib.sha256(name.encode()).digest())


def _fill(gateway: Gateway, names: Iterator[str], count: int) -> None:
    secrets = credentials(gateway.admin_file)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        jobs = [
            pool.submit(_put, gateway.endpoint, str(gateway.ca), secrets, list(islice(names, size)))
            for size in [500] * (count // 500) + [count % 500]
        ]
        for job in jobs:
            job.result()


def _found_s(place: Place) -> float:
    """Median time to find a day's recordings of one device."""
    store = S3Store(place.settings, Synced())
    times = []
    for _ in range(11):
        began = time.perf_counter()
        assert len(store.list(f"{DEVICE}/days", A_DAY)) == A_DAY
        times.append(time.perf_counter() - began)
    store.close()
    return sorted(times)[5]


def _rclone_s(gateway: Gateway, place: Place, bags: list[Path], target: str) -> float:
    command, environment = peers.rclone(
        gateway.ca, gateway.endpoint, *credentials(gateway.admin_file)
    )
    include = [word for bag in bags for word in ("--include", f"{bag.name}/**")]
    words = ["copy", "--checksum", *include, str(place.spool), f"store:{BUCKET}/{target}"]
    began = time.perf_counter()
    subprocess.run([*command, *words], env=environment, check=True)
    return time.perf_counter() - began


def main() -> None:
    """At each number of objects: a day of one device, and finding it again."""
    peers.install()
    with tempfile.TemporaryDirectory(dir=room()) as name:
        place, names, have = Place(Path(name) / "place"), keys(), 0
        with closing(Gateway("strict", Path(name))) as gateway:
            gateway.bucket(BUCKET, place.settings)
            place.settings = gateway.settings(
                place.settings, BUCKET, gateway.device(DEVICE, BUCKET)
            )
            for step in STEPS:
                _fill(gateway, names, step - have)
                have = step
                bags = [place.recording(1000, 1000) for _ in range(A_DAY)]
                found = run(place.settings, Path(name))
                theirs_s = _rclone_s(gateway, place, bags, f"rclone/{step}")
                print(
                    f"{step:7} objects: {A_DAY} recordings stored in {found.seconds:.2f} s (first "
                    f"byte after {found.first_s:.2f} s), rclone copy {theirs_s:.2f} s; a day "
                    f"found in {_found_s(place) * 1000:.1f} ms",
                    flush=True,
                )
