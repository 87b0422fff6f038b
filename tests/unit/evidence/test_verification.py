"""What verify says of recordings that are whole, broken off, lossy, or signed by strangers."""

import base64
import hashlib
import shutil
from pathlib import Path

import av
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from recorder.capture.messages import TrackState, Vitals
from recorder.checks import media
from recorder.clock import NS
from recorder.config import CameraSettings
from recorder.errors import RecorderError
from recorder.evidence import chain, lines, recovery, sheet, story
from recorder.evidence.age import Identity
from recorder.evidence.export import export
from recorder.evidence.sheet_html import as_html
from recorder.evidence.sheet_text import as_text
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Finding, Report, Verdict
from recorder.evidence.verification_table import in_short, render
from tests.unit.capture import test_mux
from tests.unit.evidence import bags
from tests.unit.evidence.judge import verify_folder


@pytest.fixture
def device(tmp_path: Path) -> bags.Device:
    return bags.Device(tmp_path)


def verify(device: bags.Device, bag: Path) -> Report:
    return verify_recording(
        bag,
        key=device.signer.public,
        ledger=device.spool / "ledger",
        identities=[device.identity],
    )


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def finding(report: Report, code: str) -> Finding:
    return next(f for f in report.findings if f.code == code)


def test_a_whole_recording_is_valid_and_everything_in_it_was_looked_at(device: bags.Device) -> None:
    report = verify(device, bags.plain(device))
    assert (report.verdict, report.exit_code) == (Verdict.VALID, 0)
    assert (report.findings, report.degraded, report.interruptions) == ((), (), ())
    assert report.not_checked == ()
    assert report.facts is not None
    assert (report.facts.fragments, report.facts.frames) == (6, 180)
    assert (report.facts.duration_s, report.facts.pre_recorded_s) == (6.0, 2.0)


def test_what_a_demo_s_camera_made_up_says_so_beside_the_verdict(device: bags.Device) -> None:
    vitals = Vitals(0, 30, 0, 0, None, None, None, None, None, 0, 0, 0, 0, 0)
    made_up = media.camera(vitals, 0, CameraSettings(kind="demo")).value
    bag = bags.plain(device, camera=made_up)
    report = verify(device, bag)
    assert (report.verdict, report.exit_code) == (Verdict.VALID, 0)
    assert finding(report, "demo").text == "camera or microphone made up: no evidence"
    assert render(report).startswith(f"VALID  {bag.name}  (a demo, no evidence)\n")
    assert in_short(report).endswith("  (a demo, no evidence)")
    page = sheet.make(story.read(bag, ()), report)
    assert "（演练，不能作为证据）" in page.verdict and not page.good
    done = export(
        bag, device.spool.parent / "copy.mp4", identities=[device.identity], report=report,
        clock=device.clock,
    )  # fmt: skip
    assert "演练，不能作为证据。A demo, no evidence." in done.notice
    with av.open(str(device.spool.parent / "copy.mp4")) as copy:
        assert "A demo, no evidence." in copy.metadata["comment"]
        texts = [bytes(packet) for packet in copy.demux(subtitles=0)]
    assert "演练，不能作为证据".encode() in texts[0]


def test_what_was_not_given_is_named_and_changes_nothing(device: bags.Device) -> None:
    bag = bags.plain(device)
    report = verify_recording(bag, key=device.signer.public)
    assert report.verdict is Verdict.VALID
    assert [item.split(":")[0] for item in report.not_checked] == ["ledger", "custodian's key"]
    stranger, _ = Identity.generate()
    report = verify_recording(bag, key=device.signer.public, identities=[stranger])
    assert report.verdict is Verdict.VALID
    assert any("not one of" in item for item in report.not_checked)


def test_an_interruption_on_record_is_valid_and_listed(device: bags.Device) -> None:
    report = verify(device, bags.interrupted(device))
    assert (report.verdict, report.exit_code) == (Verdict.INTERRUPTIONS, 0)
    (gap,) = report.interruptions
    assert (gap.from_s, gap.to_s, gap.cause) == (4.0, 7.0, "capture_died")
    assert (gap.category, gap.reason_heard, gap.reason_from_s) == ("fault", True, 8.0)


