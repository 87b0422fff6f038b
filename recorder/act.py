"""One open recording, from the press to the seal: what is known of it and what is written.

Lives on the supervisor's loop. Every write goes through the archive's queue, in order; nothing
here waits for the disk. What it must know again after a crash it reads back from the journal.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import msgspec

from recorder.archive import Archive
from recorder.clock import NS
from recorder.evidence import lines
from recorder.panel.announcer import Announcement, Outcome
from recorder.ring import Piece
from recorder.session.opening import Element

_PERIODS = 1.5
_SOUND_PERIOD_NS = 1024 * NS // 48_000

EndSource = Literal["button", "control", "shutdown", "power", "crash", "storage", "battery"]


class Gap(msgspec.Struct, frozen=True):
    """An interruption: its number, where the media stop, and the device's finding."""

    number: int
    from_ns: int
    cause: str


def hole_ns(last_end_ns: int, piece: Piece) -> int:
    """Uncovered time before ``piece``; 0 where it is within 1.5 periods."""
    period_ns = piece.stream.init.period_ns or _SOUND_PERIOD_NS
    hole = piece.fragment.start_ns - last_end_ns
    return hole if hole > _PERIODS * period_ns else 0


class Act:
    """What is known of the open recording. Opening and explaining are machines of their own."""

    def __init__(self, archive: Archive, press_ns: int, act: lines.Act | None) -> None:
        self._archive = archive
        self.name = ""
        self.press_ns = press_ns
        self.act = act
        self.obligation: lines.Obligation | None = act.obligation if act else None
        self.stage = ""
        self.tagged: set[str] = set()
        self.marks = 0
        self.slots: dict[Element, lines.SlotState] = {}
        self.interruptions = 0
        self.statements_due = 0
        self.gap: Gap | None = None
        self.start_ns: int | None = None
        self.last_end_ns: int | None = None
        self.end_ns: int | None = None
        self.end_source: EndSource = "button"
        self.end_by = ""
        self.end_spoken = False
        self.sealing = False
        self._seal: tuple[lines.End, Callable[[lines.Sealed], None]] | None = None

    def restore(self, journal: Iterable[lines.Journal]) -> None:
        """Know again what the journal says; called once, after a crash of the supervisor."""
        for line in journal:
            match line:
                case lines.Start():
                    self.start_ns = line.start_ns
                case lines.Fragment():
                    self.last_end_ns = line.end_ns
                case lines.Slot():
                    self.slots[Element(line.element)] = line.state
                case lines.Mark():
                    self.marks += 1
                    if line.item:
                        self.tagged.add(line.item)
                case lines.Stage():
                    self.stage, self.obligation = line.stage, line.obligation
                case lines.Interruption():
                    self.interruptions = line.interruption
                    self.gap = Gap(line.interruption, line.from_ns, line.cause)
                case lines.Resumed():
                    self.gap = None
                case lines.StatementDue():
                    self.statements_due += 1
                case _:
                    continue

    # What is written, in order.

    def journal(self, body: lines.Journal, private: Mapping[str, Any] | None = None) -> None:
        """Queue a line (and its personal part, durable before it)."""
        self._archive.journal(body, private)

    def said(self, item: Announcement, outcome: Outcome) -> None:
        """A sentence's outcome goes on record; its words are encrypted where they are personal."""
        body = lines.Spoken(
            phrase=item.phrase,
            outcome=outcome.outcome,
            from_ns=outcome.from_ns,
            to_ns=outcome.to_ns,
            text=None if item.personal else item.text,
            detail=outcome.detail,
        )
        self.journal(body, {"text": item.text} if item.personal else None)

    # Media.

    def take(self, piece: Piece, *, live: bool = True) -> bool:
        """Hand a fragment to the disk. False: its queue is full, the fragment is lost."""
        if not self._archive.fragment(piece, live=live):
            return False
        if self.start_ns is None:
            self.start_ns = piece.fragment.start_ns
        self.last_end_ns = piece.fragment.end_ns
        return True

    @property
    def covered(self) -> bool:
        """What was taken reaches the end that was announced."""
        return (
            self.end_ns is not None
            and self.last_end_ns is not None
            and self.last_end_ns >= self.end_ns
        )

    # Interruptions (Art. 15).

    def interrupt(self, cause: str, detail: str, since_ns: int | None = None) -> None:
        """Nothing covers the time from the last fragment on; since ``since_ns`` where what was
        taken after that may never become durable."""
        if self.gap is not None:
            return
        self.interruptions += 1
        from_ns = self.last_end_ns if self.last_end_ns is not None else self.press_ns
        if since_ns is not None:
            from_ns = min(from_ns, since_ns)
        self.gap = Gap(self.interruptions, from_ns, cause)
        self.journal(
            lines.Interruption(
                interruption=self.interruptions, from_ns=from_ns, cause=cause, detail=detail
            )
        )

    def resume(self, piece: Piece) -> Gap:
        """Media again: the gap ends where ``piece`` starts. An unseen hole becomes a gap first."""
        self.interrupt("stream_gap", "the timestamps jump")
        gap = self.gap
        assert gap is not None
        self.gap = None
        self.journal(
            lines.Resumed(
                interruption=gap.number,
                from_ns=gap.from_ns,
                to_ns=max(gap.from_ns, piece.fragment.start_ns),
            )
        )
        return gap

    def due(self, interruption: int | None, why: str) -> None:
        """A written explanation is owed (Art. 15)."""
        self.statements_due += 1
        self.journal(lines.StatementDue(interruption=interruption, why=why))

    # What the officer says is important (Art. 12).

    @property
    def untagged(self) -> tuple[str, ...]:
        """Content items that nobody has tagged."""
        content = self.act.content if self.act else ()
        return tuple(item for item in content if item not in self.tagged)

    def mark(self, at_ns: int, item: str | None) -> None:
        """Key content; ``item`` None is a general mark."""
        self.marks += 1
        if item is not None:
            self.tagged.add(item)
        self.journal(lines.Mark(at_ns=at_ns, item=item))

    def next_stage(self, stages: tuple[str, ...]) -> str | None:
        """The planned stage after the present one; None at the end or without a card."""
        index = stages.index(self.stage) + 1 if self.stage in stages else 0
        return stages[index] if index < len(stages) else None

    def enter(self, at_ns: int, stage: str, obligation: lines.Obligation | None) -> bool:
        """Go to a stage. True: it raised the obligation from "may" to "must" (Art. 10)."""
        raised = obligation == "must" and self.obligation != "must"
        self.stage = stage
        if raised:
            self.obligation = "must"
        self.journal(
            lines.Stage(
                at_ns=at_ns, stage=stage, obligation=self.obligation or "may", raised=raised
            )
        )
        return raised

    # The end.

    def seal(self, then: Callable[[lines.Sealed], None]) -> None:
        """Write the last lines and seal; ``then`` is called when that is durable."""
        assert self.end_ns is not None
        self.sealing = True
        planned = self.end_source in ("button", "control")
        if not self.covered:
            self.interrupt("no_fragments", "no fragment reaches the end")
        end_ns = max(self.end_ns, self.last_end_ns or self.end_ns)
        if not planned:
            self.due(None, self.end_source)
        elif self.gap is not None:
            self.due(self.gap.number, "not_resumed")
        end = lines.End(
            end_ns=end_ns, source=self.end_source, planned=planned, spoken=self.end_spoken,
            by=self.end_by,
        )  # fmt: skip
        self.journal(end)
        self._seal = (end, then)
        self.seal_again()

    def seal_again(self) -> None:
        """The disk refused to seal: what is missing is written once more."""
        assert self._seal is not None
        self._archive.seal(*self._seal)
