"""Sync killed, its gateway killed and frozen, with bags on their way: is each whole, and once?"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from recorder.sync import receipts
from tests.rigs.gateway import ROOT, Gateway
from tests.unit.sync.spools import DEVICE, Place, tree

SIGNATURE = "tagmanifest-sha256.txt.sig"
SEGMENT_BYTES = 1_000_000
SEGMENTS = 5
CUTS = ("sync killed", "gateway killed", "gateway frozen")
_WITHIN_S = 0.4
"""About a bag's time; a cut falls anywhere in it."""
_TIMEOUT_S = 1.0
_LIMIT_S = 60
_TALK_BYTES = 400_000
"""What a run may send beside files: requests, handshakes, receipts, names of days, the ledger."""


class Result(msgspec.Struct):
    """All cuts of one run. ``sent_bytes``: by all runs of sync, requests and all, for bags of
    ``bag_bytes``; ``versions``: files that a store without create-only has twice."""

    cuts: Counter[str] = msgspec.field(default_factory=Counter)
    bags: int = 0
    bag_bytes: int = 0
    runs: int = 0
    sent_bytes: int = 0
    versions: int = 0
    wrong: list[str] = msgspec.field(default_factory=list)

    @property
    def twice_bytes(self) -> int:
        """Sent beyond what the bags are."""
        return max(0, self.sent_bytes - self.bag_bytes)


class _Store:
    """The bucket by the administrator's eyes, and the spool that goes there."""

    def __init__(self, gateway: Gateway, bucket: str, here: Path) -> None:
        self.gateway, self.bucket = gateway, bucket
        self.place = Place(here / "place")
        self.bags: list[Path] = []
        gateway.bucket(bucket, self.place.settings)
        settings = gateway.settings(
            self.place.settings, bucket, gateway.device(DEVICE, bucket), timeout_s=_TIMEOUT_S
        )
        self._settings = here / "settings.json"
        self._settings.write_bytes(msgspec.json.encode(settings))
        self.admin = gateway.client(gateway.admin_file)

    def sync(self) -> "subprocess.Popen[bytes]":
        """A run that has begun."""
        command = [sys.executable, "-m", "tests.real.sync_run", str(self._settings)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
        )
        assert process.stdout is not None
        process.stdout.readline()  # imports are done
        return process

    def unsent(self) -> list[Path]:
        """Bags without a receipt."""
        folder, key = self.place.sync / "receipts", self.place.key
        return [bag for bag in self.bags if not receipts.is_stored(folder, bag.name, key)]

    def versions(self, bag: Path) -> Counter[str]:
        """How often the store has each of its files."""
        found: Counter[str] = Counter()
        prefix = f"{DEVICE}/{bag.name}/"
        pages = self.admin.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
            found.update(each["Key"].removeprefix(prefix) for each in page.get("Versions", ()))
            found.update(f"deleted: {each['Key']}" for each in page.get("DeleteMarkers", ()))
        return found

    def digest(self, bag: Path, name: str) -> str:
        """Of a stored file."""
        key = f"{DEVICE}/{bag.name}/{name}"
        body: Any = self.admin.get_object(Bucket=self.bucket, Key=key)["Body"]
        return hashlib.sha256(body.read()).hexdigest()


def run(
    gateway: Gateway, bucket: str, here: Path, cuts: dict[str, int], seed: int,
    tell: Callable[[str], None],
) -> Result:  # fmt: skip
    """So many cuts of each kind in CUTS, in any order; then sync ends its work and all is judged.

    ``gateway`` is up afterwards.
    """
    dice, result = random.Random(seed), Result()
    store = _Store(gateway, bucket, here)
    order = [kind for kind in CUTS for _ in range(cuts.get(kind, 0))]
    dice.shuffle(order)
    while order and not result.wrong:
        while len(store.unsent()) < 2:
            store.bags.append(store.place.recording(*[SEGMENT_BYTES] * SEGMENTS))
        if _cut(store, order[-1], dice, result):
            tell(f"cut {result.cuts.total()}: {order.pop()}, {len(store.bags)} bags")
        _half(store, result)
    _finish(store, result)
    return result


def _cut(store: _Store, kind: str, dice: random.Random, result: Result) -> bool:
    """False where sync was faster: then it was none."""
    process = store.sync()
    time.sleep(dice.uniform(0, _WITHIN_S))
    running = not _over(process)
    if kind == "sync killed":
        os.kill(process.pid, signal.SIGSTOP)  # so that what it sent can be read
        _count(process, result)
        process.kill()
        process.communicate()
    else:
        break_it, mend_it = {
            "gateway killed": (store.gateway.kill, store.gateway.start),
            "gateway frozen": (store.gateway.freeze, store.gateway.thaw),
        }[kind]
        break_it()
        try:
            _ended(process, result)
        finally:
            mend_it()
        running = running and process.returncode != 0
    result.cuts[kind] += running
    return running


def _ended(process: "subprocess.Popen[bytes]", result: Result) -> None:
    """Wait for its own end, and read what it sent before it is gone."""
    limit = time.monotonic() + _LIMIT_S
    while not _over(process) and time.monotonic() < limit:
        time.sleep(0.01)
    _count(process, result)
    process.kill()
    process.communicate()
    if process.returncode not in (0, 2):
        result.wrong.append(f"sync ended with {process.returncode} where its store was gone")


def _over(process: "subprocess.Popen[bytes]") -> bool:
    """It has ended, and its counters are still there."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _count(process: "subprocess.Popen[bytes]", result: Result) -> None:
    """Every byte that it wrote, nearly all of them into its connections."""
    result.runs += 1
    for line in Path(f"/proc/{process.pid}/io").read_text().splitlines():
        if line.startswith("wchar:"):
            result.sent_bytes += int(line.split()[1])


def _half(store: _Store, result: Result) -> None:
    """No bag may look whole that is not."""
    for bag in store.unsent():
        there = store.versions(bag)
        missing = set(tree(bag)) - set(there)
        if SIGNATURE in there and missing:
            result.wrong.append(f"{bag.name} looks whole without {', '.join(sorted(missing))}")


def _finish(store: _Store, result: Result) -> None:
    last = store.sync()
    _ended(last, result)
    if last.returncode != 0:
        result.wrong.append(f"after the cuts sync ended with {last.returncode}")
    for bag in store.unsent():
        result.wrong.append(f"{bag.name} has no receipt")
    for bag in store.bags:
        files, there = tree(bag), store.versions(bag)
        result.bag_bytes += sum((bag / name).stat().st_size for name in files)
        result.versions += there.total() - len(there)
        if set(there) != set(files):
            result.wrong.append(f"{bag.name}: {set(there) ^ set(files)}")
        elif {name: store.digest(bag, name) for name in files} != files:
            result.wrong.append(f"{bag.name} is not what was sealed")
    result.bags = len(store.bags)
    most = result.cuts.total() * SEGMENT_BYTES + result.runs * _TALK_BYTES
    if result.twice_bytes > most:
        result.wrong.append(f"{result.twice_bytes} bytes twice, more than a file a cut")