def test_a_hole_that_no_interruption_explains_is_incomplete(device: bags.Device) -> None:
    writer = device.begin()
    first, second = bags.media(3), bags.media(2, at_s=105, stream=2)
    writer.fragments(bags.batch(first))
    writer.fragments(bags.batch(second))
    bag = device.finish(writer, 107 * NS)
    report = verify(device, bag)
    assert report.verdict is Verdict.INCOMPLETE
    hole = finding(report, "uncovered")
    assert (hole.into_s, hole.at_ns) == (3.0, 103 * NS)
    assert hole.file == "data/journal.jsonl"


def test_an_end_that_no_fragment_covers_is_incomplete(device: bags.Device) -> None:
    writer = device.begin()
    writer.fragments(bags.batch(bags.media(3)))
    report = verify(device, device.finish(writer, 105 * NS))
    assert codes(report) == {"uncovered"}
    assert report.verdict is Verdict.INCOMPLETE


def test_a_track_whose_ticks_do_not_chain_is_found(device: bags.Device) -> None:
    writer = device.begin()
    batch = bags.batch(bags.media(4))
    init, data, second, media = batch[1]
    run = msgspec.structs.replace(second.video, first_tick=second.video.first_tick + 300)
    batch[1] = (init, data, msgspec.structs.replace(second, video=run), media)
    writer.fragments(batch)
    report = verify(device, device.finish(writer, 104 * NS))
    assert {"tick-gap", "picture"} <= codes(report)


@pytest.mark.parametrize("dropped", [bags.FPS - 5, bags.FPS], ids=["within", "between fragments"])
def test_a_frame_that_never_came_is_degraded_and_no_lie(device: bags.Device, dropped: int) -> None:
    writer = device.begin()
    writer.fragments(bags.batch(bags.media(3, dropped=dropped)))
    last_ns = bags.media(3, dropped=dropped).fragments[-1][0].end_ns
    report = verify(device, device.finish(writer, last_ns))
    assert "picture" not in codes(report), report.findings
    assert report.verdict is Verdict.VALID
    assert report.degraded, "the gap must be listed"


def test_degraded_stretches_are_listed_beside_the_verdict(device: bags.Device) -> None:
    writer = device.begin()
    batch = bags.batch(bags.media(4))
    for index in (1, 2):
        init, data, fragment, media = batch[index]
        frozen = msgspec.structs.replace(fragment.video, state=TrackState.FROZEN)
        batch[index] = (init, data, msgspec.structs.replace(fragment, video=frozen), media)
    writer.fragments(batch)
    report = verify(device, device.finish(writer, 104 * NS))
    assert report.verdict is Verdict.VALID
    (stretch,) = report.degraded
    assert (stretch.what, stretch.from_s, stretch.to_s) == ("picture frozen", 1.0, 3.0)


def test_a_camera_that_died_while_sound_went_on_is_degraded_not_incomplete(
    device: bags.Device,
) -> None:
    units, packets = test_mux.pictures(240), test_mux.sounds(8)
    from_ns = test_mux.START_NS
    bench = test_mux.Bench()
    seen = tuple(u for u in units if not 3 * NS <= u.ts_ns - from_ns < 5 * NS)
    bench.feed(seen, packets, lag_ns=120 * test_mux.MS)
    bench.mux.end()
    heads = {init.stream: (init, data) for init, data in bench.inits}
    writer = device.begin()
    writer.fragments([(*heads[f.stream], f, data) for f, data in bench.fragments])
    report = verify(device, device.finish(writer, bench.fragments[-1][0].end_ns))
    assert report.verdict is Verdict.VALID, report.findings
    assert {stretch.what for stretch in report.degraded} >= {"picture absent", "picture incomplete"}


