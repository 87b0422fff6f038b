"""The programs that we stand beside, installed below var/bench/peers and nowhere else."""

import importlib
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.benches import room

_AWS = "awscli==1.46.2"
_OPENCV = "opencv-python-headless==5.0.0.93"
_DEBIAN = ("rclone", "rsync", "libpopt0", "libxxhash0")
_FOLDER = room() / "peers"
_ROOT = _FOLDER / "debian"
Peer = tuple[list[str], dict[str, str]]
"""Command and environment."""

_CLEAN = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}


def install() -> None:
    """Debian's packages, unpacked where they do not touch the system, and awscli from PyPI."""
    if not (_ROOT / "ready").exists():
        (_ROOT / "deb").mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "--quiet", *_DEBIAN], cwd=_ROOT / "deb", check=True)
        for package in (_ROOT / "deb").glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(_ROOT)], check=True)
        (_ROOT / "ready").touch()
    place = _FOLDER / "aws"
    if not (place / "bin/aws").exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        pip = [str(place / "bin/pip"), "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", _AWS], check=True)


def rclone(ca: Path, endpoint: str, access: str, secret: str) -> Peer:
    """With a remote ``store:``."""
    words = {
        "TYPE": "s3", "PROVIDER": "Ceph", "ENDPOINT": endpoint, "REGION": "default",
        "ACCESS_KEY_ID": access, "SECRET_ACCESS_KEY": secret, "NO_CHECK_BUCKET": "true",
    }  # fmt: skip
    environment = {f"RCLONE_CONFIG_STORE_{key}": value for key, value in words.items()}
    environment |= {"RCLONE_CA_CERT": str(ca), "RCLONE_CONFIG": os.devnull}
    return [str(_ROOT / "usr/bin/rclone")], _CLEAN | environment


def aws(ca: Path, endpoint: str, access: str, secret: str) -> Peer:
    """``aws`` for this store."""
    command = [str(_FOLDER / "aws/bin/aws"), "--endpoint-url", endpoint, "--ca-bundle", str(ca)]
    environment = {
        "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "default", "AWS_CONFIG_FILE": os.devnull,
    }  # fmt: skip
    return command, _CLEAN | environment


def rsync() -> Peer:
    """``rsync`` with the libraries that it came with."""
    libraries = _ROOT / "usr/lib" / f"{platform.machine()}-linux-gnu"
    return [str(_ROOT / "usr/bin/rsync")], _CLEAN | {"LD_LIBRARY_PATH": str(libraries)}


def opencv() -> Any:
    """The module ``cv2``, with the numpy that is here."""
    place = _FOLDER / "opencv"
    if not (place / "cv2").exists():
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", "--no-deps", "--target", str(place), _OPENCV], check=True)
    sys.path.append(str(place))
    return importlib.import_module("cv2")
