"""``python -m tests.fuzz``: bad input for every parser, each in a process of its own.

Prints executions, coverage and findings for each; a finding's file is its input. Exit 1: findings.
``--repeat FILE`` with ``--only NAME`` gives one input to one parser, and shows what comes out.
"""

import argparse
import sys
from pathlib import Path

from tests.fuzz import run
from tests.fuzz.targets import load, names


def main() -> int:
    """Exit status: 0 no findings, 1 findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for each parser")
    parser.add_argument("--only", action="append", choices=names(), metavar="NAME",
                        help=f"this parser (may be repeated): {', '.join(names())}")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, help="how many side by side")
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    parser.add_argument("--repeat", type=Path, metavar="FILE", help="a finding's input, once more")
    options = parser.parse_args()
    if options.repeat is not None:
        if not options.only or len(options.only) != 1:
            parser.error("--repeat needs one --only NAME")
        load(options.only[0]).check(options.repeat.read_bytes())
        print("nothing is wrong with it any more")
        return 0
    wrong = run(
        options.seconds, lambda text: print(text, flush=True), options.only,
        jobs=options.jobs, seed=options.seed,
    )  # fmt: skip
    print(f"{len(wrong)} findings")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
