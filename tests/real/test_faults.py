"""Camera, microphone, encoders and the capture process fail in a recording that goes on.

Each fault is an event with its cause, every instant stays covered, degraded or explained, and what
can be had again is had again. How fast is printed (-s); the limits here are generous.
"""

import os
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from recorder.capture.messages import PICTURE_ONLY, SOUND_ONLY, TrackState
from recorder.clock import NS, SystemClock, boot_ns
from recorder.config import CaptureSettings
from recorder.evidence import lines
from recorder.evidence.chain import Line
from recorder.evidence.keys import load_public
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Report, Verdict
from recorder.link import CaptureLink, Gone, Received
from tests.rigs.capture import CAMERA, MICROPHONE, OVERLAY
from tests.rigs.daemon import Daemon, journal_of
from tests.rigs.faults import FAULTS, equip, seen, told

T = TypeVar("T")
SEEN_S = 2.0
AGAIN_S = 5.0
LOADED_S = 3.0
"""What a loaded machine may take on top, in a test."""


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that records, and whose parts can be told to misbehave."""
    print()
    made = Daemon(tmp_path)
    equip(made)
    made.start()
    made.until("ready")
    made.ask("start")
    made.wait_line(well("both"), "footage")
    yield made
    made.stop()


def well(tracks: str, after_ns: int = 0) -> Callable[[lines.Journal], bool]:
    """Fragments from ``after_ns`` on whose video, audio or both are as they should be."""
    kinds = ("video", "audio") if tracks == "both" else (tracks,)

    def true(body: lines.Journal) -> bool:
        if not isinstance(body, lines.Fragment) or body.start_ns < after_ns:
            return False
        runs = [getattr(body, kind) for kind in kinds]
        return all(r is not None and r.units > 5 and r.state is TrackState.OK for r in runs)

    return true


def interrupted(after_ns: int) -> Callable[[lines.Journal], bool]:
    """Footage ended after this instant."""
    return lambda body: isinstance(body, lines.Interruption) and body.from_ns > after_ns - 2 * NS


def event(daemon: Daemon, name: str, since_ns: int) -> Line:
    """The journal's line of this fault."""

    def new() -> Line | None:
        for line in daemon.journal_so_far():
            if line.header.boot_ns > since_ns and seen(name, line.body):
                return line
        return None

    deadline = time.monotonic() + SEEN_S + LOADED_S
    while time.monotonic() < deadline:
        found = new()
        if found is not None:
            return found
        time.sleep(0.03)
    raise AssertionError(f"{name}: no event\n{daemon.log()}")


def told_and_again(daemon: Daemon, name: str, *, dies: bool = False, meanwhile: str = "") -> None:
    """Inject a fault, wait for its event (and for ``meanwhile``'s track, or for the end of the
    capture process), lift it, wait for both tracks; print how long that took."""
    at_ns = boot_ns()
    with FAULTS[name](daemon):
        on_ns = boot_ns()
        found = event(daemon, name, at_ns)
        if meanwhile:
            daemon.wait_line(well(meanwhile, found.header.boot_ns), f"{meanwhile} alone")
        if dies:
            daemon.wait_line(interrupted(at_ns), "interruption")
    off_ns = boot_ns()
    back = daemon.wait_line(well("both", max(off_ns, at_ns + NS)), "both tracks", 30)
    assert isinstance(back.body, lines.Fragment)
    print(
        f"{name}: seen after {(found.header.boot_ns - on_ns) / NS:.2f} s; "
        f"picture and sound {(back.body.start_ns - on_ns) / NS:.2f} s after it began, "
        f"{(back.body.start_ns - off_ns) / NS:.2f} s after it was over"
    )


def so_far(daemon: Daemon, kind: type[T]) -> list[T]:
    """The lines of a kind of the recording that is being made."""
    return [line.body for line in daemon.journal_so_far() if isinstance(line.body, kind)]


def judged(daemon: Daemon) -> Report:
    """End the recording and judge it with the custodian's key."""
    bag = daemon.end()
    report = verify_recording(
        bag, key=load_public(daemon.here / "keys" / "device.pem"),
        ledger=daemon.spool / "ledger", identities=daemon.identities(),
    )  # fmt: skip
    assert report.verdict in (Verdict.VALID, Verdict.INTERRUPTIONS), report.findings
    return report


def of(daemon: Daemon, kind: type[T]) -> list[T]:
    """The newest recording's lines of a kind."""
    return [
        line.body for line in journal_of(daemon.recordings()[-1]) if isinstance(line.body, kind)
    ]


def test_a_fault_of_one_part_is_told_and_costs_the_other_nothing(recording: Daemon) -> None:
    while recording.status()["state"] != "recording":  # in the opening officers are to be heard
        recording.ask("button", "short")
        time.sleep(0.1)
    for name in (
        "camera-frozen", "camera-stands-still", "camera-gone", "lens-covered",
    ):  # fmt: skip
        told_and_again(recording, name, meanwhile="audio")
    for name in ("microphone-zeros", "microphone-gone", "microphone-stops"):
        told_and_again(recording, name, meanwhile="video")
    report = judged(recording)
    assert report.verdict is Verdict.VALID
    assert not report.interruptions
    whats = {stretch.what for stretch in report.degraded}
    assert {"picture frozen", "picture covered", "picture absent", "sound silent"} <= whats
    faults = [b for b in of(recording, lines.Fault) if b.part != "speech"]
    for part, times in (("camera", 3), ("lens", 1), ("microphone", 3)):
        told_of = [b.over for b in faults if b.part == part]
        assert told_of == [False, True] * times, "\n".join(map(str, faults))
    said = [b.phrase for b in of(recording, lines.Spoken)]
    assert said.count("lens_covered") == 1
    # Camera faults follow one another here without 5 s in which it was well.
    assert [p for p in said if p.startswith("camera_")] == ["camera_lost", "camera_back"]
    assert next(p for p in said if p.startswith("microphone_")) == "microphone_fault"


