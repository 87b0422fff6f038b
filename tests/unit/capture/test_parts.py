"""What happens to a camera, an overlay or a reader that fails, told by stand-ins."""

import os
import sys
import threading
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import pytest

from recorder.capture import camera_part, cameras
from recorder.capture.camera_part import CameraPart, smaller
from recorder.capture.codecs import Luma
from recorder.capture.look import look
from recorder.capture.messages import Fault, Fragment, Overlay, Vitals, read
from recorder.capture.notices import Hung, Notices
from recorder.capture.overlay import Burner
from recorder.capture.sender import Sender
from recorder.capture.units import NS, Look, Unit
from recorder.clock import boot_ns
from recorder.config import CameraSettings, CaptureSettings

OVERLAY = Overlay("rig-01", "ZY-017", True, 480)
SETTINGS = CaptureSettings(camera=CameraSettings(kind="demo", width=640, height=360))
FRAGMENT = Fragment(1, 0, 0, NS, None, None)


class StandIn:
    """A camera that does what it is told."""

    name = encoder = "stand-in"
    period_ns = NS // 30
    overlay_error = ""
    sensor_ns: int | None = None
    given = 0

    def __init__(self, run: Callable[[Callable[[Unit], None]], None], closes: bool = True) -> None:
        self._run = run
        self._closes = closes
        self.shown: list[Overlay] = []

    def run(self, emit: Callable[[Unit], None], stop: threading.Event) -> None:
        self._run(emit)

    def show(self, overlay: Overlay) -> None:
        self.shown.append(overlay)

    def close(self) -> None:
        if not self._closes:
            threading.Event().wait(5)


def part(
    monkeypatch: pytest.MonkeyPatch, makes: list[StandIn | cameras.CameraError]
) -> tuple[CameraPart, list[Fault], list[Unit], threading.Event]:
    faults: list[Fault] = []
    units: list[Unit] = []
    stop = threading.Event()

    def make(*_: object, **__: object) -> StandIn:
        if not makes:
            stop.set()
            raise cameras.CameraError("no more")
        next_ = makes.pop(0)
        if isinstance(next_, cameras.CameraError):
            raise next_
        return next_

    monkeypatch.setattr(cameras, "make", make)
    monkeypatch.setattr(camera_part, "_DELAYS_S", (0.0,))
    monkeypatch.setattr(camera_part, "_CLOSES_S", 0.1)
    made = CameraPart(SETTINGS, OVERLAY, Notices(faults.append), units.append, software=False)
    return made, faults, units, stop


def test_a_lost_camera_is_opened_again_and_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(emit: Callable[[Unit], None]) -> None:
        emit(Unit(b"", boot_ns(), True))
        raise cameras.CameraError("unplugged")

    def once(emit: Callable[[Unit], None]) -> None:
        emit(Unit(b"", boot_ns(), True))

    refused = cameras.CameraError("no such device")
    camera, faults, units, stop = part(
        monkeypatch, [StandIn(gone), refused, refused, StandIn(once)]
    )
    camera.run(stop)
    assert len(units) == camera.frames == 2
    assert [(f.part, f.code, f.detail) for f in faults] == [("camera", "lost", "unplugged")]
    assert camera.look is None


def test_a_camera_that_does_not_close_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(emit: Callable[[Unit], None]) -> None:
        raise cameras.CameraError("unplugged")

    camera, _, _, stop = part(monkeypatch, [StandIn(gone, closes=False)])
    with pytest.raises(Hung, match="does not close"):
        camera.run(stop)


def test_a_camera_that_is_opened_anew_in_vain_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(emit: Callable[[Unit], None]) -> None:
        raise cameras.CameraError("no frame")

    camera, faults, _, stop = part(monkeypatch, [StandIn(gone), StandIn(gone), StandIn(gone)])
    with pytest.raises(Hung, match="in vain"):
        camera.run(stop)
    assert len(faults) == 1


