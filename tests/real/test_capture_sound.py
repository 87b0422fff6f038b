"""The capture process on a real sound server that is killed, frozen, muted and started again."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from recorder.capture.messages import Fragment, TrackState
from recorder.clock import NS, boot_ns
from recorder.config import MicrophoneSettings
from tests.rigs.capture import ROOT, Capture, breaks
from tests.rigs.sound import Server

PERIOD_NS = NS // 30


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[tuple[Capture, Server]]:
    """Demo camera and a real microphone, with sound flowing."""
    capture = Capture(
        microphone=MicrophoneSettings(kind="sounddevice"),
        wrapper=(str(ROOT / "tests" / "rigs" / "sound.sh"), str(tmp_path / "sound")),
    )
    try:
        with_sound(capture, 2)
        yield capture, Server(tmp_path / "sound")
    finally:
        capture.process.terminate()
        capture.ended(5)


def with_sound(capture: Capture, count: int, from_ns: int = 0) -> None:
    """Wait for fragments whose sound is well."""

    capture.until(lambda: sum(well(f, from_ns) for f in capture.fragments) >= count, "sound", 30)


def well(fragment: Fragment, from_ns: int) -> bool:
    """It has sound as it should be."""
    audio = fragment.audio
    return fragment.start_ns > from_ns and audio is not None and audio.state == TrackState.OK


def more_faults(capture: Capture, than: int) -> bool:
    """Something was told."""
    return len(capture.faults) > than


def unharmed_picture(capture: Capture, from_ns: int) -> None:
    """No frame missing and nothing held back."""
    assert breaks([f for f in capture.fragments if f.stream == capture.inits[-1].stream]) == []
    for got in capture.got:
        if isinstance(got.message, Fragment) and got.message.start_ns > from_ns:
            assert got.message.video is not None
            assert got.message.video.gap_ns < 1.5 * PERIOD_NS
            assert got.at_ns - got.message.end_ns < NS // 2


def test_sound_is_whole_and_a_muted_microphone_is_silent_and_a_fault(
    heard: tuple[Capture, Server],
) -> None:
    capture, server = heard
    with_sound(capture, 6)
    # The rig's loudspeaker may take 2 s to its first sound: the picture does not wait for it.
    assert [len(init.tracks) for init in capture.inits] in ([2], [1, 2])
    assert breaks(capture.fragments) == []
    for fragment in capture.fragments[-5:]:
        assert fragment.audio is not None
        assert fragment.audio.gap_ns <= 22_000_000
        sound_from_ns = fragment.audio.first_tick * NS // 48_000
        assert abs(sound_from_ns - fragment.start_ns) < 22_000_000
    assert capture.vitals[-1].dropped_samples == 0
    assert not capture.faults
    muted_ns = boot_ns()
    server.tell("set-source-mute", "mic", "1")
    capture.until(lambda: any(f.code == "silent" for f in capture.faults), "fault", 5)
    print(f"muted: seen after {(capture.faults[-1].at_ns - muted_ns) / NS:.2f} s")
    capture.run_for(2)
    last = capture.fragments[-1].audio
    assert last is not None
    assert last.state == TrackState.SILENT
    server.tell("set-source-mute", "mic", "0")
    capture.until(lambda: any(f.code == "silent" and f.over for f in capture.faults), "sound", 5)
    with_sound(capture, 1, boot_ns())
    assert breaks(capture.fragments) == []


def test_a_microphone_that_is_suspended_or_unplugged_costs_the_sound_only_until_it_is_back(
    heard: tuple[Capture, Server],
) -> None:
    capture, server = heard
    first_ns = boot_ns()
    for name, take, give in (
        ("suspended", partial(server.tell, "suspend-source", "mic", "1"),
         partial(server.tell, "suspend-source", "mic", "0")),
        ("unplugged", server.unplug, server.plug),
    ):  # fmt: skip
        taken_ns, told_before = boot_ns(), len(capture.faults)
        take()
        capture.until(partial(more_faults, capture, told_before), "fault", 5)
        fault = capture.faults[told_before]
        assert (fault.part, fault.over) == ("microphone", False)
        given_ns = boot_ns()
        give()
        with_sound(capture, 2, given_ns)
        again_ns = next(f.start_ns for f in capture.fragments if well(f, given_ns))
        print(
            f"{name}: seen after {(fault.at_ns - taken_ns) / NS:.2f} s; "
            f"sound {(again_ns - given_ns) / NS:.2f} s after it is back"
        )
    unharmed_picture(capture, first_ns - 2 * NS)


def test_a_killed_server_costs_the_sound_only_and_a_new_one_brings_it_back(
    heard: tuple[Capture, Server],
) -> None:
    capture, server = heard
    os.kill(server.pid, signal.SIGKILL)
    killed_ns = boot_ns()
    capture.until(lambda: any(f.part == "microphone" for f in capture.faults), "fault", 2)
    assert capture.faults[0].at_ns - killed_ns < NS
    capture.run_for(4)
    unharmed_picture(capture, killed_ns - 2 * NS)
    last = capture.fragments[-1].audio
    assert last is not None
    assert last.state == TrackState.ABSENT
    anew = server.restart()
    try:
        capture.until(lambda: any(f.over for f in capture.faults), "sound again", 20)
        capture.run_for(4)
        unharmed_picture(capture, killed_ns - 2 * NS)
        last = capture.fragments[-1].audio
        assert last is not None
        assert last.units > 0
        assert len([i for i in capture.inits if len(i.tracks) == 2]) == 1
    finally:
        anew.kill()
        anew.wait()


def test_a_frozen_server_costs_the_sound_only_until_it_thaws(
    heard: tuple[Capture, Server],
) -> None:
    capture, server = heard
    os.kill(server.pid, signal.SIGSTOP)
    frozen_ns = boot_ns()
    try:
        capture.until(lambda: any(f.part == "microphone" for f in capture.faults), "fault", 2)
        capture.run_for(4)
        unharmed_picture(capture, frozen_ns - 2 * NS)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    capture.until(lambda: any(f.over for f in capture.faults), "sound again", 40)
    with_sound(capture, 2, boot_ns())
    unharmed_picture(capture, frozen_ns - 2 * NS)
