"""What only root may do (mounts), as root or through sudo."""

import os
import subprocess


def as_root(*words: str, fine: tuple[int, ...] = (0,)) -> None:
    """Run a command; an exit status that is not ``fine`` is an error."""
    sudo = () if os.geteuid() == 0 else ("sudo",)
    done = subprocess.run([*sudo, *words], timeout=60)
    if done.returncode not in fine:
        raise subprocess.CalledProcessError(done.returncode, words)