def test_picture_without_sound_is_degraded_and_sound_without_picture_too(
    device: bags.Device,
) -> None:
    for made, what in ((bags.media(2, sound=False), "sound absent"),
                       (bags.media(2, picture=False), "picture absent")):  # fmt: skip
        writer = device.begin()
        writer.fragments(bags.batch(made))
        report = verify(device, device.finish(writer, made.fragments[-1][0].end_ns))
        assert report.verdict is Verdict.VALID, report.findings
        assert [stretch.what for stretch in report.degraded] == [what]


def test_a_recording_that_is_still_open_is_incomplete_not_tampered(device: bags.Device) -> None:
    writer = device.begin()
    writer.fragments(bags.batch(bags.media(3)))
    segment = writer.folder / "data/segments/0001.mp4.age"
    segment.write_bytes(segment.read_bytes() + b"in the making")
    journal = writer.folder / "data/journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"n":')
    report = verify(device, writer.folder)
    assert report.verdict is Verdict.INCOMPLETE
    assert codes(report) == {"no-seal", "line-torn", "open-segment"}


def crashed(device: bags.Device) -> Path:
    """The supervisor dies in the middle of a segment and goes on, as start-up does it."""
    writer = device.begin()
    first, second = bags.media(3), bags.media(3, at_s=106, stream=2)
    writer.fragments(bags.batch(first))
    segment = writer.folder / "data/segments/0001.mp4.age"
    segment.write_bytes(segment.read_bytes() + bytes(1000))
    journal = writer.folder / "data/journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"n":7,"kind":"fra')
    (writer.folder / "data/segments/0002.mp4.age").write_bytes(b"age-encryption.org/v1\n")
    found = recovery.reopen(
        writer.folder, signer=device.signer, recipients=device.recipients,
        clock=device.clock, settings=device.settings,
    )  # fmt: skip
    again = found.writer
    gap_ns, back_ns = 103 * NS, 106 * NS
    bags.say(again, device, [
        lines.Recovered(why="crash", fragments=3, moved=found.moved),
        lines.Interruption(interruption=1, from_ns=gap_ns, cause="supervisor_died", detail=""),
    ])  # fmt: skip
    again.fragments(bags.batch(second))
    for end in recovery.missing_ends(found):
        again.journal(end)
    again.journal(lines.Resumed(interruption=1, from_ns=gap_ns, to_ns=back_ns))
    return device.finish(again, 109 * NS)


def test_a_recording_that_went_on_after_a_crash_is_valid_with_an_interruption(
    device: bags.Device,
) -> None:
    report = verify(device, crashed(device))
    assert report.findings == ()
    assert report.verdict is Verdict.INTERRUPTIONS
    assert report.interruptions[0].cause == "supervisor_died"


def test_what_the_device_found_lost_before_sealing_is_incomplete_and_says_which(
    device: bags.Device,
) -> None:
    writer = device.begin()
    made = bags.media(6)
    writer.fragments(bags.batch(made, slice(0, 5)))
    writer.fragments(bags.batch(made, slice(5, 6)))
    (writer.folder / "data/segments/0001.mp4.age").write_bytes(b"")
    writer.progress.digests.pop("data/segments/0001.mp4.age", None)
    writer.journal(lines.Loss(what="0001.mp4.age", detail="shorter than its journal"))
    report = verify(device, device.finish(writer, 106 * NS))
    assert report.verdict is Verdict.INCOMPLETE
    assert finding(report, "cut").file == "data/segments/0001.mp4.age"
    assert finding(report, "loss").level == "incomplete"


def test_something_that_is_no_bag_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "nowhere"):
        with pytest.raises(RecorderError) as caught:
            verify_recording(path)
        assert caught.value.code == "no-bag"
        assert caught.value.remedy
        assert str(path) == caught.value.where
    with pytest.raises(RecorderError):
        verify_folder(tmp_path)


def test_a_bag_under_another_name_is_not_the_recording_that_it_claims_to_be(
    device: bags.Device, tmp_path: Path
) -> None:
    bag = bags.plain(device)
    other = tmp_path / "bc-001-00000007-0007"
    shutil.copytree(bag, other)
    report = verify_recording(other, key=device.signer.public)
    assert report.verdict is Verdict.TAMPERED
    assert codes(report) == {"name"}


