"""Bad input for every parser: no crash, no hang, no accepted lie (``python -m tests.fuzz``)."""

from tests.fuzz.runner import run

__all__ = ["run"]
