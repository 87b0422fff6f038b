"""``recorder statement`` form, template, write and read (Art. 15): the desk's own verbs.

Options in, one call that does it, a table out. The text of a statement is in files that the desk
names and in what ``read`` prints, never in an argument or a log.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from recorder.clock import SystemClock
from recorder.config import Paths
from recorder.desk_key import load
from recorder.desk_list import of_ledger, of_recording, vouched_by
from recorder.errors import RecorderError
from recorder.evidence import (
    keys,
    statement as statements,
    statement_check,
    statement_form,
    statement_text,
    story,
)
from recorder.evidence.age import Identity, Recipient
from recorder.evidence.due import Owed
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_bag import TAGMANIFEST, Digests
from recorder.evidence.verification_report import Level
from recorder.evidence.verification_trust import Vouched
from recorder.evidence.words import word
from recorder.report import write_page
from recorder.session import catalogue
from recorder.session.catalogue import NONE, Catalogue
from recorder.spool import LOCK
from recorder.sync.stores.marker import MARKER
from recorder.verbs import identities_of

_WRONG = (Level.INCOMPLETE, Level.UNTRUSTED, Level.TAMPERED)


def form(options: argparse.Namespace) -> int:
    """`recorder statement form`."""
    owed, told = _chosen(options)
    text = None if options.text is None else _text(options.text, owed)
    known = statement_form.facts(owed, told, _catalogue(options.catalogue, told))
    page = statement_form.as_html(known, text)
    write_page(options.out, page, "form")
    return 0


def template(options: argparse.Namespace) -> int:
    """`recorder statement template`."""
    values: dict[str, str | int] = {}
    if options.path is not None:
        owed, told = _chosen(options)
        known = statement_form.facts(owed, told)
        values = {"recording": owed.about, "interruption": owed.interruption or 0,
                  "case_number": known.case_number, "time": known.from_local,
                  "place": known.place, "parties": known.parties}  # fmt: skip
    print(statement_text.as_toml(values), end="")
    return 0


def write(options: argparse.Namespace) -> int:
    """`recorder statement write`: checks, encrypts, signs, archives beside."""
    owed, told = _chosen(options)
    text = _text(options.text, owed)
    recipients = _recipients(options)
    vouched = vouched_by(options)
    signer = load(options.desk_key, vouched)
    place = place_of(options.out, owed.device)
    corrects = _corrects(options.corrects, owed, place)
    verdict = tagmanifest = ""
    if told is not None:
        report = verify_recording(
            options.path, register=vouched.register, register_signed=vouched.register_signed,
            key=vouched.key, ledger=options.ledger,
        )  # fmt: skip
        verdict = report.verdict.value
        if report.exit_code:
            codes = ", ".join(sorted({f.code for f in report.findings if f.level in _WRONG}))
            print(
                f"recorder: {options.path}: the recording is {verdict} ({codes}). The statement is "
                "archived all the same and says so; run `recorder verify`", file=sys.stderr,
            )  # fmt: skip
        if (options.path / TAGMANIFEST).is_file():
            tagmanifest = Digests(options.path).of(TAGMANIFEST)
    known = statement_form.facts(owed, told)
    made = statements.write(
        place, owed, text, device=known, organisation=known.organisation,
        tagmanifest_sha256=tagmanifest, verdict=verdict, corrects=corrects, signer=signer,
        recipients=recipients, clock=SystemClock(),
    )  # fmt: skip
    if options.json:
        print(msgspec.json.encode(made).decode())
    else:
        from recorder.report import table

        print(table(msgspec.to_builtins(made)))
    return 0


def read(options: argparse.Namespace) -> int:
    """`recorder statement read`: 1 where it is not what the desk signed."""
    opened_by: Sequence[Identity] = identities_of(options)
    if not opened_by:
        raise RecorderError(
            "no-identity", "a statement is encrypted to its custodians",
            remedy="Give a custodian's private key with --identity FILE",
        )  # fmt: skip
    path = options.path.resolve()  # "." has no name
    if not statement_check.is_statement(path):
        raise RecorderError(
            "no-statement", "this is no statement", where=str(options.path),
            remedy="Give a statement's folder: it has data/statement.jsonl in it",
        )  # fmt: skip
    checked = statement_check.check(path, vouched_by(options))
    content = statement_check.content(path, opened_by)
    if options.toml:
        print(statement_text.as_toml(msgspec.structs.asdict(content.text)), end="")
    elif options.json:
        answer = {
            "statement": checked.name, "good": checked.good,
            "findings": checked.findings, "line": checked.line,
            "signed_utc": checked.header.utc if checked.header else "",
            "text": content.text, "device": content.device,
        }  # fmt: skip
        print(msgspec.json.encode(answer).decode())
    else:
        print("\n".join(_shown(checked, content)))
    return 0 if checked.good else 1


def _shown(checked: statement_check.Checked, content: statements.Content) -> Iterator[str]:
    line, told = checked.line, content.device
    yield f"{checked.name}  {'checks out' if checked.good else 'DOES NOT CHECK OUT'}"
    for finding in checked.findings:
        yield f"  {finding.level.value}  {finding.code}  {finding.file}: {finding.text}"
    if line is not None:
        yield f"  signed   {checked.header.utc if checked.header else '-'} by {line.key}"
        if line.corrects:
            yield f"  corrects {line.corrects}"
        yield f"  verdict  {line.verdict or '-'} (of the recording, at the desk then)"
    yield ""
    yield f"{told.organisation}　{told.what}".strip("　")
    chosen = word("category", content.text.category)
    for label, value in (
        ("设备", f"{told.device}（佩戴人编号 {told.officer or '不详'}）"),
        ("设备记录", f"起 {told.from_local or '不详'}　止 {told.to_local or '未记录'}"),
        ("设备查明", told.found or "未查明"),
        ("按键选择", told.chosen or "未选择"),
    ):
        yield f"{label}：{value}"
    for key, (label, _) in statement_text.LABELS.items():
        value = chosen if key == "category" else str(getattr(content.text, key))
        yield f"{label}：{value}" if "\n" not in value else f"{label}：\n{value}"


# What the options mean.


def _chosen(options: argparse.Namespace) -> tuple[Owed, story.Story | None]:
    """The owed thing that the options name, and the recording's story where it is one's."""
    path: Path = options.path
    if options.ledger_line is not None:
        for each in of_ledger(path):
            if each.ledger_line == options.ledger_line:
                return each, None
        raise _not_owed(path, f"ledger line {options.ledger_line}")
    found = of_recording(path)
    matching = [o for o in found if o.interruption == options.interruption]
    if options.interruption is None and not options.whole:
        matching = list(found) if len(found) == 1 else []
        if len(found) > 1:
            what = ", ".join(o.what for o in found)
            raise RecorderError(
                "usage", f"several statements are owed ({what})", where=str(path),
                remedy="Say which: --interruption N or --whole",
            )  # fmt: skip
    if not matching:
        number = options.interruption
        raise _not_owed(path, "the whole recording" if number is None else f"interruption {number}")
    return matching[0], story.read(path, identities_of(options))


def _catalogue(path: Path | None, told: story.Story | None) -> Catalogue:
    """For the act's title on a form about the ledger. Without a file of the desk's own the
    installed one, whose faults keep nobody from a form."""
    if told is not None:
        return NONE  # the recording has its act's words itself
    if path is not None:
        return catalogue.load(path)
    installed = Path(Paths().catalogue)
    if not installed.exists():
        return NONE
    try:
        return catalogue.load(installed)
    except RecorderError as error:
        print(f"recorder: {error}. The form has the act's id", file=sys.stderr)
        return NONE


def _not_owed(path: Path, what: str) -> RecorderError:
    return RecorderError(
        "not-owed", f"no statement is owed for {what}", where=str(path),
        remedy="`recorder statement list` shows what is owed",
    )  # fmt: skip


def _text(path: Path, owed: Owed) -> statement_text.Text:
    """The text, which has to be about the thing that it is archived for."""
    text = statement_text.load(path)
    for key, said, is_ in (
        ("recording", text.recording, owed.about),
        ("interruption", text.interruption, owed.interruption or 0),
    ):
        if said != is_:
            raise RecorderError(
                "statement-other", f"key {key}: it is about {said}, not {is_}", where=str(path),
                remedy="Give the text that was written for this one",
            )  # fmt: skip
    return text


def _recipients(options: argparse.Namespace) -> tuple[Recipient, ...]:
    """Two custodians at least: what is lost with one key should not be lost at all."""
    found = {r.text: r for r in map(Recipient, options.custodian)}
    if options.custodians is not None:
        listed = keys.load_custodians(options.custodians)
        found |= {r.text: r for r in map(Recipient, listed.recipients)}
    if len(found) < 2:
        raise RecorderError(
            "few-custodians", f"{len(found)} custodian(s) given", where="--custodian",
            remedy="Give two public keys at least (--custodian age1… twice, or --custodians FILE)",
        )  # fmt: skip
    return tuple(found.values())


def _corrects(given: str | None, owed: Owed, place: Path) -> str:
    """The earlier statement that this one corrects; none may be repeated unknowingly."""
    earlier = []
    for path in statements.numbered(place, owed.about).values():
        line = statement_check.check(path, Vouched()).line
        if line is not None and (line.interruption, line.explains) == (
            owed.interruption, owed.explains,
        ):  # fmt: skip
            earlier.append(path.name)
    if given is None and earlier:
        raise RecorderError(
            "statement-exists", f"it is explained already by {', '.join(earlier)}",
            where=str(place), remedy=f"To correct it give --corrects {earlier[-1]}",
        )  # fmt: skip
    if given is not None and given not in earlier:
        raise RecorderError(
            "statement-unknown", f"no statement {given} about this lies there", where=str(place),
            remedy="`recorder statement list` names those that are there",
        )  # fmt: skip
    return given or ""


def place_of(out: Path, device: str) -> Path:
    """The folder for statements about a device's recordings: ``<device>/statements`` in a store,
    else ``out`` itself. RecorderError where that is not there (a store that is not mounted), a
    recording or a device's spool."""
    if not out.is_dir():
        raise RecorderError(
            "statement-place", "no such folder", where=str(out),
            remedy="Mount the store, or give a folder that is there, with --out",
        )  # fmt: skip
    if (out / MARKER).is_file():
        return out / device / statement_check.STATEMENTS
    if (out.resolve().parent / MARKER).is_file():
        if out.resolve().name != device:
            raise RecorderError(
                "statement-place", f"in a store, but not {device}'s folder", where=str(out),
                remedy="Give the store itself with --out",
            )  # fmt: skip
        return out / statement_check.STATEMENTS
    for folder in (out.resolve(), *out.resolve().parents):
        if (folder / "data" / "journal.jsonl").exists() or (folder / LOCK).exists():
            raise RecorderError(
                "statement-place", "statements lie beside recordings, never in one or in a spool",
                where=str(out), remedy="Give the store, or another folder, with --out",
            )  # fmt: skip
    return out
