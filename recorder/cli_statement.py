"""What can be asked of ``recorder statement``. No logic, no heavy imports."""

import argparse
from collections.abc import Callable
from pathlib import Path

BESIDE = "statements that do not lie beside the recordings"
_STATEMENT = {
    "list": (
        "List what has to be explained in writing. Reads, but does not verify. Exit status: 0 "
        "nothing is open, 1 something is owed that no statement explains, 2 could not run."
    ),
    "form": "Make the Chinese form to print and sign by hand (HTML, A4).",
    "template": "Print the text's file (TOML) to fill in.",
    "write": (
        "Encrypt a written text to the custodians, sign it with the desk's key and archive it "
        "beside the recording. A recording that does not verify can be explained all the same: "
        "its verdict is told and stands in the statement."
    ),
    "read": "Open a statement. Exit status: 1 where it is not what the desk signed.",
}


def register_options(sub: argparse.ArgumentParser) -> None:
    """Whom to trust, by the township's register."""
    sub.add_argument("--register", type=Path, metavar="FILE", help="the township's register.json")
    sub.add_argument("--township", type=Path, metavar="PEM", help="the township's public key")


def statement_options(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb with its actions."""
    help_ = "What is owed in writing (Art. 15): list, form, template, write, read."
    verb = verbs.add_parser("statement", help=help_, description=help_)
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, text in _STATEMENT.items():
        sub = actions.add_parser(name, help=text.partition(". ")[0], description=text)
        sub.set_defaults(verb_function=_desk(name))
        if name in ("list", "write", "read"):
            sub.add_argument("--json", action="store_true", help="answer for programs")
            register_options(sub)
        if name == "list":
            sub.add_argument(
                "path", type=Path, nargs="+",
                help="a recording's folder, a spool, a device's folder or a store",
            )  # fmt: skip
            sub.add_argument("--statements", type=Path, metavar="DIR", help=BESIDE)
        elif name == "read":
            sub.add_argument("path", type=Path, help="a statement's folder")
            sub.add_argument(
                "--toml", action="store_true", help="print the text's file, for a correction"
            )
        else:
            sub.add_argument(
                "path", type=Path, nargs="?" if name == "template" else None,
                help="a recording's folder (with --ledger-line: a ledger's)",
            )  # fmt: skip
            about = sub.add_mutually_exclusive_group()
            about.add_argument("--interruption", type=int, metavar="N", help="its number")
            about.add_argument(
                "--whole", action="store_true", help="the recording, which nobody ended"
            )
            about.add_argument(
                "--ledger-line", type=int, metavar="N", help="an act that could not be started"
            )
        if name in ("list", "write"):
            sub.add_argument("--ledger", type=Path, metavar="DIR", help="the device's ledger")
        if name == "list":
            sub.add_argument(
                "--calendar", type=Path, metavar="FILE", help="settings whose [calendar] counts"
            )
        if name == "form":
            sub.add_argument("--text", type=Path, metavar="FILE", help="what was written already")
            sub.add_argument(
                "--out", type=Path, required=True, metavar="FILE", help="the HTML file"
            )
            sub.add_argument(
                "--catalogue", type=Path, metavar="FILE",
                help="for the act's title (--ledger-line); without it the installed one",
            )  # fmt: skip
        if name == "write":
            sub.add_argument(
                "--text", type=Path, required=True, metavar="FILE", help="the written text (TOML)"
            )
            sub.add_argument("--key", type=Path, metavar="PEM", help="the device's public key")
            sub.add_argument("--desk-key", type=Path, required=True, metavar="FILE")
            sub.add_argument(
                "--custodian", action="append", default=[], metavar="AGE1",
                help="a custodian's public key; two at least",
            )  # fmt: skip
            sub.add_argument(
                "--custodians", type=Path, metavar="FILE", help="a file of public keys"
            )
            sub.add_argument(
                "--out", type=Path, required=True, metavar="DIR", help="the store, or a folder"
            )
            sub.add_argument(
                "--corrects", metavar="NAME", help="the earlier statement that this one corrects"
            )
        if name != "list":
            identity_option(sub)


def _desk(action: str) -> Callable[[argparse.Namespace], int]:
    """`recorder statement`, whose imports are heavy: looked up when it is run."""

    def call(options: argparse.Namespace) -> int:
        if action == "list":
            from recorder.desk_list import list_owed

            return list_owed(options)
        from recorder import desk

        function: Callable[[argparse.Namespace], int] = getattr(desk, action)
        return function(options)

    return call


def identity_option(parser: argparse.ArgumentParser) -> None:
    """`--identity`: of all verbs that open what is encrypted."""
    parser.add_argument(
        "--identity", type=Path, metavar="FILE", help="a custodian's private age key"
    )
