"""The capture process with demo camera and microphone, read as the supervisor reads it."""

import io
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from recorder.capture.messages import Fragment, Hello, Overlay, TrackState
from recorder.capture.overlay import Burner
from recorder.clock import NS, boot_ns
from recorder.config import CameraSettings, MicrophoneSettings
from tests.rigs.capture import CAMERA, Capture, breaks

PERIOD_NS = NS // 30


@pytest.fixture
def captures() -> Iterator[list[Capture]]:
    """Processes to be ended with the test."""
    made: list[Capture] = []
    yield made
    for capture in made:
        capture.close()


def events(media: bytes) -> tuple[list[float], list[float]]:
    """Seconds of all flashes and of all beeps in a decoded file."""
    flashes: list[float] = []
    sound: list[np.ndarray] = []
    sound_from = 0.0
    with av.open(io.BytesIO(media), "r") as container:
        for frame in container.decode(video=0, audio=0):
            assert isinstance(frame, av.VideoFrame | av.AudioFrame)
            assert frame.time is not None
            if isinstance(frame, av.VideoFrame):
                if frame.to_ndarray()[: frame.height].mean() > 180:
                    flashes.append(frame.time)
            elif isinstance(frame, av.AudioFrame):
                sound_from = sound_from if sound else frame.time
                sound.append(frame.to_ndarray()[0])
    samples = np.abs(np.concatenate(sound)) > 0.2
    loud = np.flatnonzero(samples)
    starts = loud[np.insert(np.diff(loud) > 4800, 0, True)]
    beeps = [sound_from + int(at) / 48_000 for at in starts]
    return flashes, beeps


def test_a_stream_is_unbroken_decodes_clean_and_flash_meets_beep(captures: list[Capture]) -> None:
    capture = Capture()
    captures.append(capture)
    capture.run_for(7)
    assert any(isinstance(got.message, Hello) for got in capture.got[:2])
    assert len(capture.inits) == 1
    assert not capture.faults
    assert breaks(capture.fragments) == []
    for fragment in capture.fragments:
        assert fragment.video is not None
        assert fragment.audio is not None
        assert fragment.video.gap_ns < 1.5 * PERIOD_NS
        assert fragment.video.state == fragment.audio.state == TrackState.OK
        assert fragment.audio.gap_ns <= 22_000_000
        assert abs(fragment.end_ns - fragment.start_ns - NS) < 2 * PERIOD_NS
        sound_from_ns = fragment.audio.first_tick * NS // 48_000
        assert abs(sound_from_ns - fragment.start_ns) < 22_000_000
    media = capture.media(1)
    path = "pipe:0"
    checked = subprocess.run(
        ["ffmpeg", "-v", "warning", "-i", path, "-f", "null", "-"],
        input=media, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, b"")
    flashes, beeps = events(media)
    assert len(flashes) >= 6
    for flash in flashes[1:-1]:
        assert min(abs(flash - beep) for beep in beeps) < 0.005
    # The file's zero is a second before the stream's start, so times are the boot clock's.
    zero_ns = capture.fragments[0].start_ns - NS
    for flash in flashes:
        assert abs((zero_ns / NS + flash) % 1.0 - 0.5) > 0.499


def test_a_reader_that_stalls_for_five_seconds_costs_no_frame_and_beyond_the_queue_it_is_told(
    captures: list[Capture],
) -> None:
    camera = msgspec.structs.replace(CAMERA, bitrate_kbps=4000, width=1280, height=720)
    patient, short = Capture(camera), Capture(camera, queue_s=2.0)
    captures += [patient, short]
    for capture in (patient, short):
        capture.run_for(1)
        capture.reading.clear()
    time.sleep(5)
    patient.reading.set()
    time.sleep(4)  # so long that the queue overflows for certain, however little there is in it
    short.reading.set()
    short.until(lambda: any(f.over for f in short.faults), "end of the fault")
    for capture in (patient, short):
        capture.run_for(2)
    for fragment in patient.fragments:
        assert fragment.video is not None
        assert fragment.video.gap_ns < 1.5 * PERIOD_NS
    assert breaks(patient.fragments) == []
    assert patient.vitals[-1].dropped_fragments == 0
    assert not patient.faults
    assert [(f.part, f.over) for f in short.faults] == [("queue", False), ("queue", True)]
    numbers = [f.number for f in short.fragments]
    assert short.vitals[-1].dropped_fragments == numbers[-1] + 1 - len(numbers) > 0


def test_it_leaves_within_a_second_when_stdin_ends_or_on_sigterm(captures: list[Capture]) -> None:
    for sigterm in (True, False):
        capture = Capture()
        captures.append(capture)
        capture.run_for(1)
        asked_ns = boot_ns()
        if sigterm:
            capture.process.send_signal(signal.SIGTERM)
        else:
            assert capture.process.stdin is not None
            capture.process.stdin.close()
        assert capture.ended() == 0
        assert capture.ended_ns is not None
        assert capture.ended_ns - asked_ns < NS
        # What was begun comes out as a last, shorter fragment.
        assert capture.fragments[-1].end_ns > asked_ns - 2 * PERIOD_NS
        assert breaks(capture.fragments) == []


def test_a_command_that_is_none_ends_it_with_a_reason(captures: list[Capture]) -> None:
    capture = Capture()
    captures.append(capture)
    capture.run_for(1)
    assert capture.process.stdin is not None
    capture.process.stdin.write(b"nonsense\n")
    assert capture.ended() == 1


