"""``recorder recover``: brings a dead device's recordings off its card, on the desk's computer.

The card is only read. Each recording is copied whole under ``.recover/`` and gets its name when it
is complete and durable, so a run that is killed, or finds no room, is simply run again. What the
device sealed stays byte for byte as it was; what it left open is ended as the device would have,
by lines that a ``handover`` puts under the desk's key, and verified: what is not whole is told.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from recorder.clock import Clock
from recorder.errors import RecorderError
from recorder.evidence import (
    desk_copy,
    desk_ending,
    desk_note,
    ledger,
    ledger_private,
    lines,
    recovery,
)
from recorder.evidence.chain import Signer, make_folder, sync_folder
from recorder.evidence.desk_copy import Copied, Found, plain, shown
from recorder.evidence.desk_note import Brought, Done, Note, Trouble
from recorder.evidence.keys import base64_public
from recorder.evidence.recording import sha256
from recorder.evidence.seal import MANIFEST, SIGNATURE, TAG_FILES, TAGMANIFEST
from recorder.evidence.verification import is_recording
from recorder.evidence.verification_bag import inventory, listed
from recorder.spool import FREED, LEDGER, LOCK, QUARANTINE, RESERVE, number_of
from recorder.sync.stores.marker import MARKER

PARTS = ".recover"
_LEDGER_FILE = re.compile(r"\d+\.jsonl")
_LEDGER_RECORD = re.compile(r"\d+(\.[0-9a-f]{4})?\.json\.age")
_TAG_LIMIT_BYTES = 64 * 1024 * 1024


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """``present`` came out in an earlier run, whose ``troubles`` with it are told again; ``left``
    is not the recorder's and stays on the card. ``exit_code`` 1: something did not come out, or
    not whole."""

    path: str
    key: str
    brought: tuple[Brought, ...]
    present: tuple[str, ...]
    left: tuple[str, ...]
    troubles: tuple[Trouble, ...]
    exit_code: int


def recover(
    spool: Path,
    out: Path,
    *,
    signer: Signer,
    clock: Clock,
    say: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Bring everything in ``spool`` to ``out``, which has a spool's layout afterwards.

    Nothing below ``spool`` is written, nothing that is in ``out`` is changed. Each recording is
    durable when ``say`` gets its name. RecorderError where it cannot run or go on: no spool, one
    in the other, a store as target, a recorder running on it, no room.
    """
    _apart(spool, out)
    _no_store(out)
    _is_spool(spool)
    try:
        make_folder(out)
    except OSError as error:
        raise _refused(error, out) from error
    if not out.is_dir():
        raise RecorderError(
            "recover-out", "a file, no folder", where=str(out),
            remedy="Give a folder with --out; it is made where there is none",
        )  # fmt: skip
    with _alone(spool, out):
        if spool.stat().st_dev == out.stat().st_dev:
            say("note        card and target are on one file system; is this the card's copy?")
        run = _Run(spool, out, signer, clock, say)
        try:
            return run.all()
        except OSError as error:
            raise _refused(error, out) from error
        finally:
            run.note.close()
            shutil.rmtree(out / PARTS, ignore_errors=True)


def _refused(error: OSError, out: Path) -> RecorderError:
    return desk_copy.refused(error, out if error.filename is None else Path(error.filename))


def _apart(spool: Path, out: Path) -> None:
    for inner, outer in ((out, spool), (spool, out)):
        for place in (inner.resolve(), *inner.resolve().parents):
            if place.exists() and outer.exists() and place.samefile(outer):
                raise RecorderError(
                    "recover-nested",
                    f"{inner} lies in {outer}" if inner.resolve() != outer.resolve()
                    else "card and target are the same folder",
                    where="--out",
                    remedy="Give a folder on another disk: nothing is written to the card",
                )  # fmt: skip


def _no_store(out: Path) -> None:
    """A store takes only what sync has checked, in an order of its own."""
    for folder in (out.resolve(), *out.resolve().parents):
        if (folder / MARKER).exists():
            raise RecorderError(
                "recover-store", f"{folder} is a store", where=str(out),
                remedy="Give a folder of its own with --out; `recorder sync` with paths.spool set "
                "to it takes it to the store then",
            )  # fmt: skip


