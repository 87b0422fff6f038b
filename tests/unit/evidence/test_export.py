"""The export: one MP4 that plays, with captions, noted as a copy; never of a tampered recording."""

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import av
import pytest

from recorder.clock import NS, ManualClock
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.evidence.age import Identity
from recorder.evidence.captions import captions
from recorder.evidence.export import Exported, export
from recorder.evidence.timeline import Event
from recorder.evidence.verification import verify_recording
from tests.unit.evidence import bags


@pytest.fixture
def device(tmp_path: Path) -> bags.Device:
    return bags.Device(tmp_path / "device")


def exported(device: bags.Device, bag: Path, out: Path, **more: Any) -> Exported:
    report = verify_recording(bag, key=device.signer.public)
    identities = more.pop("identities", [device.identity])
    return export(bag, out, identities=identities, report=report, clock=ManualClock(), **more)


def seen(out: Path) -> dict[str, Any]:
    """Frames, their times, the sound's length, captions and metadata of an MP4."""
    found: dict[str, Any] = {"video": [], "audio": [], "texts": []}
    source: Any
    with av.open(str(out)) as source:
        found["metadata"] = dict(source.metadata)
        found["kinds"] = [stream.type for stream in source.streams]
        for packet in source.demux():
            kind = packet.stream.type
            if packet.size and kind == "subtitle":
                text = bytes(packet)[2:].decode()
                found["texts"].append((float(packet.pts * packet.time_base), text))
            elif kind in ("video", "audio"):
                for frame in packet.decode():
                    found[kind].append((float(frame.pts * frame.time_base), frame))
    return found


def test_a_recording_becomes_one_mp4_with_every_frame_sound_and_captions(
    device: bags.Device, tmp_path: Path
) -> None:
    bag = bags.plain(device)
    out = tmp_path / "out.mp4"
    note = exported(device, bag, out)
    found = seen(out)
    assert found["kinds"] == ["video", "audio", "subtitle"]
    assert len(found["video"]) == 180
    assert found["video"][-1][0] == pytest.approx(6 - 1 / 30, abs=0.01)
    assert any("重点内容标记" in text for _, text in found["texts"])
    assert found["texts"][0][1].startswith("复制件（非原始证据）")
    assert "not the evidence" in found["metadata"]["comment"]
    assert bag.name in found["metadata"]["comment"]
    assert note.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    written = json.loads((tmp_path / "out.mp4.json").read_text())
    assert (written["sha256"], written["recording"]) == (note.sha256, bag.name)
    assert written["verdict"] == "valid"
    assert written["left_out"] == []
    tagmanifest = (bag / "tagmanifest-sha256.txt").read_bytes()
    assert written["tagmanifest_sha256"] == hashlib.sha256(tagmanifest).hexdigest()


