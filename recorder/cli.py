"""The verbs: what can be asked for, and which module does it. No logic, no heavy imports."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recorder import __version__
from recorder.cli_provision import provision_options
from recorder.cli_statement import BESIDE, identity_option, register_options, statement_options
from recorder.errors import RecorderError

if TYPE_CHECKING:
    from recorder.config import Settings
    from recorder.control import Answer, Request

CONFIG = Path("/etc/recorder/recorder.toml")
FINE, FOUND, CANNOT = 0, 1, 2


def run(arguments: Sequence[str]) -> int:
    """Parse and dispatch. Never a traceback for what a person can mend."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.verb_function(options))
    except RecorderError as error:
        return _refused(options, error)
    except BrokenPipeError:
        return FOUND
    except KeyboardInterrupt:
        return CANNOT
    except OSError as error:
        # A file that this user may not read, or a disk that answers with an error.
        problem = error.strerror or str(error)
        where = "" if error.filename is None else str(error.filename)
        remedy = "Run it as a user who may read and write there."
        denied = isinstance(error, PermissionError)
        return _refused(
            options, RecorderError("io", problem, where=where, remedy=remedy if denied else "")
        )


def _refused(options: argparse.Namespace, error: RecorderError) -> int:
    if getattr(options, "json", False):
        _print_json(
            {
                "ok": False,
                "code": error.code,
                "where": error.where,
                "problem": error.problem,
                "remedy": error.remedy,
            }
        )
    else:
        print(f"recorder: {error}", file=sys.stderr)
    return CANNOT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recorder",
        description="Body camera recorder for enforcement acts.",
        epilog="Exit status: 0 fine, 1 found something wrong, 2 could not run.",
    )
    parser.add_argument("--version", action="version", version=f"recorder {__version__}")
    parser.add_argument(
        "--config", type=Path, default=CONFIG, metavar="FILE", help=f"settings (default: {CONFIG})"
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(
        name: str, function: Callable[[argparse.Namespace], int], help_: str, *, json: bool = True
    ) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=help_, description=help_)
        sub.set_defaults(verb_function=function)
        if json:
            sub.add_argument("--json", action="store_true", help="answer for programs")
        return sub

    verb("run", _run, "Run the recorder daemon in the foreground.", json=False)
    verb("status", _status, "Show what the running recorder is doing.")
    control = verb("control", _control, "Do what a gesture does, and more, over the socket.")
    control.add_argument(
        "action",
        choices=(
            "start", "stop", "mark", "notice", "stage", "obstruction", "sensitive", "arrival",
        ),
    )  # fmt: skip
    control.add_argument(
        "argument",
        nargs="?",
        default="",
        help="mark: content item (id or name); stage: its name; sensitive: on or off; "
        "arrival: local HH:MM",
    )
    button = verb("button", _button, "Press the button.")
    button.add_argument("gesture", choices=("short", "double", "long"))
    case = verb("case", _case, "Load, show or clear the case card.")
    case.add_argument("action", choices=("load", "show", "clear"))
    case.add_argument("file", nargs="?", type=Path, help="load: the card (TOML)")

    selftest = verb("selftest", _selftest, "Try every part, and say what to do about each fault.")
    selftest.add_argument(
        "--no-hands", action="store_true", help="leave out what needs a person: button, light"
    )
    selftest.add_argument("--language", choices=("zh", "en"), help="of the table (default: device)")

    away = verb(
        "away", _away, "Declare that timely storing is really impossible (Art. 17), or over."
    )
    away.add_argument("action", choices=("start", "end"), help="end: officer and device are back")
    away.add_argument(
        "--ground", choices=("continuous", "remote", "hard_to_reach"),
        help="start: work on end, elsewhere, or in a place that is hard to reach",
    )  # fmt: skip
    away.add_argument(
        "--prevented", action="store_true", help="start: timely transfer is really impossible"
    )
    away.add_argument(
        "--reason", default="", metavar="FILE",
        help="start: a file that says why (-: standard input); encrypted to the custodians",
    )  # fmt: skip
    away.add_argument(
        "--since", default="", metavar="TIME",
        help="start: when it began, where it is declared afterwards (a finding): 2026-11-20T08:00",
    )  # fmt: skip

    sync = verb("sync", _later("sync"), "Copy sealed recordings into the township's store.")
    sync.add_argument("--watch", action="store_true", help="stay, and wake up when one is sealed")
    sync.add_argument(
        "--read-back", action="store_true",
        help="on the dock's own machine: read back what devices stored a day ago, in their place",
    )  # fmt: skip
    sync.add_argument(
        "--device", action="append", default=[], metavar="NAME",
        help="--read-back: of this device only (default: all that the register names)",
    )  # fmt: skip

    verify = verb("verify", _later("verify"), "Judge a recording, a spool or a store.")
    verify.add_argument(
        "path", type=Path,
        help="a recording's folder, a spool, a store, or s3://BUCKET[/DEVICE[/RECORDING]]",
    )  # fmt: skip
    verify.add_argument("--device", default="", metavar="NAME", help="one of a store's devices")
    verify.add_argument(
        "--day", default="", metavar="YYYY-MM-DD", help="a store's recordings of that local day"
    )
    verify.add_argument(
        "--jobs", type=int, metavar="N", help="recordings judged at once (default: one a core)"
    )
    verify.add_argument(
        "--credentials", type=Path, metavar="FILE",
        help="a bucket: instead of s3.credentials (endpoint and ca are the config's)",
    )  # fmt: skip
    register_options(verify)
    verify.add_argument("--key", type=Path, metavar="PEM", help="the device's public key")
    verify.add_argument("--ledger", type=Path, metavar="DIR", help="the device's ledger")
    verify.add_argument(
        "--receipts", type=Path, metavar="DIR", help="sync's receipts: was it stored in time?"
    )
    verify.add_argument(
        "--sync-key", type=Path, metavar="PEM", help="sync's public key (default: beside them)"
    )
    verify.add_argument(
        "--calendar", type=Path, metavar="FILE", help="settings whose [calendar] counts"
    )
    verify.add_argument("--statements", type=Path, metavar="DIR", help=BESIDE)
    identity_option(verify)
    sheet = verb(
        "sheet", _later("sheet"), "Make the record sheet of a recording (Chinese).", json=False
    )
    sheet.add_argument("path", type=Path, help="a recording's folder")
    sheet.add_argument("--out", type=Path, metavar="FILE", help=".html or .txt (default: text)")
    sheet.add_argument("--key", type=Path, metavar="PEM", help="the device's public key")
    sheet.add_argument("--ledger", type=Path, metavar="DIR", help="the device's ledger")
    register_options(sheet)
    sheet.add_argument("--catalogue", type=Path, metavar="FILE", help="for the names of content")
    sheet.add_argument("--statements", type=Path, metavar="DIR", help=BESIDE)
    identity_option(sheet)
    export = verb(
        "export", _later("export"), "Make one playable MP4 of a recording, with subtitles."
    )
    export.add_argument("path", type=Path, help="a recording's folder")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="the MP4 to write")
    export.add_argument("--key", type=Path, metavar="PEM", help="the device's public key")
    export.add_argument("--ledger", type=Path, metavar="DIR", help="the device's ledger")
    register_options(export)
    export.add_argument("--catalogue", type=Path, metavar="FILE", help="for the names of content")
    export.add_argument("--force", action="store_true", help="export a tampered recording, too")
    identity_option(export)

    statement_options(verbs)

    recover = verb("recover", _later("recover"), "Bring every recording off a dead device's card.")
    recover.add_argument(
        "--spool", type=Path, required=True, metavar="DIR", help="the card's spool; only read"
    )
    recover.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where bags and ledger go"
    )
    recover.add_argument(
        "--desk-key", type=Path, metavar="KEY", help="desk.key: signs what the device left open"
    )
    register_options(recover)

    provision_options(verbs)
    return parser


