"""SIGKILL at every change on disk: of opening, recording, sealing, recovery and receipts.

The device's own evidence path and sync's, in a child that dies at step 1, 2, 3 … until it lives to
the end; a few such steps on the whole daemon, too.
"""

import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import msgspec
import pytest

from recorder import config, heading
from recorder.archive import Archive, Ready
from recorder.clock import NS, ManualClock
from recorder.disk import Disk
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.evidence.verification_report import Level, Verdict
from recorder.ring import Piece, Stream
from recorder.session import catalogue
from recorder.sync import receipts, worker
from tests.ordeal.reboot import FINE, register_of
from tests.real.test_sync_kill import SIGNATURE, expected, recordings
from tests.rigs.at_once import Now
from tests.rigs.daemon import Daemon, journal_of
from tests.rigs.killed_at import fork_and_kill
from tests.unit.evidence import bags
from tests.unit.evidence.judge import verify_folder
from tests.unit.sync.spools import Place

REBOOTED = "00000000-0000-4000-8000-000000000002"


class Device:
    """A provisioned device whose spool is a new one for every life."""

    def __init__(self, here: Path) -> None:
        self.rig = Daemon(here)
        loaded = config.load(self.rig.config)
        recording = msgspec.structs.replace(loaded.recording, segment_s=2.0)
        self.settings = msgspec.structs.replace(loaded, recording=recording)
        self.catalogue = catalogue.load(Path(self.settings.paths.catalogue))
        made = bags.media(4, sound=False, noise=False)
        stream = Stream(made.init, made.data)
        self.pieces = [Piece(stream, fragment, data) for fragment, data in made.fragments]

    def archive(self, spool: Path, boot_id: str | None = None) -> tuple[Archive, list[Ready]]:
        """Started: recovery is done."""
        paths = msgspec.structs.replace(self.settings.paths, spool=str(spool))
        settings = msgspec.structs.replace(self.settings, paths=paths)
        boot = ManualClock(104 * NS).boot_id if boot_id is None else boot_id
        boot_ns = 104 * NS if boot_id is None else 20 * NS
        clock = ManualClock(boot_ns, utc="2030-11-23T01:30:00.000Z", boot_id=boot)
        archive = Archive(settings, clock, cast(Disk, Now()))
        ready: list[Ready] = []
        archive.start(ready.append)
        return archive, ready

    def life(self, spool: Path) -> None:
        """Start, open, record over a change of segments, seal, stop."""
        archive, _ = self.archive(spool)

        def opened(name: str) -> tuple[lines.Opened, lines.Open]:
            return heading.head(self.settings, self.catalogue, name, None, None)

        press = lines.Press(at_ns=102 * NS, source="button")
        archive.begin(opened, {"place": "东街"}, press, lambda name: None)
        for piece in self.pieces:
            archive.fragment(piece, live=True)
        said = lines.Spoken(phrase="officer", outcome="spoken", from_ns=1, to_ns=2, text=None)
        archive.journal(said, {"text": "王建国"})
        self.end(archive)

    def end(self, archive: Archive) -> None:
        """An end by the officer, sealed."""
        end = lines.End(end_ns=104 * NS, source="button", planned=True, spoken=True)
        archive.journal(end)
        archive.seal(end, lambda sealed: None)
        archive.close()

    def again(self, spool: Path, boot_id: str | None) -> None:
        """The next start: what is open goes on and is ended, or is sealed."""
        archive, ready = self.archive(spool, boot_id)
        resumed = ready[0].resumed
        if resumed is None:
            archive.close()
            return
        from_ns = max(
            (b.end_ns for b in resumed.journal if isinstance(b, lines.Fragment)), default=102 * NS
        )
        archive.journal(
            lines.Interruption(
                interruption=1, from_ns=from_ns, cause="supervisor_died", detail=""
            )
        )  # fmt: skip
        self.end(archive)

    def judge(self, spool: Path, step: str, durable: int) -> None:
        """Nothing wrong, and nothing that was durable before is gone. Before the first fragment a
        recording may have come to nothing; that it was opened is on record."""
        report = verify_folder(
            spool, register=register_of(self.rig), identities=self.rig.identities()
        )
        nothing = () if durable else ("no-fragment", "quarantined", "unbegun")
        found = (*report.findings, *(f for each in report.recordings for f in each.findings))
        wrong = [f for f in found if f.level not in (Level.NOTE, Level.DEGRADED)
                 and f.code not in nothing]  # fmt: skip
        assert not wrong, (step, wrong)
        for each in report.recordings:
            assert each.verdict in FINE or not durable, (step, each)
            assert each.facts is not None and each.facts.sealed
        assert fragments(spool) >= durable, step