def _is_spool(spool: Path) -> None:
    problem = "nothing of a recorder is in it"
    try:
        for found in desk_copy.entries(spool):
            if found.kind == "folder" and (
                found.name in (LEDGER, QUARANTINE) or number_of(found.name) is not None
            ):
                return
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    raise RecorderError(
        "no-spool", problem, where=str(spool),
        remedy="Mount the card (read-only will do) and give its spool, which has ledger/ in it",
    )  # fmt: skip


@contextmanager
def _alone(spool: Path, out: Path) -> Iterator[None]:
    """Nobody records on the card, and nobody else brings it to ``out``. Neither lock is a file."""
    held = [os.open(out, os.O_RDONLY | os.O_DIRECTORY)]
    try:
        _lock(held[0], fcntl.LOCK_EX, "recover-twice", "another recovery is running there", out)
        with suppress(OSError):  # a card without a lock file, or whose lock file cannot be read
            held.append(os.open(spool / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
        if len(held) > 1:
            _lock(held[1], fcntl.LOCK_SH, "spool-locked", "a recorder is running on it", spool)
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)


def _lock(descriptor: int, how: int, code: str, problem: str, where: Path) -> None:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RecorderError(code, problem, where=str(where), remedy="Stop it first") from error


class _Run:
    """The state of one run."""

    def __init__(
        self, spool: Path, out: Path, signer: Signer, clock: Clock, say: Callable[[str], None]
    ) -> None:
        self._spool = spool
        self._out = out
        self._signer = signer
        self._clock = clock
        self._say = say
        self.note = Note(out, str(spool), signer, clock)
        self._parts = out / PARTS
        self._brought: list[Brought] = []
        self._present: list[str] = []
        self._left: list[str] = []
        self._troubles: list[Trouble] = []
        self._sealed: set[str] = set()
        self._earlier: tuple[Trouble, ...] = ()

    def all(self) -> Summary:
        """Ledger first: it says which recordings were sealed, and which there must be."""
        shutil.rmtree(self._parts, ignore_errors=True)
        self._parts.mkdir(mode=0o750)
        self._earlier = tuple(dict.fromkeys(self.note.earlier()))
        top = list(desk_copy.entries(self._spool))
        if any(f.name == LEDGER and f.kind == "folder" for f in top):
            self._ledger(self._spool / LEDGER)
        known = list(ledger.entries(self._out / LEDGER))
        self._sealed = {e.body.recording for e in known if isinstance(e.body, lines.Sealed)}
        for found in sorted(top, key=lambda f: (number_of(f.name) or 0, f.name)):
            self._top(found)
        self._absent([e.body for e in known], {f.name for f in top})
        self.note.end(Done(brought=len(self._brought), troubles=len(self._troubles)))
        return Summary(
            path=str(self._out),
            key=base64_public(self._signer),
            brought=tuple(self._brought),
            present=tuple(self._present),
            left=tuple(self._left),
            troubles=tuple(self._troubles),
            exit_code=1 if self._troubles else 0,
        )

    def _top(self, found: Found) -> None:
        if found.name.startswith(FREED):
            return  # it was a recording; the ledger says that its room is being given back
        if found.name in (LOCK, RESERVE) or (found.name == LEDGER and found.kind == "folder"):
            return
        if found.error:
            self._trouble(found.name, "unreadable", found.error)
        elif found.name == QUARANTINE and found.kind == "folder":
            self._quarantine(found.path)
        elif found.kind == "folder" and number_of(found.name) is not None:
            self._recording(found)
        elif number_of(found.name) is not None:
            self._trouble(found.name, "no-folder", f"a {found.kind} where a recording belongs")
        elif found.kind == "folder" and _looks_like_one(found.path):
            self._whole(found, f"{QUARANTINE}/{plain(found.name)}")
        else:
            self._left.append(shown(found.name))

    # The ledger, and what was set aside.

    def _ledger(self, folder: Path) -> None:
        target = self._out / LEDGER
        target.mkdir(mode=0o750, exist_ok=True)
        sync_folder(self._out)
        there = list(self._entries(folder, LEDGER))
        for found in sorted(there, key=lambda f: f.name != ledger_private.FOLDER):
            name = f"{LEDGER}/{found.name}"
            if found.name != ledger_private.FOLDER or found.kind != "folder":
                self._ledger_file(found, name, _LEDGER_FILE)
                continue
            (self._out / name).mkdir(mode=0o750, exist_ok=True)  # before the lines that name them
            sync_folder(target)
            for record in self._entries(found.path, name):
                self._ledger_file(record, f"{name}/{record.name}", _LEDGER_RECORD)

    def _ledger_file(self, found: Found, name: str, proper: re.Pattern[str]) -> None:
        if found.kind != "file" or not proper.fullmatch(found.name):
            self._left.append(shown(name))
            return
        part, target = self._parts / "ledger-file", self._out / name
        copied = self._copy(found.path, part, name)
        if copied is None:
            return
        if os.path.lexists(target):
            if _bytes(target) == _bytes(part):
                self._there(name, name)
            else:
                self._trouble(name, "differs", "another file of that name is there already")
            part.unlink()
            return
        self._place(part, name, "ledger", 1, copied.bytes)

    def _quarantine(self, folder: Path) -> None:
        for found in self._entries(folder, QUARANTINE):
            self._whole(found, f"{QUARANTINE}/{plain(found.name)}")

    def _whole(self, found: Found, name: str) -> None:
        """Bring something out as it is, without looking into it."""
        if found.kind in ("link", "special"):
            self._trouble(found.name, "left", f"a {found.kind}: never followed, never copied")
            return
        if os.path.lexists(self._out / name):
            self._there(name, found.name)
            return
        part = self._parts / "whole"
        if found.kind == "file":
            copied = self._copy(found.path, part, found.name)
            sizes = [] if copied is None else [copied.bytes]
        else:
            sizes = [c.bytes for c in self._tree(found, part).values()]
        if os.path.lexists(part):
            self._set_aside(part, name, len(sizes), sum(sizes))

    def _set_aside(self, part: Path, name: str, count: int, size: int) -> None:
        (self._out / QUARANTINE).mkdir(mode=0o750, exist_ok=True)
        sync_folder(self._out)
        self._place(part, name, "quarantine", count, size)

    def _absent(self, known: list[lines.Ledger], there: set[str]) -> None:
        gone = {b.recording for b in known if isinstance(b, lines.Freed)}
        gone |= {b.name for b in known if isinstance(b, lines.Quarantined)}
        for body in known:
            if isinstance(body, lines.Opened) and body.recording not in there | gone:
                self._trouble(
                    body.recording, "absent", "the ledger opened it, the card has nothing of it"
                )

    # Recordings.

    def _recording(self, found: Found) -> None:
        target = self._out / found.name
        aside = f"{QUARANTINE}/{found.name}{desk_note.ASIDE}"
        if os.path.lexists(self._out / aside):
            self._there(aside, found.name)
            return
        if os.path.lexists(target):
            if _same(found.path, target):
                self._there(found.name, found.name)
            else:
                self._trouble(found.name, "differs", "another recording of that name is there")
            return
        part = self._parts / found.name
        copies = self._tree(found, part)
        size = sum(c.bytes for c in copies.values())
        if found.name in self._sealed or _is_sealed(part):
            self._compare(found.name, part, copies)
            self._place(part, found.name, "sealed", len(copies), size)
            return
        try:
            strange = desk_ending.end(
                part, found.name, copies, signer=self._signer, clock=self._clock
            )
        except RecorderError as error:
            if error.code not in ("recording-unreadable", "recording-handed-over"):
                raise
            self._trouble(found.name, error.code, error.problem)
            self._set_aside(part, aside, len(copies), size)
            return
        for old, new in strange.items():
            if old not in (*TAG_FILES, f"{SIGNATURE}.part"):
                self._trouble(f"{found.name}/{old}", "strange", f"no file of a recording: {new}")
        for finding in desk_ending.not_whole(part):
            self._trouble(
                f"{found.name}/{finding.file}" if finding.file else found.name,
                finding.level.value,
                f"{finding.code}: {finding.text}",
            )
        sizes = inventory(part).files
        self._place(part, found.name, "ended", len(sizes), sum(sizes.values()))

    def _compare(self, name: str, part: Path, copies: dict[str, Copied]) -> None:
        """Hold a sealed bag's copy against its manifests; it stays as it is, whatever they say."""
        if SIGNATURE not in copies:
            self._trouble(name, "no-seal", "the ledger says sealed, but its signature is not there")
        for listing in (TAGMANIFEST, MANIFEST):
            data = _bytes(part / listing, _TAG_LIMIT_BYTES)
            for file, digest in listed(data or b""):
                if file not in copies:
                    self._trouble(f"{name}/{file}", "missing", f"{listing} lists it")
                elif copies[file].sha256 != digest:
                    self._trouble(f"{name}/{file}", "changed", f"not its SHA-256 in {listing}")

    # Copying.

    def _tree(self, found: Found, part: Path) -> dict[str, Copied]:
        """Copy a folder as it is. Links and special files are told and left."""
        part.mkdir(mode=0o750)
        copies: dict[str, Copied] = {}
        for each in desk_copy.tree(found.path):
            name = f"{found.name}/{each.name}" if each.name else found.name
            if each.error:
                self._trouble(name, "unreadable", each.error)
            elif each.kind == "folder":
                self._folder(part / each.name, name)
            elif each.kind == "file":
                copied = self._copy(each.path, part / each.name, name)
                if copied is not None:
                    copies[each.name] = copied
            else:
                self._trouble(name, "left", f"a {each.kind}: never followed, never copied")
        for folder in [part, *(p for p in part.rglob("*") if p.is_dir())]:
            sync_folder(folder)
        return copies

    def _folder(self, target: Path, name: str) -> None:
        try:
            target.mkdir(mode=0o750)
        except OSError as error:
            if error.errno not in desk_copy.NAMES:
                raise
            self._trouble(name, "unreadable", f"no folder here can be named so: {error.strerror}")

    def _copy(self, source: Path, target: Path, name: str) -> Copied | None:
        """None: nothing of it can be read."""
        try:
            copied = desk_copy.copy(source, target)
        except OSError as error:
            self._trouble(name, "unreadable", str(error.strerror))
            return None
        if copied.holes:
            self._trouble(name, "unreadable", copied.unread)
        if copied.bytes and copied.lost_bytes == copied.bytes:
            target.unlink()
            return None
        return copied

    def _entries(self, folder: Path, name: str) -> Iterator[Found]:
        try:
            for found in desk_copy.entries(folder):
                if found.error:
                    self._trouble(f"{name}/{found.name}", "unreadable", found.error)
                else:
                    yield found
        except OSError as error:
            self._trouble(name, "unreadable", str(error.strerror))

    def _place(self, part: Path, name: str, what: str, files: int, size: int) -> None:
        """Note it, then give it its name, durably. Nobody else writes here: the lock is held.

        In this order a run that is killed leaves nothing here whose troubles are on no record.
        """
        data = _bytes(part / TAGMANIFEST, _TAG_LIMIT_BYTES)
        body = msgspec.convert(
            {"name": shown(name), "what": what, "files": files, "bytes": size,
             "tagmanifest_sha256": "" if data is None else sha256(data), "kind": "brought"},
            Brought,
        )  # fmt: skip
        self.note.brought(body)
        os.rename(part, self._out / name)
        sync_folder((self._out / name).parent)
        self._brought.append(body)
        self._say(f"{body.what:10}  {body.name}")

    def _there(self, name: str, card: str) -> None:
        """An earlier run brought it out. What was wrong with it then still is."""
        self._present.append(name)
        for body in self._earlier:
            told = body in self._troubles
            if not told and (body.name == shown(card) or body.name.startswith(f"{shown(card)}/")):
                self._troubles.append(body)
                self._say(f"{body.code:10}  {body.name}: {body.detail}")

    def _trouble(self, name: str, code: str, detail: str) -> None:
        body = Trouble(name=shown(name), code=code, detail=detail)
        self._troubles.append(body)
        self.note.trouble(body)
        self._say(f"{code:10}  {body.name}: {detail}")


def _looks_like_one(path: Path) -> bool:
    try:
        return is_recording(path)
    except OSError:
        return True


def _bytes(path: Path, limit: int | None = None) -> bytes | None:
    """A file's bytes; None where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(-1 if limit is None else limit)
    except OSError:
        return None


def _same(card: Path, there: Path) -> bool:
    """The recording that came out earlier is the one on the card: same line 0, same seal if any."""
    journals = [_line_0(path / "data" / "journal.jsonl") for path in (card, there)]
    if journals[0] is not None and journals[0] != journals[1]:
        return False
    return _bytes(card / SIGNATURE) == _bytes(there / SIGNATURE) or not _is_sealed(card)


def _is_sealed(folder: Path) -> bool:
    try:
        return recovery.is_sealed(folder, desk=True)
    except OSError:
        return False  # a folder stands where a file belongs, or the card gives no answer any more


def _line_0(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.readline(1024 * 1024)
    except OSError:
        return None
