"""`./scripts/bench [NAME]`."""

import importlib
import os
import platform
import sys
from pathlib import Path

NAMES = (
    "help", "start", "cost", "press", "killed", "memory", "wear", "verify", "sync", "upload",
    "copy", "spool", "county", "opening", "picamera2", "overlay",
)  # fmt: skip
ALONE = ("long",)
"""Only where it is named: it takes 90 minutes."""


def machine() -> str:
    """What this ran on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores, {system}"


def main() -> int:
    """All benches, or those that were named."""
    wanted = sys.argv[1:] or list(NAMES)
    known = NAMES + ALONE
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"bench: no {unknown[0]}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    print(machine())
    for name in wanted:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"scripts.benches.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
