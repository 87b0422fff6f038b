"""Makes keys and lists custodians. Twice is harmless: no key is ever overwritten.

Everything that was asked for is looked at before anything is written. The township's side is
registering.py, a new key in an old one's place rotation.py.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from recorder.clock import Clock
from recorder.config import NAME
from recorder.errors import RecorderError
from recorder.evidence import drill, keys, register, registering, rekey, rotation, whole
from recorder.evidence.age import Identity, Recipient, identities
from recorder.evidence.verification_trust import registered
from recorder.evidence.wall_time import claimed
from recorder.sync import readers

CUSTODIANS = "custodians.txt"
Role = Literal["device", "sync", "dock", "desk", "township"]
Known = Literal["yes", "no", "not looked at"]
_HEAD = "# Public keys of those who can decrypt. The private keys never come near a device.\n"


class Provisioned(msgspec.Struct, frozen=True):
    """What there is now, and whether it was made just now. ``registered``: by the township's
    register, or else by one beside the key."""

    role: str
    name: str
    public: str
    made: bool
    registered: Known
    warnings: tuple[str, ...]


def provision(
    role: Role,
    folder: Path,
    name: str,
    *,
    custodians: Sequence[str] = (),
    removed: Sequence[str] = (),
    township: Path | None = None,
    rotate: bool = False,
    entered: Path | None = None,
    clock: Clock,
) -> Provisioned:
    """Make ``<role>.key`` (0600) and ``<role>.pem``, list custodians, register the key.

    Durable on return. An existing key is kept and only registered; ``rotate``: a new one takes its
    place, or waits for its place where there is neither the township's folder nor, in ``entered``,
    a register that has it. RecorderError before anything is written: a name, a custodian or a
    register that will not do.
    """
    check_name(role, name)
    path = folder / f"{role}.key"
    signer = keys.load_private(path) if path.exists() else None
    listed = _listed(folder / CUSTODIANS, custodians, removed)
    book = None if township is None else registering.open_book(township)
    if book is not None and role != "township":
        public = "" if signer is None else keys.base64_public(signer)
        book.refuse_double(role, name, public, heir=rotate)
    listing = None if entered is None else _register_in(entered)
    folder.mkdir(parents=True, exist_ok=True)
    before, signer = signer, signer or keys.make(path)
    waiting: Path | None = None
    if role != "township" and rotate and before is not None:
        if book is not None:
            signer = rotation.rotate(role, folder, name, signer, book, clock)
        elif listing is not None:
            signer = rotation.take_over(role, folder, signer, listing)
        else:
            waiting = rotation.prepare(role, folder)
    elif role != "township" and book is not None:
        alone = rotate and role != "device"  # the earlier key is not there any more
        registering.enter(
            book, role, name, keys.base64_public(signer), clock.stamp().utc, heir=rotate,
            alone=alone,
        )  # fmt: skip
    keys.publish(folder / f"{role}.pem", signer)
    if listed is not None:
        whole.replace(folder / CUSTODIANS, (_HEAD + "".join(f"{k}\n" for k in listed)).encode())
    stays: tuple[str, ...] = ()
    if role == "township":
        asked, name = name, registering.begin(folder, signer, name)
        if asked not in (name, role):  # the role stands for a name that was not given
            stays = (f"the register has the name {name}, and keeps it: {asked} is written nowhere",)
    public = keys.base64_public(signer)
    known = _known(role, folder, name, public, clock)
    if township is not None or (listing is not None and rotate):
        known = "yes"
    return Provisioned(
        role, name, public, before is None or before.public != signer.public, known,
        (*stays, *_warnings(role, folder, waiting, known),
         *(registering.deviceless(book, role, name) if book is not None else ())),
    )  # fmt: skip


def _known(role: Role, folder: Path, name: str, public: str, clock: Clock) -> Known:
    """By the register beside the key; one that cannot be believed was not looked at."""
    try:
        listed = readers.load_register(folder)
    except RecorderError:
        listed = None
    if listed is None or role == "township":
        return "not looked at"
    wrong = registered(
        listed, role, public, when=claimed(clock.stamp()),
        name="" if name == role else name,  # the role stands for a name that was not given
    )  # fmt: skip
    return "no" if wrong else "yes"


def _register_in(folder: Path) -> register.Register:
    listed = readers.load_register(folder)
    if listed is None:
        raise RecorderError(
            "register-unreadable", "no register is there", where=str(folder / register.FILE),
            remedy="Copy register.json, register.json.sig and township.pem there",
        )  # fmt: skip
    return listed


def new_custodian(path: Path) -> str:
    """Write a new age identity (0600) and return its public key; an existing one is kept."""
    if path.exists():
        return identities(path.read_text(), str(path))[0].recipient
    identity, text = Identity.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.create(path, f"# public key: {identity.recipient}\n{text}\n".encode(), 0o600)
    return identity.recipient


def check_name(role: Role, name: str) -> None:
    """A device's name is in every recording's, and sync's is its device's. RecorderError for one
    that will not do."""
    if role in ("device", "sync") and not re.fullmatch(NAME, name):
        raise RecorderError(
            "usage", f"{name!r} cannot be a device's name", where="--name",
            remedy="Give device.name of its recorder.toml: a-z, 0-9 and -, 31 characters at most, "
            "such as cam-01",
        )  # fmt: skip
    if not name.strip() or len(name) > 120 or not name.isprintable():
        raise RecorderError(
            "usage", "no name that people could read", where="--name",
            remedy="Give one of 1 to 120 characters",
        )  # fmt: skip


def _listed(path: Path, added: Sequence[str], removed: Sequence[str]) -> list[str] | None:
    """custodians.txt as it is to be; None: as it is. RecorderError for what is no public key."""
    if not added and not removed:
        return None
    known = list(keys.load_custodians(path).recipients) if path.exists() else []
    for text in added:
        recipient = _recipient(text, "--custodian")
        if recipient not in known:
            known.append(recipient)
    gone = {_recipient(text, "--remove-custodian") for text in removed}
    left = [text for text in known if text not in gone]
    if not left:
        raise RecorderError(
            "no-custodian", "no custodian would be left, and nothing could be recorded",
            where="--remove-custodian", remedy="Give the new one's key with --custodian as well",
        )  # fmt: skip
    return left


def _recipient(text: str, option: str) -> str:
    if text.upper().startswith("AGE-SECRET-KEY-"):
        raise RecorderError(
            "custodian-private", "that is a PRIVATE key", where=option,
            remedy="Give the public key (age1…); treat the private one as lost",
        )  # fmt: skip
    try:
        return Recipient(text).text
    except RecorderError as error:
        error.where = option
        raise


def _warnings(role: Role, folder: Path, waiting: Path | None, known: Known) -> list[str]:
    found: list[str] = []
    if waiting is not None:
        found.append(
            f"the new key waits: enter {waiting} at the township (recorder provision enter), bring "
            "the register back, then the same command with --entered DIR"
        )
    elif known == "no":
        found.append(
            "the register beside it does not vouch for the key: what it signs is untrusted until "
            "it is entered (the same command with --township DIR; --rotate for one that ended)"
        )
    elif known == "not looked at" and role != "township":
        found.append(
            "no register was looked at: what a key signs that is in no register is untrusted until "
            "it is entered (the same command with --township DIR)"
        )
    if role == "device" and (folder / rekey.OLD).exists():
        found.append(
            "the recorder takes the new key up at its next start, while no recording is open; once "
            f"its log says that it has, and not before, {folder / rekey.OLD} may be removed"
        )
    if role == "device":
        try:
            listed = keys.load_custodians(folder / CUSTODIANS)
            if listed.lonely:
                found.append("one custodian only: if that key is lost, so is every recording")
            if drill.unproven(folder, listed.recipients):
                found.append(
                    "not every custodian has shown that the private key opens files: hold a drill "
                    f"with `recorder provision drill {folder}`"
                )
        except RecorderError as error:
            found.append(str(error))
    return found