def _later(verb: str) -> Callable[[argparse.Namespace], int]:
    """The verbs of dock and desk, whose imports are heavy: looked up when they are run."""

    def call(options: argparse.Namespace) -> int:
        from recorder import verbs

        function: Callable[[argparse.Namespace], int] = getattr(verbs, verb)
        return function(options)

    return call


def _print_json(value: object) -> None:
    import msgspec

    print(msgspec.json.encode(value).decode())


def _settings(options: argparse.Namespace) -> "Settings":
    from recorder import config

    return config.load(options.config)


def _run(options: argparse.Namespace) -> int:
    from recorder.app import serve

    return serve(_settings(options))


def _ask(options: argparse.Namespace, request: "Request") -> "Answer":
    from recorder.control import ask

    return ask(Path(_settings(options).paths.run), request)


def _tell(options: argparse.Namespace, answer: "Answer") -> int:
    if options.json:
        _print_json(answer)
    elif not answer.ok:
        print(f"recorder: {answer.problem}. {answer.remedy}".rstrip(), file=sys.stderr)
    else:
        from recorder.report import table

        print(table(answer.data))
    return FINE if answer.ok else FOUND


def _status(options: argparse.Namespace) -> int:
    from recorder.control import Request

    return _tell(options, _ask(options, Request("status")))


def _control(options: argparse.Namespace) -> int:
    from recorder.control import Request

    return _tell(options, _ask(options, Request(options.action, options.argument)))


def _button(options: argparse.Namespace) -> int:
    from recorder.control import Request

    return _tell(options, _ask(options, Request("button", options.gesture)))


def _case(options: argparse.Namespace) -> int:
    from recorder.control import Request

    text = ""
    if options.action == "load":
        if options.file is None:
            raise RecorderError("usage", "no case card given", remedy="recorder case load FILE")
        try:
            text = options.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecorderError(
                "case-unreadable", f"cannot read it: {error}", where=str(options.file),
                remedy="Give the path of a readable case card",
            ) from error  # fmt: skip
    request = Request(f"case-{options.action}", text, str(options.file or ""))
    return _tell(options, _ask(options, request))


def _selftest(options: argparse.Namespace) -> int:
    from recorder.selftest.verb import selftest

    return selftest(options)


def _away(options: argparse.Namespace) -> int:
    from recorder.control import Request

    if options.action == "end":
        return _tell(options, _ask(options, Request("away-end")))
    if options.ground is None:
        raise RecorderError(
            "usage", "no ground given", remedy="recorder away start --ground remote --prevented "
            "--reason FILE",
        )  # fmt: skip
    import msgspec

    declared = {
        "ground": options.ground, "prevented": options.prevented, "since": options.since,
    }  # fmt: skip
    text = msgspec.json.encode(declared).decode()
    return _tell(options, _ask(options, Request("away-start", text, _reason(options.reason))))


def _reason(given: str) -> str:
    """Never an argument itself: all users of a machine can read those, and a shell keeps them."""
    try:
        if given == "-":
            return sys.stdin.read().strip()
        return Path(given).read_text(encoding="utf-8").strip() if given else ""
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise RecorderError(
            "reason-unreadable", f"cannot read it: {problem}", where=f"--reason {given}",
            remedy="Give a file that says why, or - and write it to standard input",
        ) from error  # fmt: skip
