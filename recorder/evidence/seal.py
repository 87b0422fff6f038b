"""Seals a recording: the last lines, the BagIt tag files and the device's signature over them.

After the signature is on the card the folder never changes again (RFC 8493; Art. 20). A seal that
was cut short is done again from the start: nothing but the tag files depends on it.
"""

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from recorder import __version__
from recorder.clock import Quality, Stamp
from recorder.evidence import lines
from recorder.evidence.chain import Log, Signer, open_plain, sync_folder
from recorder.evidence.recording import RecordingWriter, sha256, write_new

BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST = "manifest-sha256.txt"
TAGMANIFEST = "tagmanifest-sha256.txt"
SIGNATURE = "tagmanifest-sha256.txt.sig"
TAG_FILES = ("bagit.txt", "bag-info.txt", MANIFEST, TAGMANIFEST, SIGNATURE)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_PIECE = 1024 * 1024


def file_sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    digest = hashlib.sha256()
    with open_plain(path) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def payload(folder: Path) -> Iterator[Path]:
    """Every file under ``data/``, sorted, relative to the bag."""
    for path in sorted((folder / "data").rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder)


def seal(writer: RecordingWriter, end: lines.End, opened: lines.Open, ledger: Log) -> lines.Sealed:
    """End segment and journal, sign the bag, write the ledger's ``seal`` line.

    Durable on return, the signature last of the bag, the ledger after it. The ``end`` line has
    been written already. After an OSError it may be called again.
    """
    try:
        writer.fragments(())
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        writer.give_up(str(error.strerror))
    writer.end_segment()
    writer.settle()
    progress = writer.progress
    if not progress.closed:
        writer.journal(
            lines.Close(
                start_ns=progress.start_ns,
                end_ns=end.end_ns,
                segments=progress.segments,
                fragments=progress.fragments,
                interruptions=progress.interruptions,
                statements_due=progress.statements_due,
            )
        )
    writer.sync()
    writer.log.close()
    return sign_bag(
        writer.folder,
        journal_lines=writer.log.n,
        journal_sha256=writer.log.prev,
        digests=progress.digests,
        statements_due=progress.statements_due,
        end=end,
        opened=opened,
        utc=_known_utc(ledger.clock.stamp()),
        signer=writer.signer,
        ledger=ledger,
    )


def sign_bag(
    folder: Path,
    *,
    journal_lines: int,
    journal_sha256: str,
    digests: dict[str, str],
    statements_due: int,
    end: lines.End,
    opened: lines.Open,
    utc: str,
    signer: Signer,
    ledger: Log,
) -> lines.Sealed:
    """The tag files, the signature and the ledger's line, for a journal that is closed already.

    ``utc`` "": no clock tells the day, so the bag names none."""
    listing = sign_tags(
        folder,
        name=folder.name,
        source=opened.organisation,
        description="Recording of an enforcement act",
        utc=utc,
        digests=digests,
        signer=signer,
    )
    sealed = lines.Sealed(
        recording=folder.name,
        journal_lines=journal_lines,
        journal_sha256=journal_sha256,
        tagmanifest_sha256=sha256(listing),
        planned=end.planned,
        statements_due=statements_due,
        end_ns=end.end_ns,
        card=opened.act.card if opened.act else "",
    )
    ledger.append(sealed)
    try:
        ledger.sync()
    except OSError:
        return sealed  # its line waits in the ledger; should that be lost, the next start writes it
    return sealed


def sign_tags(
    folder: Path,
    *,
    name: str,
    source: str,
    description: str,
    utc: str,
    digests: dict[str, str],
    signer: Signer,
    more: str = "",
) -> bytes:
    """Make a bag of what lies in ``data/``: tag files, then the signature, each durable before the
    next. ``name`` is what the bag will be called, ``digests`` are those that are known already,
    ``more`` further lines of bag-info.txt. Returns the bytes that were signed."""
    for tag in reversed(TAG_FILES):
        (folder / tag).unlink(missing_ok=True)
    manifest = []
    octets = files = 0
    for path in payload(folder):
        file = path.as_posix()
        manifest.append(f"{digests.get(file) or file_sha256(folder / path)}  {file}\n")
        octets += (folder / path).stat().st_size
        files += 1
    bagged = f"Bagging-Date: {utc[:10]}\n" if utc else ""
    info = (
        f"Source-Organization: {_tag(source)}\n"
        f"External-Identifier: {name}\n"
        f"External-Description: {description}\n"
        f"{bagged}"
        f"Payload-Oxum: {octets}.{files}\n"
        f"Bag-Software-Agent: bodycam-recorder {__version__}\n"
        f"{more}"
    ).encode()
    tags = {
        "bagit.txt": BAGIT,
        "bag-info.txt": info,
        MANIFEST: "".join(manifest).encode(),
    }
    for tag, data in tags.items():
        write_new(folder / tag, data)
    listing = "".join(f"{sha256(data)}  {tag}\n" for tag, data in sorted(tags.items())).encode()
    write_new(folder / TAGMANIFEST, listing)
    sync_folder(folder)
    part = folder / (SIGNATURE + ".part")
    part.unlink(missing_ok=True)
    write_new(part, signer.sign(listing))
    os.rename(part, folder / SIGNATURE)
    sync_folder(folder)
    return listing


def _known_utc(stamp: Stamp) -> str:
    """A clock that nobody set dates no bag."""
    return stamp.utc if stamp.clock.quality in (Quality.SYNCED, Quality.RTC) else ""


def _tag(text: str) -> str:
    """A value on one line."""
    return " ".join(text.split())