def fragments(spool: Path) -> int:
    """Journalled ones, of every recording there."""
    return sum(
        isinstance(line.body, lines.Fragment)
        for bag in spool.glob("rig-01-*") for line in journal_of(bag, torn=True)
    )  # fmt: skip


@pytest.fixture
def here() -> Iterator[Path]:
    """In memory: a kill loses nothing that was written, and syncs of a real disk take minutes."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Device:
    return Device(tmp_path_factory.mktemp("device"))


def test_killed_at_every_step_from_the_press_to_the_seal_nothing_durable_is_lost(
    device: Device, here: Path
) -> None:
    step = 0
    done: int | None = None
    while done is None:
        step += 1
        spool = here / f"{step}" / "spool"
        done = fork_and_kill(lambda spool=spool: device.life(spool), step, "/spool/")  # type: ignore[misc]
        durable = fragments(spool) if spool.exists() else 0
        device.again(spool, REBOOTED if step % 2 else None)
        device.judge(spool, f"step {step}", durable)
    print(f"{step - 1} steps")
    assert step > 60


@pytest.mark.parametrize(
    ("boot_id", "share"), [(None, 0.5), (REBOOTED, 0.95)], ids=["crash", "reboot"]
)
def test_recovery_killed_at_every_step_is_done_by_the_next_one(
    device: Device, here: Path, boot_id: str | None, share: float
) -> None:
    total = fork_and_kill(lambda: device.life(here / "whole" / "spool"), 0, "/spool/")
    assert total is not None
    at, step, done = round(total * share), 0, None
    while done is None:
        step += 1
        spool = here / f"{step}" / "spool"
        assert fork_and_kill(lambda s=spool: device.life(s), at, "/spool/") is None  # type: ignore[misc]
        durable = fragments(spool)
        done = fork_and_kill(lambda s=spool: device.again(s, boot_id), step, "/spool/")  # type: ignore[misc]
        device.again(spool, boot_id)
        device.judge(spool, f"killed at {at}, recovery at {step}", durable)
    print(f"{step - 1} steps")


def test_sync_killed_at_every_step_leaves_no_receipt_for_what_is_not_there(here: Path) -> None:
    step, done = 0, None
    while done is None:
        step += 1
        place = Place(here / str(step))
        bags_ = [place.recording(1000)]
        whole = expected(place, bags_)

        def run(place: Place = place) -> None:
            worker.run_once(place.settings, Silent(), clock=place.clock)

        done = fork_and_kill(run, step, str(here))
        there = recordings(place)
        for bag in bags_:
            if receipts.is_stored(place.sync / "receipts", bag.name, place.key):
                assert f"{bag.name}/{SIGNATURE}" in there, step
            if f"{bag.name}/{SIGNATURE}" in there:
                assert not {n for n in whole if n.startswith(bag.name)} - set(there), step
        run()
        assert recordings(place) == whole, step
        for bag in bags_:
            assert receipts.is_stored(place.sync / "receipts", bag.name, place.key), step
    print(f"{step - 1} steps")
    assert step > 30


class Silent:
    """Progress that nobody watches."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


@pytest.mark.parametrize(
    "step", [random.randint(20, 40), random.randint(60, 85)], ids=["press", "later"]
)
def test_the_daemon_killed_at_a_step_of_its_disk_goes_on_or_has_sealed(
    tmp_path: Path, step: int
) -> None:
    daemon = Daemon(tmp_path)
    daemon.start(
        wait=False, wrapper=(sys.executable, "-m", "tests.rigs.killed_at", str(step))
    )  # fmt: skip
    assert daemon.process is not None
    try:
        daemon.until("ready")
        daemon.record(1)
    except (AssertionError, RecorderError) as error:  # it was killed, as it should be
        assert daemon.process.poll() == -9, error
    daemon.stop()
    print(f"step {step}: exit {daemon.process.wait()}")
    daemon.start(wait=False)
    daemon.until("ready", "opening", "recording", "explaining", "ending")
    assert daemon.stop() == 0
    report = verify_folder(
        daemon.spool, register=register_of(daemon), identities=daemon.identities()
    )
    assert report.verdict in (*FINE, Verdict.INCOMPLETE), report.findings
    for each in report.recordings:
        assert each.verdict in FINE or (each.facts and not each.facts.fragments), each.findings
