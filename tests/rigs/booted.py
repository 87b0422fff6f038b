"""A booted systemd with udev on a network of its own, for units as they are in systemd/."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RIG = ROOT / "tests" / "rigs" / "systemd"
SHELL = (
    "env",
    "-i",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "sh",
    "-c",
)
"""With nothing of the host's environment: its PATH names programs that are seen in there, too."""


class Booted:
    """Up when constructed, with the project's units and users. ``close`` it. Needs root or sudo."""

    def __init__(self, folder: Path, *, installed: bool = True) -> None:
        """``folder`` is /srv in there. Not ``installed``: the project lies there, not set up."""
        tree = ROOT / "var" / "rigs" / "systemd"
        subprocess.run([str(RIG / "mkroot.sh"), str(tree)], check=True, timeout=600)
        wheels = ROOT / "var" / "rigs" / "wheels"
        subprocess.run([str(RIG / "mkwheels.sh"), str(wheels)], check=True, timeout=600)
        place = ("/opt/bodycam-recorder",) if installed else ()
        self._rig = subprocess.Popen(
            [str(RIG / "boot.sh"), str(tree), str(ROOT), str(folder), *place],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._rig.stdout is not None
        self._pid = self._rig.stdout.readline().strip()
        if not self._pid:
            raise AssertionError(f"systemd did not come up: see {folder}.log")
        if installed:
            units = "/opt/bodycam-recorder/systemd"
            self.run(f"cp {units}/*.service {units}/*.socket /etc/systemd/system/")
            self.run("systemctl daemon-reload")
            self.run(f"systemd-sysusers {units}/sysusers.conf")

    def run(self, command: str, *, status: int = 0, limit_s: float = 60) -> str:
        """What a command of the shell prints in there. Another exit status is an error."""
        sudo = () if os.geteuid() == 0 else ("sudo",)
        done = subprocess.run(
            [*sudo, "nsenter", "-t", self._pid, "-a", *SHELL, command],
            capture_output=True, text=True, timeout=limit_s, check=False,
        )  # fmt: skip
        if done.returncode != status:
            raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def state(self, unit: str) -> dict[str, str]:
        """What systemd says of a unit."""
        shown = self.run(f"systemctl show {unit} -p ActiveState,Result,ExecMainStatus")
        return dict(line.split("=", 1) for line in shown.splitlines())

    def log(self) -> str:
        """The journal's end."""
        return self.run("journalctl --no-pager -n 60")

    def close(self) -> None:
        """End it, with all of its processes and mounts."""
        assert self._rig.stdin is not None
        self._rig.stdin.close()
        self._rig.wait(30)
