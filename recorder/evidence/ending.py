"""The end of a recording that nobody ended: the device writes it at its next start, or the desk.

Only the lines; the seal is the caller's.
"""

from typing import Literal

from recorder.evidence import lines, recovery


def end(
    found: recovery.Found,
    *,
    source: Literal["power", "crash", "desk"],
    cause: str,
    why: str,
    detail: str,
    sync: bool,
) -> lines.End:
    """It ended with its last fragment, and a statement falls due (Art. 15).

    Nothing is written where an end was journalled before. Durable with ``sync``.
    """
    if found.ended is not None:
        return found.ended
    writer = found.writer
    fragments = (b.end_ns for b in found.journal if isinstance(b, lines.Fragment))
    end_ns = max(fragments, default=writer.press_ns)
    if not recovery.open_gap(found.journal):
        writer.journal(
            lines.Interruption(
                interruption=writer.progress.interruptions + 1,
                from_ns=end_ns,
                cause=cause,
                detail=detail,
            ),
            sync=False,
        )
    writer.journal(lines.StatementDue(interruption=None, why=why), sync=False)
    ended = lines.End(end_ns=end_ns, source=source, planned=False, spoken=False)
    writer.journal(ended, sync=sync)
    return ended
