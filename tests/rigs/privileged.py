"""What only root may do (mounts), as root or through sudo."""

import os
import subprocess


def as_root(*words: str) -> None:
    """Run a command; its failure is an error."""
    sudo = () if os.geteuid() == 0 else ("sudo",)
    subprocess.run([*sudo, *words], check=True, timeout=60)
