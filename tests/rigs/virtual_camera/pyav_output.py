"""picamera2 as its manual uses it: takes of a minute through its own encoder and PyavOutput.

Writes /mnt/peers/pyav-N.mp4, and a line "N instant" when the first frame of take N was encoded.
"""

from tests.rigs.virtual_camera.sensor import FORMAT  # isort: skip  # before picamera2

import itertools
import time
from pathlib import Path

from picamera2 import Picamera2
from picamera2.encoders import LibavH264Encoder
from picamera2.outputs import PyavOutput

from recorder.clock import boot_ns

SIZE, TAKE_S = (640, 360), 60

camera = Picamera2()
camera.configure(camera.create_video_configuration(main={"size": SIZE, "format": FORMAT}))
for number in itertools.count(1):
    file = Path(f"/mnt/peers/pyav-{number}.mp4")
    encoder = LibavH264Encoder(bitrate=1_000_000, iperiod=30)
    camera.start_recording(encoder, PyavOutput(str(file)))
    while encoder.firsttimestamp is None:
        time.sleep(0.01)
    print(number, boot_ns(), flush=True)
    time.sleep(TAKE_S)
    camera.stop_recording()
    file.unlink()
