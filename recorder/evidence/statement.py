"""Archives a statement (Art. 15): a bag of its own beside the recording, which stays as it is.

``<about>-<n>/`` holds one signed line in the clear and the text in an age file to the custodians.
Statements about one recording count on and are chained: a correction is a new one that names the
earlier. Never changes or replaces anything.
"""

import os
import re
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from recorder import __version__
from recorder.clock import Clock
from recorder.errors import RecorderError
from recorder.evidence import chain, keys, lines, statement_text as texts
from recorder.evidence.age import Recipient, encrypt
from recorder.evidence.due import Owed
from recorder.evidence.keys import KeySigner
from recorder.evidence.recording import sha256, write_new
from recorder.evidence.seal import sign_tags
from recorder.evidence.statement_form import Facts
from recorder.spool import NAME

FORMAT = "bodycam-statement/1"
LINE = "data/statement.jsonl"
TEXT = "data/private/0.json.age"
_NAME = re.compile(r"([a-z0-9][a-z0-9-]*)-([1-9][0-9]{0,5})")


class Statement(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="statement",
    forbid_unknown_fields=True,
):  # fmt: skip
    """The line of a statement. ``about``, ``interruption``, ``ledger_line``, ``explains``: what it
    explains, as ``due.Owed`` has it. ``found`` by the device, ``chosen`` by the officer's presses
    and ``confirmed`` at the desk are three words that nobody merges. ``tagmanifest_sha256`` and
    ``verdict``: the recording as it was found at the desk then. ``corrects``: an earlier statement
    about the same, or ""."""

    format: str
    statement: str
    about: str
    device: str
    recording: str
    interruption: int | None
    ledger_line: int | None
    explains: str
    why: tuple[str, ...]
    found: str
    chosen: str | None
    confirmed: texts.Category
    corrects: str
    tagmanifest_sha256: str
    verdict: str
    organisation: str
    software: str
    key: str
    recipients: tuple[str, ...]
    private: lines.Private


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is encrypted: the written text, and beside it what the device says."""

    text: texts.Text
    device: Facts


class Archived(msgspec.Struct, frozen=True):
    """What was written, for the answer."""

    statement: str
    path: str
    sha256: str
    corrects: str
    verdict: str


def numbered(place: Path, about: str) -> dict[int, Path]:
    """The statements about one thing that lie in ``place``, whole or damaged, by their number."""
    found = {}
    for path in place.iterdir() if place.is_dir() else ():
        split = number_in(path.name)
        if split is not None and split[0] == about:
            found[split[1]] = path
    return dict(sorted(found.items()))


def number_in(name: str) -> tuple[str, int] | None:
    """What a statement of this name is about, and its number; None where it is no such name."""
    match = _NAME.fullmatch(name)
    return (match[1], int(match[2])) if match else None


def write(
    place: Path,
    owed: Owed,
    text: texts.Text,
    *,
    device: Facts,
    organisation: str,
    tagmanifest_sha256: str,
    verdict: str,
    corrects: str,
    signer: KeySigner,
    recipients: Sequence[Recipient],
    clock: Clock,
) -> Archived:
    """Encrypt, sign and archive under the next number. Durable on return, and there as a whole or
    not at all. RecorderError ``statement-exists`` where somebody else took the number meanwhile."""
    if not fits(owed.about, owed.device):
        raise RecorderError(
            "statement-name", "what is to be explained has no recording's name", where=str(place),
            remedy="Run `recorder verify` on the recording",
        )  # fmt: skip
    before = numbered(place, owed.about)
    number = max(before, default=0) + 1
    name = f"{owed.about}-{number}"
    chain.make_folder(place)
    part = place / f".{name}.{secrets.token_hex(4)}.part"
    sealed = encrypt(msgspec.json.encode(Content(text=text, device=device)), recipients)
    body = Statement(
        format=FORMAT, statement=name, about=owed.about, device=owed.device,
        recording=owed.recording, interruption=owed.interruption, ledger_line=owed.ledger_line,
        explains=owed.explains, why=owed.why, found=owed.cause, chosen=owed.chosen,
        confirmed=text.category, corrects=corrects, tagmanifest_sha256=tagmanifest_sha256,
        verdict=verdict, organisation=organisation, software=__version__,
        key=keys.base64_public(signer), recipients=tuple(r.text for r in recipients),
        private=lines.Private(TEXT, len(sealed), sha256(sealed)),
    )  # fmt: skip
    stamp = clock.stamp()
    prev = line_sha256(before[number - 1]) if number - 1 in before else chain.ZERO
    header = chain.Header(
        number - 1, "statement", stamp.boot_id, stamp.boot_ns, stamp.utc, stamp.clock, prev
    )
    line = chain.encode(header, body, signer)
    try:
        for sub in ("", "data", "data/private"):
            (part / sub).mkdir(mode=0o750)
        digests = {
            TEXT: write_new(part / TEXT, sealed),
            LINE: write_new(part / LINE, line.line + b"\n"),
        }
        for sub in ("data/private", "data"):
            chain.sync_folder(part / sub)
        sign_tags(
            part, name=name, source=organisation,
            description="Written statement about a recording of an enforcement act",
            utc=stamp.utc, digests=digests, signer=signer,
        )  # fmt: skip
        _settle(part, place / name)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Archived(name, str(place / name), line.sha256, corrects, verdict)


def _settle(part: Path, target: Path) -> None:
    """Give the folder its name, never over another one, and make that durable."""
    try:
        os.rename(part, target)  # a folder with something in it is never replaced (rename(2))
    except OSError as error:
        if not (target.exists() or target.is_symlink()):
            raise
        raise RecorderError(
            "statement-exists", "somebody else archived a statement under this number just now",
            where=str(target), remedy="Read it, and run again: yours gets the next number",
        ) from error  # fmt: skip
    chain.sync_folder(target.parent)


def line_sha256(folder: Path) -> str:
    """SHA-256 of a statement's line; zeros where it has none that can be read."""
    try:
        raw, ended = next(iter(chain.raw_lines(folder / LINE)), (b"", False))
    except OSError:
        return chain.ZERO
    return sha256(raw) if ended else chain.ZERO


def fits(about: str, device: str) -> bool:
    """What a journal or ledger calls itself may be part of a path: it has a device's form."""
    recording = NAME.fullmatch(about)
    if recording is not None:
        return recording["device"] == device
    return (
        re.fullmatch(r"[a-z0-9][a-z0-9-]*", device) is not None
        and re.fullmatch(rf"{re.escape(device)}-ledger-[0-9]{{1,12}}", about) is not None
    )
