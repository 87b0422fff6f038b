"""Real picamera2 on libcamera's virtual camera, in a Debian 13 tree: needs root and mmdebstrap.

What it cannot show is the hardware encoder: its frames and times take the same way from `_take` on.
"""

import io
import signal
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from recorder.boxes import parse_fragment
from recorder.capture.messages import Fragment, TrackState
from recorder.clock import NS, boot_ns
from recorder.config import CameraSettings
from tests.rigs.capture import ROOT, Capture, breaks

RIG = ROOT / "tests" / "rigs" / "virtual_camera"
CAMERA = CameraSettings(kind="picamera2", width=1280, height=720, bitrate_kbps=3000)


@pytest.fixture(scope="session")
def tree() -> Path:
    """The tree, made once."""
    root = ROOT / "var" / "rigs" / "virtual-camera"
    subprocess.run([str(RIG / "mkroot.sh"), str(root)], check=True, timeout=300)
    return root


@pytest.fixture
def pi(tree: Path) -> Iterator[Capture]:
    """Picamera2 and the demo microphone."""
    capture = Capture(CAMERA, wrapper=(str(RIG / "run.sh"), str(tree)))
    yield capture
    capture.close()


def gaps_ns(pi: Capture) -> list[int]:
    """The largest distance between frames up to each fragment's last, as its bytes have it."""
    found = []
    before: tuple[int, ...] = ()
    for got in pi.got:
        if isinstance(got.message, Fragment):
            video, _ = parse_fragment(got.payload)
            found.append(max(before + video.durations[:-1]) * NS // 90_000)
            before = video.durations[-1:]
    return found


@pytest.mark.timeout(400)
def test_picamera2_gives_an_unbroken_stream_on_the_sensors_own_time(pi: Capture) -> None:
    pi.run_for(6)
    pi.close()
    assert breaks(pi.fragments) == []
    assert [f.detail for f in pi.faults if f.part != "speech"] == []
    for fragment in pi.fragments:
        assert fragment.video is not None
        assert fragment.audio is not None
        assert (fragment.video.state, fragment.video.units) == (TrackState.OK, 30)
        assert abs(fragment.audio.first_tick * NS // 48_000 - fragment.start_ns) < 22_000_000
    # The virtual sensor's clock shares interpreter and cores, so it stumbles where a real one does
    # not: at the start, and while the speech model is loaded. Each stumble is told as it was.
    gaps = [f.video.gap_ns for f in pi.fragments if f.video is not None]
    assert gaps == gaps_ns(pi)
    assert statistics.median(gaps) < 1.5 * NS / 30
    newest_ns = pi.vitals[-1].last_frame_ns
    assert newest_ns is not None
    assert 0 < pi.vitals[-1].at_ns - newest_ns < NS // 5
    with av.open(io.BytesIO(pi.media(1)), "r") as container:
        frames = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert len(frames) == sum(f.video.units for f in pi.fragments if f.video is not None)
    # Time, device and officer stand at the lower left.
    height = CAMERA.height
    strip = frames[-1][height - height // 24 : height - height // 120, : CAMERA.width // 3]
    assert int(strip.max()) - int(strip.min()) > 150
    assert (strip > 200).mean() > 0.03


@pytest.mark.timeout(60)
def test_a_sensor_that_hangs_costs_the_picture_only_and_is_opened_again(pi: Capture) -> None:
    pi.run_for(2)
    pi.process.send_signal(signal.SIGUSR1)
    halted_ns = boot_ns()
    pi.until(lambda: any(f.part == "camera" for f in pi.faults), "fault", 3)
    pi.until(lambda: any(f.stream == 2 for f in pi.fragments), "a stream of sound", 5)
    assert [track.kind for track in pi.inits[1].tracks] == ["audio"]
    first = next(f for f in pi.fragments if f.stream == 2)
    assert first.start_ns - halted_ns < NS
    pi.process.send_signal(signal.SIGUSR1)
    pi.until(lambda: len(pi.inits) == 3, "a stream with picture", 20)
    assert [track.kind for track in pi.inits[2].tracks] == ["video", "audio"]
    pi.until(lambda: any(f.part == "camera" and f.over for f in pi.faults), "end of the fault", 10)
    assert breaks([f for f in pi.fragments if f.stream == 3]) == []


@pytest.mark.timeout(60)
def test_a_camera_whose_stop_never_returns_ends_the_process_with_the_reason(pi: Capture) -> None:
    pi.run_for(2)
    pi.process.send_signal(signal.SIGUSR2)
    halted_ns = boot_ns()
    assert pi.ended(10) == 1
    assert pi.ended_ns is not None
    told = [(f.part, f.code) for f in pi.faults]
    assert told[0] in (("camera", "lost"), ("camera", "stalled"))
    assert told[1:] == [("camera", "hung")]
    assert pi.faults[0].at_ns - halted_ns < 2 * NS
    print(
        f"stop never returns: seen after {(pi.faults[0].at_ns - halted_ns) / NS:.2f} s, "
        f"process gone after {(pi.ended_ns - halted_ns) / NS:.2f} s"
    )
    # The sound went on until then.
    assert halted_ns + NS < pi.fragments[-1].end_ns
