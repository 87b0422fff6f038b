"""Case cards: checked against the catalogue, then put on record and read aloud."""

import tomllib
from collections.abc import Sequence

import msgspec

from recorder.clock import NS
from recorder.errors import RecorderError
from recorder.session import case, phrases
from recorder.session.announcing import known
from recorder.session.opening_plan import plan
from tests.fuzz import made
from tests.fuzz.parsers.config import held
from tests.fuzz.targets import Broken
from tests.fuzz.tomls import HEAVY as LONG, edited, keys_of

_EXAMPLE = made.examples("case.example.toml")[0]
WORDS = (*keys_of([_EXAMPLE]), *(act.id for act in made.example_catalogue().acts[:5]))
_SPEAKERS = tuple(phrases.load(language, None, 480) for language in ("zh", "en"))
HEAVY = tuple(b"\0" + text for text in LONG)


def seeds() -> Sequence[bytes]:
    """As text, and as a start for edits."""
    return [b"\0" + _EXAMPLE, b"\1", b"\1" + bytes(12), b'\0id = "a"\nact = "x"\n']


def check(data: bytes) -> None:
    """RecorderError with where and remedy, or the card as it was written, and it can be said."""
    raw = edited(data, _EXAMPLE)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return  # whoever reads the file says so
    catalogue = made.example_catalogue()
    try:
        checked = case.check(text, catalogue, made.ORGANISATION, "2026-11-23", "card.toml")
    except RecorderError as error:
        if not error.remedy or "card.toml" not in error.where:
            raise Broken(f"an error that does not help: {error!r}") from error
        return
    held(checked.card, tomllib.loads(text))
    msgspec.json.encode((checked.act(catalogue), checked.card.private(), checked.warnings))
    for stage in checked.known_stages:
        checked.obligation(stage)
    case.arrival_utc(checked.card)
    for speaker in _SPEAKERS:
        said = known(checked, speaker, made.ORGANISATION, 1_764_000_000 * NS)
        for step in plan(said, speaker, done={}, first=()):
            msgspec.json.encode(step)
