"""How fast the card makes durable what is written to it: `python -m recorder.selftest.card`.

Writes as a recording does (a fragment, sync, a line, sync) into a file without a name on the
spool's file system: it is gone with its descriptor, whatever happens to the power.
"""

import errno
import os
import secrets
import sys
import time
from pathlib import Path

import msgspec

_ROUNDS = 12
_LIMIT_S = 6.0
_LINE = 1024
_UNNAMED = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL})
"""What a file system without O_TMPFILE says."""


class Question(msgspec.Struct, frozen=True):
    """Which spool, and how large a second of recording is."""

    spool: str
    fragment_bytes: int


class Speed(msgspec.Struct, frozen=True):
    """``worst_ms``: the longest that one fragment and its line took to be durable."""

    bytes_per_s: int
    worst_ms: int


def _unnamed(folder: Path) -> int:
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
    except OSError as error:
        if error.errno not in _UNNAMED:
            raise
    path = folder / f".selftest-{secrets.token_hex(4)}"
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    path.unlink()
    return descriptor


def measure(question: Question) -> Speed:
    """OSError where the card refuses it."""
    fragment, line = os.urandom(question.fragment_bytes), os.urandom(_LINE)
    descriptor = _unnamed(Path(question.spool))
    took: list[float] = []
    try:
        while len(took) < _ROUNDS and sum(took) < _LIMIT_S:
            began = time.monotonic()
            for part in (fragment, line):
                rest = memoryview(part)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                os.fdatasync(descriptor)
            took.append(time.monotonic() - began)
    finally:
        os.close(descriptor)
    size = len(took) * (len(fragment) + len(line))
    return Speed(round(size / sum(took)), round(max(took) * 1000))


def main() -> int:
    """The question by standard input, the answer by standard output; 1: errno's text."""
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    try:
        speed = measure(question)
    except OSError as error:
        print(error.strerror, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(speed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
