"""Buttons, light and motor on GPIO pins (gpiozero's mock pins) of a daemon that records: what
fingers mean, and what is told where a part is stuck, wired the wrong way, taken or gone."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from recorder.evidence import lines
from recorder.evidence.chain import read
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.rigs.daemon import Daemon, journal_of
from tests.rigs.pins import Pins

FIRST, SECOND, LED, MOTOR = 17, 22, 27, 23
WIRED = f"""
[button]
kind = "gpio"
pin = {FIRST}
second_pin = {SECOND}
[light]
kind = "gpio"
pin = {LED}
vibration_pin = {MOTOR}
"""
QUICK = "long_press_ms = 1000\npanic_ms = 500\n"
"""Of [recording], the last section."""
LONG = [("ground", 1.2), (None, 0.1)]
CHATTER = [("ground", 0.002), (None, 0.003), ("ground", 0.001), (None, 0.004), ("ground", 0.005)]
HELD_S = 20.0


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path)
    text = made.config.read_text()
    made.config.write_text(
        text.replace('[button]\nkind = "none"\n[light]\nkind = "terminal"\n', WIRED) + QUICK
    )
    yield made
    made.stop()


def until(true: Callable[[], bool], what: str, limit_s: float = HELD_S) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def log(daemon: Daemon) -> str:
    return (daemon.here / "log").read_text()


def pulses(levels: list[bool]) -> int:
    return sum(now and not was for was, now in pairwise(levels))


def sealed(daemon: Daemon) -> list[lines.Journal]:
    """The newest recording's lines, which anybody finds valid."""
    bag = daemon.recordings()[-1]
    report = verify_recording(bag, identities=daemon.identities())
    assert report.verdict in (Verdict.VALID, Verdict.UNTRUSTED), report.findings
    return [line.body for line in journal_of(bag)]


def faults(bodies: list[lines.Journal] | list[lines.Ledger]) -> list[tuple[str, str, bool]]:
    return [
        (body.part, body.code, body.over)
        for body in bodies
        if isinstance(body, lines.Fault | lines.LedgerFault)
        and body.part in ("button", "button2", "light", "vibration")
    ]


def ledger(daemon: Daemon) -> list[lines.Ledger]:
    return [
        item.body for item in read(daemon.ledger(), lines.Ledger, None) if hasattr(item, "body")
    ]


def test_a_recording_by_a_chattering_button_and_then_one_that_is_held_for_ever(
    device: Daemon,
) -> None:
    pins = Pins(device)
    device.start()
    device.until("ready")
    pins.play(FIRST, [*CHATTER, ("ground", 0.1), *CHATTER, (None, 0.1)])
    device.until("opening", "recording")
    until(lambda: pins.levels(LED)[-1], "a light")
    until(lambda: pulses(pins.levels(MOTOR)) == 1, "the beginning, felt")
    time.sleep(0.5)  # panic_ms
    while device.status()["state"] == "opening":
        device.ask("button", "short")  # skips an element
    pins.press(FIRST, 0.1)
    device.wait_line(lambda b: isinstance(b, lines.Mark), "a mark")
    pins.press(FIRST, 0.1)
    pins.press(FIRST, 0.1)
    device.wait_line(lambda b: isinstance(b, lines.Notice), "a notice")
    pins.play(SECOND, LONG)
    device.wait_line(lambda b: isinstance(b, lines.Obstruction), "an obstruction")
    pins.play(FIRST, [("ground", 0.0)])
    device.until("ending")
    until(lambda: pulses(pins.levels(MOTOR)) == 2, "the long press, felt")
    device.until("ready")
    assert [b.source for b in sealed(device) if isinstance(b, lines.End)] == ["button"]
    until(lambda: "voice: button_stuck" in log(device), "the stuck button, said")
    assert "voice: use_button2" in log(device)
    assert [b["code"] for b in device.status()["broken"]] == ["button-held"]
    # Still held: the second button and the socket record.
    pins.press(SECOND, 0.1)
    device.wait_line(lambda b: isinstance(b, lines.Fragment), "footage")
    device.ask("stop")
    pins.play(FIRST, [(None, 5.5)])
    until(lambda: "voice: button_back" in log(device), "the freed button, said")
    assert not device.until("ready")["broken"]
    assert len(device.recordings()) == 2
    device.stop()
    found = faults(ledger(device)) + faults(sealed(device))
    assert found == [("button", "held", False), ("button", "held", True)]


def test_a_button_wired_the_wrong_way_is_never_a_press_and_the_second_one_stands_in(
    device: Daemon,
) -> None:
    """A normally closed contact: under a finger it opens. The motor's pin is taken, too, and the
    light's line goes while it records."""
    finger = [(None, 0.3), ("ground", 0.3)]
    pins = Pins(device, contacts={FIRST: "ground"}, busy=[MOTOR])
    device.start()
    device.until("ready")
    pins.play(FIRST, finger)
    assert not device.recordings()
    device.ask("start")
    device.wait_line(lambda b: isinstance(b, lines.Fragment), "footage")
    pins.line(LED, gone=True)
    device.wait_line(lambda b: isinstance(b, lines.Fault) and b.part == "light", "the lost light")
    pins.line(LED, gone=False)
    device.wait_line(lambda b: isinstance(b, lines.Fault) and b.over, "the light that is back")
    while device.status()["state"] == "opening":
        device.ask("button", "short")
    until(lambda: "voice: button_stuck" in log(device), "the wrong wiring, said")
    for words in ('button.wire_to = "ground"', "light.vibration_pin 23", "gpioinfo"):
        assert words in log(device)
    pins.play(FIRST, finger * 2)
    assert device.status()["state"] == "recording"
    pins.play(SECOND, LONG)
    device.until("ending")
    device.until("ready")
    bodies = sealed(device)
    assert not [b for b in bodies if isinstance(b, lines.Mark | lines.Notice | lines.Obstruction)]
    assert faults(bodies) == [
        ("light", "gone", False), ("light", "gone", True), ("button", "closed", False),
    ]  # fmt: skip
    device.stop()
    assert faults(ledger(device)) == [("vibration", "vibration-broken", False)]
