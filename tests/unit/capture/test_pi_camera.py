"""Which encoder a board gets; picamera2 itself, where no board is, answers by stand-ins."""

import sys
from pathlib import Path
from typing import Literal
from unittest import mock

import pytest

from recorder.capture.cameras import picamera2 as camera
from recorder.capture.messages import Overlay
from recorder.config import CameraSettings

HARDWARE, SOFTWARE = "h264_v4l2m2m (hardware)", "libx264 (picamera2)"


@pytest.mark.parametrize(
    ("board", "node", "wanted", "software_rung", "taken"),
    [
        ("VC4", True, "auto", False, HARDWARE),
        ("VC4", True, "hardware", False, HARDWARE),
        ("VC4", True, "software", False, SOFTWARE),
        ("VC4", True, "auto", True, SOFTWARE),
        ("VC4", False, "auto", False, SOFTWARE),
        ("PISP", True, "auto", False, SOFTWARE),  # a Pi 5: its /dev/video11 is something else
        ("PISP", True, "hardware", False, SOFTWARE),
    ],
)
def test_the_encoder_is_what_the_board_has_and_goes_by_its_own_name(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    board: str,
    node: bool,
    wanted: Literal["auto", "hardware", "software"],
    software_rung: bool,
    taken: str,
) -> None:
    platform, encoders, outputs = mock.MagicMock(), mock.MagicMock(), mock.MagicMock()
    platform.get_platform.return_value = getattr(platform.Platform, board)
    encoders.LibavH264Encoder = type("LibavH264Encoder", (), {"__init__": lambda *_, **__: None})
    outputs.Output = object
    modules = {"": mock.MagicMock(), ".platform": platform, ".encoders": encoders}
    for name, module in (modules | {".outputs": outputs}).items():
        monkeypatch.setitem(sys.modules, f"picamera2{name}", module)
    device = tmp_path / "video11"
    if node:
        device.touch()
    monkeypatch.setattr(camera, "_ENCODER", str(device))
    overlay = Overlay("rig-01", "ZY-017", True, 480)
    made = camera.PiCamera(CameraSettings(encoder=wanted), 1000, overlay, software=software_rung)
    assert made.encoder == taken
    assert encoders.H264Encoder.called == (taken == HARDWARE)
