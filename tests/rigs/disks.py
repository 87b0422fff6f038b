"""Disks whose power is cut while a program writes to them. Need root (or sudo).

Both are ext4 and used alike: ``cut`` gives what a reboot would find, while the program goes on.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

import msgspec

from recorder.clock import boot_ns
from tests.rigs.privileged import as_root

RIGS = Path(__file__).parent


class Cut(msgspec.Struct, frozen=True):
    """Power failed between ``before_ns`` and ``after_ns`` (boot clock); ``path`` is what is left,
    mounted after the file system's own replay."""

    path: Path
    before_ns: int
    after_ns: int


class Disk(Protocol):
    """``path`` is where it is mounted."""

    path: Path

    def cut(self, name: str) -> Cut:
        """What is on the disk when power fails now."""
        ...

    def drop(self, name: str) -> None:
        """Forget that cut."""
        ...

    def close(self) -> None:
        """Unmount and remove everything."""
        ...


def unmount(path: Path, limit_s: float = 5.0) -> None:
    """A loop device lets go of its file a moment after its own mount is gone; where another rig's
    mount namespace has a copy of that, when that rig is gone."""
    deadline = time.monotonic() + limit_s
    while True:
        try:
            as_root("umount", str(path))
        except subprocess.CalledProcessError:
            if time.monotonic() > deadline:
                as_root("umount", "--lazy", str(path))
                return
            time.sleep(0.1)
        else:
            return


class _Disk:
    def __init__(self, here: Path) -> None:
        self.here = here
        self.path = here / "disk"
        self.path.mkdir(parents=True)
        self._cuts: set[str] = set()

    def _format(self, image: Path) -> None:
        as_root("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
        as_root("mount", "-o", "loop", str(image), str(self.path))
        as_root("chown", f"{os.getuid()}:{os.getgid()}", str(self.path))

    def _mount_cut(self, name: str, before_ns: int) -> Cut:
        after_ns = boot_ns()
        place = self.here / f"cut-{name}"
        place.mkdir()
        as_root("mount", "-o", "loop", str(self._image(name)), str(place))
        self._cuts.add(name)
        return Cut(place, before_ns, after_ns)

    def drop(self, name: str) -> None:
        """Forget that cut."""
        place = self.here / f"cut-{name}"
        unmount(place)
        place.rmdir()
        as_root("rm", "-f", str(self._image(name)))
        self._cuts.remove(name)

    def _image(self, name: str) -> Path:
        raise NotImplementedError

    def _close(self) -> None:
        for name in sorted(self._cuts):
            self.drop(name)
        unmount(self.path)


class SnapshotDisk(_Disk):
    """Keeps every block that reached it: a cut loses exactly what was not synced.

    The disk is a file on an XFS that can clone it in a millisecond.
    """

    def __init__(self, here: Path, mib: int = 512) -> None:
        super().__init__(here)
        self._outer = here / "outer"
        self._outer.mkdir()
        outer_image = here / "outer.img"
        with outer_image.open("wb") as file:
            file.truncate(mib * 6 * 1024 * 1024)
        as_root("mkfs.xfs", "-q", "-m", "reflink=1", str(outer_image))
        as_root("mount", "-o", "loop", str(outer_image), str(self._outer))
        as_root("truncate", "-s", f"{mib}M", str(self._outer / "disk.img"))
        self._format(self._outer / "disk.img")

    def _image(self, name: str) -> Path:
        return self._outer / f"{name}.img"

    def cut(self, name: str) -> Cut:
        """What is on the disk when power fails now."""
        whole, before_ns = str(self._outer / "disk.img"), boot_ns()
        as_root("cp", "--reflink=always", whole, str(self._image(name)))
        return self._mount_cut(name, before_ns)

    def close(self) -> None:
        """Unmount and remove everything."""
        self._close()
        unmount(self._outer)
        shutil.rmtree(self.here)


def serve(module: str, mount: Path, *words: object) -> subprocess.Popen[bytes]:
    """Start a FUSE server of this folder, with Debian's Python, and wait until it is mounted."""
    mount.mkdir()
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    server = subprocess.Popen(
        [*sudo, "/usr/bin/python3", "-m", f"tests.rigs.{module}", mount, *map(str, words)],
        cwd=RIGS.parent.parent,
    )
    deadline = time.monotonic() + 10
    while not os.path.ismount(mount):
        if time.monotonic() > deadline or server.poll() is not None:
            raise AssertionError(f"{module} did not come up")
        time.sleep(0.02)
    return server


def ended(server: subprocess.Popen[bytes], limit_s: float = 2.0) -> None:
    """Wait for an unmounted server; one that is still mounted elsewhere is ended.

    Whoever made a mount namespace of his own meanwhile has a copy of the mount in it.
    """
    try:
        server.wait(limit_s)
    except subprocess.TimeoutExpired:
        as_root("kill", str(server.pid))
        server.wait(10)


def _attribute(path: Path, name: str, value: str = "") -> None:
    """Set an extended attribute, or read it where there is no value."""
    call = "os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode())" if value else (
        "os.getxattr(sys.argv[1], sys.argv[2])"
    )  # fmt: skip
    as_root(sys.executable, "-c", f"import os, sys; {call}", str(path), name, value)


class PosixDisk:
    """Promises what POSIX does: bytes of synced files, names of synced folders, nothing else."""

    def __init__(self, here: Path) -> None:
        here.mkdir(parents=True)
        self._here = here
        self.path = here / "disk"
        self._server = serve("posix_disk", self.path, here)

    def cut(self, name: str) -> Cut:
        """What is on the disk when power fails now."""
        before_ns = boot_ns()
        _attribute(self.path, "user.cut")
        place = self._here / f"cut-{name}"
        as_root("mv", str(self._here / "cut"), str(place))
        return Cut(place, before_ns, boot_ns())

    def drop(self, name: str) -> None:
        """Forget that cut."""
        as_root("rm", "-rf", str(self._here / f"cut-{name}"))

    def close(self) -> None:
        """Unmount and remove everything."""
        unmount(self.path)
        ended(self._server)
        as_root("rm", "-rf", str(self._here))


class CacheDisk(_Disk):
    """A drive that loses a random part of what it did not flush; can fail, and can lie."""

    def __init__(self, here: Path, mib: int = 128) -> None:
        super().__init__(here)
        self._fuse = here / "fuse"
        self._server = serve("cache_disk", self._fuse, mib * 1024 * 1024, here)
        self._file = self._fuse / "disk"
        self._format(self._file)

    def _image(self, name: str) -> Path:
        return self.here / f"{name}.img"

    def fail(self, failing: bool) -> None:
        """Answer EIO to everything."""
        _attribute(self._file, "user.eio", str(int(failing)))

    def lie(self, lying: bool) -> None:
        """Acknowledge flushes and do nothing."""
        _attribute(self._file, "user.lies", str(int(lying)))

    def cut(self, name: str) -> Cut:
        """What is on the disk when power fails now."""
        before_ns = boot_ns()
        _attribute(self._file, "user.cut")
        as_root("mv", str(self.here / "cut.img"), str(self._image(name)))
        return self._mount_cut(name, before_ns)

    def close(self) -> None:
        """Unmount and remove everything."""
        self._close()
        as_root("umount", "--lazy", str(self._fuse))  # a loop device lets go of it later
        ended(self._server)
        shutil.rmtree(self.here)
