"""A new key in an old one's place. Killed anywhere, the next run goes on; no key is lost.

Sync's, a dock's and a desk's new key counts at once: the register ends the old one as soon as the
new one is in its place. A device's old key has a last thing to sign, the ledger's line that names
its heir, so it waits beside the new one until the recorder's next start (rekey.py).

Where the township's folder is on another machine, the new key waits (``prepare``) until its public
side was entered there and the register came back (``take_over``).
"""

import os
from pathlib import Path

from recorder.clock import Clock
from recorder.errors import RecorderError
from recorder.evidence import keys, register, rekey, whole
from recorder.evidence.chain import sync_folder
from recorder.evidence.registering import Book
from recorder.sync.home import EARLIER, earlier


def rotate(
    role: register.Role, folder: Path, name: str, current: keys.KeySigner, book: Book, clock: Clock
) -> keys.KeySigner:
    """Put a new ``<role>.key`` in the place of ``current``, registered first. Durable on return.

    A device whose recorder has not yet taken up an earlier change keeps that one.
    """
    key, waiting = folder / f"{role}.key", folder / f"{role}.next.key"
    done = not waiting.exists() and _is_changed(role, folder, name, current, book)
    heir = current if done else _waiting(waiting, key)
    entry = register.Key(role, name, keys.base64_public(heir), clock.stamp().utc)
    book = book.enter(entry)
    if not done:
        _swap(role, folder, current)
    keys.publish(folder / f"{role}.pem", heir)
    if role != "device":
        book.end_earlier(entry, clock.stamp().utc)
    return heir


def prepare(role: register.Role, folder: Path) -> Path | None:
    """A new key that waits; its public side, to be entered, is what comes back. Durable on return.
    None: a device's recorder has still to take up the last one."""
    waiting = folder / f"{role}.next.key"
    if role == "device" and (folder / rekey.OLD).exists() and not waiting.exists():
        return None
    public = waiting.with_suffix(".pem")
    keys.publish(public, _waiting(waiting, folder / f"{role}.key"))
    return public


def take_over(
    role: register.Role, folder: Path, current: keys.KeySigner, listed: register.Register
) -> keys.KeySigner:
    """Put the waiting key in the place of ``current``, if the register has it by now. Durable on
    return. RecorderError where it has not."""
    waiting = folder / f"{role}.next.key"
    heir = keys.load_private(waiting) if waiting.exists() else current
    if listed.find(role, keys.base64_public(heir)) is None:
        raise RecorderError(
            "not-registered", "the register that was given does not have the new key",
            where=str(waiting.with_suffix(".pem") if heir is not current else folder),
            remedy="Enter its public side at the township with `recorder provision enter`, then "
            "bring register.json and register.json.sig here",
        )  # fmt: skip
    if heir is not current:
        _swap(role, folder, current)
    keys.publish(folder / f"{role}.pem", heir)
    return heir


def _swap(role: register.Role, folder: Path, current: keys.KeySigner) -> None:
    key = folder / f"{role}.key"
    if role == "sync":
        _keep_public(folder, current)
    if role == "device" and not (folder / rekey.OLD).exists():
        os.link(key, folder / rekey.OLD)
    (folder / f"{role}.next.pem").unlink(missing_ok=True)
    os.rename(folder / f"{role}.next.key", key)
    sync_folder(folder)


def _is_changed(
    role: register.Role, folder: Path, name: str, current: keys.KeySigner, book: Book
) -> bool:
    """A run before this one put the new key there: a device's recorder has not taken it up yet, or
    the register was not told any more that the old one ended."""
    if role == "device":
        return (folder / rekey.OLD).exists()
    return any(key.public != keys.base64_public(current) for key in book.live(role, name))


def _waiting(path: Path, key: Path) -> keys.KeySigner:
    """The new key beside the old one, under its owner."""
    if not path.exists():
        keys.make(path)
    status = key.stat()
    os.chown(path, status.st_uid, status.st_gid)
    return keys.load_private(path)


def _keep_public(folder: Path, current: keys.KeySigner) -> None:
    kept = earlier(folder)
    if current.public not in (keys.load_public(path, path.name) for path in kept):
        whole.create(folder / EARLIER.format(len(kept) + 1), keys.pem_pair(current.private)[1],
                     0o644)  # fmt: skip
