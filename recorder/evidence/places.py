"""Where evidence lies: a folder, or keys of a bucket. What a judge asks of it, and no more."""

from typing import BinaryIO, Literal, Protocol


class Place(Protocol):
    """A folder or a file. ``pathlib.Path`` is one; so is what stands for a key of a bucket."""

    @property
    def name(self) -> str:
        """Its own name, without what it lies in."""
        ...

    def __truediv__(self, key: str, /) -> "Place":
        """What lies below it; ``key`` may have slashes."""
        ...

    def open(self, mode: Literal["rb"], buffering: int = -1) -> BinaryIO:
        """The file's bytes. OSError where there is none, or it cannot be read."""
        ...

    def read_bytes(self) -> bytes:
        """All of a small file."""
        ...
