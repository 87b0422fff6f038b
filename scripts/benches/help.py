"""How long `recorder --help` takes."""

import subprocess
import sys
import time


def main() -> None:
    """Median of ten, beside the bare interpreter."""
    for name, words in (
        ("recorder --help", ["-m", "recorder", "--help"]),
        ("python -c pass", ["-c", "pass"]),
    ):
        times = []
        for _ in range(11):
            began = time.perf_counter()
            subprocess.run([sys.executable, *words], capture_output=True, check=True)
            times.append(time.perf_counter() - began)
        print(f"{name:20} {sorted(times)[5] * 1000:6.0f} ms")
