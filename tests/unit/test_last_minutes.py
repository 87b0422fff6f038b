"""A power-off or a reboot that the system refuses is noticed."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from recorder.battery.forecast import Power
from recorder.clock import NS
from recorder.config import Battery, Limits
from recorder.evidence import lines
from recorder.last_minutes import LastMinutes
from recorder.session.phrases import Phrase
from recorder.session.states import State
from recorder.systemctl import Reboot

if TYPE_CHECKING:
    from recorder.app import App


class Refusing:
    """As much of a recorder as is needed, on a system whose systemctl says no."""

    def __init__(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._asked = here / "asked"
        stub = here / "systemctl"
        stub.write_text(f"#!/bin/sh\necho $1 >> {self._asked}\nexit 4\n")
        stub.chmod(0o755)
        monkeypatch.setenv("PATH", f"{here}:{os.environ['PATH']}")
        self.noted: list[Any] = []
        self.warned: list[Phrase] = []
        self.settings = SimpleNamespace(battery=Battery(), checks=Limits())
        self.effects = SimpleNamespace(act=None, say=lambda *_, done, **__: done(None))
        self.session = SimpleNamespace(state=State.READY)
        self.archive = SimpleNamespace(note=self._note)
        self.fitness = SimpleNamespace(warn=lambda phrase, **_: self.warned.append(phrase))
        self.event_ns = 0

    def _note(self, body: Any, then: Any = None) -> None:
        self.noted.append(body)
        if then is not None:
            then()

    @property
    def asked(self) -> list[str]:
        return self._asked.read_text().split() if self._asked.exists() else []

    @property
    def faults(self) -> list[tuple[str, str, str]]:
        told = [body for body in self.noted if isinstance(body, lines.LedgerFault)]
        return [(fault.part, fault.code, fault.detail) for fault in told]

    def until_refused(self, tick: Callable[[], None], times: int = 1) -> None:
        deadline = time.monotonic() + 10
        while len(self.faults) < times and time.monotonic() < deadline:
            tick()
            time.sleep(0.01)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refusing:
    return Refusing(tmp_path, monkeypatch)


def test_a_refused_power_off_is_on_record_and_asked_for_again_a_minute_later(
    system: Refusing,
) -> None:
    watched = LastMinutes(cast("App", system))
    watched.measured(Power(1.0, None, False))
    second = round(Battery().end_after_s * NS)
    system.until_refused(lambda: watched.tick(second))
    assert system.faults == [("battery", "power-off-refused", "status 4")]
    watched.tick(second + 30 * NS)
    assert system.asked == ["poweroff"]
    system.until_refused(lambda: watched.tick(second + 62 * NS), times=2)
    assert system.asked == ["poweroff"] * 2 and len(system.faults) == 2


def test_a_refused_reboot_is_on_record_and_said(
    system: Refusing, capsys: pytest.CaptureFixture[str]
) -> None:
    reboot = Reboot(cast("App", system))
    reboot.take()
    system.until_refused(reboot.tick)
    reboot.tick()
    assert system.asked == ["reboot"]
    assert system.faults == [("system", "reboot-refused", "status 4")]
    assert system.warned == [Phrase.REBOOT_FAILED]
    assert "50-recorder-reboot.rules" in capsys.readouterr().err


def test_a_system_without_systemctl_is_one_that_refuses(
    system: Refusing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    reboot = Reboot(cast("App", system))
    reboot.take()
    reboot.tick()
    assert [code for _, code, _ in system.faults] == ["reboot-refused"]
    assert system.warned == [Phrase.REBOOT_FAILED]
