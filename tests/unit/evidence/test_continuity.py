"""Picture and sound are judged each on its own where one goes on without the other."""

from pathlib import Path

import msgspec
import pytest

from recorder.capture.messages import TrackRun, TrackState
from recorder.clock import NS
from recorder.evidence import lines
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.unit.evidence import bags


def codes(folder: Path, first: bags.Media, then: bags.Media) -> set[str]:
    """What verify finds where two streams follow each other in a recording."""
    device = bags.Device(folder)
    writer = device.begin()
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    writer.fragments(bags.batch(first))
    writer.fragments(bags.batch(then))
    end_ns = max(made.fragments[-1][0].end_ns for made in (first, then))
    bag = device.finish(writer, end_ns)
    return {f.code for f in verify_recording(bag, key=device.signer.public).findings}


@pytest.mark.parametrize("picture_first", [True, False])
def test_the_other_track_that_goes_on_before_a_lost_one_s_end_is_no_overlap(
    tmp_path: Path, picture_first: bool
) -> None:
    first = bags.media(4, picture=picture_first, sound=not picture_first)
    then = bags.media(4, at_s=103, stream=2, picture=not picture_first, sound=picture_first)
    assert "overlap" not in codes(tmp_path, first, then)


def test_a_returning_picture_whose_sound_comes_later_still_is_no_overlap(tmp_path: Path) -> None:
    """The new stream's second fragment, too, begins before the sound alone had ended."""
    first = bags.media(4, picture=False)
    then = bags.media(4, at_s=102, stream=2)
    absent = TrackRun(TrackState.ABSENT, 0, 0, 0, 0)
    pieces = [
        (msgspec.structs.replace(fragment, audio=absent) if number < 2 else fragment, data)
        for number, (fragment, data) in enumerate(then.fragments)
    ]
    then = bags.Media(then.init, then.data, tuple(pieces))
    assert "overlap" not in codes(tmp_path, first, then)


@pytest.mark.parametrize("track", ["video", "audio"])
def test_a_track_that_goes_back_within_its_stream_is_told(tmp_path: Path, track: str) -> None:
    made = bags.media(4)
    pieces = list(made.fragments)
    first, third = pieces[0][0], pieces[2][0]
    runs = {"video": third.video, "audio": third.audio} | {track: getattr(first, track)}
    start_ns, end_ns = first.start_ns, first.end_ns
    moved = msgspec.structs.replace(third, start_ns=start_ns, end_ns=end_ns, **runs)
    pieces[2] = (moved, pieces[2][1])
    device = bags.Device(tmp_path)
    writer = device.begin()
    writer.fragments(bags.batch(bags.Media(made.init, made.data, tuple(pieces))))
    report = verify_recording(device.finish(writer, pieces[-1][0].end_ns), key=device.signer.public)
    assert report.verdict is Verdict.INCOMPLETE
    assert {"overlap", "tick-gap"} <= {f.code for f in report.findings}


@pytest.mark.parametrize("sound", [True, False])
def test_a_track_that_is_there_twice_is_an_overlap(tmp_path: Path, sound: bool) -> None:
    first = bags.media(4)
    then = bags.media(4, at_s=103, stream=2, sound=sound, picture=not sound)
    assert "overlap" in codes(tmp_path, first, then)


@pytest.mark.parametrize("lost", [0, 1024])
def test_sound_that_came_too_late_for_its_fragment_may_stand_in_the_next_one(
    tmp_path: Path, lost: int
) -> None:
    """A machine with too much to do encodes it late. Where it does not go on, something is wrong
    with its ticks."""
    made, late = bags.media(4), 5 * 1024
    pieces = list(made.fragments)
    for index, (ticks, first) in ((1, (-late, 0)), (2, (late - lost, lost - late))):
        fragment, data = pieces[index]
        assert fragment.audio is not None
        run = msgspec.structs.replace(
            fragment.audio,
            first_tick=fragment.audio.first_tick + first,
            ticks=fragment.audio.ticks + ticks,
            units=fragment.audio.units + ticks,
        )
        pieces[index] = (msgspec.structs.replace(fragment, audio=run), data)
    device = bags.Device(tmp_path)
    writer = device.begin()
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    writer.fragments(bags.batch(bags.Media(made.init, made.data, tuple(pieces))))
    report = verify_recording(device.finish(writer, pieces[-1][0].end_ns), key=device.signer.public)
    wrong = {"time", "tick-gap"} if lost else set()
    assert {f.code for f in report.findings} & {"time", "tick-gap"} == wrong
    assert "sound incomplete" in {d.what for d in report.degraded}


