"""Voice and microphone through a real sound server, which is then taken away."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from recorder.clock import NS, boot_ns
from recorder.evidence import lines
from recorder.selftest import hearing
from tests.rigs.daemon import DEMO, ROOT, Daemon, journal_of
from tests.rigs.sound import Server

SETTINGS = DEMO.replace(
    '[microphone]\nkind = "demo"', '[microphone]\nkind = "sounddevice"'
).replace('[voice]\nkind = "none"', '[voice]\nkind = "pyttsx3"')


@pytest.fixture
def with_sound(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with a sound server of its own."""
    made = Daemon(tmp_path, SETTINGS)
    made.start(wrapper=(str(ROOT / "tests" / "rigs" / "sound.sh"), str(tmp_path / "sound")))
    made.when(
        lambda s: s.get("vitals", {}).get("samples", 0) > 0 and s["ring_s"] > 3, "sound in the ring"
    )
    yield made
    made.stop()


def sound_of(daemon: Daemon, bag: Path) -> tuple[np.ndarray, float]:
    """The recording's decoded sound at 48 kHz, and its first sample's time in the file."""
    import av

    from recorder.evidence.age import decrypt

    data = b""
    for segment in sorted((bag / "data" / "segments").iterdir()):
        with segment.open("rb") as file:
            data += b"".join(decrypt(file.read, daemon.identities()))
    path = daemon.here / "all.mp4"
    path.write_bytes(data)
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    assert frames[0].pts is not None
    assert frames[0].time_base is not None
    first = frames[0].pts * frames[0].time_base
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]), float(first)


def test_the_announcement_is_in_the_recording_where_the_journal_says(with_sound: Daemon) -> None:
    with_sound.ask("start")
    said = with_sound.wait_line(
        lambda b: isinstance(b, lines.Spoken) and b.phrase == "opening_start", "opening", 40
    ).body
    bag = with_sound.end()
    assert isinstance(said, lines.Spoken)
    assert said.outcome == "spoken"
    assert said.from_ns is not None
    (start,) = [line.body for line in journal_of(bag) if isinstance(line.body, lines.Start)]
    sound, first_s = sound_of(with_sound, bag)
    clips = list((with_sound.run / "speech").glob("*.wav"))
    journalled_s = (said.from_ns - start.zero_ns) / NS - first_s
    matches = [
        hearing.found_at(sound, hearing.clip(clip), journalled_s)
        for clip in clips
        if clip.stat().st_size > 30_000
    ]
    at_s, score = max(matches, key=lambda match: match[1])
    assert score > 0.8, (journalled_s, sorted(matches, key=lambda m: -m[1])[:3])
    assert abs(at_s - journalled_s) < 0.2  # the sound server alone may add 0.1 s


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
