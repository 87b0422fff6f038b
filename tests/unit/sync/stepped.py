"""A directory store whose clock a test steps, and sync run on it."""

from typing import Any

from recorder.clock import parse_iso
from recorder.config import Settings
from recorder.sync import worker
from recorder.sync.progress import Quiet
from recorder.sync.stores.directory import DirectoryStore
from recorder.sync.summary import Summary
from tests.unit.sync.spools import Place

H = 3600 * 10**9


class Stepped(DirectoryStore):
    """Its time is what the test says."""

    now_ns = 0

    def time_ns(self) -> int:
        """Not the file system's."""
        return Stepped.now_ns


class Days:
    """``place``'s sync, hour by hour of the store's clock."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.read: list[str] = []
        Stepped.now_ns = parse_iso("2026-11-23T12:00:00Z")

    def open(self, settings: Settings, owner: str) -> DirectoryStore:
        """For ``open_store``; notes what is read."""
        store = Stepped(self.place.store, settings.device.name, owner)
        plain = store.read

        def read(key: str) -> Any:
            self.read.append(key)
            return plain(key)

        store.read = read  # type: ignore[method-assign]
        return store

    def sync(self, after_h: float = 0, **more: Any) -> Summary:
        """A run so many hours later."""
        Stepped.now_ns += int(after_h * H)
        self.place.clock.wall_ns += int(after_h * H)
        self.read.clear()
        return worker.run_once(
            more.pop("settings", self.place.settings), Quiet(), clock=self.place.clock,
            open_store=self.open, **more,
        )  # fmt: skip
