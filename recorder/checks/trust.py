"""Clock and keys (Art. 13): can what is recorded be dated, believed and opened?"""

from recorder.checks.result import Level, Result
from recorder.clock import ClockState, Quality
from recorder.config import Limits
from recorder.session.phrases import Phrase


def clock(state: ClockState, limits: Limits) -> Result:
    """The wall clock's quality; an unset clock is said aloud and the time asked for."""
    limit = f"{limits.clock_error_ms} ms"
    if state.quality is Quality.UNSET:
        return Result("clock", Level.WARN, "unset", limit, Phrase.CLOCK_UNSET)
    if state.error_ms is None:
        return Result("clock", Level.OK, f"{state.quality}, not synchronised", limit)
    value = f"{state.quality}, ±{state.error_ms} ms"
    if state.error_ms > limits.clock_error_ms:
        return Result("clock", Level.WARN, value, limit, Phrase.CLOCK_UNSET)
    return Result("clock", Level.OK, value, limit)


def keys(key_kind: str, custodians: int) -> Result:
    """A device key to sign with, and custodians to encrypt to (without one nothing may start)."""
    limit = "device key, 2 custodians"
    value = f"{key_kind} key, {custodians} custodians"
    if not custodians:
        return Result("keys", Level.BLOCK, value, limit, Phrase.NO_CUSTODIAN)
    if key_kind != "device":
        return Result("keys", Level.WARN, value, limit, Phrase.NO_DEVICE_KEY)
    if custodians < 2:
        return Result("keys", Level.WARN, value, limit, Phrase.ONE_CUSTODIAN)
    return Result("keys", Level.OK, value, limit)
