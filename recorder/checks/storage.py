"""Room on the card (Art. 13), in minutes of recording."""

from recorder.checks.result import Level, Result
from recorder.config import Limits
from recorder.session.phrases import Phrase


def storage(free_bytes: int | None, bytes_per_s: float, limits: Limits) -> Result:
    """Minutes of recording that still fit; ``None`` is a card that does not answer."""
    limit = f"{limits.storage_warn_min} min (none below {limits.storage_block_min})"
    if free_bytes is None:
        return Result("storage", Level.BLOCK, "no answer", limit, Phrase.STORAGE_FAULT)
    minutes = int(free_bytes / bytes_per_s / 60)
    if minutes < limits.storage_block_min:
        return Result("storage", Level.BLOCK, f"{minutes} min", limit, Phrase.NO_ROOM)
    if minutes < limits.storage_warn_min:
        return Result("storage", Level.WARN, f"{minutes} min", limit, Phrase.STORAGE_LOW, minutes)
    return Result("storage", Level.OK, f"{minutes} min", limit)
