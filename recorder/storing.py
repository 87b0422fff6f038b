"""Storing in time (Art. 17), as the supervisor sees it: where recordings stand, what is said of it,
times away. Counts nothing itself: a child does (sync/standing.py), at idle priority.

Owned by the supervisor's loop; only ``_look`` runs on a thread of its own and ends with an item in
the loop's queue.
"""

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from recorder.archive import Declaration
from recorder.at_work import is_left_out
from recorder.clock import NS, iso
from recorder.control import Answer
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.panel.announcer import Outcome
from recorder.session.away import Away
from recorder.session.phrases import Phrase
from recorder.session.states import State
from recorder.shapes import UNREADABLE
from recorder.sync import deadlines, standing
from recorder.sync.deadlines import Lateness
from recorder.sync.kept import SHOWN, Kept
from recorder.sync.standing import Standing, Unsent

if TYPE_CHECKING:
    from recorder.app import App

LOOK_EVERY_NS = 30 * 60 * NS
REPEAT_NS = 4 * 3600 * NS
"""So long the same reminder is not repeated, though sync reaches its store every few minutes."""
LOOK_LIMIT_S = 120.0
_OWNER = "storing"
_SPEAKS_IN = frozenset({State.READY, State.UNFIT, State.FAILED})
_OVERDUE = {Lateness.OVERDUE: Phrase.OVERDUE, Lateness.POSSIBLY: Phrase.POSSIBLY_OVERDUE}
GROUNDS: tuple[str, ...] = get_args(lines.AwayGround)


class Looked(msgspec.Struct, frozen=True):
    """What the child found; None and why where it found nothing."""

    standing: Standing | None
    problem: str


class Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``recorder away start`` over the socket. ``prevented``: timely transfer is really impossible.
    ``since``: when it began, if declared afterwards (UTC with a Z, or local without a zone)."""

    ground: str
    prevented: bool
    since: str = ""


class Storing:
    """What is known of storing, and what was said of it."""

    def __init__(self, app: "App", emit: Callable[[Looked], None]) -> None:
        self._app = app
        self._emit = emit
        self._away = Away()
        self._standing: Standing | None = None
        self._problem = ""
        self._looking = self._again = False
        self._looked_ns: int | None = None
        self._remind = self._speaking = False
        self._said: dict[str, int] = {}

    def begin(self, away: int | None) -> None:
        """The ledger is read: look, and speak of it once (power-on)."""
        self._away = Away(away)
        if is_left_out("storing"):
            self._problem = "left out, because the recorder died of it"
            return
        self._remind = True
        self.look()

    # Where recordings stand.

    def look(self) -> None:
        """Have the child look; its answer comes as ``Looked``. One at a time."""
        if is_left_out("storing"):
            return
        if self._looking:
            self._again = True
            return
        self._looking, self._again = True, False
        self._looked_ns = self._app.clock.boot_ns()
        question = msgspec.json.encode(standing.question(self._app.settings))
        threading.Thread(target=self._look, args=(question,), name="storing", daemon=True).start()

    def _look(self, question: bytes) -> None:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "recorder.sync.standing"], input=question,
                capture_output=True, timeout=LOOK_LIMIT_S, check=False,
            )  # fmt: skip
            if done.returncode == 0:
                self._emit(Looked(msgspec.json.decode(done.stdout, type=Standing), ""))
                return
            text = done.stderr.decode(errors="replace").strip()
            problem = text.splitlines()[-1] if text else f"exit status {done.returncode}"
        except (OSError, subprocess.TimeoutExpired, *UNREADABLE) as error:
            problem = f"{type(error).__name__}: {error}"
        self._emit(Looked(None, problem[:200]))

    def looked(self, item: Looked) -> None:
        """The child's answer."""
        self._looking = False
        if item.standing is not None:
            self._standing = item.standing
        elif item.problem != self._problem:
            print(f"recorder: deadlines: {item.problem}", file=sys.stderr, flush=True)
        self._problem = item.problem
        if self._again:
            self.look()

    def tick(self, now_ns: int) -> None:
        """Look again now and then; speak when nothing is being recorded."""
        ready = self._app.session.state in _SPEAKS_IN
        if ready and self._looked_ns is not None and now_ns - self._looked_ns >= LOOK_EVERY_NS:
            self.look()  # not beside an act: it would cost the board's cores
        if self._speaking and not ready:
            self._speaking = False
            self._app.announcer.cancel(_OWNER)  # a press is answered at once; it is said later
        if self._remind and not self._looking and self._standing is not None and ready:
            self._remind, self._speaking = False, True
            self._speak(self._standing, now_ns)

    # What is said.

    def _speak(self, found: Standing, now_ns: int) -> None:
        for lateness, phrase in _OVERDUE.items():
            if count := found.count(lateness):
                self._say(phrase, count, "", now_ns)
        due = [each for each in found.unsent if each.lateness is Lateness.DUE and each.due]
        days = sorted({each.due for each in due if each.due is not None})
        for day in days:
            count = sum(each.due == day for each in due)
            self._say(Phrase.STORING_DUE, count, day.isoformat(), now_ns)

    def _say(self, phrase: Phrase, count: int, day: str, now_ns: int) -> None:
        key = f"{phrase} {count} {day}"
        said_ns = self._said.get(key)
        if said_ns is not None and now_ns - said_ns < REPEAT_NS:
            return
        self._said = {k: ns for k, ns in self._said.items() if now_ns - ns < REPEAT_NS}
        self._said[key] = now_ns
        speaker = self._app.speaker

        def done(outcome: Outcome) -> None:
            if outcome.outcome == "cut":
                self._said.pop(key, None)
                self._remind = True
            self._app.archive.note(
                lines.Reminded(phrase=phrase.value, count=count, day=day, outcome=outcome.outcome)
            )

        number = speaker.number(count)
        if day:
            local = speaker.day(datetime.fromisoformat(day))
            self._app.effects.say(phrase, owner=_OWNER, done=done, count=number, day=local)
        else:
            self._app.effects.say(phrase, owner=_OWNER, done=done, count=number)

    # Away (Art. 17).

    def dock(self, contact: str, by: str, reply: Callable[[Answer], None]) -> Answer | None:
        """Sync tells of its store (sync/contact.py). The answer says whether a recording is open;
        None: it follows when an undeclared return is in the ledger."""
        match contact:
            case "reached":
                if self._away.reached(self._app.clock.boot_ns()):
                    self._back(declared=False, by=by, reply=reply)
                    return None
            case "done" | "person" | "later":
                self._remind = True
                self.look()
            case "gone":
                self._away.gone()
            case "filling" | "alive" | "left":
                pass  # of the dock's light, not of deadlines or times away
            case _:
                raise RecorderError(
                    "control-argument", f"unknown contact {contact!r}",
                    remedy="Contacts: reached, filling, alive, done, person, later, gone, left",
                )  # fmt: skip
        act_open = self._app.effects.act is not None
        return Answer(True, data={"away": self._away.line is not None, "open": act_open})

    def away_start(
        self, argument: str, reason: str, by: str, reply: Callable[[Answer], None]
    ) -> None:
        """Declare it. ``reply`` is called when it is durable; the reason goes into an age file,
        because reasons name people and places. RecorderError where it is no declaration."""
        declared = self._declared(argument, reason)
        if self._away.line is not None:
            raise RecorderError(
                "away-already", "officer and device are away already",
                remedy="End it first: `recorder away end`",
            )  # fmt: skip
        since = ""
        if declared.since:
            since = self._since(declared.since)
        body = lines.Away(ground=declared.ground, since=since, by=by)  # type: ignore[arg-type]

        def then(result: Declaration | RecorderError) -> None:
            if isinstance(result, RecorderError):
                reply(_refused(result))
                return
            self._away.begin(result.line, self._app.clock.boot_ns())
            self.look()
            data = {"away": True, "ground": declared.ground, "since": since}
            reply(Answer(True, data=data | _waits(result)))

        self._app.archive.declare(body, {"reason": reason.strip()}, then)

    def away_end(self, by: str, reply: Callable[[Answer], None]) -> None:
        """Officer and device are back. RecorderError where they were not away."""
        if self._away.line is None:
            raise RecorderError(
                "not-away", "nobody declared officer and device away",
                remedy="`recorder status` shows it",
            )  # fmt: skip
        self._back(declared=True, by=by, reply=reply)

    def _back(self, *, declared: bool, by: str, reply: Callable[[Answer], None]) -> None:
        assert self._away.line is not None
        body = lines.AwayEnd(away=self._away.line, declared=declared, by=by)

        def then(result: Declaration | RecorderError) -> None:
            if isinstance(result, RecorderError):
                reply(_refused(result))
                return
            self._away.end()
            self.look()
            reply(Answer(True, data={"away": False, "declared": declared} | _waits(result)))

        self._app.archive.declare(body, None, then)

    def _declared(self, argument: str, reason: str) -> Declared:
        try:
            found = msgspec.json.decode(argument, type=Declared)
        except UNREADABLE as error:
            raise RecorderError(
                "control-argument", f"no declaration: {error}", remedy="Use `recorder away start`"
            ) from error
        if found.ground not in GROUNDS:
            raise RecorderError(
                "away-ground", f"{found.ground!r} is none of the grounds of Art. 17",
                remedy=f"Grounds: {', '.join(GROUNDS)}",
            )  # fmt: skip
        if not found.prevented:
            raise RecorderError(
                "away-not-prevented", "the ground alone is not enough (Art. 17)",
                remedy="Declare with --prevented that timely transfer is really impossible, "
                "or store in time",
            )  # fmt: skip
        if not 2 <= len(reason.strip()) <= 500:
            raise RecorderError(
                "away-reason", "a reason has 2 to 500 characters",
                remedy="Say with --reason FILE what prevents timely transfer (-: standard input)",
            )  # fmt: skip
        return found

    def _since(self, text: str) -> str:
        try:
            since_ns = deadlines.parse_local(text, self._app.settings.device.utc_offset_min)
        except (ValueError, OverflowError) as error:
            raise RecorderError(
                "away-since", f"{text!r} is no time", remedy="Write it like 2026-11-20T08:00"
            ) from error
        if since_ns > self._app.clock.utc_ns():
            raise RecorderError(
                "away-since", f"{text} is still to come",
                remedy="Leave --since out: it then begins now",
            )  # fmt: skip
        return iso(since_ns)

    # The answer to `recorder status`.

    def status(self) -> dict[str, Any]:
        """Counts, and the oldest recordings that no store has yet."""
        data: dict[str, Any] = {"away": self._away.line is not None}
        found = self._standing
        if found is None:
            return data | {"deadlines": self._problem or "not counted yet"}
        if self._problem:
            data["deadlines"] = f"as counted before: {self._problem}"
        shown = sorted(found.unsent, key=_urgency)[:SHOWN]
        kept = found.kept
        rows = [_shown(each) for each in shown] + _shown_kept(kept)
        return data | {
            "stored": kept.stored,
            "stored_twice": kept.twice,
            "may_be_freed": kept.freeable,
            "freed": kept.freed,
            "freeing": kept.problem or "as room is needed",
            "unsent": len(found.unsent),
            "due": found.count(Lateness.DUE),
            "possibly_overdue": found.count(Lateness.POSSIBLY),
            "overdue": found.count(Lateness.OVERDUE),
            "provisional": found.provisional,
            "quarantined": found.quarantined,
            "quarantined_unsent": found.quarantined_unsent,
            "recordings": rows[:SHOWN],
            "not_shown": len(found.unsent) + kept.stored + kept.freed - len(rows[:SHOWN]),
        }


