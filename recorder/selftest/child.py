"""A measurement in a process of its own: what it asks may never answer, and is then left behind."""

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from recorder.errors import RecorderError
from recorder.shapes import UNREADABLE

T = TypeVar("T")


def measure(
    module: str,
    question: bytes,
    answer: type[T],
    limit_s: float,
    *,
    as_owner_of: Path | None = None,
) -> T:
    """``python -m module`` with ``question`` on its standard input; its answer is JSON.

    RecorderError ``hung`` after ``limit_s``, ``failed`` with its last words. ``as_owner_of``: with
    the rights of the user that this path belongs to, where we may choose.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        **_rights(as_owner_of),
    )  # fmt: skip
    try:
        out, errors = child.communicate(question, limit_s)
    except subprocess.TimeoutExpired as error:
        child.kill()  # not waited for: it may be held in the kernel by a card that never answers
        raise RecorderError("hung", f"no answer within {limit_s:.0f} s") from error
    try:
        if child.returncode == 0:
            return msgspec.json.decode(out, type=answer)
    except UNREADABLE as error:
        raise RecorderError("failed", f"no answer but {out[:80]!r}") from error
    last = errors.decode(errors="replace").strip().rpartition("\n")[2]
    raise RecorderError("failed", (last or f"exit status {child.returncode}")[:200])


def owner_of(path: Path) -> int | None:
    """Whose it is; None where it is not there, or not to be seen."""
    try:
        return path.stat().st_uid
    except OSError:
        return None


def may_act_for(path: Path) -> bool:
    """We are its owner, or root, who can ask with its owner's rights; so what is not there is
    nobody's."""
    return os.geteuid() in (0, owner_of(path))


def _rights(path: Path | None) -> dict[str, Any]:
    if path is None or os.geteuid() != 0:
        return {}
    owner = path.stat().st_uid
    try:
        user = pwd.getpwuid(owner)
    except KeyError:
        return {"user": owner, "extra_groups": ()}
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    return {"user": owner, "group": user.pw_gid, "extra_groups": groups}
