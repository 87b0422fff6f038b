"""The township's own sentences."""

import string
import tomllib
from collections.abc import Sequence

from recorder.errors import RecorderError
from recorder.session import phrases
from recorder.session.phrases import Phrase
from tests.fuzz import made
from tests.fuzz.choices import Choices
from tests.fuzz.targets import Broken, same
from tests.fuzz.tomls import HEAVY as LONG, edited, keys_of

_PACKAGED = tuple(
    (made.ROOT / "recorder" / "session" / f"phrases.{language}.toml").read_bytes()
    for language in ("zh", "en")
)
_EXAMPLE = made.examples("phrases.example.toml")[0]
WORDS = (
    *keys_of([*_PACKAGED, _EXAMPLE]),
    "{time}",
    "{0}",
    "{",
    "}",
    "{{",
    "}}",
    "{time!r}",
    "{a.b}",
    "{a[0]}",
)
_START = 'end = "录音结束：{time}。"\nready = "好"\n'.encode()
HEAVY = tuple(b"\0\0" + text for text in LONG)


def seeds() -> Sequence[bytes]:
    """As text, and as a start for edits, in both languages."""
    return [
        b"\0\0" + _EXAMPLE,
        b"\0\0" + _START,
        b"\1\0" + _PACKAGED[1][:2000],
        b"\0\1",
        b"\1\1" + bytes(9),
    ]


def check(data: bytes) -> None:
    """RecorderError with where and remedy, or every sentence can be said with its slots filled."""
    choices = Choices(data)
    language = choices.pick(("zh", "en"))
    text = edited(choices.rest(), _START)
    path = made.scratch() / "phrases.toml"
    path.write_bytes(text)
    try:
        speaker = phrases.load(language, path, 480)
    except RecorderError as error:
        if not error.remedy or str(path) not in error.where:
            raise Broken(f"an error that does not help: {error!r}") from error
        return
    own = tomllib.loads(text.decode())
    for phrase in Phrase:
        want = own.get(phrase.value)
        if want is None:
            continue
        names = {name for _, name, _, _ in string.Formatter().parse(want) if name is not None}
        said = speaker.say(phrase, **dict.fromkeys(names, "X"))
        same(said, want.format(**dict.fromkeys(names, "X")), phrase.value)
    speaker.fixed()
