"""``recorder provision``: options in, one call that does it, a table out."""

import argparse
import re
from datetime import datetime
from pathlib import Path

import msgspec

from recorder import config
from recorder.clock import SystemClock, iso
from recorder.errors import RecorderError
from recorder.evidence import drill as drills, keys, provision, registering, whole
from recorder.evidence.age import IDENTITY_REMEDY
from recorder.sync import readers
from recorder.verbs import identities_of, show


def key(options: argparse.Namespace) -> int:
    """Of a device, sync, dock, desk or township."""
    if options.township is not None and not options.name:
        raise RecorderError(
            "usage", "the register lists keys by their names", where="--name",
            remedy="Give the name; a device's and its sync's is device.name of its recorder.toml",
        )  # fmt: skip
    _same_device(options)
    with whole.alone(options.folder, options.township):
        made = provision.provision(
            options.role, options.folder, options.name or options.role,
            custodians=options.custodian, removed=options.remove_custodian,
            township=options.township, rotate=options.rotate, entered=options.entered,
            clock=SystemClock(),
        )  # fmt: skip
    show(made, options.json)
    return 0


def _same_device(options: argparse.Namespace) -> None:
    """A key by another name than its device's would leave every recording untrusted."""
    if options.role not in ("device", "sync") or not options.name or not options.config.exists():
        return
    known = config.load(options.config)
    folder = known.paths.keys if options.role == "device" else known.paths.sync
    if options.folder.resolve() == Path(folder).resolve() and options.name != known.device.name:
        raise RecorderError(
            "usage", f"{options.config} calls this device {known.device.name}",
            where=f"--name {options.name}",
            remedy="Give that name, or first `recorder provision settings --name NAME`",
        )  # fmt: skip


def settings(options: argparse.Namespace) -> int:
    """What is the device's own."""
    from recorder import settings_file

    given = {
        settings_file.DEVICE_NAME: options.name, ("device", "officer"): options.officer,
        ("organisation", "name"): options.organisation,
        ("organisation", "entrusted_by"): options.entrusted_by, ("sync", "store"): options.store,
    }  # fmt: skip
    values = {key: value for key, value in given.items() if value is not None}
    if not values and options.catalogue is None:
        raise RecorderError(
            "usage", "nothing to write", remedy="Give --name, --officer, --organisation, "
            "--entrusted-by, --store or --catalogue",
        )  # fmt: skip
    if options.store and not options.store.startswith(("/", "s3:")):
        raise RecorderError(
            "usage", "a service has no current folder to start from",
            where=f"--store {options.store}",
            remedy=f"Give the whole path, such as {Path(options.store).absolute()}",
        )  # fmt: skip
    with whole.alone(options.config.parent):
        before = config.load(options.config).device.name
        now = settings_file.write(options.config, values, options.catalogue)
    show(
        {"file": str(options.config), "name": now.device.name, "officer": now.device.officer,
         "organisation": now.organisation.name, "entrusted_by": now.organisation.entrusted_by,
         "store": now.sync.store, "catalogue": now.paths.catalogue,
         "warnings": _misnamed(Path(now.paths.keys), before, now.device.name)},
        options.json,
    )  # fmt: skip
    return 0


def _misnamed(folder: Path, before: str, name: str) -> list[str]:
    """A key that goes by another name: the register's there, or else the settings' of before."""
    if not (folder / "device.pem").exists():
        return []
    try:
        listed = readers.load_register(folder)
        public = keys.base64_raw(keys.load_public(folder / "device.pem"))
    except RecorderError as error:
        return [str(error)]  # the settings are written by now
    key = None if listed is None else listed.find("device", public)
    known = before if key is None else key.name
    if known == name:
        return []
    return [
        f"{folder / 'device.key'} was made for {known}: what it signs for {name} is untrusted. "
        f"Keep --name {known}, or make {name} a key of its own"
    ]


def custodian(options: argparse.Namespace) -> int:
    """Who can decrypt."""
    path = options.folder / "custodian.key"
    show({"file": str(path), "public": provision.new_custodian(path)}, options.json)
    return 0


