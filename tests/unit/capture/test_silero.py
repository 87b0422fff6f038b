"""The model of speech says what its authors' runtime says of it."""

import numpy as np
import pytest

from recorder.capture.silero import WINDOW, Array, Silero

ONNXRUNTIME = (
    0.55747, 0.75133, 0.87670, 0.04987, 0.77076, 0.57096, 0.09072, 0.39094,
    0.30689, 0.08441, 0.01091, 0.05071, 0.42615, 0.03965, 0.20307, 0.14670,
)  # fmt: skip
"""What onnxruntime 1.32 gives for every sixth window of ``voice`` with silero_vad.onnx of 6.2.3."""


def voice() -> Array:
    """Three seconds of something like vowels: a voice's tone and what a throat makes of it."""
    at = np.arange(3 * 16_000) / 16_000
    pitch = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 2 * at)) / 16_000
    found = sum(
        np.sin(n * pitch) * np.exp(-(((n * 120 - formant) / 150) ** 2))
        for n in range(1, 30)
        for formant in (500, 1500, 2500)
    )
    loud = np.clip(np.sin(2 * np.pi * 1.5 * at), 0, 1)
    noise = np.random.default_rng(0).normal(0, 0.002, len(at))
    return np.asarray(0.2 * found * loud + noise, np.float32)


def test_each_window_is_judged_as_onnxruntime_judges_it_and_a_reset_forgets_all_of_them() -> None:
    sound = voice()
    windows = sound[: len(sound) // WINDOW * WINDOW].reshape(-1, WINDOW)
    model = Silero()
    for _ in range(2):
        found = [model.judge(window) for window in windows]
        assert found[::6] == pytest.approx(ONNXRUNTIME, abs=1e-3)
        model.reset()
