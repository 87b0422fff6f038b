"""What is said of parts that fail together is true of both."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from recorder.capture.messages import Fault
from recorder.config import CameraSettings, MicrophoneSettings
from recorder.faults import Faults
from recorder.session.phrases import Phrase

if TYPE_CHECKING:
    from recorder.app import App

CAMERA = Fault(0, "camera", "stalled", "no frame", over=False)
MICROPHONE = Fault(0, "microphone", "stalled", "no sound", over=False)


def said(
    faults: tuple[Fault, ...], camera: str = "demo", *, recording: bool = True
) -> list[Phrase]:
    """What the officers hear, one fault after the other."""
    heard: list[Phrase] = []

    def warn(phrase: Phrase, *, again: bool) -> bool:
        heard.append(phrase)
        return True

    act = SimpleNamespace(sealing=False, journal=lambda line: None) if recording else None
    app = SimpleNamespace(
        effects=SimpleNamespace(act=act), archive=SimpleNamespace(note=lambda line: None),
        fitness=SimpleNamespace(warn=warn), event_ns=0,
        settings=SimpleNamespace(
            camera=CameraSettings(kind=camera), microphone=MicrophoneSettings(kind="demo")  # type: ignore[arg-type]
        ),
    )  # fmt: skip
    watched = Faults(cast("App", app))
    for fault in faults:
        watched.told(fault, 1)
    return heard


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ((CAMERA, MICROPHONE), [Phrase.CAMERA_LOST, Phrase.MICROPHONE_LOST]),
        ((MICROPHONE, CAMERA), [Phrase.MICROPHONE_FAULT, Phrase.CAMERA_FAULT]),
    ],
)
def test_of_the_second_part_that_fails_it_is_not_said_that_the_first_goes_on(
    faults: tuple[Fault, ...], expected: list[Phrase]
) -> None:
    assert said(faults) == expected


@pytest.mark.parametrize(
    ("fault", "phrase"),
    [(CAMERA, Phrase.CAMERA_FAULT), (MICROPHONE, Phrase.MICROPHONE_LOST)],
)
def test_where_nothing_is_recorded_nobody_is_told_that_it_goes_on(
    fault: Fault, phrase: Phrase
) -> None:
    assert said((fault,), recording=False) == [phrase]


def test_without_a_camera_nobody_is_told_that_the_picture_goes_on() -> None:
    assert said((MICROPHONE,), camera="none") == [Phrase.MICROPHONE_LOST]
