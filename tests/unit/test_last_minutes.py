"""A power-off that the system refuses is noticed."""

import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from recorder import last_minutes
from recorder.battery.forecast import Power
from recorder.clock import NS
from recorder.config import Battery, Limits
from recorder.evidence import lines
from recorder.last_minutes import LastMinutes
from recorder.session.states import State

if TYPE_CHECKING:
    from recorder.app import App


def test_a_refused_power_off_is_on_record_and_asked_for_again_a_minute_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[subprocess.Popen[bytes]] = []

    def refuse(verb: str) -> subprocess.Popen[bytes]:
        asked.append(subprocess.Popen([sys.executable, "-c", "raise SystemExit(4)"]))
        return asked[-1]

    monkeypatch.setattr(last_minutes, "systemctl", refuse)
    noted: list[Any] = []

    def note(body: Any, then: Any = None) -> None:
        noted.append(body)
        if then is not None:
            then()

    app = SimpleNamespace(
        settings=SimpleNamespace(battery=Battery(), checks=Limits()),
        effects=SimpleNamespace(act=None, say=lambda *_, done, **__: done(None)),
        session=SimpleNamespace(state=State.READY),
        archive=SimpleNamespace(note=note), event_ns=0,
    )  # fmt: skip
    watched = LastMinutes(cast("App", app))
    watched.measured(Power(1.0, None, False))
    second = round(Battery().end_after_s * NS)
    watched.tick(second)
    asked[0].wait(10)
    watched.tick(second + NS)
    faults = [body for body in noted if isinstance(body, lines.LedgerFault)]
    assert [(fault.code, fault.detail) for fault in faults] == [("power-off-refused", "status 4")]
    watched.tick(second + 30 * NS)
    assert len(asked) == 1
    watched.tick(second + 62 * NS)
    assert len(asked) == 2
    asked[1].wait(10)
