"""What can be asked of the running recorder over its socket, and how its answers look.

Runs on the supervisor's loop: each request becomes an event of the state table, or an answer
from what is in memory.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from recorder.clock import NS
from recorder.control import Answer, Request
from recorder.errors import RecorderError
from recorder.session.case import Checked
from recorder.session.states import OPEN, Event, State

if TYPE_CHECKING:
    from recorder.app import App

_EVENTS = {
    "start": Event.START,
    "stop": Event.STOP,
    "mark": Event.MARK,
    "notice": Event.NOTICE,
    "stage": Event.STAGE,
    "obstruction": Event.OBSTRUCTION,
    "sensitive": Event.SENSITIVE,
    "arrival": Event.ARRIVAL,
}
_GESTURES = {"short": Event.SHORT, "double": Event.DOUBLE, "long": Event.LONG}


def answer(
    app: "App", request: Request, user: str, later: Callable[[Answer], None]
) -> Answer | None:
    """Carry out what ``user`` asks for. RecorderError where it makes no sense. None: ``later`` gets
    the answer, when what was asked for is durable."""
    match request.verb:
        case "status":
            return Answer(True, data=status(app))
        case "case-load":
            checked = app.cards.load(request.argument, request.reason or "case card")
            return Answer(True, data=_card(checked))
        case "case-show":
            case = app.effects.case
            return Answer(True, data=_card(case) if case else {"card": "none"})
        case "case-clear":
            app.cards.clear()
            return Answer(True)
        case "say":
            app.say_for_sync(request.argument)
            return Answer(True)
        case "dock":
            return app.docked.told(request.argument, user, later)
        case "away-start":
            app.storing.away_start(request.argument, request.reason, user, later)
            return None
        case "away-end":
            app.storing.away_end(user, later)
            return None
        case "selftest":
            return app.selftest.asked(request.argument, request.reason, user, later)
        case "button":
            return _event(app, Event.PRESS, _GESTURES.get(request.argument), request, user)
        case verb if verb in _EVENTS:
            return _event(app, _EVENTS[verb], None, request, user)
    raise RecorderError(
        "control-verb",
        f"unknown verb {request.verb!r}",
        remedy="Verbs: status, button, case-load, case-show, case-clear, away-start, away-end, "
        "say, dock, selftest, " + ", ".join(_EVENTS),
    )


def _card(checked: Checked) -> dict[str, Any]:
    """What the card says of the act: nothing personal goes over the socket."""
    return {
        "card": checked.card.id,
        "act": checked.entry.id,
        "title": checked.entry.title,
        "obligation": checked.entry.obligation,
        "stages": list(checked.stages),
        "officers": len(checked.card.officers),
        "warnings": list(checked.warnings),
    }


def _event(app: "App", event: Event, gesture: Event | None, request: Request, user: str) -> Answer:
    if event is Event.PRESS and gesture is None:
        raise RecorderError(
            "control-argument",
            f"unknown gesture {request.argument!r}",
            remedy=f"Gestures: {', '.join(_GESTURES)}",
        )
    before = app.session.state
    if event is Event.PRESS and gesture is not None:
        app.presses.asked(gesture, user)
    elif not app.fire(event, argument=request.argument, source="control", by=user):
        raise RecorderError(
            "refused",
            f"{event} has no use in state {before}",
            remedy="It was said aloud and written down; see `recorder status`",
        )
    return Answer(True, data={"state": str(app.session.state), "recording": app.recording_name})


def status(app: "App") -> dict[str, Any]:
    """What a technician or a program wants to know at a glance."""
    now_ns = app.clock.boot_ns()
    act = app.effects.act
    vitals = app.vitals
    data: dict[str, Any] = {
        "state": str(app.session.state),
        "device": app.settings.device.name,
        "recording": app.recording_name,
        "since_s": round((now_ns - app.state_since_ns) / NS, 1),
        "clock": str(app.clock.state().quality),
        "gnss": app.places.status(now_ns),
        "ring_s": round(app.ring.held_ns / NS, 1),
        "ring_bytes": app.ring.size_bytes,
        "disk_waiting_bytes": app.disk.waiting_bytes,
        "capture": {
            "pid": app.link.pid,
            "generation": app.link.generation,
            "rung": app.ladder.rung,
            "live": app.ladder.live,
            "camera": app.hello.camera if app.hello else "",
            "microphone": app.hello.microphone if app.hello else "",
            "encoder": app.hello.encoder if app.hello else "",
        },
        "checks": [
            {"name": r.name, "level": str(r.level), "value": r.value, "limit": r.limit}
            for r in app.checks
        ],
        "keys": app.key_kind,
        "storing": app.storing.status(),
        "dock": app.docked.status(),
        "broken": [
            {"code": error.code, "text": str(error)} for error in (*app.broken, *app.unprovisioned)
        ]
        + app.panel.listed(),
    }
    if vitals is not None:
        data["vitals"] = {
            "frames": vitals.frames,
            "samples": vitals.samples,
            "brightness": vitals.brightness,
            "level_dbfs": vitals.level_dbfs,
            "speech": vitals.speech,
            "dropped_frames": vitals.dropped_frames,
        }
    if act is not None and app.session.state in (*OPEN, State.CLOSING):
        data["act"] = {
            "act": act.act.id if act.act else "",
            "obligation": act.obligation or "",
            "stage": act.stage,
            "slots": {k: str(v) for k, v in act.slots.items()},
            "marks": act.marks,
            "untagged": list(act.untagged),
            "interruptions": act.interruptions,
            "statements_due": act.statements_due,
        }
    return data
