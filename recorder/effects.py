"""What each effect of the state table does: one method an effect, on the supervisor's loop.

Nothing here decides what comes when (session/states.py does) and nothing waits: sentences go to
the announcer, lines and fragments to the archive. What happens next is fired as an event.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from recorder import heading
from recorder.act import Act, EndSource, Gap, hole_ns
from recorder.checks import trust
from recorder.checks.result import Level
from recorder.clock import NS, iso
from recorder.conversation import Conversation
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.panel.announcer import Announcement, Outcome
from recorder.ring import Piece
from recorder.session import hanzi
from recorder.session.case import Checked, arrival_utc
from recorder.session.opening_plan import Element
from recorder.session.phrases import Phrase
from recorder.session.states import Effect, Event, State

if TYPE_CHECKING:
    from recorder.app import App

END_HOLD_NS = 5 * NS
END_LIMIT_NS = 45 * NS
COVER_LIMIT_NS = 4 * NS
UNMARKED_AT_ONCE = 5
"""More items in one sentence take longer than 8 s."""
HURRY_LIMIT_NS = 3 * NS // 2
LATE_NS = 5 * 60 * NS


class Remembered(msgspec.Struct, frozen=True):
    """A press that came while it could not be acted on: when, and from whom."""

    event: Event
    at_ns: int
    source: EndSource
    by: str


class Effects:
    """``act`` is the open recording, from the press until it is sealed."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self.act: Act | None = None
        self.case: Checked | None = None
        """The card that is loaded; the open recording keeps its own."""
        self.open_case: Checked | None = None
        self.talk = Conversation(app, self)
        self._ending_ns: int | None = None
        self._end_said = False
        self.disk_failing = False
        self._explained: Gap | None = None
        self._resumed_by: Piece | None = None
        self._lost: tuple[str, str, int | None] = ("", "", None)
        self._remembered: Remembered | None = None
        self.argument = ""
        self.source: EndSource = "button"
        self.by = ""
        self._do: dict[Effect, Callable[[], None]] = {
            Effect.BEGIN: self._begin,
            Effect.REMEMBER: self._remember,
            Effect.REFUSE: self._refuse,
            Effect.REFUSE_UNFIT: self._refuse_unfit,
            Effect.REPEAT: lambda: self.say(Phrase.INTERRUPTED),
            Effect.SKIP: self.talk.skip,
            Effect.MARK: self._mark,
            Effect.MARK_NEXT: self._mark_next,
            Effect.NOTICE: self._notice,
            Effect.STAGE: self._stage,
            Effect.STAGE_NEXT: self._stage_next,
            Effect.OBSTRUCTION: self._obstruction,
            Effect.SENSITIVE: self._sensitive,
            Effect.ARRIVAL: self._arrival,
            Effect.COUNT: self.talk.count,
            Effect.INTERRUPT: self._interrupt,
            Effect.RESUME: self._resume,
            Effect.RESUME_SILENT: self._resume_silent,
            Effect.ASK_CAUSE: self._ask_cause,
            Effect.REASON_LEFT: lambda: self.talk.reason(left=True),
            Effect.ANNOUNCE_END: self._announce_end,
            Effect.TAKE_BACK_END: self._take_back_end,
            Effect.CLOSE: lambda: self._close(self.source),
            Effect.CLOSE_FULL: self._close_full,
            Effect.CLOSE_SHUTDOWN: lambda: self._close("shutdown"),
            Effect.CLOSE_EMPTY: lambda: self._close("battery"),
            Effect.NEXT: self._next,
            Effect.ANNOUNCE_FIT: self._announce_fit,
            Effect.REBOOT: lambda: app.reboot.take(),
            Effect.STOP_SPEAKING: self.talk.stop,
        }

    def run(self, effect: Effect) -> None:
        """Carry one effect out."""
        self._do[effect]()

    def say(
        self,
        phrase: Phrase,
        *,
        owner: str = "status",
        patient: bool = True,
        personal: bool = False,
        done: Callable[[Outcome], None] | None = None,
        **slots: str,
    ) -> None:
        """Queue a sentence."""
        text = self._app.speaker.say(phrase, **slots)
        self._app.announcer.say(
            Announcement(phrase, text, personal, owner, patient, done, fixed=not slots)
        )

    @property
    def _now_ns(self) -> int:
        return self._app.clock.boot_ns()

    @property
    def _open(self) -> Act:
        assert self.act is not None
        return self.act

    # The start (Art. 13, 14).

    def _begin(self) -> None:
        app, now_ns = self._app, self._app.event_ns
        last = app.last
        case = self.open_case = self.case
        self.disk_failing = False
        card_id = case.card.id if case else ""
        continues = heading.continues(last, card_id, now_ns, app.clock.boot_id)
        act = case.act(app.catalogue) if case else None
        self.act = Act(app.archive, now_ns, act)
        settings = app.settings
        private = case.card.private() if case else None

        def opened(name: str) -> tuple[lines.Opened, lines.Open]:
            return heading.head(settings, app.catalogue, name, act, continues)

        source = "control" if self.source == "control" else "button"
        press = lines.Press(at_ns=now_ns, source=source, by=self.by)  # type: ignore[arg-type]
        app.archive.begin(opened, private, press, app.recording_open)
        self._open.journal(
            lines.Checks(
                officer=settings.device.officer, results=tuple(r.record() for r in app.checks)
            )
        )
        late = self._journal_arrival("card", case.card.arrival if case else "")
        for piece in app.ring.take(now_ns):
            self._open.take(piece, live=False)
        if self._open.start_ns is None and app.vitals is None:
            self.lost("no_fragments", "nothing was flowing when the button was pressed")
            app.post(Event.LOST)
        first = []
        if continues is not None and last is not None and not last.planned:
            first.append(Phrase.CONTINUED)
        if late and not (case and case.card.late_reason):
            first.append(Phrase.LATE_START)
        self.talk.open(tuple(first))

    def _journal_arrival(self, source: str, arrival: str) -> bool:
        """Arrival beside start (Art. 14). True: the recording started more than 5 minutes later."""
        if not arrival:
            return False
        card = self.open_case.card if self.open_case else None
        arrived = (
            arrival_utc(card) if card and source == "card" else datetime.fromisoformat(arrival)
        )
        assert arrived is not None
        arrived_ns = int(arrived.timestamp()) * NS
        app = self._app
        pressed_ns = app.clock.utc_ns() - (app.clock.boot_ns() - self._open.press_ns)
        known = trust.may_announce(app.clock.state(), app.settings.checks)
        late = known and pressed_ns - arrived_ns > LATE_NS
        private = None
        if card is not None and card.late_reason and source == "card":
            private = {"late_reason": card.late_reason}
        self._open.journal(
            lines.Arrival(
                arrived=iso(arrived_ns),
                source="card" if source == "card" else "control",
                late=late,
            ),
            private,
        )
        return late

    # Refusals.

    def _refuse(self) -> None:
        app = self._app
        event, state = app.event.value, app.session.state
        if self.act is not None and not self._open.sealing:
            self._open.journal(lines.Refused(event=event, state=state.value))
        else:
            app.archive.note(self.ledger_refusal(event, state))
        again = app.event in (Event.START, Event.PRESS) and self.act is not None
        self.say(Phrase.ALREADY if again else Phrase.NO_USE)

    def ledger_refusal(self, event: str, state: State) -> lines.LedgerRefused:
        """The ledger's line of an act that could not be recorded: a statement attaches to it."""
        must = self.case is not None and self.case.entry.obligation == "must"
        act = self.case.entry.id if self.case else ""
        return lines.LedgerRefused(event=event, state=state.value, act=act, must=must)

    def _refuse_unfit(self) -> None:
        app = self._app
        app.archive.note(self.ledger_refusal(app.event.value, app.session.state))
        for result in app.checks:
            if result.level is Level.BLOCK and result.phrase is not None:
                self.say(result.phrase)
        if app.session.state is State.FAILED:
            self.say(Phrase.FAILED)
        self.say(Phrase.REBOOT_OFFER)

    def _remember(self) -> None:
        self._remembered = Remembered(self._app.event, self._app.event_ns, self.source, self.by)
        says = {State.STARTING: Phrase.STARTING, State.UNFIT: Phrase.MAKING_ROOM}
        self.say(says.get(self._app.session.state, Phrase.SEALING))

    def _next(self) -> None:
        if self._app.leaving:
            return  # nothing begins any more: it is refused when the loop ends
        kept, self._remembered = self._remembered, None
        if kept is not None:
            self._app.post_kept(kept)

    def remember(self, kept: Remembered) -> None:
        """A press from before, to be acted on first."""
        self._remembered = kept

    @property
    def waits_for_room(self) -> bool:
        """A press is refused for want of room alone, and some is being made."""
        app = self._app
        blocking = {result.name for result in app.checks if result.level is Level.BLOCK}
        unfit = app.session.state is State.UNFIT and blocking == {"storage"}
        return unfit and app.room.making

    def refuse_remembered(self) -> None:
        """The daemon stops: a press that was to be acted on next goes on record as refused."""
        kept, self._remembered = self._remembered, None
        if kept is not None:
            refusal = self.ledger_refusal(kept.event.value, self._app.session.state)
            self._app.archive.note(refusal)

    def _announce_fit(self) -> None:
        app = self._app
        fit = app.session.state is State.READY
        app.archive.note(lines.Fitness(fit=fit, results=tuple(r.record() for r in app.checks)))
        if fit:
            self.say(Phrase.READY)
            return
        self.say(Phrase.FAILED if app.session.state is State.FAILED else Phrase.UNFIT)
        for result in app.checks:
            if result.level is Level.BLOCK and result.phrase is not None:
                self.say(result.phrase)

    # While recording (Art. 12, 16, 23).

    def _mark(self) -> None:
        named = self._app.catalogue.item
        known = self._open.act.content if self._open.act else ()
        item = next((each for each in known if named(each) == self.argument), self.argument) or None
        if item is not None and item not in known:
            left = ", ".join(f"{each} {named(each)}" for each in self._open.untagged)
            raise RecorderError(
                "no-such-item", f"the act has no content item {item!r}",
                remedy=f"Items: {left or 'none'}",
            )  # fmt: skip
        self._open.mark(self._app.event_ns, item)
        if item is None:
            self.say(Phrase.MARKED)
        else:
            self.say(Phrase.MARKED_ITEM, item=self._app.catalogue.item(item))

    def _mark_next(self) -> None:
        if not self._open.untagged:
            self.say(Phrase.NOTHING_TO_MARK)
            return
        self.argument = self._open.untagged[0]
        self._mark()

    def _notice(self) -> None:
        self._open.journal(lines.Notice(at_ns=self._app.event_ns))
        self.say(Phrase.FILMING_1)
        self.say(Phrase.FILMING_2)

    def _stage(self) -> None:
        stages = self._stages()
        if self.argument not in stages:
            raise RecorderError(
                "no-such-stage", f"the act has no stage {self.argument!r}",
                remedy=f"Stages: {', '.join(stages) or 'none; load a case card first'}",
            )  # fmt: skip
        obligation = self.open_case.obligation(self.argument) if self.open_case else None
        raised = self._open.enter(self._app.event_ns, self.argument, obligation)
        self.say(Phrase.NEW_STAGE, stage=self.argument)
        if raised:
            self.say(Phrase.RAISED)

    def _stages(self) -> tuple[str, ...]:
        """The stages that this act may come to; raising ones are entered, never announced."""
        if self.open_case is not None:
            return self.open_case.known_stages
        return self._open.act.stages if self._open.act else ()

    def _stage_next(self) -> None:
        stage = self._open.next_stage(self._stages())
        if stage is None:
            self.say(Phrase.NO_NEXT_STAGE)
            return
        self.argument = stage
        self._stage()

    def _obstruction(self) -> None:
        self._open.journal(lines.Obstruction(at_ns=self._app.event_ns))
        self.say(Phrase.OBSTRUCTION)

    def _sensitive(self) -> None:
        on = self.argument != "off"
        self._open.journal(lines.Sensitive(at_ns=self._app.event_ns, on=on))
        self.say(Phrase.SENSITIVE_ON if on else Phrase.SENSITIVE_OFF)

    def _arrival(self) -> None:
        offset_min = self._app.settings.device.utc_offset_min
        today = hanzi.local(self._app.clock.utc_ns(), offset_min)
        try:
            at = datetime.strptime(self.argument, "%H:%M").replace(tzinfo=today.tzinfo)
        except ValueError as error:
            raise RecorderError(
                "bad-time", f"{self.argument!r} is no time of day", remedy="Write it like 09:20"
            ) from error
        arrived = at.replace(year=today.year, month=today.month, day=today.day)
        if self._journal_arrival("control", arrived.isoformat()):
            self.say(Phrase.LATE_START)
        else:
            self.say(Phrase.ARRIVED)

    # Interruptions (Art. 15).

    def lost(self, cause: str, detail: str, since_ns: int | None = None) -> None:
        """Remember what the device found; the table says what follows from LOST."""
        self._lost = (cause, detail, since_ns)

    def back(self, piece: Piece) -> None:
        """Remember the fragment that is back; the table says what follows from BACK."""
        self._resumed_by = piece

    def _interrupt(self) -> None:
        cause, detail, since_ns = self._lost
        self._open.interrupt(cause or "no_fragments", detail, since_ns)
        if self._app.session.state is State.INTERRUPTED:
            self.say(Phrase.INTERRUPTED, owner="interruption", patient=False)
            if cause == "disk":
                self.say(Phrase.STORAGE_FAULT, owner="interruption")

    def _resume(self) -> None:
        assert self._resumed_by is not None
        self._explained = self._open.resume(self._resumed_by)
        self._app.announcer.cancel("interruption")

    def _resume_silent(self) -> None:
        assert self._resumed_by is not None
        gap = self._open.resume(self._resumed_by)
        self._open.due(gap.number, "not_asked")

    def _ask_cause(self) -> None:
        assert self._explained is not None
        assert self._resumed_by is not None
        self.talk.ask_cause(self._explained, self._resumed_by.fragment.start_ns)

    # The end.

    def _announce_end(self) -> None:
        app = self._app
        act = self._open
        self._leave_opening(act)
        self._ending_ns = self._now_ns
        self._end_said = False
        act.end_spoken = False
        if act.act is not None:
            act.journal(lines.Unmarked(items=act.untagged))
            if act.untagged:
                items = tuple(app.catalogue.item(item) for item in act.untagged)
                for first in range(0, len(items), UNMARKED_AT_ONCE):
                    some = app.speaker.join(items[first : first + UNMARKED_AT_ONCE])
                    self.say(Phrase.UNMARKED, owner="ending", patient=False, items=some)
        said = partial(self._end_was_said, act)
        utc_ns = trust.announced_ns(app.clock, app.settings.checks)
        if utc_ns is None:
            self.say(Phrase.END_NO_TIME, owner="ending", patient=False, done=said)
        else:
            self.say(
                Phrase.END, owner="ending", patient=False, done=said,
                time=app.speaker.time(utc_ns),
            )  # fmt: skip

    def _leave_opening(self, act: Act) -> None:
        """What nobody said or answered by the end goes on record, however it ends (Art. 14)."""
        for element in Element:
            if element not in act.slots:
                act.slots[element] = "missing"
                act.journal(
                    lines.Slot(element=element.value, state="missing", from_ns=None, to_ns=None)
                )
        self.talk.left()

    def _end_was_said(self, act: Act, outcome: Outcome) -> None:
        if act is self.act:
            self._end_said = True
            act.end_spoken = outcome.outcome == "spoken"

    def _take_back_end(self) -> None:
        self._ending_ns = None
        if self._open.gap is None:
            self.say(Phrase.TAKEN_BACK)
        else:
            self._app.post(Event.LOST)  # nothing flows yet: the interruption goes on

    def _close(self, source: EndSource) -> None:
        act = self._open
        self._leave_opening(act)
        act.end_source = source
        act.end_by = self.by if source == "control" else ""
        act.end_ns = self._now_ns
        self._ending_ns = None

    def _close_full(self) -> None:
        self._app.archive.free_reserve()
        self.say(Phrase.STORAGE_FULL, patient=False)
        self.say(Phrase.CANNOT_GO_ON, patient=False)
        self._open.interrupt(*self._lost)
        self._close("storage")

    # What comes in beside events.

    def take(self, piece: Piece) -> bool:
        """A fragment while a recording is open. False: the recording does not want it any more."""
        act = self.act
        if act is None or act.sealing or act.covered:
            return False
        if self.disk_failing and act.gap is not None:
            act.take(piece)  # tried again and again; footage is back when one of them is durable
            return True
        if act.gap is not None and not self._app.disk.has_room(piece):
            return True  # the card still stalls: nothing is back that would be lost again
        if act.gap is not None or (act.last_end_ns is not None and hole_ns(act.last_end_ns, piece)):
            self.back(piece)
            self._app.fire(Event.BACK)
        if not act.take(piece):
            self.lost("disk_stalled", "the queue to the disk is full")
            self._app.fire(Event.LOST)
        return True

    def tick(self, now_ns: int) -> None:
        """Time passes in opening, explaining, ending and closing."""
        app, state = self._app, self._app.session.state
        if state is State.OPENING:
            self.talk.tick(now_ns)
        elif state is State.EXPLAINING:
            if self.talk.explained(now_ns):
                self.talk.reason(left=False)
                app.fire(Event.EXPLAINED)
                if app.session.state is State.OPENING:
                    self.talk.reopen()
        elif state is State.ENDING and self._ending_ns is not None:
            held_ns = now_ns - self._ending_ns
            if held_ns >= END_HOLD_NS and (self._end_said or held_ns >= END_LIMIT_NS):
                app.fire(Event.ENDED, source=self.source)
        elif state is State.CLOSING and self.act is not None and not self.act.sealing:
            assert self.act.end_ns is not None
            hurry = self.act.end_source not in ("button", "control")
            limit_ns = HURRY_LIMIT_NS if hurry else COVER_LIMIT_NS
            if self.act.covered or self.act.gap is not None or now_ns - self.act.end_ns > limit_ns:
                self.act.seal(app.recording_sealed)
