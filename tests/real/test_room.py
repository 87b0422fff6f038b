"""A whole daemon on a card that fills up: what is safe at the store makes room."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.evidence import lines
from recorder.evidence.chain import Line, read
from recorder.evidence.verification_report import Level
from tests.real.test_sync_stores import mounted, tmpfs
from tests.rigs.daemon import DEMO, Daemon
from tests.unit.evidence.judge import verify_folder
from tests.unit.sync.spools import Place
from tests.unit.sync.stepped import Days

MB = 1_000_000
SETTINGS = (
    DEMO + '[checks]\nstorage_warn_min = 1\nstorage_block_min = 1\n'
    '[freeing]\nbelow_min = 2\nhold_days = 0\n'
)  # fmt: skip
"""A minute takes 10 MB: below 20 room is given back, below 10 a press is refused."""


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "card", *tmpfs("size=64m")) as path:
        yield path


def fill(card: Path, to_bytes: int, name: str) -> None:
    """Something else takes the card, but for so much."""
    (card / name).write_bytes(bytes(max(0, shutil.disk_usage(card).free - to_bytes)))


def bodies(daemon: Daemon) -> list[lines.Ledger]:
    found = read(daemon.ledger(), lines.Ledger, None)
    return [item.body for item in found if isinstance(item, Line)]


def freed(daemon: Daemon) -> list[str]:
    return [body.recording for body in bodies(daemon) if isinstance(body, lines.Freed)]


def wait_until_freed(daemon: Daemon, count: int) -> list[str]:
    deadline = time.monotonic() + 20
    while len(freed(daemon)) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return freed(daemon)


def test_a_full_card_gives_up_the_oldest_that_is_safe_and_a_press_that_waited_records(
    card: Path, tmp_path: Path
) -> None:
    place = Place(card, tmp_path / "store")
    days = Days(place)
    bags = [place.act(f"2026-11-23T0{hour}:30:00.000Z", 8 * MB) for hour in (1, 2, 3)]
    oldest, older, once = (bag.name for bag in bags)
    place.ledger.close()
    bags[2].rename(card / once)
    days.sync()
    assert days.sync(25).read_twice == 2
    (card / once).rename(bags[2])
    days.sync()

    daemon = Daemon(card, SETTINGS)
    daemon.start()
    try:
        found = daemon.when(lambda s: s["storing"].get("stored") == 3, "a standing")["storing"]
        assert (found["stored_twice"], found["may_be_freed"], found["freed"]) == (2, 2, 0)
        assert {row["recording"]: row["where"] for row in found["recordings"]} == {
            once: "stored once", oldest: "may be freed", older: "may be freed",
        }  # fmt: skip
        assert freed(daemon) == []

        fill(card, 15 * MB, "ballast-1")
        assert wait_until_freed(daemon, 1) == [oldest]
        daemon.when(lambda s: s["storing"]["freed"] == 1, "its standing")

        fill(card, 4 * MB, "ballast-2")
        daemon.until("unfit", limit_s=10)
        assert daemon.ask("start").ok
        daemon.until("opening", "recording")
        assert freed(daemon) == [oldest, older]
        time.sleep(1.5)
        daemon.end()
        assert (card / "spool" / once).is_dir()
        assert not any(isinstance(body, lines.LedgerRefused) for body in bodies(daemon))
        fill(card, 6 * MB, "ballast-3")
        daemon.until("unfit", limit_s=10)
        answer = daemon.ask("start")
        assert not answer.ok and freed(daemon) == [oldest, older]
    finally:
        daemon.stop()
    notes = {f.code: f.level for f in verify_folder(daemon.spool).findings}
    assert notes["freed"] is Level.NOTE and "recording-missing" not in notes