def drill(options: argparse.Namespace) -> int:
    """At the device: ask, take an answer, show. At a custodian's desk: the word of a question."""
    if options.path.is_file():
        opened_by = identities_of(options)
        if not opened_by:
            raise RecorderError(
                "no-identity", "a question is encrypted to its custodian", where="--identity",
                remedy=IDENTITY_REMEDY,
            )  # fmt: skip
        show({"word": drills.read_word(options.path, opened_by)}, options.json)
        return 0
    if options.identity is not None:
        raise RecorderError(
            "usage", "a private key is no use at the device, and must never come near it",
            where="--identity", remedy="Give a question's .age file with it, at the custodian's "
            "desk; here the word: --answer WORD",
        )  # fmt: skip
    listed = keys.load_custodians(options.path / provision.CUSTODIANS).recipients
    clock = SystemClock()
    with whole.alone(options.path):
        if options.answer is not None:
            drills.answer(options.path, listed, options.answer, clock)
        held = drills.ask(options.path, listed, clock)
    show({"custodians": held}, options.json)
    return 0 if all(each.answered for each in held) else 1


def enter(options: argparse.Namespace) -> int:
    """A public key from another machine."""
    if options.alone and options.role == "device":
        raise RecorderError(
            "usage", "a device's old key ends where its ledger says", where="--alone",
            remedy="Use `recorder provision retire` with the device's ledger",
        )  # fmt: skip
    provision.check_name(options.role, options.name)
    public = keys.base64_raw(keys.load_public(options.public, f"{options.role}.pem"))
    with whole.alone(options.township):
        book = registering.enter(
            registering.open_book(options.township), options.role, options.name, public,
            SystemClock().stamp().utc, heir=options.rotate, alone=options.alone,
        )  # fmt: skip
    show(
        {"role": options.role, "name": options.name, "public": public,
         "warnings": registering.deviceless(book, options.role, options.name)},
        options.json,
    )  # fmt: skip
    return 0


def revoke(options: argparse.Namespace) -> int:
    """A lost device's keys, or a desk's or dock's."""
    from recorder.evidence import revocation

    clock = SystemClock()
    since = _moment(options.since) if options.since else clock.stamp().utc
    if since > clock.stamp().utc:
        raise RecorderError(
            "usage", "that is still to come", where=f"--since {options.since}",
            remedy="Give when it was lost, or leave it out for now",
        )  # fmt: skip
    roles = options.roles or revocation.LOST
    with whole.alone(options.township):
        book = registering.open_book(options.township)
        found = revocation.revoke(book, options.name, roles, since, options.last)
    show({"keys": found}, options.json)
    return 0


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no offset")
        return iso(int(moment.timestamp() * 1000) * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise RecorderError(
            "usage", "not a time with its offset", where=f"--since {text}",
            remedy="Give one such as 2026-11-20T08:00+08:00",
        ) from error  # fmt: skip


def retire(options: argparse.Namespace) -> int:
    """Old device keys, by the ledger."""
    from recorder.evidence import revocation

    with whole.alone(options.township):
        found = revocation.retire(registering.open_book(options.township), options.ledger)
    show({"keys": found}, options.json)
    return 0


def label(options: argparse.Namespace) -> int:
    """To be printed and stuck on the device."""
    from recorder.evidence import label as labels

    settings = config.load(options.config)
    public = keys.load_public(options.folder / "device.pem")
    made = labels.Label(settings.device.name, settings.organisation.name, public)
    labels.write(made, options.out)
    show({"file": str(options.out), "key": made.fingerprint}, options.json)
    return 0


def store(options: argparse.Namespace) -> int:
    """A folder, or s3://BUCKET at the endpoint of the config's [s3]."""
    show(_store(options), options.json)
    return 0


def _store(options: argparse.Namespace) -> msgspec.Struct:
    bucket = re.fullmatch(r"s3:/+([^/]+)", str(options.folder))
    if bucket is None:
        from recorder.sync.stores.marker import init_store, off_the_system_disk

        if not options.here:
            off_the_system_disk(options.folder)
        return init_store(options.folder, options.name)
    if options.credentials is None:
        raise RecorderError(
            "usage", "no credentials for making a bucket",
            remedy="Give the file of whoever may make buckets with --credentials, never a "
            "device's own",
        )  # fmt: skip
    from recorder.sync.stores import s3_bucket

    return s3_bucket.make(config.load(options.config), options.credentials, bucket[1], options.name)
