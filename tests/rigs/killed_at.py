"""SIGKILL at a chosen step: every call that changes what is on disk counts, syncs before and after.

In a process of its own: ``python -m tests.rigs.killed_at N PYTHON -m recorder WORDS …`` runs the
recorder and kills it there (as a wrapper of ``Daemon.start``). In a test: ``fork_and_kill``.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

EVENTS = frozenset(
    {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.truncate", "os.chmod"}
)
_WRITING = os.O_WRONLY | os.O_RDWR


def arm(step: int, below: str, thread: str | None = None) -> Callable[[], int]:
    """Kill this process at its ``step``-th change (from 1; 0: never). How many there were so far.

    Opening files for writing counts where the path holds ``below``; with ``thread`` only what the
    thread of that name does counts.
    """
    count = 0

    def tick() -> None:
        nonlocal count
        if thread is not None and threading.current_thread().name != thread:
            return
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()

    def hook(event: str, words: tuple[Any, ...]) -> None:
        writes = event == "open" and below in str(words[0]) and int(words[2] or 0) & _WRITING
        if event in EVENTS or writes:
            tick()

    def both(call: Callable[[int], None]) -> Callable[[int], None]:
        def around(descriptor: int) -> None:
            tick()
            call(descriptor)
            tick()

        return around

    os.fsync, os.fdatasync = both(os.fsync), both(os.fdatasync)  # type: ignore[assignment]
    sys.addaudithook(hook)
    return lambda: count


def fork_and_kill(work: Callable[[], object], step: int, below: str) -> int | None:
    """Run ``work`` in a child that dies at ``step``. None: it died there; else it was done before,
    after so many steps. Whatever ``work`` raises is raised here."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            steps = arm(step, below)
            try:
                work()
                told = f"done {steps()}"
            except BaseException as error:  # noqa: BLE001 - told to the parent, which raises it
                told = f"{type(error).__name__}: {error}"
            os.write(write, told.encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    if not told.startswith("done "):
        raise AssertionError(f"the child failed: {told}")
    return int(told.removeprefix("done "))


def main() -> int:
    """The recorder, killed at a step of its disk thread."""
    from recorder.__main__ import main as recorder

    step, words = int(sys.argv[1]), sys.argv[2:]
    sys.argv = words[words.index("recorder") :]
    arm(step, "/spool/", "disk")
    return recorder()


if __name__ == "__main__":
    sys.exit(main())
