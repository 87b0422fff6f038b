"""The township's list of acts."""

import tomllib
from collections.abc import Sequence

from recorder.errors import RecorderError
from recorder.session import catalogue
from tests.fuzz import made
from tests.fuzz.parsers.config import held
from tests.fuzz.targets import Broken
from tests.fuzz.tomls import HEAVY as LONG, dumps, edited, keys_of

_EXAMPLE = made.examples("catalogue.toml")[0]
WORDS = keys_of([_EXAMPLE])


def _small() -> bytes:
    """Two acts, so that an edit is likely to matter."""
    tree = tomllib.loads(_EXAMPLE.decode())
    tree["acts"] = tree["acts"][:2]
    tree["common"] = tree["common"][:2]
    return dumps(tree).encode()


_START = _small()
MOST_BYTES = 8192
HEAVY = tuple(b"\0" + text for text in LONG)


def seeds() -> Sequence[bytes]:
    """As text, and as a start for edits."""
    return [b"\0" + _START, b"\1", b"\1" + bytes(12)]


def check(data: bytes) -> None:
    """RecorderError with where and remedy, or the list as it was written, every act in it found."""
    text = edited(data, _START)
    path = made.scratch() / "catalogue.toml"
    path.write_bytes(text)
    try:
        loaded = catalogue.load(path)
    except RecorderError as error:
        if not error.remedy or str(path) not in error.where:
            raise Broken(f"an error that does not help: {error!r}") from error
        return
    raw = tomllib.loads(text.decode())
    raw.pop("sha256", None)
    held(loaded, raw)
    for act in loaded.acts:
        if loaded.find(act.id) is not act:
            raise Broken(f"act {act.id} is not found")
        for item in loaded.content(act):
            loaded.item(item.id)
        if act.article.startswith("10.") and act.obligation != "must":
            raise Broken(f"act {act.id} must be recorded")
