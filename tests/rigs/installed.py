"""A device in the booted system, with what a technician types: by script and by package."""

import json
import shutil
from pathlib import Path

from tests.rigs.booted import ROOT, Booted

CONFIG = """
[device]
name = "bc-001"
officer = "P-017"
[organisation]
name = "t"
rule = "r"
rule_version = "1"
[camera]
kind = "demo"
width = 640
height = 360
bitrate_kbps = 1000
[microphone]
kind = "demo"
[voice]
kind = "none"
[button]
kind = "none"
[light]
kind = "terminal"
[ring]
seconds = 2.0
[gnss]
kind = "gpsd"
[sync]
store = "/srv/recorder-store"
"""
KEPT = "/etc/recorder /var/lib/recorder/spool/bc-001-00000001-*"
UNITS = ("recorder.service", "recorder-sync.service")


class Device:
    """A machine with what a technician types."""

    def __init__(self, machine: Booted, folder: Path) -> None:
        self.machine = machine
        self.folder = folder
        self.run = machine.run

    def install(self, *options: str, source: str = str(ROOT), status: int = 0) -> str:
        """What it said."""
        words = " ".join(options)
        return self.run(f"{source}/scripts/install {words} 2>&1", status=status, limit_s=110)

    def package(self, *, source: str = str(ROOT)) -> str:
        """The path of one that was built there. Not compressed, which takes most of the time."""
        set_to = "SOURCE_DATE_EPOCH=1790000000 DPKG_DEB_COMPRESSOR_TYPE=none"
        said = self.run(f"{set_to} {source}/scripts/package /home/package", limit_s=110)
        return said.splitlines()[-1]

    def apt(self, what: str, *, verb: str = "install", status: int = 0) -> str:
        """What apt and the package said."""
        words = f"apt-get {verb} --yes --no-install-recommends {what}"
        return self.run(f"DEBIAN_FRONTEND=noninteractive {words} 2>&1", status=status)

    def dpkg(self, package: str, *, status: int = 0) -> str:
        """The same without apt, in half of the time."""
        return self.run(f"dpkg --install {package} 2>&1", status=status)

    def wait(self, command: str) -> None:
        """Until a command succeeds."""
        self.run(f"timeout 20 sh -c 'until {command}; do sleep 0.2; done'")

    def until(self, state: str) -> None:
        self.wait(rf'recorder status --json | grep -q "\"state\":\"{state}\""')

    def status(self) -> str:
        said = self.run("recorder status --json")
        state: str = json.loads(said)["data"]["state"]
        return state

    def begin(self) -> None:
        self.run("recorder control start && sleep 2")

    def end(self) -> None:
        self.run("recorder control stop")
        self.until("ready")

    def active(self) -> list[str]:
        return [self.machine.state(unit)["ActiveState"] for unit in UNITS]

    def kept(self) -> str:
        """Digests, owners and modes of configuration, keys and the first recording."""
        listed = self.run(f"find {KEPT} -printf '%p %u %g %m\\n' | sort")
        return listed + self.run(f"find {KEPT} -type f | sort | xargs sha256sum")

    def verdict(self, number: int) -> str:
        bag = f"/var/lib/recorder/spool/bc-001-0000000{number}-*"
        return self.run(f"recorder verify {bag} --key /etc/recorder/keys/device.pem")

    def newer(self) -> str:
        """The project with another version."""
        copy = self.folder / "newer"
        shutil.copytree(
            ROOT, copy, ignore=shutil.ignore_patterns("var", ".venv", ".git", "tests", "*.egg-info")
        )
        init = copy / "recorder" / "__init__.py"
        init.write_text(init.read_text().replace('__version__ = "', '__version__ = "9.'))
        return "/srv/newer"

    def mend_newer(self) -> None:
        """What tests broke of it."""
        main = "recorder/__main__.py"
        shutil.copy(ROOT / main, self.folder / "newer" / main)
