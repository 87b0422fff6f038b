"""A device on a technician's bench, whole: voice and microphone, button and light, card and store,
each of which can be made to fail. The self-test's own side runs as a command, as it would there."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from recorder.clock import SystemClock
from tests.rigs.daemon import DEMO, ROOT, Daemon
from tests.rigs.disk_faults import SYNCS, FaultyDisk
from tests.rigs.drill import hold
from tests.rigs.faults import equip
from tests.rigs.privileged import as_root
from tests.rigs.sound import Server

SETTINGS = (
    DEMO.replace('[microphone]\nkind = "demo"', '[microphone]\nkind = "sounddevice"')
    .replace('[voice]\nkind = "none"', '[voice]\nkind = "pyttsx3"')
    .replace("bitrate_kbps = 1000", "bitrate_kbps = 300")  # days of acts fit on the rig's disk
)


def until(true: Callable[[], bool], limit_s: float = 10.0) -> None:
    """Wait for it."""
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Ran(msgspec.Struct, frozen=True):
    """How a self-test ended."""

    status: int
    answer: dict[str, Any]
    said: str

    def __repr__(self) -> str:
        rows = self.answer["rows"]
        return "\n" + "\n".join(f"{r['level']} {r['part']}: {r['value']}" for r in rows)

    def rows(self, *levels: str) -> dict[str, dict[str, Any]]:
        """Its rows of these levels, by part."""
        return {row["part"]: row for row in self.answer["rows"] if row["level"] in levels}


class BenchDevice(Daemon):
    """Its spool lies on a disk that fails as it is told, its wall clock is its own."""

    def __init__(self, here: Path) -> None:
        self.disk = FaultyDisk(here / "card")
        (self.disk.path / "spool").mkdir()
        super().__init__(here, SETTINGS)
        (here / "spool").symlink_to(self.disk.path / "spool")
        text = self.config.read_text()
        self.config.write_text(
            text.replace('[button]\nkind = "none"', '[button]\nkind = "keyboard"')
        )
        self.provision_sync()
        hold(here / "keys", [self.custodian, here / "deputy-0.key"], SystemClock())
        equip(self)
        self.wall.set(0.0)
        self._keys = here / "keys.fifo"
        os.mkfifo(self._keys)

    def begin(self) -> None:
        """Start it beside a sound server of its own, its keyboard a pipe."""
        sound = (str(ROOT / "tests/rigs/sound.sh"), str(self.here / "sound"))
        keyboard = ("bash", "-c", f'exec "$@" <>"{self._keys}"', "keyboard")
        self.start(wrapper=(*sound, *keyboard))
        self.until("ready")
        self.server = Server(self.here / "sound")

    def end_all(self) -> None:
        """Stop, and take the disk away."""
        try:
            self.stop()
        finally:
            self.disk.close()

    def press(self) -> None:
        """A finger."""
        with self._keys.open("wb", buffering=0) as pipe:
            pipe.write(b" ")

    def selftest(self, *words: str, light: str = "y", press: bool = True) -> Ran:
        """Run it; the button is pressed when it is asked for."""
        process = subprocess.Popen(
            [sys.executable, "-m", "recorder", "--config", str(self.config), "selftest", "--json",
             "--language", "en", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=self.source,
        )  # fmt: skip
        assert process.stdin is not None and process.stderr is not None
        assert process.stdout is not None
        process.stdin.write(light + "\n")
        process.stdin.close()
        said = ""
        for line in process.stderr:
            said += line
            if press and "within ten seconds" in line:
                self.press()
        out = process.stdout.read()
        status = process.wait(60)
        assert out, said
        return Ran(status, json.loads(out), said)

    @contextmanager
    def loudspeaker_unplugged(self) -> Iterator[None]:
        """What is played from now on goes nowhere; the room's faint noise is still heard."""
        server = self.server
        noise = str(self.here / "sound" / "noise.wav")
        server.tell("load-module", "module-null-sink", "sink_name=nowhere", "rate=48000")
        # Without a reader it would render in blocks of 2 s, which a player takes for a hang.
        words = (["paplay", noise], ["parec", "--device=nowhere.monitor", "--latency-msec=20"])
        extra = [
            subprocess.Popen(each, env=server.environment, stdout=subprocess.DEVNULL)
            for each in words
        ]
        until(lambda: len(server.playing()) >= 2)
        server.tell("set-default-sink", "nowhere")
        for number in server.playing():
            server.tell("move-sink-input", number, "loud")
        try:
            yield
        finally:
            server.tell("set-default-sink", "loud")
            for process in extra:
                process.kill()
                process.wait()

    @contextmanager
    def microphone_muted(self) -> Iterator[None]:
        """Nothing but zeros."""
        self.server.tell("set-source-mute", "mic", "1")
        try:
            yield
        finally:
            self.server.tell("set-source-mute", "mic", "0")

    @contextmanager
    def card_stalls(self, seconds: float) -> Iterator[None]:
        """The first sync of the self-test's file, which has no name, waits so long."""
        stall = self.disk.failing(SYNCS, "^$", stall=True)
        fault = stall.__enter__()

        def lift() -> None:
            fault.wait_hit(60)
            time.sleep(seconds)
            stall.__exit__(None, None, None)

        thread = threading.Thread(target=lift)
        thread.start()
        try:
            yield
        finally:
            thread.join()

    @contextmanager
    def store_read_only(self) -> Iterator[None]:
        """Mounted so that nothing can be written."""
        store = str(self.here / "store")
        as_root("mount", "--bind", store, store)
        as_root("mount", "-o", "remount,bind,ro", store)
        try:
            yield
        finally:
            as_root("umount", store)


@contextmanager
def moved_away(path: Path) -> Iterator[None]:
    """It is not there."""
    aside = path.with_name(path.name + "-aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)
