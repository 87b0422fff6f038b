"""What one line of a log gives to those who check it: its signature as bytes, the key it names."""

import base64
import binascii
from collections.abc import Sequence

from recorder.evidence import chain, lines
from recorder.evidence.keys import proves
from recorder.evidence.places import Place


def declared_key(paths: Sequence[Place]) -> bytes | None:
    """The raw public key that line 0 names, believed by nobody yet; None where there is none."""
    for path in paths[:1]:
        for raw, _ in chain.raw_lines(path):
            try:
                _, body = chain.decode(raw, lines.Journal, None)
                return raw_key(body.key) if isinstance(body, lines.Open) else None
            except ValueError:
                return None
    return None


def heir(body: object) -> bytes | None:
    """The desk's raw key where a ``handover`` names one that can have signed."""
    return raw_key(body.key) if isinstance(body, lines.Handover) else None


def desk_key(paths: Sequence[Place]) -> bytes | None:
    """The raw key of the first ``handover`` in a journal, believed by nobody yet, or None."""
    for path in paths:
        for raw, _ in chain.raw_lines(path):
            if b'"handover"' in raw:
                try:
                    _, body = chain.decode(raw, lines.Journal, None)
                except ValueError:
                    continue
                if isinstance(body, lines.Handover):
                    return raw_key(body.key)
    return None


def raw_key(text: str) -> bytes | None:
    """32 bytes of a base64 public key; None where it is none, or one that proves nothing."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if proves(data) and base64.b64encode(data).decode() == text else None


def signature(raw: bytes) -> tuple[bytes, bytes | None]:
    """(what was signed, the raw signature or None where there is none) of a line."""
    text, _, encoded = raw.partition(b"\t")
    try:
        return text, base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return text, None


def canonical(raw: bytes) -> bool:
    """The signature is written the one way that base64 has for it: spare bits are zero."""
    sign = signature(raw)[1]
    return sign is not None and base64.b64encode(sign) == raw.partition(b"\t")[2]
