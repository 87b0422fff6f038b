"""Runs each parser's fuzzer in a process of its own, with limits, and says what came out.

A parser that crashes its process, hangs or eats memory is a finding like any other; so is one that
never got to its first input.
"""

import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from tests.fuzz import targets

ROOT = Path(__file__).resolve().parents[2]
_COUNTED = re.compile(r"^#(\d+)\s+(\w+)\s+(?:cov: (\d+) ft: (\d+))?", re.MULTILINE)
SHARED = Path("/dev/shm")
"""Memory: there a sync costs nothing."""
_STARTS_S = 120
"""To import and to make seeds, on a busy machine."""


class Result(msgspec.Struct, frozen=True):
    """One parser's run. ``edges`` and ``features`` are libFuzzer's; None: not measured."""

    name: str
    executions: int
    edges: int | None
    features: int | None
    findings: tuple[str, ...]

    def line(self) -> str:
        """For people."""
        reached = (
            "it never got to its first input" if not self.executions
            else f"{self.edges} edges, {self.features} features" if self.edges is not None
            else "coverage not measured (no atheris for this Python or machine: blind)"
        )  # fmt: skip
        return (
            f"{self.name}: {self.executions} executions, {reached}, {len(self.findings)} findings"
        )


def fuzz(name: str, seconds: float, folder: Path, seed: int, *, blind: bool = False) -> Result:
    """Fuzz one parser. ``folder`` keeps its corpus for the next run, and what was found.

    ``blind``: without atheris, though it is there.
    """
    corpus, found = folder / "corpus", folder / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    for path in found.iterdir():
        path.unlink()
    words = [sys.executable, "-m", "tests.fuzz.child", name, str(seconds), str(folder), str(seed)]
    words += ["blind"] if blind else []
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    log = folder / "log"
    problem = ""
    memory = SHARED if SHARED.is_dir() else None
    with log.open("wb") as out, tempfile.TemporaryDirectory(dir=memory) as scratch:
        environment["TMPDIR"] = scratch
        try:
            status = subprocess.run(
                words, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, timeout=seconds * 1.5 + _STARTS_S, check=False,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            status, problem = -1, "did not end in time"
    text = log.read_text(encoding="utf-8", errors="replace")
    executions, edges, features = 0, None, None
    for match in _COUNTED.finditer(text):
        executions = int(match[1])
        if match[3] is not None:
            edges, features = int(match[3]), int(match[4])
    wrong = []
    for path in sorted(found.iterdir()):
        if path.suffix == ".txt":
            first = path.read_text(encoding="utf-8").partition("\n")[0]
            wrong.append(f"{name}: {first} ({path.with_suffix('')})")
        elif not path.with_suffix(".txt").exists():
            wrong.append(f"{name}: its process died or hung, see {log} ({path})")
    if not wrong and (status != 0 or problem or not executions):
        wrong.append(f"{name}: {problem or f'exit status {status}'} after {executions} executions, "
                     f"see {log}")  # fmt: skip
    return Result(name, executions, edges, features, tuple(wrong))


def run(
    seconds: float,
    tell: Callable[[str], None],
    only: str | Collection[str] | None = None,
    *,
    folder: Path = ROOT / "var" / "fuzz",
    jobs: int = 1,
    seed: int | None = None,
) -> list[str]:
    """Fuzz every parser (or ``only`` some) for ``seconds`` each; the findings, worded.

    ``tell`` gets a line a parser as it ends. ``jobs`` run side by side.
    """
    chosen = [only] if isinstance(only, str) else list(only or targets.names())
    seed = random.randrange(1, 2**31) if seed is None else seed
    wrong: list[str] = []
    with ThreadPoolExecutor(jobs) as pool:
        runs = [pool.submit(fuzz, name, seconds, folder / name, seed) for name in chosen]
        for each in runs:
            result = each.result()
            for line in (result.line(), *(f"  {finding}" for finding in result.findings)):
                tell(line)
            wrong += result.findings
    return wrong
