"""A run of sync, and a look at the deadlines, with thousands of stored recordings in the spool.

BENCH_RECORDINGS says how many (10000); a tenth of them stands beside it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from recorder.clock import SystemClock
from recorder.evidence import chain, lines
from recorder.sync import receipts, standing, worker
from recorder.sync.home import Home
from recorder.sync.progress import Quiet
from scripts.benches import room
from scripts.benches.segments import run
from tests.rigs.gateway import ROOT
from tests.unit.sync.spools import DEVICE, Place

RECORDINGS = int(os.environ.get("BENCH_RECORDINGS", "10000"))
UNSENT = 3
A_BOOT = 10


def filled(folder: Path, count: int) -> Place:
    """``count`` stored recordings with receipts and ledger, and UNSENT that are not stored."""
    place = Place(folder)
    model = place.recording(*[1000] * 5)
    worker.run_once(place.settings, Quiet(), clock=SystemClock())
    home = Home(place.sync)
    signer = home.signer()
    (line,) = receipts.load(home.receipts, model.name, place.key)
    for number in range(2, count + 1):
        name = f"{DEVICE}-{number:08d}-{number & 0xFFFF:04x}"
        shutil.copytree(model, place.spool / name, copy_function=os.link)
        receipt = msgspec.structs.replace(line.body, recording=name)
        written = chain.encode(line.header, receipt, signer)
        receipts.path_of(home.receipts, name).write_bytes(written.line + b"\n")
        _ledger(place, name, new_boot=number % A_BOOT == 0)
    place.ledger.sync()
    home.set_sent(line.body.store_id, place.ledger.n)
    place._number = count
    for _ in range(UNSENT):
        place.recording(*[100_000] * 5)
    return place


def _ledger(place: Place, name: str, *, new_boot: bool) -> None:
    if new_boot:
        place.ledger.close()
        place.ledger = chain.Log.create(
            place.spool / "ledger", "", place.signer, place.clock, n=place.ledger.n,
            prev=place.ledger.prev, number=place.ledger.n, plain_first=False,
        )  # fmt: skip
    place.ledger.append(
        lines.Opened(
            recording=name, device=DEVICE, officer="P-017", act="", obligation=None, previous=""
        )
    )
    place.ledger.append(
        lines.Sealed(
            recording=name, journal_lines=1, journal_sha256="0" * 64, tagmanifest_sha256="0" * 64,
            planned=True, statements_due=0, end_ns=1, card="",
        )
    )  # fmt: skip


def _look(place: Place) -> float:
    question = msgspec.json.encode(standing.question(place.settings))
    began = time.perf_counter()
    command = [sys.executable, "-m", "recorder.sync.standing"]
    subprocess.run(command, input=question, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    return time.perf_counter() - began


def main() -> None:
    """Seconds until the first byte left, from the process's own beginning, and of the whole run."""
    for count in (RECORDINGS // 10, RECORDINGS):
        with tempfile.TemporaryDirectory(dir=room()) as name:
            place = filled(Path(name) / "place", count)
            for words in ("no index yet", f"{UNSENT} unsent", "nothing unsent"):
                if words.startswith(str(UNSENT)):
                    for _ in range(UNSENT):
                        place.recording(*[100_000] * 5)
                looked_s = _look(place)
                found = run(place.settings, Path(name))
                first = f"first byte after {found.first_s:.2f} s, " if found.first_s else ""
                print(
                    f"{count:6} stored, {words}: {first}run {found.seconds:.2f} s, "
                    f"{found.peak_mb:.0f} MB; deadlines {looked_s:.2f} s",
                    flush=True,
                )
