"""What docs/performance.md says, measured. Each module has ``main()`` and prints what it saw."""

from pathlib import Path


def room() -> Path:
    """Where benches write: on the checkout's own disk, not in a tmpfs."""
    folder = Path(__file__).resolve().parent.parent.parent / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
