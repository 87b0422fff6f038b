"""The desk's record of a recovery, beside recordings that came off a dead device's card.

It accounts for what did not come out. It is believed where the register has the desk's key, and
even then it excuses no recording that the device had sealed.
"""

from pathlib import Path

from recorder.evidence import chain, desk_note
from recorder.evidence.verification_report import Findings, Level
from recorder.evidence.verification_trust import Vouched, trust_desk
from recorder.evidence.wall_time import claimed
from recorder.spool import QUARANTINE

_SIDE = frozenset({"left", "strange", "absent", "differs", "incomplete", "tampered"})
"""Troubles that say nothing against what is here, or that verification finds by itself."""

_LIMIT = 10_000


def read(place: Path, findings: Findings, vouched: Vouched, unchecked: list[str]) -> dict[str, str]:
    """The recordings that the desk set aside because nobody could read them, and why.

    What else it tells becomes findings. Empty where there is no record or nobody vouches for it.
    """
    paths = desk_note.paths(place)
    if not paths:
        return {}
    aside: dict[str, str] = {}
    troubles: set[tuple[str, str, str]] = set()
    key: bytes | None = None
    trusted = vouched.register is not None
    if not trusted:
        unchecked.append("the desk's record of a recovery: no register given")
    first = next(iter(chain.read(paths, desk_note.Body, None)), None)
    if isinstance(first, chain.Line):
        key = desk_note.heir(first.body)
    for item in chain.read(paths, desk_note.Body, key, heir=desk_note.heir):
        file = f"{desk_note.FOLDER}/{item.file}"
        if isinstance(item, chain.Defect):
            torn = item.code == "line-torn"
            findings.add(
                Level.NOTE if torn else Level.TAMPERED, item.code, item.text,
                file=file, line=item.number,
            )  # fmt: skip
            trusted = trusted and torn
            continue
        match item.body:
            case desk_note.Run() as run:
                public = desk_note.heir(run)
                own = Findings()
                if public is not None and vouched.register is not None:
                    trust_desk(own, public, when=claimed(item.header), vouched=vouched)
                for finding in own.listed():
                    findings.take(finding)
                trusted = trusted and public is not None and not own.listed()
            case desk_note.Brought(what="quarantine", name=name):
                last = name.rpartition("/")[2]
                if (place / QUARANTINE / last).is_dir():  # what is not there, is missing
                    aside[last.removesuffix(desk_note.ASIDE)] = "set aside by the desk"
            case desk_note.Trouble() as trouble if len(troubles) < _LIMIT:
                troubles.add((trouble.name, trouble.code, trouble.detail))
    for name, code, detail in sorted(troubles):
        level = Level.NOTE if code in _SIDE else Level.INCOMPLETE
        findings.add(level, "recovery", f"{code}: {detail}", file=name)
    if key is None:
        findings.add(
            Level.TAMPERED, "line-damaged", "its first line names no key that can have signed",
            file=f"{desk_note.FOLDER}/{paths[0].name}", line=1,
        )  # fmt: skip
        return {}
    return aside if trusted else {}
