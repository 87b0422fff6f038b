"""Listens for what the device says it said, in the sound of a sealed recording.

Each sentence is rendered once more from the journal's words (its own, or those that a custodian
opens) and looked for in the decoded sound.
"""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import msgspec
import numpy as np

from recorder.clock import NS
from recorder.evidence import lines
from recorder.evidence.age import decrypt
from recorder.selftest import hearing
from tests.rigs.daemon import ROOT, Daemon, journal_of

FULL_CARD = """
id = "c-14"
act = "seizure"
place = "舜帝大街"
reason = "涉嫌占道经营"
subject = "身份待查"
stages = ["告知", "清点"]
[[officers]]
name = "王建国"
certificate = "14023"
[[officers]]
name = "李秀英"
certificate = "14031"
"""
"""A case card that leaves nothing to be asked."""
_WITHIN_S = (-0.4, 0.4)


class Heard(msgspec.Struct, frozen=True):
    """A sentence: where the journal has it and where it is heard, in seconds of the recording.

    ``score`` 1 is the very same sound; a busy machine's sound server breaks off now and then. So
    much like it is, of the other sentences in whole, the likest one there: ``other``.
    """

    phrase: str
    journal_s: float
    found_s: float
    score: float
    other: float

    @property
    def off_ms(self) -> float:
        """How much later it is heard than the journal says."""
        return (self.found_s - self.journal_s) * 1000


def heard(daemon: Daemon, bag: Path, rate_wpm: int = 200) -> list[Heard]:
    """Every sentence that was spoken to its end in a sealed recording without interruption."""
    said = list(_said(daemon, bag))
    with ThreadPoolExecutor(2) as pool:
        clips = list(pool.map(lambda each: _rendered(daemon.here, each, rate_wpm), enumerate(said)))
    (start,) = [line.body for line in journal_of(bag) if isinstance(line.body, lines.Start)]
    sound, first_s = _sound(daemon, bag)
    found = []
    for (phrase, from_ns, _), own in zip(said, clips, strict=True):
        journal_s = (from_ns - start.zero_ns) / NS
        at_s, score = hearing.heard_at(sound, own, journal_s - first_s, _WITHIN_S)
        others = [
            hearing.found_at(sound, clip, journal_s - first_s, _WITHIN_S)[1]
            for (name, *_), clip in zip(said, clips, strict=True)
            if name != phrase
        ]
        found.append(Heard(phrase, journal_s, at_s + first_s, score, max(others, default=0.0)))
    return found


def _said(daemon: Daemon, bag: Path) -> Iterator[tuple[str, int, str]]:
    """Phrase, time and words."""
    for line in journal_of(bag):
        body = line.body
        if isinstance(body, lines.Spoken) and body.outcome == "spoken":
            assert body.from_ns is not None
            yield body.phrase, body.from_ns, body.text or _private(daemon, bag, body.private)


def _private(daemon: Daemon, bag: Path, record: lines.Private | None) -> str:
    assert record is not None
    words = msgspec.json.decode(_opened(daemon, bag / record.file))
    return str(words["text"])


def _opened(daemon: Daemon, path: Path) -> bytes:
    with path.open("rb") as file:
        return b"".join(decrypt(file.read, daemon.identities()))


def _rendered(
    here: Path, numbered: tuple[int, tuple[str, int, str]], rate_wpm: int
) -> hearing.Sound:
    number, (_, _, words) = numbered
    out = here / f"again-{number}.wav"
    subprocess.run(
        [sys.executable, "-m", "recorder.panel.render", "--out", str(out), "--language", "zh",
         "--rate", str(rate_wpm), "--volume", "1.0"],
        input=words.encode(), cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return hearing.clip(out)


def _sound(daemon: Daemon, bag: Path) -> tuple[hearing.Sound, float]:
    """The decoded sound at 48 kHz, each part in its place, and its first sample's time."""
    path = daemon.here / "all.mp4"
    segments = sorted((bag / "data" / "segments").iterdir())
    path.write_bytes(b"".join(_opened(daemon, segment) for segment in segments))
    with av.open(str(path)) as container:
        parts = [(f.time or 0.0, f.to_ndarray()[0]) for f in container.decode(audio=0)]
    first_s, (last_s, last) = parts[0][0], parts[-1]
    sound = np.zeros(round((last_s - first_s) * hearing.RATE) + len(last))
    for at_s, part in parts:  # where sound was lost, it stays silent
        first = round((at_s - first_s) * hearing.RATE)
        sound[first : first + len(part)] = part
    return sound, first_s
