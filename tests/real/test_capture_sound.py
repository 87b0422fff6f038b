"""The capture process on a real sound server that is killed, frozen, muted and started again."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.capture.messages import Fragment, TrackState
from recorder.clock import NS, boot_ns
from recorder.config import MicrophoneSettings
from tests.rigs.capture import ROOT, Capture, breaks

PERIOD_NS = NS // 30


class Server:
    """The rig's sound server, seen from outside."""

    def __init__(self, here: Path) -> None:
        found = subprocess.run(
            ["pgrep", "-f", f"socket={here}/pa.sock"], capture_output=True, text=True, check=True
        )
        self.pid = int(found.stdout.split()[0])
        process = Path(f"/proc/{self.pid}")
        self._command = process.joinpath("cmdline").read_bytes().split(b"\0")[:-1]
        variables = process.joinpath("environ").read_bytes().split(b"\0")[:-1]
        self.environment = dict(v.split(b"=", 1) for v in variables)
        self.environment[b"PULSE_SERVER"] = f"unix:{here}/pa.sock".encode()
        self._socket = here / "pa.sock"

    def restart(self) -> subprocess.Popen[bytes]:
        """After a kill."""
        self._socket.unlink(missing_ok=True)
        return subprocess.Popen(self._command, env=self.environment, stderr=subprocess.DEVNULL)

    def tell(self, *words: str) -> None:
        """A request through pactl."""
        subprocess.run(["pactl", *words], env=self.environment, check=True)


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

    def well(fragment: Fragment) -> bool:
        audio = fragment.audio
        return fragment.start_ns > from_ns and audio is not None and audio.state == TrackState.OK

    capture.until(lambda: sum(well(f) for f in capture.fragments) >= count, "sound", 30)


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
    server.tell("set-source-mute", "mic", "1")
    capture.until(lambda: any(f.code == "silent" for f in capture.faults), "fault", 5)
    capture.run_for(2)
    last = capture.fragments[-1].audio
    assert last is not None
    assert last.state == TrackState.SILENT
    server.tell("set-source-mute", "mic", "0")
    capture.until(lambda: any(f.code == "silent" and f.over for f in capture.faults), "sound", 5)
    with_sound(capture, 1, boot_ns())
    assert breaks(capture.fragments) == []


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
