"""``python -m tests.fuzz.child NAME SECONDS FOLDER SEED [blind]``: one parser, alone in here.

With atheris, guided by coverage of the package; where it has no wheel, blindly, which is said. Each
kind of finding is written to ``findings/`` once, with its input; the run goes on behind it.
"""

import contextlib
import hashlib
import random
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

try:
    if "blind" in sys.argv[5:]:
        raise ImportError
    import atheris
except ImportError:
    atheris = None

CPU_S = 5
"""An input that takes longer than this to work through hangs."""
WALL_S = 120
"""One that waits longer than this hangs, too; much, because others may need the processor."""
RSS_MB = 2048
_MOST_FINDINGS = 20


class Hangs(BaseException):
    """Not an Exception: nothing in the parser may take it for one of its own errors."""


def _hangs(*_: object) -> None:
    raise Hangs(f"over {CPU_S} s of processor time")


class Child:
    """Catches what goes wrong and keeps it, with its input."""

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder
        self._findings = folder / "findings"
        self._seen: set[str] = set()
        from tests.fuzz import targets

        if atheris is None:
            self.target = targets.load(name)
        else:
            with atheris.instrument_imports(
                include=["recorder", "tomllib", *([name] if "." in name else [])]
            ):
                self.target = targets.load(name)

    def one(self, data: bytes) -> None:
        """One input; what comes out of the parser that may not is kept."""
        signal.setitimer(signal.ITIMER_PROF, CPU_S)
        try:
            self.target.check(data)
        except (Exception, Hangs) as error:  # noqa: BLE001 - a finding, written down with its input
            self._keep(data, error)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _keep(self, data: bytes, error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if "/recorder/" in f.filename or "/tests/fuzz/" in f.filename]
        where = "; ".join(f"{Path(f.filename).name}:{f.lineno}" for f in ours[-3:])
        kind = f"{type(error).__name__} {where}"
        if kind in self._seen:
            return
        self._seen.add(kind)
        name = hashlib.sha256(data).hexdigest()[:16]
        (self._findings / name).write_bytes(data)
        text = "".join(traceback.format_exception(error))[-6000:]
        (self._findings / f"{name}.txt").write_text(f"{kind}: {str(error)[:300]}\n{text}")
        if len(self._seen) >= _MOST_FINDINGS:
            raise SystemExit(1)


def _guided(child: Child, folder: Path, seconds: float, seed: int) -> None:
    words = folder / "words"
    with words.open("w", encoding="ascii") as file:
        for word in child.target.words:
            escaped = "".join(f"\\x{b:02x}" for b in word.encode())
            file.write(f'"{escaped}"\n')
    dictionary = [f"-dict={words}"] if child.target.words else []
    flags = [
        f"-max_total_time={max(1, round(seconds))}", f"-timeout={WALL_S}", f"-seed={seed}",
        f"-rss_limit_mb={RSS_MB}", f"-max_len={child.target.most_bytes}", "-print_final_stats=1",
        f"-artifact_prefix={folder}/findings/", "-reload=0",
        "-report_slow_units=1000000", *dictionary,
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *flags, str(folder / "corpus")], child.one)
    atheris.Fuzz()


def _blind(child: Child, folder: Path, seconds: float, seed: int) -> None:
    """The same seeds and words, changed at random, without looking at what they reach."""
    from tests.fuzz.choices import Choices, edit_bytes

    resource.setrlimit(resource.RLIMIT_AS, (2 * RSS_MB << 20, 2 * RSS_MB << 20))
    rng = random.Random(seed)
    seeds = [path.read_bytes() for path in sorted((folder / "corpus").iterdir())]
    words = [word.encode() for word in child.target.words]
    stop = time.monotonic() + seconds
    count = 0
    while time.monotonic() < stop:
        data = rng.choice(seeds) if rng.random() < 0.9 else rng.randbytes(rng.randrange(300))
        for _ in range(rng.randrange(8)):
            if words and rng.random() < 0.2:
                at = rng.randrange(len(data) + 1)
                data = data[:at] + rng.choice(words) + data[at:]
            else:
                data = edit_bytes(data, Choices(rng.randbytes(300)))
        data = data[: child.target.most_bytes]
        (folder / "findings" / "last").write_bytes(data)
        signal.alarm(WALL_S)  # its default ends the process: the parent finds ``last``
        child.one(data)
        signal.alarm(0)
        count += 1
    (folder / "findings" / "last").unlink(missing_ok=True)
    print(f"#{count}\tDONE   blind", file=sys.stderr)


def main() -> None:
    """``folder`` has ``findings`` and ``corpus``; the seeds are added to what a run before left."""
    name, seconds, folder, seed = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    child = Child(name, folder)
    signal.signal(signal.SIGPROF, _hangs)
    for data in child.target.seeds():
        with contextlib.suppress(FileExistsError):
            path = folder / "corpus" / hashlib.sha1(data, usedforsecurity=False).hexdigest()
            with path.open("xb") as file:
                file.write(data)
    for data in child.target.heavy:
        child.one(data)
    (_blind if atheris is None else _guided)(child, folder, seconds, int(seed))


if __name__ == "__main__":
    main()
