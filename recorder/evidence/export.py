"""One playable MP4 of a recording, with its journal as subtitles. A copy, never the evidence.

Decrypts for those who hold a custodian's key, lays the fragments on one time line (an interruption
stays an interruption: the picture stands, the sound is silent, the caption says why), and notes
where the copy came from. The recording's folder is only read.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from recorder import __version__
from recorder.clock import Clock
from recorder.errors import RecorderError
from recorder.evidence import story as stories
from recorder.evidence.age import Identity
from recorder.evidence.captions import Caption, captions
from recorder.evidence.export_mux import Mux
from recorder.evidence.export_source import Run, runs
from recorder.evidence.timeline import timeline
from recorder.evidence.verification_report import Report, Verdict
from recorder.evidence.words import Language, word

NOTICE = "复制件，非原始证据。A copy, not the evidence."
_DEMO = f"{word('finding', 'demo')}。{word('finding', 'demo', 'en').capitalize()}."
_PIECE_BYTES = 1024 * 1024


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was made, and where it came from: the content of ``<out>.json``."""

    notice: str
    file: str
    bytes: int
    sha256: str
    recording: str
    tagmanifest_sha256: str
    verdict: str
    forced: bool
    made_utc: str
    software: str
    duration_s: float
    captions: int
    fragments: int
    left_out: tuple[str, ...]
    re_encoded: tuple[str, ...]


def export(
    bag: Path,
    out: Path,
    *,
    identities: Sequence[Identity],
    report: Report,
    clock: Clock,
    language: Language = "zh",
    force: bool = False,
    names: Mapping[str, str] | None = None,
) -> Exported:
    """Write ``out`` (MP4) and ``<out>.json``, both durable on return and whole or not there.

    ``report`` is the recording's verification: ``tampered`` is refused without ``force``. Raises
    RecorderError where nothing opens, or where ``out`` lies inside a recording.
    """
    if report.verdict is Verdict.TAMPERED and not force:
        raise RecorderError(
            "export-tampered",
            "the recording is not as it was signed; see recorder verify",
            where=str(bag),
            remedy="Give --force to copy what is left of it, marked as such",
        )
    _outside(bag, out)
    story = stories.read(bag, identities)
    told = captions(
        timeline(story.entries, language, offset_min=story.offset_min, names=names),
        _watermark(report, language),
        length_s=_length_s(story, report),
    )
    part = out.with_name(f".{out.name}.part")
    try:
        made = _write(part, runs(bag, identities), told, report, story, language)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        digest, size = _digest(part)
        exported = Exported(
            notice=_notice(report),
            file=out.name,
            bytes=size,
            sha256=digest,
            recording=report.recording,
            tagmanifest_sha256=story.tagmanifest_sha256,
            verdict=report.verdict.value,
            forced=force and report.verdict is Verdict.TAMPERED,
            made_utc=clock.stamp().utc,
            software=f"bodycam-recorder {__version__}",
            duration_s=round(made.length_s, 3),
            captions=len(told),
            fragments=made.fragments,
            left_out=tuple(made.left_out),
            re_encoded=tuple(made.re_encoded),
        )
        note = out.with_name(f"{out.name}.json")
        note_part = out.with_name(f".{out.name}.json.part")
        note_part.write_bytes(msgspec.json.format(msgspec.json.encode(exported), indent=1) + b"\n")
        os.replace(part, out)
        os.replace(note_part, note)
    except OSError as error:
        raise RecorderError(
            "export-unwritable",
            f"cannot write it: {error.strerror}",
            where=str(out),
            remedy="Choose a folder with room that you may write to",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return exported


def _write(
    part: Path,
    pieces: Sequence[Run],
    told: Sequence[Caption],
    report: Report,
    story: stories.Story,
    language: Language,
) -> Mux:
    organisation = story.open.organisation if story.open else ""
    mux = Mux(
        part,
        metadata={
            "title": f"{report.recording}（复制件）",
            "artist": organisation,
            "comment": f"{_notice(report)} recording={report.recording} "
            f"tagmanifest-sha256={story.tagmanifest_sha256} verdict={report.verdict.value}",
            "description": word("verdict", report.verdict.value, language),
        },
        language="chi" if language == "zh" else "eng",
    )
    mux.write(pieces, told)
    if not mux.fragments:
        raise RecorderError(
            "export-empty",
            "not one fragment could be opened",
            where=report.path,
            remedy="Give the identity of one of its custodians",
        )
    return mux


def _outside(bag: Path, out: Path) -> None:
    target = out.resolve()
    for folder in (bag.resolve(), *target.parents):
        inside = folder in target.parents and (folder / "data" / "journal.jsonl").exists()
        if inside:
            raise RecorderError(
                "export-inside",
                "a copy inside a recording would be a foreign file in it",
                where=str(out),
                remedy="Choose a folder outside of the recording",
            )


def _notice(report: Report) -> str:
    return f"{NOTICE} {_DEMO}" if report.demo else NOTICE


def _watermark(report: Report, language: Language) -> str:
    demo = f"\n{word('finding', 'demo', language)}" if report.demo else ""
    if language == "zh":
        verdict = word("verdict", report.verdict.value)
        return f"复制件（非原始证据）\n{report.recording}\n验证：{verdict}{demo}"
    return f"Copy, not the evidence\n{report.recording}\nverified: {report.verdict.value}{demo}"


def _length_s(story: stories.Story, report: Report) -> float:
    facts = report.facts
    if facts is None or facts.end_ns is None:
        return 0.0
    return story.into_s(facts.end_ns) or 0.0


def _digest(path: Path) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size