def frames(seconds: float, start_ns: int, look_of: Callable[[int], Look]) -> list[Unit]:
    """30 a second."""
    return [
        Unit(b"", start_ns + number * NS // 30, number == 0, look_of(number))
        for number in range(round(seconds * 30))
    ]


def shown(
    monkeypatch: pytest.MonkeyPatch, units: list[Unit], apart_ns: int = NS // 30
) -> tuple[list[tuple[str, str, bool]], str]:
    """The faults of a camera that gives these, and why it was closed."""
    clock = [NS]
    monkeypatch.setattr(camera_part, "boot_ns", lambda: clock[0])
    why: list[str] = []

    def give(emit: Callable[[Unit], None]) -> None:
        try:
            for unit in units:
                clock[0] += apart_ns
                emit(unit)
        except cameras.CameraError as error:
            why.append(str(error))
            raise

    camera, faults, _, stop = part(monkeypatch, [StandIn(give)])
    camera.run(stop)
    return [(f.part, f.code, f.over) for f in faults if f.detail != "no more"], "".join(why)


def test_a_frozen_picture_is_told_after_a_second_and_the_camera_opened_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    units = frames(2, NS, lambda n: Look(90, 40, n)) + frames(4, 3 * NS, lambda _: Look(90, 40, 7))
    assert shown(monkeypatch, units) == ([("camera", "frozen", False)], "it is frozen")
    thaws = units[: 2 * 30 + 40] + frames(2, 5 * NS, lambda n: Look(90, 40, n))
    assert shown(monkeypatch, thaws) == (
        [("camera", "frozen", False), ("camera", "frozen", True)], "",
    )  # fmt: skip


def test_a_flat_white_picture_is_not_called_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    units = frames(4, NS, lambda _: Look(255, 0, 7))
    assert shown(monkeypatch, units) == ([], "")


def test_a_covered_lens_is_told_until_it_sees_again_and_a_night_is_no_cover(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    units = frames(2, NS, lambda n: Look(3, 1.5, n)) + frames(1, 3 * NS, lambda n: Look(60, 30, n))
    assert shown(monkeypatch, units)[0] == [("lens", "covered", False), ("lens", "covered", True)]
    night = frames(4, NS, lambda n: Look(6, 7, n))
    assert shown(monkeypatch, night) == ([], "")


def test_a_camera_whose_clock_stands_still_is_opened_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    units = [Unit(b"", NS, n == 0, Look(90, 40, n)) for n in range(60)]
    assert shown(monkeypatch, units)[1] == cameras.STANDS_STILL


def test_an_encoder_that_blocks_is_not_called_a_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_on(emit: Callable[[Unit], None]) -> None:
        began_ns = boot_ns()
        for number in range(3):  # it keeps one frame back
            camera_stand_in.sensor_ns = began_ns + (number + 1) * NS // 30
            camera_stand_in.given = number + 2
            emit(Unit(b"", began_ns + number * NS // 30, number == 0))
        camera.watch(began_ns + 5 * NS // 4)
        assert [f.part for f in faults] == ["camera"]
        faults.clear()
        camera_stand_in.given += 1
        camera.watch(began_ns + 5 * NS // 4)
        with pytest.raises(Hung) as hung:
            camera.watch(began_ns + 3 * NS)
        assert hung.value.part == "encoder"

    camera_stand_in = StandIn(look_on)
    camera, faults, _, stop = part(monkeypatch, [camera_stand_in])
    camera.run(stop)
    assert next((f.part, f.code) for f in faults) == ("encoder", "stalled")


def test_a_camera_that_hangs_is_told_after_a_second_and_ends_the_process_after_three(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def look_on(emit: Callable[[Unit], None]) -> None:
        began_ns = boot_ns()
        emit(Unit(b"", began_ns, True))
        camera.watch(began_ns + NS // 2)
        assert not faults
        camera.watch(began_ns + 3 * NS // 2)
        assert [f.code for f in faults] == ["stalled"]
        with pytest.raises(Hung, match="hangs"):
            camera.watch(began_ns + 7 * NS // 2)

    camera, faults, _, stop = part(monkeypatch, [StandIn(look_on)])
    camera.run(stop)


def test_missing_frames_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def some(emit: Callable[[Unit], None]) -> None:
        for number in (0, 1, 2, 5, 6, 9):
            emit(Unit(b"", NS + number * NS // 30 + number % 3 * 100_000, number == 0))

    camera, _, _, stop = part(monkeypatch, [StandIn(some)])
    camera.run(stop)
    assert camera.lost_frames == 4


def test_a_camera_whose_clock_goes_back_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def back(emit: Callable[[Unit], None]) -> None:
        emit(Unit(b"", 10 * NS, True))
        emit(Unit(b"", 9 * NS, False))

    camera, faults, units, stop = part(monkeypatch, [StandIn(back), StandIn(lambda _: None)])
    camera.run(stop)
    assert [f.detail for f in faults] == ["its clock went back by 1.000 s"]
    assert len(units) == camera.frames == 1


class Stuck:
    """A source that gives the same instant again and again."""

    name, width, height = "stuck", 64, 64

    def frames(self, stop: threading.Event) -> Iterator[tuple[int, Luma]]:
        for ts_ns in (NS, NS, NS + 5, NS - 1, 2 * NS):
            yield ts_ns, np.full((96, 64), 100, np.uint8)

    def close(self) -> None:
        """Nothing to release."""


def test_raw_frames_that_are_not_later_are_not_encoded() -> None:
    units: list[Unit] = []
    settings = CameraSettings(kind="demo", width=64, height=64)
    cameras.RawCamera(Stuck(), settings, 1000, OVERLAY).run(units.append, threading.Event())
    assert [unit.ts_ns for unit in units] == [NS, 2 * NS]


def test_the_software_rung_has_a_smaller_picture_only_where_memory_is_small() -> None:
    full = CameraSettings(width=1920, height=1080, bitrate_kbps=6000)
    assert smaller(full, 8 << 30) == full
    assert (smaller(full, 1 << 29).height, smaller(full, 1 << 29).bitrate_kbps) == (720, 3000)
    tiny = CameraSettings(width=640, height=480)
    assert smaller(tiny, 1 << 29) == tiny


@pytest.mark.parametrize(("ram_bytes", "height"), [(1 << 29, 720), (8 << 30, 1080)])
@pytest.mark.parametrize("software", [False, True])
def test_the_camera_is_opened_with_the_rungs_own_picture(
    monkeypatch: pytest.MonkeyPatch, ram_bytes: int, height: int, software: bool
) -> None:
    opened: list[tuple[int, bool]] = []
    stop = threading.Event()

    def make(settings: CameraSettings, *_: object, software: bool) -> StandIn:
        opened.append((settings.height, software))
        stop.set()
        raise cameras.CameraError("none")

    monkeypatch.setattr(cameras, "make", make)
    monkeypatch.setattr(camera_part, "memory_bytes", lambda: ram_bytes)
    settings = CaptureSettings(camera=CameraSettings(kind="demo"))
    notices = Notices(lambda _: None)
    CameraPart(settings, OVERLAY, notices, lambda _: None, software=software).run(stop)
    assert opened == [(height if software else 1080, software)]


def test_notices_tell_changes_only_and_silence_is_ended_by_sound_alone() -> None:
    told: list[Fault] = []
    notices = Notices(told.append)
    notices.works("microphone", after=("lost",))
    notices.down("microphone", "silent", "zeros")
    notices.down("microphone", "silent", "zeros")
    notices.works("microphone", after=("lost",))
    notices.works("microphone", after=("silent",))
    notices.works("microphone", after=("silent",))
    assert [(f.code, f.over) for f in told] == [("silent", False), ("silent", True)]
    notices.down("microphone", "silent", "zeros")
    notices.down("microphone", "lost", "unplugged")
    notices.down("microphone", "silent", "zeros")
    assert [f.code for f in told[2:]] == ["silent", "lost"]


def test_time_device_and_officer_are_burned_in_and_a_doubtful_time_is_marked() -> None:
    burner = Burner(1280, 720, OVERLAY)
    luma = np.full((720, 1280), 100, np.uint8)
    burner.burn(luma)
    assert not burner.error
    assert luma[-40:, :400].max() > 200
    assert (luma[:600] == 100).all()
    assert burner.text(0, OVERLAY) == " 1970-01-01 08:00:00  rig-01  ZY-017 "
    doubtful = msgspec.structs.replace(OVERLAY, trusted=False)
    assert "08:00:00?" in burner.text(0, doubtful)
    before = luma.copy()
    burner.show(doubtful)
    burner.burn(luma)
    assert (luma != before).any()


def test_glyphs_are_drawn_before_the_first_frame_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    burner = Burner(1280, 720, OVERLAY)
    burner.show(msgspec.structs.replace(OVERLAY, officer="ÄÖ-2", trusted=False))
    monkeypatch.setitem(sys.modules, "PIL", None)
    burner.burn(np.full((720, 1280), 100, np.uint8))
    assert not burner.error


def test_what_no_font_has_is_told_and_the_rest_is_burned_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("recorder.capture.overlay.HANZI", ())
    burner = Burner(1280, 720, msgspec.structs.replace(OVERLAY, organisation="X镇"))
    luma = np.full((720, 1280), 100, np.uint8)
    burner.burn(luma)
    assert burner.error == "no font has 镇: install fonts-wqy-microhei"
    assert luma[-40:, :400].max() > 200


def test_an_overlay_that_fails_says_so_and_leaves_the_picture_alone() -> None:
    burner = Burner(1280, 720, msgspec.structs.replace(OVERLAY, utc_offset_min=100_000))
    luma = np.full((720, 1280), 100, np.uint8)
    burner.burn(luma)
    burner.burn(luma)
    assert burner.error
    assert (luma == 100).all()


def test_black_is_dark_and_any_change_changes_the_fingerprint() -> None:
    black = np.full((360, 640), 16, np.uint8)
    assert look(black).brightness == look(black).contrast == 0
    white = np.full((360, 640), 235, np.uint8)
    assert look(white).brightness == pytest.approx(255)
    black[16, 16] += 1
    assert look(black).fingerprint != look(np.full((360, 640), 16, np.uint8)).fingerprint


def test_a_full_queue_drops_fragments_and_never_messages_and_says_so_twice() -> None:
    from_, to = os.pipe()
    sender = Sender(to, 2, lambda: None)
    vitals = Vitals(0, 0, 0, None, None, None, None, None, None, 0, 0, 0, 0, 0)
    payload = bytes(200_000)  # more than a pipe holds
    for _ in range(5):
        sender.send(FRAGMENT, payload)
    sender.send(vitals)
    assert sender.dropped == 3
    with os.fdopen(from_, "rb") as pipe:
        kinds = [type(read(pipe)[0]) for _ in range(4)]
        assert kinds == [Fragment, Fragment, Fault, Vitals]
        sender.close(5)
        sender = Sender(to, 2, lambda: None)
        sender.send(FRAGMENT)
        sender.close(5)
        assert read(pipe)[0] == FRAGMENT
    os.close(to)


def test_a_reader_that_is_gone_is_noticed() -> None:
    from_, to = os.pipe()
    gone = threading.Event()
    os.close(from_)
    sender = Sender(to, 2, gone.set)
    sender.send(FRAGMENT, b"x")
    assert gone.wait(5)
    os.close(to)
