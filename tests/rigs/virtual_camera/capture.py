"""`python -m recorder.capture` with real picamera2 on libcamera's virtual camera."""

from tests.rigs.virtual_camera.sensor import FORMAT  # isort: skip  # before picamera2

import runpy

from recorder.capture.cameras.picamera2 import PiCamera

PiCamera.FORMAT = FORMAT
runpy.run_module("recorder.capture", run_name="__main__")
