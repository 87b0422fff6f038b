"""What can be asked of ``recorder provision``. No logic, no heavy imports."""

import argparse
from collections.abc import Callable
from pathlib import Path

from recorder.cli_statement import identity_option

_KEYS = {
    "township": "Make the township's key and an empty register; once, never on a device.",
    "device": "Make a device's key, list its custodians, enter it in the register.",
    "sync": "Make the key with which a device's sync signs receipts.",
    "dock": "Make the key with which a dock's own machine signs second receipts.",
    "desk": "Make the key with which a desk signs statements and ends what a dead device left.",
}
_MORE = {
    "custodian": "Make a custodian's private key; prints the public one.",
    "store": "Mark a folder, or make a bucket, as the township's store.",
    "enter": "Enter a public key that was made on another machine, where no township's key is.",
    "revoke": "A device was lost: nothing counts that its keys sign from then on.",
    "retire": "End an old device key where the device's ledger says that it handed over.",
    "label": "Make a device's label: name, organisation, key's fingerprint, as text and QR code.",
    "settings": "Write what is a device's own into its recorder.toml (--config).",
    "drill": "Have each custodian prove that the private key is there and opens files.",
}


def provision_options(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb with its actions."""
    help_ = "Make keys and the register, and keep them."
    verb = verbs.add_parser("provision", help=help_, description=help_)
    actions = verb.add_subparsers(title="actions", metavar="ACTION", dest="role", required=True)

    def action(name: str, text: str, function: str) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=text, description=text)
        sub.set_defaults(verb_function=_later(function))
        sub.add_argument("--json", action="store_true", help="answer for programs")
        return sub

    for role, text in _KEYS.items():
        _key_options(role, action(role, text, "key"))
    made = action("custodian", _MORE["custodian"], "custodian")
    made.add_argument("folder", type=Path, help="where custodian.key goes")
    store = action("store", _MORE["store"], "store")
    store.add_argument("folder", type=Path, help="the store's folder, or s3://BUCKET")
    store.add_argument("--name", default="", help="what people call it")
    store.add_argument(
        "--here", action="store_true", help="also where no disk is mounted: on the system's own"
    )
    store.add_argument(
        "--credentials", type=Path, metavar="FILE", help="of whoever may make buckets"
    )
    _settings_options(action("settings", _MORE["settings"], "settings"))
    _township_options(action)
    label = action("label", _MORE["label"], "label")
    label.add_argument("folder", type=Path, help="the device's keys")
    label.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help=".svg (to print) or .txt"
    )
    drill = action("drill", _MORE["drill"], "drill")
    drill.add_argument(
        "path", type=Path,
        help="the device's keys (asks, and shows who has answered), or a question's .age file",
    )  # fmt: skip
    drill.add_argument(
        "--answer", metavar="WORD", help="the word that a custodian found in the question"
    )
    identity_option(drill)


def _settings_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--name", help="device.name: of every recording; never changed later")
    sub.add_argument("--officer", help="device.officer: the personnel number of who wears it")
    sub.add_argument("--organisation", metavar="NAME", help="organisation.name")
    sub.add_argument("--entrusted-by", metavar="NAME", help="organisation.entrusted_by")
    sub.add_argument("--store", metavar="STORE", help="sync.store: a folder, or s3://BUCKET")
    sub.add_argument(
        "--catalogue", type=Path, metavar="FILE", help="copied to paths.catalogue, if it loads"
    )


def _township_options(action: Callable[[str, str, str], argparse.ArgumentParser]) -> None:
    enter = action("enter", _MORE["enter"], "enter")
    enter.add_argument("township", type=Path, help="the township's folder")
    enter.add_argument("--role", required=True, choices=("device", "sync", "dock", "desk"))
    enter.add_argument("--name", required=True, help="the key's name in the register")
    enter.add_argument(
        "--public", type=Path, required=True, metavar="PEM", help="device.pem, device.next.pem …"
    )
    enter.add_argument(
        "--rotate", action="store_true", help="beside the earlier key of that very device or desk"
    )
    enter.add_argument(
        "--alone", action="store_true",
        help="its earlier key ends now: the new one is in use (a device's: retire)",
    )  # fmt: skip
    revoke = action("revoke", _MORE["revoke"], "revoke")
    revoke.add_argument("township", type=Path, help="the township's folder")
    revoke.add_argument("--name", required=True, help="the device's, or a desk's or dock's")
    revoke.add_argument(
        "--role", action="append", dest="roles", choices=("device", "sync", "dock", "desk"),
        help="whose keys (default: device and sync, for whoever has the device has both)",
    )  # fmt: skip
    revoke.add_argument(
        "--since", default="", metavar="TIME",
        help="when it was lost, with its offset: 2026-11-20T08:00+08:00 (default: now)",
    )  # fmt: skip
    revoke.add_argument(
        "--last", type=int, metavar="N", help="the number of the last recording that is good"
    )
    retire = action("retire", _MORE["retire"], "retire")
    retire.add_argument("township", type=Path, help="the township's folder")
    retire.add_argument(
        "--ledger", type=Path, required=True, metavar="DIR", help="the device's ledger, or its copy"
    )


def _key_options(role: str, sub: argparse.ArgumentParser) -> None:
    sub.add_argument("folder", type=Path, help="where the keys go")
    sub.add_argument("--name", default="", help="the key's name in the register")
    sub.set_defaults(custodian=[], remove_custodian=[], township=None, rotate=False, entered=None)
    if role == "township":
        return
    sub.add_argument(
        "--township", type=Path, metavar="DIR", help="the township's folder: register the new key"
    )
    sub.add_argument(
        "--rotate", action="store_true",
        help="put a new key in the place of the one that is there; the old one keeps its past",
    )  # fmt: skip
    sub.add_argument(
        "--entered", type=Path, metavar="DIR",
        help="--rotate: where the register lies that has the new key by now, with township.pem",
    )  # fmt: skip
    if role == "device":
        sub.add_argument(
            "--custodian", action="append", metavar="AGE1", help="a custodian's public key"
        )
        sub.add_argument(
            "--remove-custodian", action="append", metavar="AGE1",
            help="nothing is encrypted to this one any more",
        )  # fmt: skip


def _later(name: str) -> Callable[[argparse.Namespace], int]:
    """Its imports are heavy: looked up when it is run."""

    def call(options: argparse.Namespace) -> int:
        from recorder import provisioning

        function: Callable[[argparse.Namespace], int] = getattr(provisioning, name)
        return function(options)

    return call
