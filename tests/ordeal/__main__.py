"""``python -m tests.ordeal``: cuts, kills and forgotten syncs; prints what was lost and was wrong.

Needs root (or sudo), and for the voice a sound server (``scripts/ordeal`` sees to both).
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests import fuzz
from tests.ordeal import cuts, faults, kills, liar, mutations, start, store
from tests.rigs.daemon import ROOT
from tests.rigs.disks import CacheDisk, Disk, PosixDisk, SnapshotDisk
from tests.rigs.gateway import Gateway, Release

DISKS: dict[str, tuple[str, Callable[[Path], Disk], float]] = {
    "blocks": ("keeps every block that reached it", SnapshotDisk, 1.0),
    "cache": ("loses a random half of its cache", CacheDisk, 0.4),
    "posix": ("keeps what POSIX promises", PosixDisk, 0.2),
}
"""Name: what it does, how it is made, and its share of --cuts."""
MUTANT_CUTS = 4
FAULT_EVERY_S = 20.0
PEERS_SHARE = LIAR_SHARE = GATEWAY_SHARE = 0.1
ROUND = 60
"""Cuts of one device; then a new one, so that the judge need not read everything again."""


def main() -> int:
    """The exit status is 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="scripts/ordeal", description=__doc__)
    parser.add_argument("--cuts", type=int, default=500, help="on the first disk; others: less")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--store-kills", type=int, default=200, help="of sync; gateway: a tenth")
    parser.add_argument("--sealed", type=int, default=10_000, help="recordings in the spool")
    parser.add_argument("--faults-s", type=float, default=3600, help="a recording under faults")
    parser.add_argument("--fuzz-s", type=float, default=1800, help="for each parser")
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    parser.add_argument(
        "--only",
        choices=(
            *DISKS,
            "liar",
            "peers",
            "night",
            "kills",
            "faults",
            "mutants",
            "start",
            "store",
            "fuzz",
        ),
        help="one part alone",
    )
    options = parser.parse_args()
    seed = random.randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    wrong: list[str] = []
    for name, (what, make, share) in DISKS.items():
        if options.only in (None, name) and options.cuts:
            wrong += _cuts(f"power cuts, a disk that {what}", make, options.cuts * share, seed)
    if options.only in (None, "liar") and options.cuts:
        wrong += _liar(round(options.cuts * LIAR_SHARE), seed)
    if options.only in (None, "peers") and options.cuts:
        wrong += _cuts("power cuts, others beside it", SnapshotDisk, options.cuts * PEERS_SHARE,
                       seed, peers=True)  # fmt: skip
    if options.only in (None, "night") and options.cuts:
        wrong += _cuts(f"power cuts, a dark scene of {cuts.NIGHT_KBPS} kbit/s", SnapshotDisk,
                       options.cuts * PEERS_SHARE, seed, night=True)  # fmt: skip
    if options.only in (None, "kills") and options.kills:
        wrong += _kills(options.kills, seed)
    if options.only in (None, "faults") and options.faults_s:
        wrong += _faults(options.faults_s, seed)
    if options.only in (None, "start"):
        wrong += _start(options.sealed)
    if options.only in (None, "store") and options.store_kills:
        wrong += _store("lenient", options.store_kills, seed)
        wrong += _store("strict", options.store_kills, seed)
    if options.only in (None, "mutants"):
        wrong += _mutants(seed)
    if options.only in (None, "fuzz") and options.fuzz_s:
        print(f"\n== fuzzing, {options.fuzz_s:.0f} s a parser", flush=True)
        wrong += fuzz.run(options.fuzz_s, _tell)
    print("\n".join(["", f"{len(wrong)} broken promises", *wrong]), flush=True)
    return 1 if wrong else 0


def _tell(text: str) -> None:
    print(f"  {text}", flush=True)


def _folder() -> tempfile.TemporaryDirectory[str]:
    (ROOT / "var" / "ordeal").mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=ROOT / "var" / "ordeal", ignore_cleanup_errors=True)


def _cut(
    make: Callable[[Path], Disk], count: int, seed: int, forgotten: str = "", *,
    peers: bool = False, night: bool = False,
) -> cuts.Result:  # fmt: skip
    tell: Callable[[str], None] = (lambda _: None) if forgotten else _tell
    with _folder() as name:
        here = Path(name)
        source = mutations.mutant(forgotten, here) if forgotten else ROOT
        disk = make(here / "rig")
        try:
            (here / "device").mkdir()
            settings = cuts.night(here) if night else cuts.SETTINGS
            return cuts.run(
                disk, here / "device", count, seed, tell,
                settings=settings, source=source, with_peers=peers,
            )  # fmt: skip
        finally:
            disk.close()