def test_killed_and_started_anew_the_first_fragment_comes_within_three_seconds(
    captures: list[Capture],
) -> None:
    capture = Capture()
    captures.append(capture)
    capture.run_for(1)
    os.kill(capture.process.pid, signal.SIGKILL)
    killed_ns = boot_ns()
    capture.ended()
    assert capture.ended_ns is not None
    assert capture.ended_ns - killed_ns < NS // 2
    second = Capture()
    captures.append(second)
    second.until(lambda: bool(second.fragments), "a fragment")
    arrived_ns = next(g.at_ns for g in second.got if isinstance(g.message, Fragment))
    assert arrived_ns - killed_ns < 3 * NS
    lost_ns = second.fragments[0].start_ns - capture.fragments[-1].end_ns
    assert lost_ns < 2.5 * NS


def test_without_a_microphone_the_picture_starts_alone_and_the_fault_is_told(
    captures: list[Capture], tmp_path: Path
) -> None:
    gone = MicrophoneSettings(kind="file", source=str(tmp_path / "none.wav"))
    capture = Capture(microphone=gone)
    captures.append(capture)
    capture.run_for(3)
    assert [t.kind for t in capture.inits[0].tracks] == ["video"]
    assert [(f.part, f.code) for f in capture.faults] == [("microphone", "lost")]
    assert breaks(capture.fragments) == []


def test_without_a_camera_there_is_sound_and_both_once_the_camera_is_there(
    captures: list[Capture], tmp_path: Path
) -> None:
    path = tmp_path / "film.mp4"
    capture = Capture(msgspec.structs.replace(CAMERA, kind="file", source=str(path)))
    captures.append(capture)
    capture.run_for(3)
    assert [t.kind for t in capture.inits[0].tracks] == ["audio"]
    assert breaks(capture.fragments) == []
    for fragment in capture.fragments[1:]:
        assert fragment.video is None
        assert abs(fragment.end_ns - fragment.start_ns - NS) < 50_000_000
    made = tmp_path / "made.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=2", "-y",
         str(made)], check=True,
    )  # fmt: skip
    made.rename(path)
    capture.until(lambda: len(capture.inits) == 2, "a stream with picture", 20)
    assert [t.kind for t in capture.inits[1].tracks] == ["video", "audio"]
    capture.run_for(3)
    second = [f for f in capture.fragments if f.stream == 2]
    assert breaks(second) == []
    assert [(f.part, f.over) for f in capture.faults] == [("camera", False), ("camera", True)]
    # And gone again: the file cannot be opened for its next round.
    path.unlink()
    capture.until(lambda: any(f.stream == 3 for f in capture.fragments), "a stream of sound")
    assert [t.kind for t in capture.inits[2].tracks] == ["audio"]
    first = next(f for f in capture.fragments if f.stream == 3)
    last = [f for f in capture.fragments if f.stream == 2][-1]
    assert first.start_ns - last.end_ns < 1.2 * NS


def test_a_still_picture_is_frozen_and_a_covered_lens_covered_but_a_night_is_neither(
    captures: list[Capture], tmp_path: Path
) -> None:
    still = "testsrc2=s=640x360:r=30:d=2,trim=end_frame=1,loop=60:1"
    black = "color=black:s=640x360:r=30:d=2"
    hand = f"{black},noise=c0s=3:c0f=t"
    # A street lamp and a window far away, in the noise of a sensor at its most sensitive.
    night = (
        "color=0x040404:s=640x360:r=30:d=2,drawbox=460:80:24:24:0xa0a080:fill,"
        "drawbox=150:200:14:20:0x605030:fill,noise=c0s=8:c0f=t"
    )
    for source, state in (
        (still, TrackState.FROZEN), (black, TrackState.COVERED), (hand, TrackState.COVERED),
        (night, TrackState.OK),
    ):  # fmt: skip
        path = tmp_path / f"{source[-12:].replace(':', '-')}.mkv"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "ffv1", str(path)],
            check=True,
        )
        capture = Capture(msgspec.structs.replace(CAMERA, kind="file", source=str(path)))
        captures.append(capture)
        capture.run_for(2)
        assert {f.video.state for f in capture.fragments if f.video} == {state}
        assert {f.code for f in capture.faults} == {state.value} - {"ok"}
        capture.close()


def test_either_track_alone_is_given_where_the_other_is_not_asked_for(
    captures: list[Capture],
) -> None:
    sound = Capture(rung=2)
    picture = Capture(microphone=MicrophoneSettings(kind="none"))
    absent = Capture(CameraSettings(kind="v4l2", source="/dev/video-none"))
    captures += [sound, picture, absent]
    for capture, kind in ((sound, "audio"), (picture, "video"), (absent, "audio")):
        capture.run_for(2)
        assert [t.kind for t in capture.inits[0].tracks] == [kind]
        assert breaks(capture.fragments) == []
    assert not sound.faults + picture.faults
    assert [(f.part, f.code) for f in absent.faults] == [("camera", "lost")]
    assert absent.process.poll() is None


def test_the_organisation_stands_in_the_picture_in_its_own_hanzi() -> None:
    name = "永济市张营镇人民政府"
    plain = Overlay("rig-01", "ZY-017", True, 480)
    burner = Burner(1920, 1080, plain)
    ends = []
    for overlay in (plain, msgspec.structs.replace(plain, organisation=name)):
        luma = np.full((1080, 1920), 100, np.uint8)
        burner.show(overlay)
        burner.burn(luma)
        assert not burner.error
        ends.append(int(np.flatnonzero((luma != 100).any(axis=0)).max()))
    size = 1080 // 30
    hanzi = luma[-size * 3 // 2 :, ends[0] : ends[0] + size * len(name) + size]
    assert ends[1] - ends[0] >= size * len(name)
    assert (hanzi > 200).mean() > 0.05
    columns = [hanzi[:, at * size : (at + 1) * size].tobytes() for at in range(len(name))]
    assert len(set(columns)) == len(name)  # no empty boxes
