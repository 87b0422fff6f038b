"""picamera2 as its manual uses it: takes through its own encoder and PyavOutput, one after another.

usage: pyav_output WIDTH HEIGHT KBPS SECONDS FOLDER [sound]
Writes FOLDER/pyav-N.mp4, and a line "N instant" when the first frame of take N was encoded.
"""

from tests.rigs.virtual_camera.sensor import FORMAT  # isort: skip  # before picamera2

import itertools
import os
import platform
import sys
import time
from pathlib import Path

from picamera2 import Picamera2
from picamera2.encoders import LibavH264Encoder
from picamera2.outputs import PyavOutput

from recorder.clock import boot_ns

width, height, kbps, take_s = map(int, sys.argv[1:5])
folder, *sound = sys.argv[5:]
# The ALSA within PyAV does not know where Debian has its own.
os.environ["ALSA_CONFIG_PATH"] = "/usr/share/alsa/alsa.conf"
os.environ["ALSA_PLUGIN_DIR"] = f"/usr/lib/{platform.machine()}-linux-gnu/alsa-lib"
camera = Picamera2()
camera.configure(
    camera.create_video_configuration(main={"size": (width, height), "format": FORMAT})
)
for number in itertools.count(1):
    file = Path(folder) / f"pyav-{number}.mp4"
    encoder = LibavH264Encoder(bitrate=kbps * 1000, iperiod=30)
    if sound:
        encoder.audio, encoder.audio_input = True, {"file": "default", "format": "alsa"}
    camera.start_recording(encoder, PyavOutput(str(file)))
    while encoder.firsttimestamp is None:
        time.sleep(0.01)
    print(number, boot_ns(), flush=True)
    time.sleep(take_s)
    camera.stop_recording()
    file.unlink()
