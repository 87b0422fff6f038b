"""Picture and sound are judged each on its own where one goes on without the other."""

from pathlib import Path

import msgspec
import pytest

from recorder.capture.messages import TrackRun, TrackState
from recorder.clock import NS
from recorder.evidence import lines
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Report, Verdict
from tests.unit.evidence import bags

ABSENT = TrackRun(TrackState.ABSENT, 0, 0, 0, 0)


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
    pieces = [
        (msgspec.structs.replace(fragment, audio=ABSENT) if number < 2 else fragment, data)
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


def sounds() -> list[TrackRun]:
    """The sound of each of four seconds."""
    return [fragment.audio for fragment, _ in bags.media(4).fragments if fragment.audio is not None]


def moved(run: TrackRun, *, first: int = 0, ticks: int = 0, missing: int = 0) -> TrackRun:
    """It begins ``first`` ticks later, is longer by ``ticks``, and lacks so many samples."""
    return msgspec.structs.replace(
        run,
        first_tick=run.first_tick + first,
        ticks=run.ticks + ticks,
        units=run.units + ticks - missing,
    )


def judged(folder: Path, changed: dict[int, TrackRun], written_ns: int | None = None) -> Report:
    """What verify says of four seconds, some of them with another sound."""
    made = bags.media(4)
    pieces = [
        (msgspec.structs.replace(fragment, audio=changed.get(index, fragment.audio)), data)
        for index, (fragment, data) in enumerate(made.fragments)
    ]
    device = bags.Device(folder)
    writer = device.begin()
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    if written_ns is not None:
        device.clock.now_ns = written_ns
    writer.fragments(bags.batch(bags.Media(made.init, made.data, tuple(pieces))))
    bag = device.finish(writer, pieces[-1][0].end_ns)
    return verify_recording(bag, key=device.signer.public)


@pytest.mark.parametrize("lost", [0, 1024])
def test_sound_that_came_too_late_for_its_fragment_may_stand_in_the_next_one(
    tmp_path: Path, lost: int
) -> None:
    """A machine with too much to do encodes it late. Where it does not go on, something is wrong
    with its ticks."""
    runs, late = sounds(), 5 * 1024
    changed = {
        1: moved(runs[1], ticks=-late),
        2: moved(runs[2], first=lost - late, ticks=late - lost),
    }
    report = judged(tmp_path, changed)
    wrong = {"time", "tick-gap"} if lost else set()
    assert {f.code for f in report.findings} & {"time", "tick-gap"} == wrong
    assert "sound incomplete" in {d.what for d in report.degraded}


@pytest.mark.parametrize("missing", [0, 6 * 1024])
def test_sound_that_came_behind_a_hole_may_end_later_by_it_and_is_degraded(
    tmp_path: Path, missing: int
) -> None:
    """The muxer takes it with the fragment before, when it was late."""
    runs, late = sounds(), 3 * 1024
    changed = {
        1: moved(runs[1], ticks=late, missing=missing),
        2: moved(runs[2], first=late, ticks=-late),
    }
    report = judged(tmp_path, changed)
    assert ("time" in {f.code for f in report.findings}) is (missing == 0)
    assert ("sound gap" in {d.what for d in report.degraded}) is (missing > 0)


@pytest.mark.parametrize("written_late", [False, True])
def test_sound_may_end_later_than_a_late_picture_but_not_than_its_line_was_written(
    tmp_path: Path, written_late: bool
) -> None:
    """The picture that ends a fragment was encoded late; the sound that was there went before."""
    runs, more = sounds(), 6 * 1024
    changed = {1: moved(runs[1], ticks=more), 2: moved(runs[2], first=more, ticks=-more)}
    written_ns = bags.media(4).fragments[1][0].end_ns + NS // 2
    report = judged(tmp_path, changed, written_ns if written_late else None)
    found = {f.code for f in report.findings} & {"time", "tick-gap"}
    assert found == (set() if written_late else {"time"})
    assert "sound incomplete" not in {d.what for d in report.degraded}


def test_sound_that_came_a_second_late_goes_on_behind_a_fragment_without_it(tmp_path: Path) -> None:
    runs = sounds()
    both = moved(runs[2], first=-runs[1].ticks, ticks=runs[1].ticks)
    report = judged(tmp_path, {1: ABSENT, 2: both})
    assert not {f.code for f in report.findings} & {"time", "tick-gap"}
    assert "sound absent" in {d.what for d in report.degraded}


@pytest.mark.parametrize("earlier_s", [0, 1, 2])
def test_sound_that_only_begins_may_do_so_a_fragment_before_its_stream_and_no_earlier(
    tmp_path: Path, earlier_s: int
) -> None:
    runs = sounds()
    more = runs[0].ticks + earlier_s * 48_000
    report = judged(tmp_path, {0: ABSENT, 1: moved(runs[1], first=-more, ticks=more)})
    assert ("time" in {f.code for f in report.findings}) is (earlier_s > 1)
