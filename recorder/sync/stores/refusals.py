"""What the operating system refused, in the sorts of the store protocol. Decides nothing else."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from recorder.sync.stores import Sort, StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_UNFIT = {errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EFBIG}
_IN_THE_WAY = {errno.ENOTDIR, errno.EISDIR, errno.ELOOP}


def sorted_error(error: OSError, where: str) -> StoreError:
    """Full, read-only, forbidden, unfit, something in the way; all else is gone, so later."""
    text = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in _FULL:
        return StoreError(
            Sort.FULL, "store-full", f"the store has no room left ({text})", where=where,
            remedy="Make room in the store, or put in a larger disk", phrase="store_full",
        )  # fmt: skip
    if error.errno == errno.EROFS:
        return StoreError(
            Sort.NOT_ALLOWED, "store-readonly", "the store is mounted read-only", where=where,
            remedy="Mount it read-write; if it turned so by itself, check the disk",
            phrase="store_readonly",
        )  # fmt: skip
    if error.errno in _FORBIDDEN:
        return StoreError(
            Sort.NOT_ALLOWED, "store-forbidden", f"the store does not let us write ({text})",
            where=where, remedy="Give the folder to the user that sync runs as",
            phrase="store_readonly",
        )  # fmt: skip
    if error.errno in _UNFIT:
        return unfit(f"its file system cannot do what is needed ({text})", where)
    if error.errno in _IN_THE_WAY:
        return StoreError(
            Sort.NEVER, "store-conflict", f"something else has that name in the store ({text})",
            where=where, remedy="Find out who put it there; sync removes nothing of others",
        )  # fmt: skip
    return StoreError(
        Sort.LATER, "store-gone", f"the store cannot be reached ({text})", where=where,
        remedy="Mount it or plug it in again; what is missing is copied then", phrase="store_gone",
    )  # fmt: skip


def unfit(problem: str, where: str) -> StoreError:
    """This folder can never be a store as it is."""
    return StoreError(
        Sort.NOT_ALLOWED, "store-unfit", problem, where=where,
        remedy="Use a file system with hard links and room for large files, such as ext4 or XFS",
        phrase="store_readonly",
    )  # fmt: skip


@contextmanager
def sorting(where: str) -> Iterator[None]:
    """Turn every OSError inside into a StoreError about ``where``."""
    try:
        yield
    except OSError as error:
        raise sorted_error(error, where) from error
