"""The virtual camera alone: frames that nobody takes. usage: bare WIDTH HEIGHT"""

from tests.rigs.virtual_camera.sensor import FORMAT  # isort: skip  # before picamera2

import sys
import threading

from picamera2 import Picamera2

width, height = map(int, sys.argv[1:3])
camera = Picamera2()
camera.configure(
    camera.create_video_configuration(main={"size": (width, height), "format": FORMAT})
)
camera.start()
print("started", flush=True)
threading.Event().wait()
