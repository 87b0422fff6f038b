"""The supervisor's loop: events in, effects out. Start reading here.

One thread runs ``App.run``; button, voice, capture, disk, checks and control socket each have
their own and only ever put things into its queue. The loop never waits for a disk, a voice or a
camera. What to do in which state is data (session/states.py); what an effect does is effects.py;
what is known of the open recording is act.py's; everything durable is archive.py's.
"""

import faulthandler
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from recorder import control, memory, notify
from recorder.act import Act, EndSource
from recorder.archive import Archive, Last, Ready
from recorder.at_work import Part, at_work, is_left_out
from recorder.capture.messages import Hello, Vitals
from recorder.cards import Cards
from recorder.checks import probe
from recorder.checks.result import Level, Result
from recorder.clock import NS, BoundedClock, Clock, SystemClock
from recorder.config import Settings
from recorder.control import Answer, Request, Server, refusal, socket_path
from recorder.disk import Disk, Done, Failed, Faulted, Slow, Wrote
from recorder.disk_watch import DiskWatch
from recorder.docked import Docked
from recorder.effects import Effects, Remembered
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.faults import Faults
from recorder.fitness import Fitness
from recorder.from_capture import FromCapture
from recorder.going_on import go_on
from recorder.ladder import Ladder
from recorder.last_minutes import LastMinutes
from recorder.link import CaptureLink, Gone, Received
from recorder.panel import button, pins, voice
from recorder.panel.announcer import Announcement, Announcer, Outcome
from recorder.panel.light import LightState
from recorder.panel_faults import PanelFaults
from recorder.parts import Parts
from recorder.place.places import Places
from recorder.presses import Presses
from recorder.ring import Ring, memory_bytes
from recorder.room import Room
from recorder.selftest.attendant import Attendant, Judged
from recorder.session.phrases import Phrase
from recorder.session.states import Effect, Event, Session, State, step
from recorder.starts import Starts
from recorder.storing import Looked, Storing
from recorder.systemctl import Reboot
from recorder.trial import Trial, Tried

_TICK_S = 0.05
_ANSWER_S = 20.0
_CLOSE_S = 20.0
SEAL_NS = 15 * NS
STOP_NS = 27 * NS
"""After SIGTERM: so long to seal what is open, and until the end. systemd kills after 30 s."""

DEADLINES_NS: dict[State, int] = {
    State.STARTING: 90 * NS,
    State.OPENING: 600 * NS,
    State.EXPLAINING: 90 * NS,
    State.ENDING: 90 * NS,
    State.CLOSING: 180 * NS,
}
"""No state outlives its deadline: past it the watchdog is no longer fed."""

_LIGHTS = {
    State.STARTING: LightState.STARTING,
    State.READY: LightState.READY,
    State.UNFIT: LightState.UNFIT,
    State.OPENING: LightState.RECORDING,
    State.RECORDING: LightState.RECORDING,
    State.INTERRUPTED: LightState.INTERRUPTED,
    State.EXPLAINING: LightState.RECORDING,
    State.ENDING: LightState.ENDING,
    State.CLOSING: LightState.CLOSING,
    State.FAILED: LightState.FAILED,
}


class Asked(msgspec.Struct, frozen=True):
    """A request from the socket, and where its answer goes."""

    request: Request
    user: str
    reply: "queue.SimpleQueue[Answer]"


class Fired(msgspec.Struct, frozen=True):
    """An event that follows from another one."""

    event: Event


class Died(msgspec.Struct, frozen=True):
    """One of the daemon's threads ended by an exception."""

    thread: str
    error: BaseException | None


class Term(msgspec.Struct, frozen=True):
    """Somebody wants the daemon to stop."""


