"""Under which keys a ledger is signed: from where on, until when, and who followed whom.

Judges the order only; whether anybody vouches for a key is verification_trust.py's question.
"""

import base64
from collections.abc import Iterator

import msgspec

from recorder.evidence import lines, rekey
from recorder.evidence.chain import Line
from recorder.evidence.verification_lines import raw_key
from recorder.evidence.verification_report import Level


class Key(msgspec.Struct, frozen=True):
    """A key under which a part of the ledger is signed, and a boot of that part."""

    public: bytes
    kind: str
    device: str
    boot_id: str
    boot_ns: int


class Ended(msgspec.Struct, frozen=True):
    """A key that handed over to ``heir`` (both base64) in line ``n``, and what it began last."""

    n: int
    device: str
    public: str
    heir: str
    boot_id: str
    boot_ns: int
    last_recording: str


class Keys(msgspec.Struct):
    """All of a ledger's. ``signing``: the one that the lines now fed belong to."""

    first: dict[bytes, Key] = {}
    last: dict[bytes, Key] = {}
    signing: bytes | None = None
    ended: dict[bytes, Ended] = {}
    _last_recording: str = ""

    def feed(self, item: Line) -> Iterator[tuple[Level, str, str]]:
        """(level, code, text) of what is wrong with a line that begins or ends a key's part."""
        match item.body:
            case lines.Boot() as body:
                self.signing = raw_key(body.key)
                if self.signing is None:
                    return
                used = Key(self.signing, body.key_kind, body.device, item.header.boot_id,
                           item.header.boot_ns)  # fmt: skip
                self.first.setdefault(used.public, used)
                self.last[used.public] = used
                ended = self.ended.get(used.public)
                if ended is not None:
                    text = f"a key signs again that handed over in line {ended.n}"
                    yield Level.UNTRUSTED, "key-ended", text
            case lines.Rekeyed() as body:
                if self.signing is None or not rekey.is_proven(body, self.signing):
                    text = "the key that is to follow did not sign that it does"
                    yield Level.TAMPERED, "rekeyed", text
                    return
                if raw_key(body.key) == self.signing:
                    return  # nobody followed, so nothing ended
                header, old = item.header, base64.b64encode(self.signing).decode()
                self.ended[self.signing] = Ended(
                    header.n, body.device, old, body.key, header.boot_id, header.boot_ns,
                    self._last_recording,
                )  # fmt: skip
            case lines.Opened() as body:
                self._last_recording = body.recording

    def used(self) -> Iterator[Key]:
        """Each key at its first boot and, where there are more, at its last."""
        for public, first in self.first.items():
            yield first
            if self.last[public] != first:
                yield self.last[public]
