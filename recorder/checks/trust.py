"""Clock and keys (Art. 13): can what is recorded be dated, believed and opened?"""

from recorder.checks.result import Level, Result
from recorder.clock import Clock, ClockState, Quality
from recorder.config import Limits
from recorder.session.phrases import Phrase


def clock(state: ClockState, limits: Limits) -> Result:
    """The wall clock's quality; one that may be wrong is said to be so (promise 6)."""
    limit = f"{limits.clock_error_ms} ms"
    value = "unset" if state.quality is Quality.UNSET else f"{state.quality}, not synchronised"
    if state.error_ms is not None:
        value = f"{state.quality}, ±{state.error_ms} ms"
    if may_announce(state, limits):
        return Result("clock", Level.OK, value, limit)
    return Result("clock", Level.WARN, value, limit, Phrase.CLOCK_UNSET)


def may_announce(state: ClockState, limits: Limits) -> bool:
    """The time may be read aloud as a fact: synchronised within the limit, or from an RTC.

    A clock that was merely kept resumes where the power went; it is asked for like an unset one.
    """
    if state.error_ms is not None:
        return state.quality is not Quality.UNSET and state.error_ms <= limits.clock_error_ms
    return state.quality is Quality.RTC


def announced_ns(now: Clock, limits: Limits) -> int | None:
    """The wall clock in ns since 1970, where it may be announced."""
    return now.utc_ns() if may_announce(now.state(), limits) else None


def keys(key_kind: str, custodians: int, unvouched: str = "") -> Result:
    """A device key to sign with, and custodians to encrypt to (without one nothing may start).
    ``unvouched``: why the register, where one is, does not vouch for the key."""
    limit = "device key, 2 custodians"
    value = f"{key_kind} key, {custodians} custodians"
    if not custodians:
        return Result("keys", Level.BLOCK, value, limit, Phrase.NO_CUSTODIAN)
    if key_kind != "device":
        return Result("keys", Level.WARN, value, limit, Phrase.NO_DEVICE_KEY)
    if unvouched:
        value = f"{key_kind} key ({unvouched}), {custodians} custodians"
        return Result("keys", Level.WARN, value, limit, Phrase.KEY_UNVOUCHED)
    if custodians < 2:
        return Result("keys", Level.WARN, value, limit, Phrase.ONE_CUSTODIAN)
    return Result("keys", Level.OK, value, limit)
