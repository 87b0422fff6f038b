"""The desk's own signed record of a recovery: ``recovery/0001.jsonl`` beside what came out.

A device's ledger is continued by its device alone, so what a desk did stands in a log of its own,
one file a run, chained like any other. Nothing is in it that the card does not show.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import msgspec

from recorder import __version__
from recorder.clock import Clock
from recorder.evidence.chain import ZERO, Line, Log, Signer, files, read, sync_folder
from recorder.evidence.keys import base64_public
from recorder.evidence.verification_lines import raw_key

FOLDER = "recovery"
FORMAT = "bodycam-recovery/1"
ASIDE = ".unreadable"
"""Behind the name of a recording that the desk puts into quarantine; the device's own has none."""


class _Note(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True
):
    """Base of the note's bodies."""


class Run(_Note, frozen=True, kw_only=True, tag="recovery"):
    """First line of every file: a desk began to bring a card out. ``key`` signs the file."""

    format: str
    key: str
    software: str
    source: str


class Brought(_Note, frozen=True, kw_only=True, tag="brought"):
    """Something is complete and gets its name next: a bag as it was (``sealed``), one that the desk
    ended (``ended``), what cannot be understood (``quarantine``), a file of the ledger."""

    name: str
    what: Literal["sealed", "ended", "quarantine", "ledger"]
    files: int
    bytes: int
    tagmanifest_sha256: str


class Trouble(_Note, frozen=True, kw_only=True, tag="trouble"):
    """Something did not come out, or not whole. ``name``: its path on the card, or
    in the bag that the desk made of it."""

    name: str
    code: str
    detail: str


class Done(_Note, frozen=True, kw_only=True, tag="done"):
    """The run came to its end."""

    brought: int
    troubles: int


Body = Run | Brought | Trouble | Done


class Note:
    """Appends to the record. A run that brings nothing new adds nothing, where there is one."""

    def __init__(self, out: Path, source: str, signer: Signer, clock: Clock) -> None:
        self._folder = out / FOLDER
        self._source = source
        self._signer = signer
        self._clock = clock
        self._log: Log | None = None
        self._waiting: list[Body] = []

    def trouble(self, body: Trouble) -> None:
        """Durable with the next ``brought`` or ``end``."""
        self._waiting.append(body)

    def brought(self, body: Brought) -> None:
        """Durable on return."""
        self._waiting.append(body)
        self._write()

    def earlier(self) -> Iterator[Trouble]:
        """What runs before this one had to tell."""
        for item in read(files(self._folder, ""), Body, None):
            if isinstance(item, Line) and isinstance(item.body, Trouble):
                yield item.body

    def end(self, body: Done) -> None:
        """The last line; durable on return."""
        if self._log is None and files(self._folder, ""):
            return
        self._waiting.append(body)
        self._write()
        assert self._log is not None
        self._log.close()

    def close(self) -> None:
        """Let go of the file, also after a run that did not get to its end."""
        if self._log is not None:
            with suppress(OSError):  # lines that the disk refused: the run has failed with that
                self._log.close()

    def _write(self) -> None:
        if self._log is None:
            self._log = self._begin()
        for body in self._waiting:
            self._log.append(body)
        self._waiting.clear()
        self._log.sync()

    def _begin(self) -> Log:
        self._folder.mkdir(mode=0o750, exist_ok=True)
        sync_folder(self._folder.parent)
        paths = files(self._folder, "")
        n, prev = 0, ZERO
        for item in read(paths, Body, None):
            if isinstance(item, Line):
                n, prev = item.header.n + 1, item.sha256
        number = max((int(p.stem) for p in paths if p.stem.isdecimal()), default=0) + 1
        log = Log.create(
            self._folder, "", self._signer, self._clock, n=n, prev=prev, number=number,
            plain_first=False,
        )  # fmt: skip
        log.append(
            Run(
                format=FORMAT,
                key=base64_public(self._signer),
                software=__version__,
                source=self._source,
            )
        )
        return log


def heir(body: Any) -> bytes | None:
    """The key that signs a file from its first line on."""
    return raw_key(body.key) if isinstance(body, Run) else None


def paths(place: Path) -> Sequence[Path]:
    """The record's files beside recordings that a desk brought out; none where it did not."""
    return files(place / FOLDER, "")
