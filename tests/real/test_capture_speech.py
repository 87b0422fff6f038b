"""Speech is found where somebody speaks, and nowhere else: a rendered voice between faint noise."""

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from recorder.capture.messages import Speech
from recorder.clock import NS
from recorder.config import CameraSettings, MicrophoneSettings
from tests.rigs.capture import ROOT, Capture

RATE = 48_000
QUIET_S = 3.0


@pytest.fixture
def spoken(tmp_path: Path) -> tuple[Path, float]:
    """A WAV file of quiet, a sentence, quiet; and the sentence's length in s."""
    voice = tmp_path / "voice.wav"
    subprocess.run(
        [sys.executable, "-m", "recorder.panel.render", "--out", str(voice), "--language", "zh",
         "--rate", "180", "--volume", "1.0"],
        input="请说明执法事由，并请在场人员保持安静。".encode(), check=True, cwd=ROOT, timeout=30,
    )  # fmt: skip
    with wave.open(str(voice), "rb") as file:
        rate = file.getframerate()
        given = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
    at = np.arange(len(given) * RATE // rate) * rate / RATE
    sentence = np.interp(at, np.arange(len(given)), given)
    loud = np.flatnonzero(np.abs(sentence) > 0.02)
    sentence = sentence[loud[0] : loud[-1]]
    quiet = np.zeros(round(QUIET_S * RATE))
    whole = np.concatenate((quiet, sentence, quiet))
    whole += np.random.default_rng(0).normal(0, 0.002, len(whole))
    path = tmp_path / "whole.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(whole, -1, 1) * 32767).astype(np.int16).tobytes())
    return path, len(sentence) / RATE


def test_speech_is_told_while_it_goes_on_and_not_before_or_after(
    spoken: tuple[Path, float],
) -> None:
    path, length_s = spoken
    capture = Capture(
        CameraSettings(kind="none"), MicrophoneSettings(kind="file", source=str(path))
    )
    try:
        capture.run_for(QUIET_S + length_s + 2)
    finally:
        capture.close()
    began_ns = capture.fragments[0].start_ns
    told = [(g.at_ns, g.message) for g in capture.got if isinstance(g.message, Speech)]
    starts = [(s.start_ns - began_ns) / NS for _, s in told]
    ends = [(s.end_ns - began_ns) / NS for _, s in told if not s.ongoing]
    assert abs(min(starts) - QUIET_S) < 0.3
    assert abs(max(ends) - QUIET_S - length_s) < 0.5
    assert sum(s.ongoing for _, s in told) >= length_s / 0.4
    # Told at once: a quarter of a second after it was heard at the latest.
    assert all(at_ns - s.end_ns < NS // 4 for at_ns, s in told if s.ongoing)
    heard = [v.speech for v in capture.vitals if v.speech is not None]
    assert max(heard) > 0.8
    assert min(heard) < 0.1
    assert not capture.faults