def test_an_interruption_stays_one_with_silence_in_the_sound(
    device: bags.Device, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    exported(device, bags.interrupted(device), out)
    found = seen(out)
    times = [at for at, _ in found["video"]]
    assert len(times) == 240
    assert max(b - a for a, b in itertools.pairwise(times)) > 3
    sound = [at for at, _ in found["audio"]]
    assert max(b - a for a, b in itertools.pairwise(sound)) < 0.05
    quiet = [abs(frame.to_ndarray()).max() for at, frame in found["audio"] if 4.3 < at < 6.7]
    assert quiet
    assert max(quiet) < 0.01
    assert any("记录中止" in text and 4 <= at < 7 for at, text in found["texts"])


def test_an_encoder_that_changed_on_the_way_is_evened_out_and_noted(
    device: bags.Device, tmp_path: Path
) -> None:
    writer = device.begin()
    first, second = bags.media(3), bags.media(3, at_s=104, stream=2, width=96)
    writer.fragments(bags.batch(first))
    writer.journal(lines.Interruption(interruption=1, from_ns=103 * NS, cause="x", detail=""))
    writer.fragments(bags.batch(second))
    writer.journal(lines.Resumed(interruption=1, from_ns=103 * NS, to_ns=104 * NS))
    out = tmp_path / "out.mp4"
    note = exported(device, device.finish(writer, 107 * NS), out)
    assert note.re_encoded == ("video",)
    found = seen(out)
    assert len(found["video"]) == 180
    assert {(frame.width, frame.height) for _, frame in found["video"]} == {(160, 120)}


def test_sound_alone_and_picture_alone_become_an_mp4_too(
    device: bags.Device, tmp_path: Path
) -> None:
    for number, options in enumerate(({"picture": False}, {"sound": False})):
        made = bags.media(2, **options)
        writer = device.begin()
        writer.fragments(bags.batch(made))
        out = tmp_path / f"{number}.mp4"
        exported(device, device.finish(writer, made.fragments[-1][0].end_ns), out)
        found = seen(out)
        assert bool(found["video"]) is not ("picture" in options)
        assert bool(found["audio"]) is not ("sound" in options)


def test_picture_that_comes_and_goes_keeps_its_place(device: bags.Device, tmp_path: Path) -> None:
    writer = device.begin()
    first, second = bags.media(2, picture=False), bags.media(3, at_s=103, stream=2)
    writer.fragments(bags.batch(first))
    writer.fragments(bags.batch(second))
    out = tmp_path / "out.mp4"
    note = exported(device, device.finish(writer, 106 * NS), out)
    found = seen(out)
    assert note.fragments == len(first.fragments) + len(second.fragments)
    assert found["video"][0][0] == pytest.approx(3.0, abs=0.05)
    assert found["audio"][0][0] == pytest.approx(0.0, abs=0.05)


def test_a_tampered_recording_is_refused_unless_forced_and_then_says_so(
    device: bags.Device, tmp_path: Path
) -> None:
    bag = bags.plain(device, 12)
    path = bag / "data/segments/0002.mp4.age"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    out = tmp_path / "out.mp4"
    with pytest.raises(RecorderError) as caught:
        exported(device, bag, out)
    assert caught.value.code == "export-tampered"
    assert not out.exists()
    note = exported(device, bag, out, force=True)
    assert note.forced
    assert note.verdict == "tampered"
    assert len(note.left_out) == 1
    assert "0002" in note.left_out[0]
    assert 5 * 30 <= len(seen(out)["video"]) < 12 * 30


def test_errors_name_what_to_do_and_leave_nothing_behind(
    device: bags.Device, tmp_path: Path
) -> None:
    bag = bags.plain(device)
    stranger, _ = Identity.generate()
    folder = tmp_path / "copies"
    folder.mkdir()
    for out, more, code in (
        (bag / "data" / "out.mp4", {}, "export-inside"),
        (tmp_path / "nowhere" / "out.mp4", {}, "export-unwritable"),
        (folder / "out.mp4", {"identities": [stranger]}, "age-identity"),
    ):
        with pytest.raises(RecorderError) as caught:
            exported(device, bag, out, **more)
        assert caught.value.code == code
        assert caught.value.remedy
    assert list(folder.iterdir()) == []
    assert not list(bag.rglob("*out.mp4*"))


def test_captions_never_overlap_and_keep_the_media_s_length() -> None:
    events = [Event(n, "mark", n, n * 0.3, None, "", f"e{n}") for n in range(40)] + [
        Event(50, "interruption", 0, 5.0, None, "", "gap"),
        Event(51, "x", 0, None, None, "", "no"),
    ]
    told = captions(events, "copy", length_s=10.0)
    assert all(c.from_s < c.to_s for c in told)
    assert all(a.to_s <= b.from_s for a, b in itertools.pairwise(told))
    assert told[-1].to_s <= 10.0
    assert not any(row == "no" for c in told for row in c.text.splitlines())
    assert all(len(c.text.splitlines()) <= 5 for c in told)
