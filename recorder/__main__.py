"""`recorder`: see `recorder --help`. Exit 0: fine; 1: found something wrong; 2: could not run."""

import sys


def main() -> int:
    """Entry point of the `recorder` command."""
    from recorder.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
