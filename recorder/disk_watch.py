"""What the loop does about a disk that fails, stalls or is full: seen, said, tried again.

Nothing is given up: what was not written waits with the writer, and start and seal are tried until
the card takes them. Owned by the supervisor's loop; it never touches the disk itself.
"""

import sys
from typing import TYPE_CHECKING

from recorder.act import Act
from recorder.clock import NS
from recorder.disk import Failed, Faulted
from recorder.evidence import lines
from recorder.evidence.seal import NO_ROOM
from recorder.session.phrases import Phrase
from recorder.session.states import Event, State

if TYPE_CHECKING:
    from recorder.app import App

STALLED_NS = 3 * NS // 2
"""A card that has not answered for so long stalls."""
LONG_START_NS = 5 * NS
"""A start that takes so long is told: a full spool, or a card that hangs."""
AGAIN_NS = 1 * NS
"""What a card refused at the start or at the seal is tried again after so long."""
GIVE_UP_NS = 10 * NS
"""A seal that is refused for so long is a failure to be told, while it is still tried."""
ROOM_BYTES = 16 * 1024 * 1024
"""With so much room beside it the reserve is kept anew."""
_NEVER_NS = 1 << 62


class DiskWatch:
    """Jobs that failed come here; ``tick`` sees those that do not end."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._stalled = False
        self._start_told = False
        self._printed = ""
        self._told_in: Act | None = None
        """The recording that has the ledger's failing in its journal."""
        self._again: dict[str, int] = {}

    def failed(self, item: Failed) -> None:
        """A job of the disk thread could not be done."""
        app, error, act = self._app, item.error, self._app.effects.act
        self._print(f"{item.what}: {error}")
        is_open = act is not None and not act.sealing
        detail = f"{type(error).__name__}: {error}"[:200]
        if isinstance(error, OSError) and error.errno in NO_ROOM and is_open:
            app.effects.lost("storage_full", detail, item.from_ns)
            app.fire(Event.FULL)
        elif item.what in ("begin", "fragment") and isinstance(error, OSError) and is_open:
            # All of it waits in memory and is tried again with every fragment.
            app.effects.disk_failing = True
            app.effects.lost("disk", detail, item.from_ns)
            app.fire(Event.LOST)
        elif item.what == "begin":
            app.archive.note(app.effects.ledger_refusal("begin", app.session.state))
            app.effects.act = None
            app.effects.say(Phrase.STORAGE_FAULT)
            app.fire(Event.BROKEN)
            app.up()
        elif item.what in ("start", "seal"):
            self._try_again(item.what)
        else:
            app.fitness.warn(Phrase.STORAGE_FAULT, keep=True)

    def faulted(self, item: Faulted) -> None:
        """Nothing is lost, but the card is not to be trusted any more."""
        act = self._app.effects.act
        if item.over:
            if act is not None and act is self._told_in and not act.sealing:
                self._journal(item.code, item.detail, over=True)
            self._told_in = None
            return
        self._print(f"{item.code}: {item.detail}")
        if item.code == "ledger-failed":
            self._told_in = act
        if act is not None and (act.sealing or item.code == "ledger-failed"):
            self._journal(item.code, item.detail, over=False)  # a closed journal takes no line
        self._app.fitness.warn(Phrase.STORAGE_FAULT, keep=True)

    def tick(self, now_ns: int) -> None:
        """A card that stalls is seen before it answers; what failed is tried again."""
        for what, at_ns in self._again.items():
            if now_ns >= at_ns:
                self._again[what] = _NEVER_NS  # until it has failed again
                self._do(what)
        waited_ns = self._app.disk.stalled_ns(now_ns)
        stalled = waited_ns > STALLED_NS
        if self._app.session.state is State.STARTING:
            self._long_start(waited_ns)
            return
        if stalled is self._stalled:
            return
        self._stalled = stalled
        detail = f"no answer since {now_ns - waited_ns}, seen at {now_ns}" if stalled else ""
        self._journal("stalled", detail, over=not stalled)
        self._printed = ""
        if stalled:
            self._print("the card stalls")
            self._app.fitness.warn(Phrase.STORAGE_SLOW, keep=True)

    def _long_start(self, waited_ns: int) -> None:
        """One job reads the whole spool, so a stall cannot be told from work: said once."""
        if waited_ns > LONG_START_NS and not self._start_told:
            self._start_told = True
            self._print("the start takes long: a full spool, or a card that does not answer")
            self._app.effects.say(Phrase.STARTING)

    def done(self, what: str) -> None:
        """The start or the seal is done."""
        self._again.pop(what, None)

    def keep_reserve(self, free_bytes: int) -> None:
        """Where there is room again for closing and sealing on a full card, keep it."""
        app = self._app
        wanted_bytes = app.settings.recording.reserve_mb * 1024 * 1024 + ROOM_BYTES
        idle = app.session.state in (State.READY, State.UNFIT)
        if idle and not app.archive.reserve_kept and free_bytes > wanted_bytes:
            app.archive.keep_reserve()

    def _try_again(self, what: str) -> None:
        app, now_ns = self._app, self._app.event_ns
        state = app.session.state
        closing_ns = now_ns - app.state_since_ns if state is State.CLOSING else 0
        if state is State.STARTING or closing_ns > GIVE_UP_NS:
            app.effects.say(Phrase.STORAGE_FAULT)
            app.fire(Event.BROKEN)
            app.up()
        elif what not in self._again:
            app.effects.say(Phrase.STORAGE_FAULT)
        self._again[what] = now_ns + AGAIN_NS

    def _do(self, what: str) -> None:
        act = self._app.effects.act
        if what == "start":
            self._app.archive.start(self._app.started)
        elif act is not None:
            act.seal_again()

    def _journal(self, code: str, detail: str, *, over: bool) -> None:
        """Into the open recording's journal, or the ledger."""
        act = self._app.effects.act
        if act is not None and not act.sealing:
            act.journal(lines.Fault(part="disk", code=code, detail=detail, over=over))
        else:
            self._app.archive.note(
                lines.LedgerFault(part="disk", code=code, detail=detail, over=over)
            )

    def _print(self, text: str) -> None:
        if text != self._printed:  # a card that fails for hours does not fill the log
            self._printed = text
            print(f"recorder: {text}", file=sys.stderr, flush=True)
