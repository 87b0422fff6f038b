"""The daemon's part of a self-test: says a sentence while three seconds are gathered, waits for a
press, shows the light, and writes the ledger's line.

Owned by the supervisor's loop. A press that was not asked for wins: the test ends there and then.
Nothing of picture or sound leaves the daemon but figures.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from recorder.archive import Declaration
from recorder.at_work import is_left_out, left_out_error
from recorder.clock import NS, process_start_ns
from recorder.control import Answer, refusal
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.panel.announcer import Outcome
from recorder.ring import Piece
from recorder.selftest import standing
from recorder.selftest.child import measure
from recorder.selftest.report import Broken, Media, Phase, Played, Pressed, Report, Verdict
from recorder.session.phrases import Phrase
from recorder.session.states import State
from recorder.shapes import UNREADABLE

if TYPE_CHECKING:
    from recorder.app import App

GATHER_NS = 3 * NS
TAIL_NS = NS
"""So much of the sound behind the sentence's end, which a loudspeaker may have late."""
LISTEN_LIMIT_NS = 30 * NS
"""Sentences that were waiting already are said first."""
AFTER_NS = 6 * NS
"""Longer after the sentence nothing is waited for: capture is out of order."""
PRESS_NS = 10 * NS
"""From the end of the sentence that asks for it."""
GONE_NS = 90 * NS
"""A technician's side that asks nothing for so long is there no more."""
_DECODE_S = 60.0
_MOST_BYTES = 32 * 1024 * 1024
_OWNER = "selftest"


class Judged(msgspec.Struct, frozen=True):
    """The child's answer to test number ``number``."""

    number: int
    media: Media


class _Run(msgspec.Struct):
    """One test, from ``begin`` to ``end`` or until it is broken off."""

    number: int
    by: str
    began_ns: int
    asked_ns: int
    phase: Phase = Phase.LISTENING
    why: Broken | None = None
    pieces: list[Piece] = []
    spoken: Outcome | None = None
    spoken_ns: int = 0
    media: Media | None = None
    button: Pressed = ""
    press_until_ns: int | None = None
    faults: dict[str, str] = {}