def test_a_store_with_two_devices_is_checked_device_by_device(tmp_path: Path) -> None:
    store = tmp_path / "store"
    for name in ("bc-001", "bc-002"):
        device = bags.Device(tmp_path / name, name)
        bags.plain(device)
        shutil.copytree(device.spool, store / name)
    report = verify_folder(store)
    assert [r.recording[:6] for r in report.recordings] == ["bc-001", "bc-002"]
    assert report.verdict is Verdict.UNTRUSTED
    shutil.rmtree(store / "bc-001" / report.recordings[0].recording)
    report = verify_folder(store)
    assert report.verdict is Verdict.TAMPERED
    assert report.findings[0].code == "recording-missing"


@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(data=st.data())
def test_whatever_a_stranger_signs_verify_answers_and_never_calls_it_valid(
    device: bags.Device, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A forger may sign any nonsense with a key of their own."""
    source = device.spool / "bc-001-00000001-0001"
    if not source.exists():
        bags.plain(device)
    bag = bags.copy(source, tmp_path_factory.mktemp("forged"))
    number = st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1))
    text = st.one_of(
        st.text(max_size=20), st.just("data/../../x"), st.just("data/segments/0001.mp4.age")
    )
    prev, rows = chain.ZERO, []
    for raw, _ in chain.raw_lines(bag / "data/journal.jsonl"):
        line = msgspec.json.decode(raw.partition(b"\t")[0])
        line["prev"] = prev
        for key in list(line):
            if (
                key not in ("n", "kind", "prev", "key", "clock")
                and data.draw(st.integers(0, 9)) == 0
            ):
                if isinstance(line[key], int) and not isinstance(line[key], bool):
                    line[key] = data.draw(number)
                elif isinstance(line[key], str):
                    line[key] = data.draw(text)
        for track in line.get("tracks", ()):
            track["timescale"] = data.draw(st.sampled_from([track["timescale"], 0, -1]))
        signed = msgspec.json.encode(line)
        row = signed + b"\t" + base64.b64encode(device.signer.sign(signed))
        rows.append(row + b"\n")
        prev = hashlib.sha256(row).hexdigest()
    (bag / "data/journal.jsonl").write_bytes(b"".join(rows))
    report = verify_recording(bag, identities=[device.identity])
    assert report.exit_code == 1
    assert render(report)
    assert msgspec.json.encode(report)
    page = sheet.make(story.read(bag), report)
    assert as_html(page)
    assert as_text(page)


def test_a_ledger_that_was_cut_is_proven_so_by_the_recordings_beside_it(
    device: bags.Device,
) -> None:
    bags.plain(device)
    bags.plain(device)
    path = device.spool / "ledger" / "0001.jsonl"
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(rows[:3]))
    report = verify_folder(device.spool, key=device.signer.public)
    assert (report.verdict, report.exit_code) == (Verdict.INCOMPLETE, 1)
    assert [f.code for f in report.findings] == ["ledger-short"]


def test_the_report_is_json_and_a_table_with_the_verdict_first(device: bags.Device) -> None:
    bag = bags.interrupted(device, statement=True)
    report = verify(device, bag)
    decoded = msgspec.json.decode(msgspec.json.encode(report), type=Report)
    assert decoded == report
    text = render(report)
    assert text.splitlines()[0] == f"VALID WITH INTERRUPTIONS  {bag.name}"
    assert "no reason heard, statement due" in text
    (bag / "data/journal.jsonl").unlink()
    assert render(verify(device, bag)).startswith("TAMPERED")


def test_a_report_never_grows_with_the_damage(device: bags.Device) -> None:
    bag = bags.plain(device)
    journal = bag / "data/journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b"nonsense\n" * 5000)
    report = verify(device, bag)
    assert report.verdict is Verdict.TAMPERED
    assert len(report.findings) < 200
    assert any("more of the same kind" in f.text for f in report.findings)
