"""Voice and microphone: by ALSA alone, and through a sound server, which is then taken away."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.clock import NS, boot_ns
from recorder.evidence import lines
from tests.rigs import loopcard
from tests.rigs.daemon import DEMO, ROOT, Daemon, journal_of
from tests.rigs.opening import FULL_CARD, heard
from tests.rigs.sound import Server, flows

RATE_WPM = 280
SETTINGS = DEMO.replace(
    '[microphone]\nkind = "demo"', '[microphone]\nkind = "sounddevice"'
).replace('[voice]\nkind = "none"', f'[voice]\nkind = "pyttsx3"\nrate_wpm = {RATE_WPM}')


@pytest.fixture
def with_sound(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with a sound server of its own."""
    made = Daemon(tmp_path, SETTINGS)
    made.start(wrapper=(str(ROOT / "tests" / "rigs" / "sound.sh"), str(tmp_path / "sound")))
    made.when(flows, "sound in the ring")
    yield made
    made.stop()


@pytest.fixture
def straight(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon on a sound card of its own, without any sound server."""
    made = Daemon(tmp_path, SETTINGS)
    made.environment |= loopcard.environment(tmp_path / "card")
    made.start()
    made.when(flows, "sound in the ring")
    yield made
    made.stop()


def all_found(daemon: Daemon) -> list[str]:
    """Seal what is open; its sentences, each of which is heard where the journal has it."""
    said_ns = boot_ns()
    daemon.wait_line(lambda b: isinstance(b, lines.Fragment) and b.end_ns > said_ns, "all of it")
    daemon.stop()
    (bag,) = daemon.recordings()
    sentences = heard(daemon, bag, RATE_WPM)
    for each in sentences:
        assert each.score > max(0.6, each.other), sentences
        assert abs(each.off_ms) < 100, sentences
    return [each.phrase for each in sentences]


def test_every_sentence_of_the_opening_is_in_the_recording_where_the_journal_says(
    straight: Daemon,
) -> None:
    assert straight.ask("case-load", FULL_CARD).ok
    straight.ask("start")
    straight.wait_line(lambda b: isinstance(b, lines.Spoken) and b.phrase == "adopt", "end", 60)
    assert straight.ask("button", "short").ok  # nobody is here to confirm it
    straight.wait_line(lambda b: isinstance(b, lines.State) and b.now == "recording", "notice")
    assert all_found(straight) == [
        "opening_start", "time", "place", "officer", "officer", "reason", "subject", "stages",
        "adopt", "notice_all",
    ]  # fmt: skip


def test_through_a_sound_server_a_sentence_is_in_the_recording_where_the_journal_says(
    with_sound: Daemon,
) -> None:
    with_sound.ask("start")
    with_sound.wait_line(lambda b: isinstance(b, lines.Spoken) and b.phrase == "time", "time", 40)
    assert all_found(with_sound) == ["opening_start", "time"]


def test_a_dead_sound_server_leaves_the_picture_going(with_sound: Daemon) -> None:
    with_sound.ask("start")
    with_sound.wait_line(
        lambda b: isinstance(b, lines.Fragment) and b.audio is not None and b.audio.units > 0,
        "fragment with sound",
    )
    died_ns = boot_ns()
    Server(with_sound.here / "sound").signal(signal.SIGKILL)
    fault = with_sound.wait_line(
        lambda b: isinstance(b, lines.Fault) and b.part == "microphone", "microphone fault"
    )
    assert (fault.header.boot_ns - died_ns) / NS < 2.0
    with_sound.wait_line(
        lambda b: isinstance(b, lines.Fragment) and b.start_ns > died_ns + 3 * NS, "picture"
    )
    fragments = [line for line in with_sound.journal() if isinstance(line.body, lines.Fragment)]
    assert not [b for b in with_sound.journal() if isinstance(b.body, lines.Interruption)]
    for line in fragments:
        assert line.body.video.gap_ns <= 1.5 * NS / 30
        if line.body.start_ns > died_ns + NS:
            assert line.body.audio.units == 0
        if line.body.start_ns > died_ns - NS:
            # Nothing is held back: a fragment is on record half a second after its last frame.
            assert line.header.boot_ns - line.body.end_ns < NS
    bag = with_sound.end()
    outcomes = [
        line.body.outcome
        for line in journal_of(bag)
        if isinstance(line.body, lines.Spoken) and line.header.boot_ns > died_ns + 3 * NS
    ]
    assert outcomes
    assert "spoken" not in outcomes


def test_without_any_sound_card_the_recording_goes_on_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    monkeypatch.delenv("ALSA_CONFIG_PATH", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    daemon = Daemon(tmp_path, SETTINGS)
    daemon.start()
    try:
        checks = {c["name"]: c["level"] for c in daemon.status()["checks"]}
        assert checks["microphone"] == "warn"
        began = time.monotonic()
        daemon.ask("start")
        daemon.wait_line(lambda b: isinstance(b, lines.Spoken), "spoken line")
        assert time.monotonic() - began < 15
        bag = daemon.end()
        spoken = [line.body for line in journal_of(bag) if isinstance(line.body, lines.Spoken)]
        assert all(s.outcome in ("failed", "cut") for s in spoken)
        fragments = [line.body for line in journal_of(bag) if isinstance(line.body, lines.Fragment)]
        assert fragments
    finally:
        daemon.stop()
