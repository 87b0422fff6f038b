"""Puts the recorder's PiCamera onto the virtual camera; rigs/site loads it in capture processes."""

from tests.rigs.virtual_camera.sensor import FORMAT  # isort: skip  # before picamera2

from recorder.capture.cameras.picamera2 import PiCamera


def install() -> None:
    """The virtual pipeline has one pixel format only."""
    PiCamera.FORMAT = FORMAT
