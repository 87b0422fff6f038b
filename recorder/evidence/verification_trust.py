"""Does anybody vouch for the key that signed? The township's register, or a key given by hand.

Judges keys only: that the signatures fit is asked elsewhere. A missing answer is ``untrusted``,
never an error.
"""

import base64

import msgspec

from recorder.evidence.register import Register, Role
from recorder.evidence.verification_report import Findings, Level
from recorder.evidence.wall_time import Instant
from recorder.spool import number_of


class Vouched(msgspec.Struct, frozen=True):
    """Whom the judge trusts: a register, a device's key, both or nobody."""

    register: Register | None = None
    register_signed: bool = True
    key: bytes | None = None

    def unchecked(self) -> list[str]:
        """What this leaves open, for the report."""
        if self.register is not None and not self.register_signed:
            return ["register: its signature (give --township PEM)"]
        return ["register: none given"] if self.register is None and self.key is None else []


def trust(
    findings: Findings,
    public: bytes,
    *,
    kind: str,
    device: str,
    when: Instant,
    recording: str,
    vouched: Vouched,
) -> list[str]:
    """Ask for ``public``, used by ``device``; what was asked comes back, for the report.

    ``recording`` is "" for the ledger, whose lines no range of recording numbers covers.
    """
    register, key = vouched.register, vouched.key
    text = base64.b64encode(public).decode()
    if kind == "ephemeral":
        _add(
            findings,
            "ephemeral-key",
            "signed by a key that was made for that run: the device's own was missing",
        )
    if key is not None and key != public:
        _add(findings, "other-key", "signed by another key than the one given")
    if register is not None:
        _registered(findings, register, text, device, when, recording)
    if key is None and register is None:
        _add(findings, "no-key", f"nobody vouches for {text}: give --key or --register")
    return [
        *(["key: the one given"] if key is not None else []),
        *([f"register of {register.township}"] if register is not None else []),
    ]


def trust_desk(findings: Findings, public: bytes, *, when: Instant, vouched: Vouched) -> str:
    """Ask for a desk's key, used then; only a register vouches for one. The desk's name."""
    text = base64.b64encode(public).decode()
    if vouched.register is None:
        _add(findings, "desk-key", f"nobody vouches for the desk's key {text}: give --register")
        return ""
    wrong = registered(vouched.register, "desk", text, when=when)
    if wrong is not None:
        _add(findings, *wrong)
    entry = vouched.register.find("desk", text)
    return entry.name if entry else ""


def _registered(
    findings: Findings, register: Register, text: str, device: str, when: Instant, recording: str
) -> None:
    wrong = registered(register, "device", text, name=device, when=when, recording=recording)
    if wrong is not None:
        _add(findings, *wrong)
    elif when.doubtful:
        findings.add(Level.NOTE, "undated", "no clock tells whether the key was registered then")


def registered(
    register: Register, role: Role, public: str, *, when: Instant, name: str = "",
    recording: str = "",
) -> tuple[str, str] | None:  # fmt: skip
    """(code, text) of what keeps the register from vouching for ``public`` (base64) in this role
    at that time; None where it does. ``name`` "": whoever the key is registered for.

    Only what is certain makes a key too early or expired: a wrong clock is no forgery. Only what is
    certainly before a revocation escapes it: whoever stole the device sets its clock as well.
    """
    entry = register.find(role, public, number_of(recording))
    if entry is None:
        other = register.find(role, public)
        ends = "" if other is None else f"; it is for recordings up to {other.last}"
        return "not-registered", f"the register has no {role} key {public} for it{ends}"
    if name and entry.name != name:
        return "not-registered", f"the register has the key for {entry.name}, not {name}"
    earliest, latest = when.between()
    if entry.revoked is not None and (when.doubtful or latest >= entry.revoked):
        return "revoked", f"the key was revoked on {entry.revoked}"
    if when.doubtful:
        return None
    if latest < entry.since:
        return "too-early", f"the key is registered from {entry.since}"
    if entry.until is not None and earliest > entry.until:
        return "expired", f"the key was registered until {entry.until}"
    return None


def _add(findings: Findings, code: str, text: str) -> None:
    findings.add(Level.UNTRUSTED, code, text)