def _urgency(each: Unsent) -> tuple[bool, str, str]:
    """Earliest deadline first, then those without one."""
    return each.due is None, each.due.isoformat() if each.due else "", each.recording


def _shown(each: Unsent) -> dict[str, Any]:
    day = each.due.isoformat() if each.due else ""
    return {
        "recording": each.recording,
        "where": each.where,
        "deadline": day,
        "standing": str(each.lateness),
        "provisional": "provisional" if each.provisional else "",
        "returned": "from the return" if each.returned else "",
        "detail": each.detail,
    }


def _shown_kept(kept: Kept) -> list[dict[str, Any]]:
    """Those that the store has, in rows like the others': what needs a person, what is not safe
    yet, what is, what is gone."""
    told = {
        "set aside": "",
        "stored once": "second read-back from ",
        "stored twice": "may be freed from ",
        "may be freed": "since ",
    }
    rows = sorted(kept.named, key=lambda each: list(told).index(each.where))
    shown = [_row(each.recording, each.where, told[each.where] + each.detail) for each in rows]
    return shown + [_row(name, "freed", "") for name in reversed(kept.gone)]


def _row(recording: str, where: str, detail: str) -> dict[str, Any]:
    empty = dict.fromkeys(("deadline", "standing", "provisional", "returned"), "")
    return {"recording": recording, "where": where, **empty, "detail": detail}


def _waits(declaration: Declaration) -> dict[str, Any]:
    """Said where the card fails: a power cut may still take the declaration."""
    return {} if declaration.durable else {"waits": "the card does not take it yet"}


def _refused(error: RecorderError) -> Answer:
    return Answer(False, error.code, error.problem, error.remedy)
