"""A daemon that records, sync that sends what is closed, and both destroyed in the act."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from recorder.evidence import keys, lines, register as registers
from recorder.evidence.verification_report import FolderReport, Verdict
from tests.rigs.daemon import DEMO, Daemon
from tests.unit.evidence.judge import verify_folder
from tests.unit.sync.field import codes

LIVE = "live = true\n" + DEMO


@contextmanager
def syncing(daemon: Daemon) -> Iterator["subprocess.Popen[bytes]"]:
    """`recorder sync --watch`, as the service runs it."""
    with (daemon.here / "sync.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "recorder", "--config", str(daemon.config), "sync", "--watch"],
            stdout=log, stderr=log, cwd=daemon.source, env=os.environ | daemon.environment,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait(true: Callable[[], bool], what: str, limit_s: float = 40.0) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def judge(daemon: Daemon) -> FolderReport:
    township = keys.load_public(daemon.here / "township" / "township.pem")
    register = registers.load(daemon.here / "township" / "register.json", township)
    return verify_folder(
        daemon.here / "store" / "rig-01", register=register, identities=daemon.identities()
    )


def test_destroyed_in_the_act_it_leaves_proof_and_found_again_the_whole_bag(
    tmp_path: Path,
) -> None:
    daemon = Daemon(tmp_path, LIVE)
    daemon.provision_sync()
    store = daemon.here / "store" / "rig-01"

    def pieces() -> int:
        return len(list((store / "live").glob("*/*.jsonl")))

    daemon.start()
    try:
        with syncing(daemon) as sync:
            daemon.ask("start")
            wait(lambda: pieces() >= 2, "a closed segment in the store")
            sync.send_signal(signal.SIGSTOP)  # a store that hangs holds up nothing
            daemon.wait_line(
                lambda body: isinstance(body, lines.SegmentEnd) and body.segment == 2,
                "segment 2",
                limit_s=40,
            )
            assert pieces() == 2
            sync.send_signal(signal.SIGCONT)
            wait(lambda: any(store.glob("rig-*/data/segments/0002.mp4.age")), "the next one")
            sync.kill()
        daemon.kill()
        report = judge(daemon)
        assert report.verdict is Verdict.INCOMPLETE
        # A clock that nobody set is a note, and so is a demo's camera.
        assert codes(report) - {"undated", "demo"} == {"no-seal", "proven-to"}
        facts = report.recordings[0].facts
        assert facts is not None and facts.segments >= 2 and facts.fragments >= 9
        with syncing(daemon):
            daemon.start(wait=False)  # its card was found, and it goes on by itself
            daemon.until("recording", "opening", "explaining")
            bag = daemon.end()
            wait(lambda: (daemon.here / f"sync/receipts/{bag.name}.jsonl").exists(), "a receipt")
        report = judge(daemon)
        assert report.verdict is Verdict.INTERRUPTIONS, codes(report)
        assert "supervisor_died" in {gap.cause for gap in report.recordings[0].interruptions}
    finally:
        daemon.stop()
