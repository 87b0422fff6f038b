"""A device at the dock: a whole daemon and sync beside it, into a directory store."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rigs.daemon import ROOT, Daemon
from tests.unit.sync.spools import tree


@pytest.fixture
def docked(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with a sealed recording and a slow way to its store."""
    made = Daemon(tmp_path)
    text = made.config.read_text()
    made.config.write_text(text.replace("[sync]\n", "[sync]\nlimit_kbps = 1000\n"))
    made.provision_sync()
    made.start()
    made.until("ready")
    made.record(4)
    yield made
    made.stop()


def stored_bytes(daemon: Daemon) -> int:
    return sum(path.stat().st_size for path in (daemon.here / "store").rglob("*") if path.is_file())


def test_the_dock_fills_gives_way_to_a_press_goes_on_and_is_done(docked: Daemon) -> None:
    (bag,) = docked.recordings()
    sync = subprocess.Popen(
        [sys.executable, "-m", "recorder", "--config", str(docked.config), "sync", "--json"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    docked.when(lambda s: s["dock"]["shows"] == "filling", "filling")
    assert docked.status()["dock"]["limit_kbps"] == 1000
    docked.ask("start")
    docked.when(lambda s: s["dock"]["shows"] == "giving way", "giving way")
    time.sleep(1.0)  # what it has to stop within
    before = stored_bytes(docked)
    time.sleep(2.0)
    assert stored_bytes(docked) == before
    assert sync.poll() is None
    docked.end()
    out, _ = sync.communicate(timeout=60)
    assert sync.returncode == 0
    events = [json.loads(line) for line in out.splitlines()]
    end = events[-1]
    assert end["stored"][0] == bag.name and end["present_bytes"] == 0
    assert tree(docked.here / "store" / "rig-01" / bag.name) == tree(bag)
    lights = [line for line in docked.log().splitlines() if line.startswith("light: ")]
    begun = lights.index("light: filling")
    assert lights[begun:][:2] == ["light: filling", "light: starting"]  # the press, not the dock
    assert lights[begun:][2] == "light: recording"
    assert "light: done" not in lights  # the press's own recording is not stored yet
    again = subprocess.run(
        [sys.executable, "-m", "recorder", "--config", str(docked.config), "sync", "--json"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    assert again.returncode == 0
    docked.when(lambda s: s["dock"]["shows"] == "done", "done")
    assert "light: done" in docked.log().splitlines()