class App:
    """Everything of the supervisor that is not evidence, voice or capture."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        clock = self.clock = BoundedClock(clock)
        self.run_folder = Path(settings.paths.run)
        self.run_folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        control.alone(socket_path(self.run_folder))
        self._memory = memory.Since(self.run_folder)
        self.starts = Starts(self.run_folder, settings)
        self.starts.turns(clock.boot_ns())
        settings = self.settings = self.starts.without(settings)
        parts = Parts(settings, self.run_folder, self.starts.errors())
        self.broken = parts.broken
        self.catalogue = parts.make_catalogue()
        self.catalogue_error = parts.catalogue_error
        self.speaker = parts.make_speaker()
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.excepthook = lambda died: self._queue.put(
            Died(died.thread.name if died.thread else "?", died.exc_value)
        )
        self.session = Session()
        self.state_since_ns = clock.boot_ns()
        self.event = Event.PRESS
        self.event_ns = clock.boot_ns()
        self.hello: Hello | None = None
        self.vitals: Vitals | None = None
        self.key_kind, self.unvouched = "ephemeral", ""
        self.custodians = 0
        self.unprovisioned: tuple[RecorderError, ...] = ()
        self.last: Last | None = None
        self._stopping = False
        self._term_ns: int | None = None
        self._exit = 0
        self._watchdog_ns = notify.watchdog_ns()
        self._fed_ns = 0
        ram = memory_bytes()
        put = self._queue.put
        self.ring = Ring(settings.ring, ram)
        self.disk = Disk(clock, put, int(ram * settings.ring.ram_share))
        self.archive = Archive(settings, clock, self.disk)
        self.disk_watch = DiskWatch(self)
        self.link = CaptureLink(settings.capture(), clock, put)
        self.fitness = Fitness(self)
        self.faults = Faults(self)
        trial = Trial(settings.capture(), clock, put)
        self.ladder = Ladder(self.link, clock, self.fitness.overlay(), trial)
        self.light = parts.make_light(put)
        self._voice = parts.make_voice(self.speaker, put)
        self.announcer = Announcer(self._voice, self._said)
        self._button = parts.make_button(clock, put)
        self.panel = PanelFaults(self)
        self.presses = Presses(self)
        self.capture = FromCapture(self)
        self.effects = Effects(self)
        self.cards = Cards(self)
        self.storing = Storing(self, put)
        self.room = Room(self)
        self._last_minutes = LastMinutes(self)
        self.reboot = Reboot(self)
        self.places = Places(self)
        self.selftest = Attendant(self, put)
        self.docked = Docked(self)
        self._optional: tuple[tuple[Part, Callable[[int], None]], ...] = (
            ("storing", self.storing.tick),
            ("gnss", self.places.tick),
            ("selftest", self.selftest.tick),
        )
        self._probe = probe.Probe(settings, clock, put)
        self._server = Server(socket_path(self.run_folder), self._ask, settings.control.limited)

    # The loop.

    def run(self) -> int:
        """Until somebody stops it. The exit status."""
        self.light.show(LightState.STARTING)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._queue.put(Term()))
        self.cards.load_stored()
        self.archive.start(self.started)
        while not self._stopping:
            try:
                item = self._queue.get(timeout=_TICK_S)
            except queue.Empty:
                item = None
            self.event_ns = self.clock.boot_ns()
            if item is not None:
                self._dispatch(item)
            self._tick(self.clock.boot_ns())
        self._shut()
        return self._exit

    def _dispatch(self, item: Any) -> None:
        match item:
            case Received():
                if self.ladder.heard(item, self.event_ns):
                    self.capture.received(item)
            case Gone():
                found = self.ladder.gone(item, self.event_ns)
                if found is not None:
                    self._memory.note()
                    self.capture.gone(item.generation, *found)
            case Tried():
                self.ladder.tried(item, self.event_ns)
            case button.Edge():
                self.presses.edge(item)
            case pins.PinFault():
                self.panel.told(item)
            case voice.Started() | voice.Ended() | voice.Failed():
                self.announcer.on_voice(item)
            case Done():
                item.then(item.result)
            case Failed():
                self.disk_watch.failed(item)
            case Slow():
                if self.effects.act is not None and not self.effects.act.sealing:
                    self.effects.act.journal(
                        lines.Delay(waited_ms=item.waited_ns // 1_000_000, fragments=item.fragments)
                    )
            case Wrote():
                self.effects.disk_failing = False
                self._named()
            case Faulted():
                self.disk_watch.faulted(item)
            case probe.Slow():
                self.fitness.measured(item)
                self._last_minutes.measured(item.power)
                self.disk_watch.keep_reserve(item.free_bytes or 0)
                self.room.measured(item.free_bytes)
            case Asked():
                answer = self._answer(item)
                if answer is not None:
                    item.reply.put(answer)
            case Looked():
                self.storing.looked(item)
                if item.standing is not None:
                    self.room.may_go(item.standing.kept.may_go)
            case Judged():
                self.selftest.judged(item)
            case Fired():
                self.fire(item.event)
            case Remembered():
                self.event_ns = item.at_ns
                self.fire(item.event, source=item.source, by=item.by)
            case Term():
                self._term()
            case Died():
                self._died(item)
            case _:
                raise TypeError(f"nobody handles {type(item).__name__}")

    def _tick(self, now_ns: int) -> None:
        self.ladder.tick(now_ns)
        self.disk_watch.tick(now_ns)
        self.presses.tick(now_ns)
        self.effects.tick(now_ns)
        self._last_minutes.tick(now_ns)
        self.reboot.tick()
        for part, tick in self._optional:
            if not is_left_out(part):
                with at_work(part):
                    tick(now_ns)
        self.docked.tick(now_ns)
        people_ns = self.capture.people_until_ns if self.session.state is not State.ENDING else 0
        self.announcer.tick(now_ns, people_ns)
        self.starts.tick(now_ns)
        self._leave(now_ns)
        self._feed(now_ns)

    def _feed(self, now_ns: int) -> None:
        """The watchdog is fed while the loop turns and no state outlives its deadline."""
        if self._watchdog_ns is None or now_ns - self._fed_ns < self._watchdog_ns // 3:
            return
        limit_ns = DEADLINES_NS.get(self.session.state)
        if limit_ns is None or now_ns - self.state_since_ns < limit_ns:
            self._fed_ns = now_ns
            notify.notify("WATCHDOG=1")

    # Events.

    def post(self, event: Event) -> None:
        """Fire an event after everything that is waiting already."""
        self._queue.put(Fired(event))

    def post_kept(self, kept: Remembered) -> None:
        """The same for a press from before, with its own time and author."""
        self._queue.put(kept)

    def fire(
        self, event: Event, *, argument: str = "", source: EndSource = "button", by: str = ""
    ) -> bool:
        """Look the event up and carry its effects out. False: it was refused.

        ``by``: the user who asked for it over the socket.
        """
        if event in (Event.PRESS, Event.START):
            self.selftest.break_off("press")
        was = self.session
        now, effects = step(was, event)
        if Effect.REFUSE_UNFIT in effects and self.effects.waits_for_room:
            effects = (Effect.REMEMBER,)
        self.event = event
        self.effects.argument = argument
        if event in (Event.START, Event.STOP, Event.PRESS, Event.LONG):
            self.effects.source, self.effects.by = source, by
        self.session = now
        act = self.effects.act
        if now.state is not was.state:
            self.state_since_ns = self.clock.boot_ns()
            if act is not None and not act.sealing:
                self._journal_state(act, was, now, event)
            begins = now.state is State.OPENING and Effect.BEGIN in effects
            # Steady means that the press is on the card; until then the press was felt.
            self.light.show(LightState.STARTING if begins else self.sign)
        for effect in effects:
            self.effects.run(effect)
        act = self.effects.act
        if Effect.BEGIN in effects and act is not None:
            self._journal_state(act, was, now, event)
            self.presses.began(self.event_ns)
        if Effect.TAKE_BACK_END in effects:
            self.presses.taken(self.event_ns)
        return Effect.REFUSE not in effects and Effect.REFUSE_UNFIT not in effects

    def _journal_state(self, act: Act, was: Session, now: Session, event: Event) -> None:
        act.journal(lines.State(was=was.state.value, now=now.state.value, event=event.value))

    # Disk.

    def started(self, ready: Ready) -> None:
        self.disk_watch.done("start")
        if self.session.state is State.FAILED:
            self.fire(Event.STARTED)
        self.last = ready.last
        self.key_kind, self.unvouched = ready.key_kind, ready.unvouched
        self.custodians = len(ready.custodians)
        self.unprovisioned = ready.unprovisioned
        self._probe.begin()
        self.storing.begin(ready.away)
        self.room.begin()
        for error in self.broken:
            part = error.code.partition("-")[0]
            self.archive.note(
                lines.LedgerFault(part=part, code=error.code, detail=str(error)[:300], over=False)
            )
        for note in ready.notes:
            print(f"recorder: {note}", file=sys.stderr, flush=True)
        resumed = ready.resumed
        if resumed is None:
            if ready.pressed_ns is not None:
                # The officer saw no recording begin, and must not have to press again.
                self.effects.remember(Remembered(Event.PRESS, ready.pressed_ns, "button", ""))
            self.fitness.judge()
            return
        go_on(self, resumed, self._memory.before)
        self.up()

    def recording_open(self, name: str) -> None:
        """Ledger, line 0 and press are on the card: now the light says so."""
        act = self.effects.act
        if act is not None:
            act.name = name
        self.relight()

    def relight(self) -> None:
        """The light says the state again."""
        self.light.show(self.sign)

    def _named(self) -> None:
        """A recording whose begin the card refused is on it now."""
        if self.effects.act is not None and not self.effects.act.name:
            self.recording_open(self.archive.open_name)

    def recording_sealed(self, sealed: lines.Sealed) -> None:
        """The bag is signed, and the ledger knows."""
        self.disk_watch.done("seal")
        self.effects.act = None
        self.last = Last(
            sealed.recording, sealed.card, sealed.planned, sealed.end_ns, self.clock.boot_id
        )
        self.effects.say(Phrase.SAVED)
        self.storing.look()
        self.fire(Event.SEALED)

    def _died(self, item: Died) -> None:
        """Without one of its threads the daemon only seems to work: the next start recovers."""
        trace = "".join(traceback.format_exception(item.error)) if item.error else ""
        print(f"recorder: thread {item.thread} died\n{trace}", file=sys.stderr, flush=True)
        self.starts.died(item.thread)
        self._exit, self._stopping = 1, True

    # Sentences.

    def _said(self, item: Announcement, outcome: Outcome) -> None:
        print(f"voice: {item.phrase} {outcome.outcome}", file=sys.stderr, flush=True)
        act = self.effects.act
        if act is not None and not act.sealing:
            act.said(item, outcome)

    @property
    def sign(self) -> LightState:
        """What the light is to show; of dock or warning only while nothing is recorded."""
        if self.selftest.lit:
            return LightState.INTERRUPTED
        docked = self.docked.light(self.session.state)
        if docked is not None:
            return docked
        warns = any(r.level is Level.WARN for r in self.checks)
        if self.session.state is State.READY and (warns or is_left_out("voice")):
            return LightState.WARNING
        return _LIGHTS[self.session.state]

    def clip(self, phrase: Phrase) -> Path | None:
        """The file of a fixed sentence; None without a voice."""
        return self._voice.file(phrase, self.speaker.say(phrase))

    # The socket.

    def _ask(self, request: Request, user: str) -> Answer:
        """Called on the socket's threads: hand it to the loop and wait."""
        reply: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._queue.put(Asked(request, user, reply))
        try:
            return reply.get(timeout=_ANSWER_S)
        except queue.Empty:
            return Answer(False, "busy", "the recorder did not answer in time", "Try again")

    def _answer(self, asked: Asked) -> Answer | None:
        """None: it follows when something is durable."""
        from recorder import requests

        try:
            return requests.answer(self, asked.request, asked.user, asked.reply.put)
        except RecorderError as error:
            return refusal(error)

    @property
    def checks(self) -> tuple[Result, ...]:
        """The last results of all checks (Art. 13)."""
        return self.fitness.results

    @property
    def recording_name(self) -> str:
        """The open recording's name; "" without one, or before it is on the card."""
        return self.effects.act.name if self.effects.act else ""

    def say_for_sync(self, name: str) -> None:
        """Sync has something to be said aloud (one of the store's sentences)."""
        if not name.startswith("store_") or name not in set(Phrase):
            raise RecorderError(
                "no-such-sentence", f"sync may not say {name!r}", remedy="store_… only"
            )
        self.docked.explained()
        self.fitness.warn(Phrase(name))

    # The end.

    def up(self) -> None:
        """Tell systemd that the start is over, and the officer what is broken."""
        notify.notify("READY=1")
        self.starts.up(self.clock.boot_ns())
        memory.give_back()
        self.selftest.up()
        for error in self.broken:
            if error.phrase is not None:
                self.fitness.warn(Phrase(error.phrase))
        self.panel.say_what_helps()

    def _term(self) -> None:
        notify.notify("STOPPING=1")
        if self._term_ns is None:
            self._term_ns = self.event_ns
            self.selftest.break_off("stopped")
        if self.effects.act is not None:
            self.fire(Event.SHUTDOWN)

    def _leave(self, now_ns: int) -> None:
        """After SIGTERM: at once with nothing open, else when it is sealed or its time is over; a
        card that does not answer leaves a recording that the next start goes on with or seals."""
        if self._term_ns is None:
            return
        if self.effects.act is not None:
            if now_ns - self._term_ns < SEAL_NS:
                return
            print(
                "recorder: stopped unsealed, the disk does not answer", file=sys.stderr, flush=True
            )
            self._exit = 1
        self.effects.refuse_remembered()
        self._stopping = True

    @property
    def leaving(self) -> bool:
        """Somebody wants the daemon to stop: what is open is ended, and nothing begins."""
        return self._term_ns is not None

    def _shut(self) -> None:
        if self.leaving:
            self.starts.forget()
        self._server.close()
        self._probe.close()
        self.places.close()
        self._button.close()
        self.ladder.close()
        self.link.close()
        self.archive.close()
        left_s = _CLOSE_S
        if self._term_ns is not None:
            left_s = max(1.0, (self._term_ns + STOP_NS - self.clock.boot_ns()) / NS)
        if not self.disk.close(left_s):
            self._exit = 1
        self._voice.close()
        self.light.close()


def serve(settings: Settings) -> int:
    """`recorder run`: the daemon in the foreground."""
    memory.keep_small(fragments=True)
    threading.current_thread().name = "loop"
    faulthandler.enable()  # a part that takes the process with it leaves in the log where it was
    return App(settings, SystemClock()).run()


__all__ = ["App", "serve"]
