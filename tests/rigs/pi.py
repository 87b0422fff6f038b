"""A device in a Debian 13 tree, picamera2 on libcamera's virtual camera. Needs root or sudo."""

import subprocess
import sys

from tests.rigs.daemon import ROOT

_RIG = ROOT / "tests" / "rigs" / "virtual_camera"
_TREE = ROOT / "var" / "rigs" / "virtual-camera"
WRAPPER = (str(_RIG / "run.sh"), str(_TREE))
"""Before a command of Python: it runs in the tree. Only what lies in the checkout is seen there."""


def make() -> None:
    """Make the tree, once."""
    subprocess.run([str(_RIG / "mkroot.sh"), str(_TREE)], check=True, timeout=300)


def command(module: str, *words: str) -> list[str]:
    """A module of the rig's folder, to be run in the tree."""
    return [*WRAPPER, sys.executable, "-m", f"tests.rigs.virtual_camera.{module}", *words]