def test_what_hangs_in_the_capture_process_costs_seconds_and_names_the_part(
    recording: Daemon,
) -> None:
    with told("hardware-encoder-blocks", recording):  # its driver is gone until a reboot
        at_ns = boot_ns()
        recording.when(lambda s: s["capture"]["rung"] == 1, "software encoder", 30)
        found = event(recording, "hardware-encoder-blocks", at_ns)
        back = recording.wait_line(well("both", at_ns + NS), "both tracks", 20)
    assert isinstance(back.body, lines.Fragment)
    print(
        f"hardware-encoder-blocks: seen after {(found.header.boot_ns - at_ns) / NS:.2f} s; "
        f"software encoder {(back.body.start_ns - at_ns) / NS:.2f} s after it began"
    )
    told_and_again(recording, "camera-stops", dies=True)
    told_and_again(recording, "sound-encoder-blocks", dies=True)
    report = judged(recording)
    assert [gap.cause for gap in report.interruptions] == [
        "encoder", "encoder", "camera", "microphone",
    ]  # fmt: skip
    for gap in report.interruptions:
        assert gap.to_ns is not None
        print(f"{gap.cause}: {(gap.to_ns - gap.from_ns) / NS:.2f} s without anything")
        assert gap.to_ns - gap.from_ns < (AGAIN_S + LOADED_S) * NS


def test_a_capture_process_that_no_signal_reaches_is_left_behind_and_recording_goes_on(
    recording: Daemon,
) -> None:
    told_and_again(recording, "capture-stopped")
    with FAULTS["capture-undying"](recording):
        at_ns = boot_ns()
        found = event(recording, "capture-undying", at_ns - NS // 2)
        back = recording.wait_line(well("both", at_ns), "both tracks", 20)
        assert isinstance(back.body, lines.Fragment)
        print(
            f"capture-undying: seen after {(found.header.boot_ns - at_ns) / NS:.2f} s; "
            f"picture and sound {(back.body.start_ns - at_ns) / NS:.2f} s after it began"
        )
        report = judged(recording)
    causes = {gap.cause for gap in report.interruptions}
    assert causes == {"capture_stalled"}


def test_parts_that_end_process_after_process_are_left_out_and_tried_until_they_are_well(
    recording: Daemon,
) -> None:
    at_ns = boot_ns()
    with told("camera-kills", recording):
        recording.kill_capture()
        recording.when(lambda s: s["capture"]["rung"] == SOUND_ONLY, "sound only", 30)
        recording.wait_line(well("audio", at_ns), "sound", 15)
        print(f"sound only {(boot_ns() - at_ns) / NS:.1f} s after the first death of four")
        down_ns = boot_ns()
    back = recording.wait_line(well("both", down_ns), "picture again", 60)
    print(f"picture again {(back.header.boot_ns - down_ns) / NS:.1f} s after the camera is well")
    assert recording.status()["capture"]["rung"] == 1
    # The way up is a new stream: not a tick of sound is missing for it.
    ends = [b.to_ns for b in so_far(recording, lines.Resumed)]
    assert len(ends) == len(so_far(recording, lines.Interruption))
    assert max(ends) < down_ns + NS
    at_ns = boot_ns()
    with told("microphone-kills", recording):
        recording.kill_capture()
        recording.when(lambda s: s["capture"]["rung"] == PICTURE_ONLY, "picture only", 60)
        recording.wait_line(well("video", at_ns), "picture", 15)
    at_ns = boot_ns()
    with told("camera-gone", recording):
        turn = recording.wait_line(well("audio", at_ns), "sound in its turn", 10)
        assert isinstance(turn.body, lines.Fragment)
        print(f"sound {(turn.body.start_ns - at_ns) / NS:.1f} s after the picture was lost, too")
        down_ns = boot_ns()
    turned = so_far(recording, lines.Interruption)[-1]
    assert (turned.cause, turned.detail[:4]) == ("camera", "lost")
    back = recording.wait_line(well("both", down_ns), "sound again", 60)
    print(f"sound again {(back.header.boot_ns - down_ns) / NS:.1f} s after the microphone is well")
    assert judged(recording).verdict is Verdict.INTERRUPTIONS
    left = [b.part for b in of(recording, lines.Fault) if b.code == "left_out" and not b.over]
    assert left == ["camera"]  # the microphone had named itself


def test_ten_restarts_leave_neither_threads_nor_files_nor_processes_behind() -> None:
    news: queue.SimpleQueue[Received | Gone] = queue.SimpleQueue()
    settings = CaptureSettings(camera=CAMERA, microphone=MICROPHONE)
    link = CaptureLink(settings, SystemClock(), news.put)
    proc = Path("/proc/self")

    def held() -> tuple[int, int, int]:
        children = proc.joinpath(f"task/{os.getpid()}/children").read_text().split()
        return len(os.listdir(proc / "task")), len(os.listdir(proc / "fd")), len(children)

    def once() -> None:
        link.start(0, OVERLAY)
        while not isinstance(news.get(timeout=15), Received):
            continue
        link.kill()
        while not isinstance(news.get(timeout=15), Gone):
            continue

    once()
    before = held()
    for _ in range(10):
        once()
    deadline = time.monotonic() + 5
    while held() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    after = held()
    link.close()
    print(f"\nthreads, files, children: {before} after one restart, {after} after eleven")
    assert all(now <= then for now, then in zip(after, before, strict=True))