def _cuts(
    title: str, make: Callable[[Path], Disk], count: float, seed: int, *,
    peers: bool = False, night: bool = False,
) -> list[str]:  # fmt: skip
    print(f"\n== {title}", flush=True)
    began = time.monotonic()
    result, total = cuts.Result(), max(1, round(count))
    while result.cuts < total and not result.wrong:
        left = min(ROUND, total - result.cuts)
        result.add(_cut(make, left, seed + result.cuts, peers=peers, night=night))
    phases = ", ".join(f"{n} in {phase}" for phase, n in result.phases.most_common())
    aims = ", ".join(f"{n} at {aim}" for aim, n in result.aims.most_common())
    print(f"{result.cuts} cuts ({phases}; aimed: {aims}) in {time.monotonic() - began:.0f} s")
    print(f"footage lost: {result.lost()}; {result.in_gap} cuts met an interruption")
    print(f"{result.early} fell between the ledger's line of a press and the first footage on the "
          "card, and verify says so")  # fmt: skip
    for line in result.peers:
        print(f"  beside it, {line}")
    print(f"start to ready: worst {max(result.ready_s, default=0):.1f} s")
    print(f"broken promises: {len(result.wrong)}", flush=True)
    return result.wrong


def _kills(count: int, seed: int) -> list[str]:
    print("\n== SIGKILL", flush=True)
    with _folder() as here:
        result = kills.run(Path(here), count, seed, _tell)
    victims = ", ".join(f"{n} of {victim}" for victim, n in result.kills.most_common())
    print(f"{result.kills.total()} kills ({victims}), {result.recordings} recordings")
    print(f"footage again: {result.again()}")
    print(f"{result.early} of {result.at_press} kills at a press came before its first footage was "
          "on the card, and verify says so")  # fmt: skip
    print(f"broken promises: {len(result.wrong)}", flush=True)
    return result.wrong


def _liar(count: int, seed: int) -> list[str]:
    print("\n== power cuts, a drive that lies about flushing", flush=True)
    with _folder() as here:
        result = liar.run(Path(here), max(1, count), seed, _tell)
    print(f"{result.cuts} cuts: {result.unreadable} left no file system, {result.lost} lost what "
          f"was acknowledged ({result.told} recordings told by verify)")  # fmt: skip
    print(f"silent losses: {len(result.wrong)}", flush=True)
    return result.wrong


def _faults(seconds: float, seed: int) -> list[str]:
    print(f"\n== a recording of {seconds:.0f} s, a fault every {FAULT_EVERY_S:.0f} s", flush=True)
    with _folder() as here:
        result = faults.run(Path(here), seconds, FAULT_EVERY_S, seed, _tell)
    print("\n".join(result.table()))
    if result.report is not None:
        print(f"verdict: {result.report.verdict.value}; {result.covered()}")
    print(f"supervisor's memory: {result.memory()}")
    print(f"broken promises: {len(result.wrong)}", flush=True)
    return result.wrong


def _start(sealed: int) -> list[str]:
    print(f"\n== start with {sealed} sealed recordings and an open one of an hour", flush=True)
    with _folder() as here:
        result = start.run(Path(here), sealed, 3600, _tell)
    first, second = result.ready_s
    print(f"ready after {first:.2f} s (recovered, sealed: {result.verdict.value}), "
          f"the next start {second:.2f} s", flush=True)  # fmt: skip
    return []


def _store(release: Release, count: int, seed: int) -> list[str]:
    print(f"\n== sync and a {release} gateway cut", flush=True)
    a_tenth = max(1, round(count * GATEWAY_SHARE))
    wanted = dict(zip(store.CUTS, (count, a_tenth, a_tenth), strict=True))
    with _folder() as name, closing(Gateway(release, Path(name))) as gateway:
        result = store.run(gateway, "evidence", Path(name), wanted, seed, _tell)
    cut = ", ".join(f"{kind} {n} times" for kind, n in result.cuts.items())
    print(f"{cut}; {result.bags} bags of {result.bag_bytes / 1e6:.1f} MB in {result.runs} runs")
    print(f"sent beyond that, requests included: {result.twice_bytes / 1e6:.1f} MB; "
          f"kept twice by the store: {result.versions} files")  # fmt: skip
    print(f"broken promises: {len(result.wrong)}", flush=True)
    return result.wrong


def _mutants(seed: int) -> list[str]:
    """A recorder that forgets a sync must not pass."""
    print("\n== recorders that forget a sync, on the disk that keeps what POSIX promises")
    wrong = []
    for name in mutations.FORGOTTEN:
        result = _cut(PosixDisk, MUTANT_CUTS, seed, name)
        print(f"without the sync of the {name}: {len(result.wrong)} broken promises in "
              f"{result.cuts} cuts", flush=True)  # fmt: skip
        if not result.wrong:
            wrong.append(f"the ordeal lets a recorder pass that forgets the sync of the {name}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
