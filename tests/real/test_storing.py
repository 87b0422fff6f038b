"""Storing in time (Art. 17) with a whole daemon: what it says at power-on, times away, the dock."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from recorder.evidence import lines
from recorder.evidence.chain import Line, read
from recorder.evidence.ledger_private import read as read_private
from recorder.evidence.plaintext import private
from recorder.sync import receipts
from tests.rigs.daemon import ROOT, Daemon
from tests.unit.sync.spools import Place

REASON = "在王家山村连续执法，道路中断。"


class Dock:
    """A daemon with a recording of 2020 that was never stored."""

    def __init__(self, daemon: Daemon, place: Place, bag: str) -> None:
        self.daemon, self.place, self.bag = daemon, place, bag

    def away(self, *words: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "recorder", "--config", str(self.daemon.config), "away", *words,
             "--json"],
            capture_output=True, text=True, cwd=ROOT, timeout=30, check=False, input=REASON,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout)

    def ledger(self) -> list[Line]:
        paths = self.daemon.ledger()
        return [item for item in read(paths, lines.Ledger, None) if isinstance(item, Line)]

    def wait_line(self, true: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for line in reversed(self.ledger()):
                if true(line.body):
                    return line.body
            time.sleep(0.05)
        raise AssertionError(self.daemon.log())

    def storing(self, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        found = self.daemon.when(
            lambda s: "unsent" in s["storing"] and true(s["storing"]), "such a standing"
        )
        return dict(found["storing"])


@pytest.fixture(scope="module")
def dock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dock]:
    here = tmp_path_factory.mktemp("dock")
    place = Place(here)
    bag = place.act("2020-11-23T01:30:00.000Z").name
    place.ledger.close()
    daemon = Daemon(here)
    daemon.start()
    daemon.until("ready")
    yield Dock(daemon, place, bag)
    daemon.stop()


def test_at_power_on_the_device_speaks_of_what_is_overdue_and_status_shows_it(dock: Dock) -> None:
    reminded = dock.wait_line(lambda b: isinstance(b, lines.Reminded))
    assert (reminded.phrase, reminded.count) == ("overdue", 1)
    assert reminded.outcome == "failed"  # this one has no voice, and says so
    found = dock.storing(lambda s: s["overdue"] == 1)
    (row,) = found["recordings"]
    assert (row["recording"], row["deadline"], row["standing"]) == (
        dock.bag, "2020-11-25", "overdue",
    )  # fmt: skip


def test_away_needs_a_ground_a_reason_and_that_transfer_is_impossible(dock: Dock) -> None:
    for words, code in (
        (("start",), "usage"),
        (("start", "--ground", "remote", "--reason", "-"), "away-not-prevented"),
        (("start", "--ground", "remote", "--prevented"), "away-reason"),
        (("start", "--ground", "remote", "--prevented", "--reason", "-", "--since", "soon"),
         "away-since"),
        (("end",), "not-away"),
    ):  # fmt: skip
        status, answer = dock.away(*words)
        assert (status > 0, answer["code"]) == (True, code)
    assert not any(isinstance(line.body, lines.Away) for line in dock.ledger())


def test_the_first_dock_contact_is_a_return_that_nobody_declared(dock: Dock) -> None:
    status, answer = dock.away("start", "--ground", "remote", "--prevented", "--reason", "-")
    assert (status, answer["data"]["away"]) == (0, True)
    (said,) = [line.body for line in dock.ledger() if isinstance(line.body, lines.Away)]
    assert said.private is not None
    folder = dock.daemon.spool / "ledger"
    assert read_private(folder, said.private)
    opened = private(folder / said.private.file, dock.daemon.identities())
    assert json.loads(opened) == {"reason": REASON}
    assert REASON.encode() not in b"".join(path.read_bytes() for path in dock.daemon.ledger())
    assert dock.away("start", "--ground", "remote", "--prevented", "--reason", "-")[1][
        "code"
    ] == "away-already"  # fmt: skip

    dock.daemon.sync()
    back = dock.wait_line(lambda b: isinstance(b, lines.AwayEnd))
    assert not back.declared
    found = dock.storing(lambda s: s["stored"] == 1)
    assert (found["away"], found["unsent"], found["overdue"]) == (False, 0, 0)
    stored = dock.daemon.here / "store" / "rig-01" / "ledger" / said.private.file
    assert stored.read_bytes() == (folder / said.private.file).read_bytes()
    (receipt,) = receipts.load(dock.place.sync / "receipts", dock.bag, dock.place.key)
    # Declared years after the deadline: that moves nothing.
    assert (receipt.body.term.kept, str(receipt.body.term.due)) == ("overdue", "2020-11-25")


def test_a_declared_return_says_who_declared_it(dock: Dock) -> None:
    dock.away(
        "start", "--ground", "hard_to_reach", "--prevented", "--reason", "-",
        "--since", "2026-01-05T08:00",
    )  # fmt: skip
    status, answer = dock.away("end")
    assert (status, answer["data"]["declared"]) == (0, True)
    back = dock.wait_line(lambda b: isinstance(b, lines.AwayEnd) and b.declared)
    assert back.by
    said = [line.body for line in dock.ledger() if isinstance(line.body, lines.Away)][-1]
    assert said.since == "2026-01-05T00:00:00.000Z"