class Attendant:
    """``emit`` puts what the child found into the loop's queue."""

    def __init__(self, app: "App", emit: Callable[[Judged], None]) -> None:
        self._app = app
        self._emit = emit
        self._run: _Run | None = None
        self.lit = False
        """The light is being looked at: it blinks fast, whatever else it would say."""
        self._count = 0
        self._ready_s: float | None = None

    def up(self) -> None:
        """The start is over."""
        if self._ready_s is None:
            self._ready_s = round((self._app.clock.boot_ns() - process_start_ns()) / NS, 1)

    # What the technician's side asks.

    def asked(
        self, action: str, text: str, by: str, reply: Callable[[Answer], None]
    ) -> Answer | None:
        """Begin, look, light, press, end. RecorderError where there is no such test."""
        if is_left_out("selftest"):
            raise left_out_error("selftest", "recorder selftest", None)
        if action == "begin":
            return self._begin(by)
        run = self._run
        if run is None:
            raise RecorderError(
                "selftest-none", "no self-test is running", remedy="Run `recorder selftest`"
            )
        run.asked_ns = self._app.clock.boot_ns()
        if run.phase is Phase.BROKEN_OFF:
            return self._report(run)
        match action:
            case "look":
                pass
            case "light":
                self.lit = True
                self._app.relight()
            case "press":
                self._ask_press(run)
            case "end":
                self._end(run, text, reply)
                return None
            case _:
                raise RecorderError(
                    "control-argument", f"unknown action {action!r}",
                    remedy="Actions: begin, look, light, press, end",
                )  # fmt: skip
        return self._report(run)

    def _begin(self, by: str) -> Answer:
        app = self._app
        if self._run is not None and self._run.phase is not Phase.BROKEN_OFF:
            raise RecorderError(
                "selftest-running", "a self-test is running already",
                remedy="Wait until it is over: two minutes at most",
            )  # fmt: skip
        state = app.session.state
        if app.effects.act is not None or app.leaving or state is State.STARTING:
            self._refuse(state)
        now_ns = app.clock.boot_ns()
        self._count += 1
        run = self._run = _Run(self._count, by, now_ns, now_ns)
        self._say(Phrase.SELFTEST, lambda outcome: self._said(run, outcome))
        return self._report(run)

    def _refuse(self, state: State) -> None:
        app, act = self._app, self._app.effects.act
        if act is not None and not act.sealing:
            act.journal(lines.Refused(event="selftest", state=state.value))
        app.effects.say(Phrase.SELFTEST_REFUSED)
        raise RecorderError(
            "selftest-refused", f"no self-test in state {state}",
            remedy="End the recording, wait until it is sealed, then run it again"
            if act is not None else "Wait until the recorder is ready, then run it again",
        )  # fmt: skip

    def _report(self, run: _Run) -> Answer:
        spoken = run.spoken
        report = Report(
            phase=run.phase, why=run.why, media=run.media, button=run.button, faults=run.faults,
            voice=spoken.outcome if spoken else "", voice_detail=spoken.detail if spoken else "",
            ready_s=self._ready_s, device=standing.of(self._app),
        )  # fmt: skip
        return Answer(True, data=msgspec.to_builtins(report))

    # Listening.

    def piece(self, piece: Piece) -> None:
        """A fragment passes on its way to the ring."""
        run = self._run
        if run is None or run.phase is not Phase.LISTENING:
            return
        if run.pieces and run.pieces[-1].stream.init.stream != piece.stream.init.stream:
            run.pieces = []  # another process or another set of tracks: it is another file
        run.pieces.append(piece)
        for track in (piece.fragment.video, piece.fragment.audio):
            if track is not None and track.state not in ("ok", "absent"):
                part = "camera" if track is piece.fragment.video else "microphone"
                run.faults.setdefault(part, track.state.value)
        while sum(len(each.media) for each in run.pieces) > _MOST_BYTES:
            run.pieces.pop(0)

    def _said(self, run: _Run, outcome: Outcome) -> None:
        run.spoken, run.spoken_ns = outcome, self._app.clock.boot_ns()

    def _enough(self, run: _Run, now_ns: int) -> bool:
        if now_ns - run.began_ns > LISTEN_LIMIT_NS:
            return True
        if run.spoken is None:
            return False
        if now_ns - run.spoken_ns > AFTER_NS:
            return True
        if not run.pieces:
            return False
        until_ns = run.pieces[0].fragment.start_ns + GATHER_NS
        if run.spoken.to_ns is not None:
            until_ns = max(until_ns, run.spoken.to_ns + TAIL_NS)
        return run.pieces[-1].fragment.end_ns >= until_ns

    def _judge(self, run: _Run) -> None:
        run.phase = Phase.JUDGING
        pieces, run.pieces = run.pieces, []
        if not pieces:
            self._emit(Judged(run.number, Media()))
            return
        played = Played()
        clip = self._app.clip(Phrase.SELFTEST)
        from_ns = run.spoken.from_ns if run.spoken is not None else None
        if clip is not None and from_ns is not None:
            played = Played(str(clip), from_ns / NS)
            latest_ns = min(from_ns - NS, pieces[-1].fragment.end_ns - GATHER_NS)
            pieces = [piece for piece in pieces if piece.fragment.end_ns > latest_ns]
        question = msgspec.json.encode(played) + b"\n" + pieces[0].stream.data
        question += b"".join(piece.media for piece in pieces)

        def decode() -> None:
            try:
                media = measure("recorder.selftest.media", question, Media, _DECODE_S)
            except (OSError, RecorderError) as error:
                media = Media(problem=str(error))
            self._emit(Judged(run.number, media))

        threading.Thread(target=decode, name="selftest", daemon=True).start()

    def judged(self, item: Judged) -> None:
        """The child has decoded what was gathered."""
        run = self._run
        if run is not None and run.number == item.number and run.phase is Phase.JUDGING:
            run.media, run.phase = item.media, Phase.WAITING

    # The button.

    def _unlight(self) -> None:
        self.lit = False
        self._app.relight()

    def _ask_press(self, run: _Run) -> None:
        self._unlight()
        run.phase, run.button, run.press_until_ns = Phase.PRESSING, "", None
        self._say(Phrase.SELFTEST_PRESS, lambda _: self._wait_press(run))

    def _wait_press(self, run: _Run) -> None:
        if run.phase is Phase.PRESSING:
            run.press_until_ns = self._app.clock.boot_ns() + PRESS_NS

    def takes_press(self) -> bool:
        """True: this is the press that the test asked for; it means nothing else."""
        run = self._run
        if run is None or run.phase is not Phase.PRESSING:
            return False
        run.phase, run.button, run.press_until_ns = Phase.WAITING, "pressed", None
        return True

    # The end.

    def tick(self, now_ns: int) -> None:
        """Time passes."""
        run = self._run
        if run is None or run.phase is Phase.BROKEN_OFF:
            return
        if now_ns - run.asked_ns > GONE_NS:
            self.break_off("gone")
        elif run.phase is Phase.LISTENING:
            run.faults = self._app.faults.now() | run.faults  # what came first names the cause
            if self._enough(run, now_ns):
                self._judge(run)
        elif run.press_until_ns is not None and now_ns > run.press_until_ns:
            run.phase, run.button, run.press_until_ns = Phase.WAITING, "dead", None

    def break_off(self, why: Broken) -> None:
        """A press, a stop of the daemon, or nobody asks any more."""
        run = self._run
        if run is None or run.phase is Phase.BROKEN_OFF:
            return
        run.phase, run.why, run.pieces = Phase.BROKEN_OFF, why, []
        self._app.announcer.cancel(_OWNER)
        self._unlight()
        self._app.archive.note(lines.SelfTest(verdict="broken_off", by=run.by, why=why))

    def _end(self, run: _Run, text: str, reply: Callable[[Answer], None]) -> None:
        try:
            verdict = msgspec.json.decode(text, type=Verdict)
        except UNREADABLE as error:
            raise RecorderError(
                "control-argument", f"not a verdict: {error}", remedy="Run `recorder selftest`"
            ) from error
        self._run = None
        self._unlight()
        body = lines.SelfTest(
            verdict="failed" if verdict.failed else "fine", failed=verdict.failed,
            warned=verdict.warned, left_out=verdict.left_out, by=run.by, why="",
        )  # fmt: skip
        self._say(Phrase.SELFTEST_FAILED if verdict.failed else Phrase.SELFTEST_FINE, None)

        def then(result: Declaration | RecorderError) -> None:
            if isinstance(result, RecorderError):
                reply(refusal(result))
            else:
                reply(Answer(True, data={"line": result.line, "durable": result.durable}))

        self._app.archive.declare(body, None, then)

    def _say(self, phrase: Phrase, done: Callable[[Outcome], Any] | None) -> None:
        self._app.effects.say(phrase, owner=_OWNER, patient=False, done=done)
