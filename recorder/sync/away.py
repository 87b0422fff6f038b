"""Times away (Art. 17) as the ledger has them: declared, ended, or found ended at the dock. Reads
lines that were verified elsewhere, or the device's own."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from recorder.clock import parse_iso
from recorder.evidence import lines
from recorder.evidence.chain import Header, decode, raw_lines
from recorder.sync.deadlines import Away, Bounds, clock_bounds

_MARK = b'"kind":"away'


class Aways:
    """Fed with ledger lines in order; others than its own are passed over."""

    def __init__(self) -> None:
        self._found: list[Away] = []

    def feed(self, header: Header, body: lines.Ledger) -> None:
        """Take a line. One whose clock was not set cannot move a deadline."""
        if isinstance(body, lines.Away):
            declared = _at(header)
            if declared is None:
                return
            since = declared
            if body.since:
                try:
                    since_ns = min(parse_iso(body.since), declared.earliest_ns)
                except (ValueError, OverflowError):
                    return  # no time, and so nothing that a deadline could be moved by
                since = Bounds(since_ns, since_ns)
            self._found.append(
                Away(line=header.n, ground=body.ground, declared=declared, since=since, back=None)
            )
        elif isinstance(body, lines.AwayEnd):
            for index, away in enumerate(self._found):
                if away.line == body.away and away.back is None:
                    self._found[index] = _ended(away, _at(header), body.declared)

    @property
    def all(self) -> tuple[Away, ...]:
        """All of them, oldest first."""
        return tuple(self._found)

    @property
    def open(self) -> Away | None:
        """The one that is not over."""
        return next((away for away in reversed(self._found) if away.back is None), None)


def _ended(away: Away, back: Bounds | None, declared: bool) -> Away:
    return Away(
        line=away.line, ground=away.ground, declared=away.declared, since=away.since,
        # Back, but nobody knows when: not before it was declared.
        back=back or Bounds(away.declared.earliest_ns, None), back_declared=declared,
    )  # fmt: skip


def _at(header: Header) -> Bounds | None:
    try:
        return clock_bounds(parse_iso(header.utc), header.clock)
    except (ValueError, OverflowError):
        return None


def read(paths: Sequence[Path]) -> Aways:
    """From a ledger's files, looking closely at no other line. OSError where one cannot be read."""
    aways = Aways()
    for header, body in _lines(paths):
        aways.feed(header, body)
    return aways


def _lines(paths: Iterable[Path]) -> Iterator[tuple[Header, lines.Ledger]]:
    seen = -1
    for path in paths:
        for raw, ended in raw_lines(path):
            if not ended or _MARK not in raw:
                continue
            try:
                header, body = decode(raw, lines.Ledger, None)
            except ValueError:
                continue  # verify names it
            if header.n > seen:  # a failed sync repeats lines in the next file
                seen = header.n
                yield header, body
