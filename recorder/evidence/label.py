"""A device's label: what it is called, whose it is, its key's fingerprint, for eyes and cameras.

Nothing secret is on it. Whoever finds the device can tell the township which one to revoke.
"""

import hashlib
from html import escape
from pathlib import Path

import msgspec
import segno
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from recorder.errors import RecorderError
from recorder.evidence import whole

_GROUP = 4
_ROW = 4
_SIZE = 'width="70mm" height="30mm" viewBox="0 0 280 120"'
_FONT = 'font-family="Noto Sans CJK SC, Noto Sans SC, WenQuanYi Micro Hei, sans-serif"'


class Label(msgspec.Struct, frozen=True):
    """``public``: the device's raw key."""

    device: str
    organisation: str
    public: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key as ``openssl pkey -pubin -outform DER`` writes it, in hex."""
        key = Ed25519PublicKey.from_public_bytes(self.public)
        return hashlib.sha256(
            key.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        ).hexdigest()

    def rows(self) -> list[str]:
        """The fingerprint as people compare it."""
        text = self.fingerprint
        groups = [text[at : at + _GROUP] for at in range(0, len(text), _GROUP)]
        return [" ".join(groups[at : at + _ROW]) for at in range(0, len(groups), _ROW)]

    def text(self) -> str:
        """What the QR code says, too: a line each, name first."""
        return f"{self.device}\n{self.organisation}\nSHA256 {self.fingerprint}\n"


def as_svg(label: Label) -> str:
    """To be printed at 70 by 30 mm. Without ``encoding`` segno takes Shift JIS for some names, and
    does not say so in the code."""
    code = segno.make(label.text(), error="m", micro=False, encoding="utf-8")
    square = code.svg_inline(border=2, omitsize=True).replace(
        "<svg ", '<svg x="4" y="4" width="112" height="112" ', 1
    )
    texts = [(label.device, 24, 20), (label.organisation, 46, 11), *(
        (row, 70 + 13 * number, 10) for number, row in enumerate(label.rows())
    )]  # fmt: skip
    rows = "".join(_row(*each) for each in texts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {_SIZE}>'
        f'<rect width="280" height="120" fill="#fff"/>{square}{rows}</svg>\n'
    )


def _row(text: str, y: int, size: int) -> str:
    """Squeezed into the label's width where it would not fit."""
    wide = sum(size if ord(letter) > 0x2E7F else size * 0.6 for letter in text)
    fitted = ' textLength="152" lengthAdjust="spacingAndGlyphs"' if wide > 152 else ""
    return f'<text x="122" y="{y}" font-size="{size}" {_FONT}{fitted}>{escape(text)}</text>'


def write(label: Label, out: Path) -> None:
    """Over an older one, durable on return. RecorderError for a name that is neither .svg nor .txt,
    or a place that takes no file."""
    if out.suffix not in (".svg", ".txt"):
        raise RecorderError(
            "usage", "a label is .svg or .txt", where=f"--out {out}",
            remedy="Give a file of one of these endings; a browser prints the .svg",
        )  # fmt: skip
    page = as_svg(label) if out.suffix == ".svg" else label.text()
    try:
        whole.replace(out, page.encode())
    except OSError as error:
        raise RecorderError(
            "label-unwritable", f"cannot write it: {error.strerror}", where=f"--out {out}",
            remedy="Choose a folder that you may write to",
        ) from error  # fmt: skip
