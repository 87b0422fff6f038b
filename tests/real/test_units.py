"""The dock's units on a booted systemd with udev: plugged in, pulled out, and the dock's time."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.rigs.booted import Booted
from tests.unit.sync.spools import DEVICE, Place, tree

CONFIG = f"""
[device]
name = "{DEVICE}"
officer = "P-017"
[organisation]
name = "t"
rule = "r"
rule_version = "1"
[paths]
spool = "/srv/spool"
[sync]
store = "/srv/recorder-store"
only_docked = true
"""
DOCK, SYNC = "recorder-dock@usb0.service", "recorder-sync.service"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/srv of the machine."""
    return tmp_path_factory.mktemp("booted") / "srv"


@pytest.fixture(scope="module")
def machine(folder: Path) -> Iterator[Booted]:
    folder.mkdir()
    made = Booted(folder)
    yield made
    made.close()


def until(machine: Booted, true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.1)
    raise AssertionError(f"no {what}\n{machine.log()}")


class Device:
    """A device with its spool, and the network interface of its dock."""

    def __init__(self, machine: Booted, folder: Path) -> None:
        self.machine = machine
        self.place = Place(folder, folder / "recorder-store")
        (folder / "recorder.toml").write_text(CONFIG)
        for command in (
            "install -D /srv/recorder.toml /etc/recorder/recorder.toml",
            "cp -r /srv/sync /var/lib/recorder-sync",
            "chown -R recorder-sync: /var/lib/recorder-sync /srv/recorder-store",
            "systemctl enable recorder-dock@usb0",
        ):
            machine.run(command)

    def record(self) -> Path:
        """A sealed recording in the spool, which sync may read."""
        bag = self.place.recording(300_000)
        self.machine.run("chown -R recorder: /srv/spool")
        return bag

    def is_active(self, unit: str) -> bool:
        return self.state(unit) == "active"

    def state(self, unit: str) -> str:
        return self.machine.state(unit)["ActiveState"]

    def stored(self, bag: Path) -> None:
        """Wait for its receipt; then the store has it whole."""
        find = f"find /var/lib/recorder-sync -name {bag.name}.jsonl"
        until(self.machine, lambda: bool(self.machine.run(find)), "receipt")
        assert tree(self.place.stored(bag)) == tree(bag)

    def ended(self, unit: str) -> None:
        until(self.machine, lambda: self.state(unit) == "inactive", f"end of {unit}")


def test_plugging_in_starts_the_hand_over_and_pulling_out_lets_it_end(
    machine: Booted, folder: Path
) -> None:
    device = Device(machine, folder)
    first = device.record()
    machine.run("ip link add usb0 type veth peer name host0")
    machine.run("ip link set usb0 up")
    until(machine, lambda: device.is_active(DOCK), "watch of the dock")
    time.sleep(3)
    assert not device.is_active(SYNC)  # an interface without a carrier is not plugged in

    machine.run("ip link set host0 up")
    device.stored(first)
    assert device.is_active(SYNC)
    machine.run("ip link set host0 down")
    device.ended(SYNC)
    assert machine.state(SYNC) == {
        "ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"
    }  # fmt: skip

    second = device.record()
    machine.run("ip link set host0 up")
    device.stored(second)
    machine.run("ip link del usb0")  # an adapter that goes with the dock
    device.ended(SYNC)
    device.ended(DOCK)

    third = device.record()
    machine.run("ip link add usb0 type veth peer name host0")
    machine.run("ip link set host0 up")
    machine.run("ip link set usb0 up")
    device.stored(third)


def test_a_dock_gives_its_time_and_gives_none_while_it_has_none_itself(machine: Booted) -> None:
    machine.run("ip link set lo up")
    machine.run("ip addr replace 10.42.0.1/24 dev lo")
    conf = "/opt/bodycam-recorder/config/chrony-dock.conf"
    ask = "chronyd -Q -t 4 'server 10.42.0.1 iburst maxsamples 1'"
    machine.run(f"chronyd -x -f {conf}")
    machine.run(ask, status=1)
    machine.run("pkill chronyd; while pgrep chronyd; do sleep 0.1; done")
    machine.run(f"{{ cat {conf}; echo local; }} >/run/dock.conf")  # as if it had a time
    machine.run("chronyd -x -f /run/dock.conf")
    machine.run(ask)
