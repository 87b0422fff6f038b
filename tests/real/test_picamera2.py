"""Real picamera2 on libcamera's virtual camera, in a Debian 13 tree: needs root and mmdebstrap.

What it cannot show is the hardware encoder: its frames and times take the same way from `_take` on.
"""

import io
import signal
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import pytest

from recorder.capture.messages import Fragment, TrackState
from recorder.clock import NS, boot_ns
from recorder.config import CameraSettings
from recorder.evidence import lines
from tests.rigs import frames, pi as rig
from tests.rigs.capture import ROOT, Capture, breaks
from tests.rigs.daemon import DEMO, Daemon

CAMERA = CameraSettings(kind="picamera2", width=1280, height=720, bitrate_kbps=3000)


@pytest.fixture(scope="session", autouse=True)
def tree() -> None:
    """The tree, made once."""
    rig.make()


@pytest.fixture
def here() -> Iterator[Path]:
    """A folder that the tree sees."""
    with tempfile.TemporaryDirectory(dir=ROOT / "var") as name:
        yield Path(name)


@pytest.fixture
def seen(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The list of what the sensor delivered."""
    monkeypatch.setenv("RIG_FRAMES", str(here / "frames"))
    return here / "frames"


@pytest.fixture
def pi() -> Iterator[Capture]:
    """Picamera2 and the demo microphone."""
    capture = Capture(CAMERA, wrapper=rig.WRAPPER)
    yield capture
    capture.close()


@pytest.mark.timeout(400)
def test_every_frame_of_the_sensor_is_in_an_unbroken_stream_on_the_sensors_own_time(
    seen: Path, pi: Capture
) -> None:
    pi.run_for(4)
    pi.close()
    assert breaks(pi.fragments) == []
    assert [f.detail for f in pi.faults if f.part != "speech"] == []
    for fragment in pi.fragments:
        assert fragment.video is not None
        assert fragment.audio is not None
        assert (fragment.video.state, fragment.video.units) == (TrackState.OK, 30)
        assert abs(fragment.audio.first_tick * NS // 48_000 - fragment.start_ns) < 22_000_000
    # The virtual sensor's clock shares interpreter and cores, so it stumbles where a real one does
    # not. Whenever it delivered a frame, that one is there, and each stumble is told as it was.
    media = [got.payload for got in pi.got if isinstance(got.message, Fragment)]
    times = [at_ns for data in media for at_ns in frames.times_ns(data)]
    delivered = [ns for ns in frames.delivered_ns(seen) if times[0] - NS // 100 < ns]
    assert len(delivered) >= len(times)
    assert max(abs(a - b) for a, b in zip(delivered, times, strict=False)) < NS // 10_000
    told = [f.video.gap_ns for f in pi.fragments[1:] if f.video is not None]
    assert told == pytest.approx(
        [max(b - a for a, b in pairwise(times[n - 1 : n + 30])) for n in range(30, len(times), 30)],
        abs=NS // 10_000,
    )
    newest_ns = pi.vitals[-1].last_frame_ns
    assert newest_ns is not None
    assert 0 < pi.vitals[-1].at_ns - newest_ns < NS // 5
    with av.open(io.BytesIO(pi.media(1)), "r") as container:
        pictures = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert len(pictures) == sum(f.video.units for f in pi.fragments if f.video is not None)
    # Time, device and officer stand at the lower left.
    height = CAMERA.height
    strip = pictures[-1][height - height // 24 : height - height // 120, : CAMERA.width // 3]
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


@pytest.mark.timeout(60)
def test_a_device_records_it_all_and_its_journal_names_the_encoder(here: Path, seen: Path) -> None:
    size = DEMO.replace("width = 640", "width = 1280").replace("height = 360", "height = 720")
    daemon = Daemon(here, size.replace('[camera]\nkind = "demo"', '[camera]\nkind = "picamera2"'))
    daemon.start(wrapper=rig.WRAPPER)
    try:
        daemon.when(lambda s: s["ring_s"] >= 1, "ring")
        daemon.ask("start")
        daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
        daemon.kill_capture()
        daemon.wait_line(lambda b: isinstance(b, lines.Resumed), "footage")
        bag = daemon.end()
    finally:
        daemon.stop()
    journal = daemon.journal()
    found = frames.account(bag, journal, seen, daemon.identities())
    assert (found.untold, found.interruptions) == (0, 1)
    assert found.recorded + found.dropped == found.delivered
    segments = [line.body for line in journal if isinstance(line.body, lines.Segment)]
    assert {segment.encoder for segment in segments} == {"libx264 (picamera2)"}
