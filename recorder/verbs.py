"""The verbs of dock, desk and workshop: options in, one call that does it, a table out."""

import argparse
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from recorder import config, control
from recorder.clock import SystemClock
from recorder.errors import RecorderError
from recorder.evidence.age import IDENTITY_REMEDY, Identity, identities
from recorder.report import write_page


def identities_of(options: argparse.Namespace) -> Sequence[Identity]:
    """The custodian's keys that were given; none is no error here."""
    if options.identity is None:
        return ()
    try:
        text = options.identity.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise RecorderError(
            "identity-unreadable", f"cannot read it: {problem}",
            where=f"--identity {options.identity}", remedy=IDENTITY_REMEDY,
        ) from error  # fmt: skip
    return identities(text, str(options.identity))


def show(value: object, as_json: bool) -> None:
    """An answer, for a program or for people."""
    if as_json:
        print(msgspec.json.encode(value).decode())
    else:
        from recorder.report import table

        print(table(msgspec.to_builtins(value)))


def verify(options: argparse.Namespace) -> int:
    """`recorder verify`."""
    from recorder.verifying import run

    return run(options, identities_of(options))


def _names(path: Path | None) -> Mapping[str, str]:
    """The catalogue's words for content items, where a catalogue is given."""
    if path is None:
        return {}
    from recorder.session import catalogue

    loaded = catalogue.load(path)
    return {item.id: item.text for act in loaded.acts for item in loaded.content(act)}


def sheet(options: argparse.Namespace) -> int:
    """`recorder sheet`."""
    from recorder.evidence import sheet as sheets, sheet_html, sheet_text, story
    from recorder.verifying import recording

    opened_by = identities_of(options)
    made = sheets.make(
        story.read(options.path, opened_by), recording(options, opened_by),
        names=_names(options.catalogue),
    )  # fmt: skip
    if options.out is None:
        print(sheet_text.as_text(made))
        return 0
    lay_out = sheet_html.as_html if options.out.suffix == ".html" else sheet_text.as_text
    write_page(options.out, lay_out(made), "sheet")
    return 0


def export(options: argparse.Namespace) -> int:
    """`recorder export`."""
    from recorder.evidence import export as exports
    from recorder.verifying import recording

    opened_by = identities_of(options)
    if not opened_by:
        raise RecorderError(
            "no-identity", "a recording is encrypted to its custodians",
            remedy="Give a custodian's private key with --identity FILE",
        )  # fmt: skip
    made = exports.export(
        options.path, options.out, identities=opened_by, report=recording(options, opened_by),
        clock=SystemClock(), force=options.force, names=_names(options.catalogue),
    )  # fmt: skip
    show(made, options.json)
    return 0


def sync(options: argparse.Namespace) -> int:
    """`recorder sync`."""
    from recorder.sync.configured import open_configured
    from recorder.sync.progress import Bar, Lines
    from recorder.sync.worker import run_once

    if options.device and not options.read_back:
        raise RecorderError(
            "usage", "a device's own sync copies all that is sealed", where="--device",
            remedy="Leave it out, or give --read-back with it on the dock's own machine",
        )  # fmt: skip
    settings = config.load(options.config)
    clock = SystemClock()
    progress = Lines(sys.stdout, clock) if options.json else Bar(sys.stderr, clock)

    def say(phrase: str) -> None:
        request = control.Request("say", phrase)
        control.ask(Path(settings.paths.run), request, timeout_s=2.0)

    def dock(contact: str) -> bool:
        request = control.Request("dock", contact)
        limit_s = 2.0 if contact == "alive" else 15.0
        answer = control.ask(Path(settings.paths.run), request, timeout_s=limit_s)
        return answer.data.get("open") is True

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if options.read_back:
        from recorder.sync.dock import read_back

        return read_back(
            settings, progress, clock=clock, devices=options.device, stop=stop,
            open_store=partial(open_configured, clock=clock),
        ).exit_code  # fmt: skip
    if options.watch:
        from recorder.sync.watch import watch

        watch(settings, progress, stop=stop, say=say, dock=dock, clock=clock)
        return 0
    return run_once(settings, progress, say=say, dock=dock, clock=clock, stop=stop).exit_code


def recover(options: argparse.Namespace) -> int:
    """`recorder recover`."""
    from recorder.desk_key import for_card
    from recorder.evidence.desk_recovery import recover as bring_out

    done = bring_out(
        options.spool, options.out, signer=for_card(options), clock=SystemClock(),
        say=lambda text: print(text, file=sys.stderr),
    )  # fmt: skip
    show(done, options.json)
    return done.exit_code