@pytest.mark.parametrize("missing", [0, 6 * 1024])
def test_sound_that_came_behind_a_hole_may_end_later_by_it_and_is_degraded(
    tmp_path: Path, missing: int
) -> None:
    """The muxer takes it with the fragment before, when it was late."""
    made, late = bags.media(4), 3 * 1024
    pieces = list(made.fragments)
    for index, (ticks, first) in ((1, (late, 0)), (2, (-late, late))):
        fragment, data = pieces[index]
        assert fragment.audio is not None
        run = msgspec.structs.replace(
            fragment.audio,
            first_tick=fragment.audio.first_tick + first,
            ticks=fragment.audio.ticks + ticks,
            units=fragment.audio.units + ticks - (missing if index == 1 else 0),
        )
        pieces[index] = (msgspec.structs.replace(fragment, audio=run), data)
    device = bags.Device(tmp_path)
    writer = device.begin()
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    writer.fragments(bags.batch(bags.Media(made.init, made.data, tuple(pieces))))
    report = verify_recording(device.finish(writer, pieces[-1][0].end_ns), key=device.signer.public)
    assert ("time" in {f.code for f in report.findings}) is (missing == 0)
    assert ("sound gap" in {d.what for d in report.degraded}) is (missing > 0)


@pytest.mark.parametrize("written_late", [False, True])
def test_sound_may_end_later_than_a_late_picture_but_not_than_its_line_was_written(
    tmp_path: Path, written_late: bool
) -> None:
    """The picture that ends a fragment was encoded late; the sound that was there went before."""
    made, more = bags.media(4), 6 * 1024
    pieces = list(made.fragments)
    for index, (ticks, first) in ((1, (more, 0)), (2, (-more, more))):
        fragment, data = pieces[index]
        assert fragment.audio is not None
        run = msgspec.structs.replace(
            fragment.audio,
            first_tick=fragment.audio.first_tick + first,
            ticks=fragment.audio.ticks + ticks,
            units=fragment.audio.units + ticks,
        )
        pieces[index] = (msgspec.structs.replace(fragment, audio=run), data)
    device = bags.Device(tmp_path)
    writer = device.begin()
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    if written_late:
        device.clock.now_ns = pieces[1][0].end_ns + NS // 2
    writer.fragments(bags.batch(bags.Media(made.init, made.data, tuple(pieces))))
    report = verify_recording(device.finish(writer, pieces[-1][0].end_ns), key=device.signer.public)
    found = {f.code for f in report.findings} & {"time", "tick-gap"}
    assert found == (set() if written_late else {"time"})
    assert "sound incomplete" not in {d.what for d in report.degraded}


def test_sound_that_came_a_second_late_goes_on_behind_a_fragment_without_it(tmp_path: Path) -> None:
    made = bags.media(4)
    pieces = list(made.fragments)
    (second, data), (third, more) = pieces[1:3]
    assert second.audio is not None and third.audio is not None
    both = msgspec.structs.replace(
        third.audio,
        first_tick=second.audio.first_tick,
        ticks=second.audio.ticks + third.audio.ticks,
        units=second.audio.units + third.audio.units,
    )
    absent = TrackRun(TrackState.ABSENT, 0, 0, 0, 0)
    pieces[1] = (msgspec.structs.replace(second, audio=absent), data)
    pieces[2] = (msgspec.structs.replace(third, audio=both), more)
    device = bags.Device(tmp_path)
    writer = device.begin()
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    writer.fragments(bags.batch(bags.Media(made.init, made.data, tuple(pieces))))
    report = verify_recording(device.finish(writer, pieces[-1][0].end_ns), key=device.signer.public)
    assert not {f.code for f in report.findings} & {"time", "tick-gap"}
    assert "sound absent" in {d.what for d in report.degraded}


@pytest.mark.parametrize("earlier_s", [0, 1, 2])
def test_sound_that_only_begins_may_do_so_a_fragment_before_its_stream_and_no_earlier(
    tmp_path: Path, earlier_s: int
) -> None:
    made = bags.media(4)
    pieces = list(made.fragments)
    (first, data), (second, more) = pieces[:2]
    assert first.audio is not None and second.audio is not None
    more_ticks = first.audio.ticks + earlier_s * 48_000
    run = msgspec.structs.replace(
        second.audio,
        first_tick=second.audio.first_tick - more_ticks,
        ticks=second.audio.ticks + more_ticks,
        units=second.audio.units + more_ticks,
    )
    absent = TrackRun(TrackState.ABSENT, 0, 0, 0, 0)
    pieces[0] = (msgspec.structs.replace(first, audio=absent), data)
    pieces[1] = (msgspec.structs.replace(second, audio=run), more)
    device = bags.Device(tmp_path)
    writer = device.begin()
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    writer.fragments(bags.batch(bags.Media(made.init, made.data, tuple(pieces))))
    report = verify_recording(device.finish(writer, pieces[-1][0].end_ns), key=device.signer.public)
    assert ("time" in {f.code for f in report.findings}) is (earlier_s > 1)
