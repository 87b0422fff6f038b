"""What somebody with a desk's key can do to a recording: end it, and nothing else unseen."""

import base64
import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from recorder.clock import NS, ClockState, ManualClock, Quality
from recorder.evidence import keys, lines, recovery
from recorder.evidence.chain import Line, Log
from recorder.evidence.instants import wall_time
from recorder.evidence.seal import sign_tags
from recorder.evidence.verification_report import Report, Verdict
from tests.unit.evidence import bags, cards


@pytest.fixture
def device(tmp_path: Path) -> bags.Device:
    return bags.Device(tmp_path / "card")


@pytest.fixture
def desk(tmp_path: Path, device: bags.Device) -> cards.Desk:
    return cards.Desk(tmp_path, device)


def ending(last_ns: int) -> list[Any]:
    return [
        lines.Recovered(why="desk", fragments=7, moved=()),
        lines.Interruption(interruption=1, from_ns=last_ns, cause="device_lost", detail=""),
        lines.StatementDue(interruption=None, why="device_lost"),
        lines.End(end_ns=last_ns, source="desk", planned=False, spoken=False),
    ]


class Forgery:
    """A desk's copy of an open recording, with whatever lines it likes behind a handover."""

    def __init__(
        self, desk: cards.Desk, source: Path, keep: int | None = None, last_ns: int | None = None
    ) -> None:
        self.desk = desk
        self.path = desk.out / source.name
        shutil.copytree(desk.device.spool / "ledger", desk.out / "ledger")
        shutil.copytree(source, self.path)
        self.journal = self.path / "data/journal.jsonl"
        self.good: list[Line] = recovery.walk(self.path)[0][:keep]
        self.device_lines = [line.body for line in self.good]
        self.fragments = [b for b in self.device_lines if isinstance(b, lines.Fragment)]
        self.last_ns = self.fragments[-1].end_ns if last_ns is None else last_ns

    def cut(self) -> None:
        """Take the device's lines behind those that are kept away."""
        rows = self.journal.read_bytes().splitlines(keepends=True)
        self.journal.write_bytes(b"".join(rows[: len(self.good)]))
        found = recovery.reopen(
            self.path, signer=self.desk.signer, recipients=(), clock=self.desk.clock,
            settings=self.desk.device.settings,
        )  # fmt: skip
        shutil.rmtree(self.path / "data/tails", ignore_errors=True)
        self.ends = recovery.missing_ends(found)

    def write(
        self, bodies: Sequence[Any], *, handover: Any = None, by: keys.KeySigner | None = None
    ) -> Report:
        """Sign, close and seal; what verify says of it."""
        desk = self.desk
        log = Log(
            self.path / "data", "journal", desk.signer, desk.clock, first=True,
            n=len(self.good), prev=self.good[-1].sha256, number=2,
        )  # fmt: skip
        log._signer = by or desk.signer
        log.append(handover or lines.Handover(key=keys.base64_public(desk.signer), software="0"))
        log._signer = desk.signer
        for body in bodies:
            log.append(body)
        whole = [*self.device_lines, *bodies]

        def count(kind: type) -> int:
            return sum(isinstance(body, kind) for body in whole)

        start = next((b for b in whole if isinstance(b, lines.Start)), None)
        log.append(
            lines.Close(
                start_ns=start.start_ns if start else None, end_ns=self.last_ns,
                segments=count(lines.Segment), fragments=count(lines.Fragment),
                interruptions=count(lines.Interruption),
                statements_due=count(lines.StatementDue),
            )
        )  # fmt: skip
        log.close()
        sign_tags(self.path, name=self.path.name, source="o", description="d", digests={},
                  utc="2026-12-01T08:00:00.000Z", signer=desk.signer)  # fmt: skip
        return desk.judge(self.path.name)


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def test_the_honest_end_is_accepted(device: bags.Device, desk: cards.Desk) -> None:
    forged = Forgery(desk, cards.left_open(device))
    forged.cut()
    report = forged.write([*forged.ends, *ending(forged.last_ns)])
    assert report.verdict is Verdict.INTERRUPTIONS, report.findings


_Make = Callable[["Forgery"], list[Any]]
_ADDED: dict[str, _Make] = {
    "a fragment": lambda f: [f.fragments[-1], *ending(f.last_ns)],
    "a mark": lambda f: [lines.Mark(at_ns=104 * NS, item="亮证"), *ending(f.last_ns)],
    "a slot": lambda f: [
        lines.Slot(element="place", state="heard", from_ns=None, to_ns=None), *ending(f.last_ns)
    ],
    "a reason": lambda f: [
        *ending(f.last_ns),
        lines.Reason(interruption=1, category="weather", presses=2, heard=True,
                     from_ns=None, to_ns=None),
    ],
    "a planned end": lambda f: [
        lines.End(end_ns=f.last_ns, source="button", planned=True, spoken=True)
    ],
    "an end elsewhere": lambda f: [*ending(f.last_ns)[:3], lines.End(
        end_ns=f.last_ns - NS, source="desk", planned=False, spoken=False)],
    "an interruption in the middle": lambda f: ending(f.last_ns - 3 * NS),
    "a cause of its own choice": lambda f: [
        lines.StatementDue(interruption=None, why="battery_empty"), *ending(f.last_ns)
    ],
    "a device's recovery": lambda f: [
        lines.Recovered(why="reboot", fragments=7, moved=()), *ending(f.last_ns)
    ],
    "a second handover": lambda f: [
        lines.Handover(key=keys.base64_public(f.desk.signer), software="0"), *ending(f.last_ns)
    ],
}  # fmt: skip


@pytest.mark.parametrize("what", _ADDED)
def test_a_desk_adds_no(what: str, device: bags.Device, desk: cards.Desk) -> None:
    forged = Forgery(desk, cards.left_open(device))
    forged.cut()
    report = forged.write([*forged.ends, *_ADDED[what](forged)])
    assert report.verdict is Verdict.TAMPERED
    assert "handover" in codes(report)


def test_a_desk_makes_no_file_longer(device: bags.Device, desk: cards.Desk) -> None:
    """Who is also a custodian could encrypt more pictures with a segment's own file key."""
    forged = Forgery(desk, cards.left_open(device))
    forged.cut()
    (end,) = forged.ends
    path = forged.path / "data/segments" / f"{end.segment:04d}.mp4.age"
    with path.open("ab") as file:
        file.write(b"another second")
    end = lines.SegmentEnd(
        segment=end.segment, fragments=end.fragments, age_bytes=path.stat().st_size,
        age_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )  # fmt: skip
    report = forged.write([end, *ending(forged.last_ns)])
    assert (report.verdict, "changed" in codes(report)) == (Verdict.TAMPERED, True)


@pytest.mark.parametrize("file", ["segments/0001.mp4.age", "private/0.json.age"])
def test_a_desks_loss_excuses_no_changed_byte(
    file: str, device: bags.Device, desk: cards.Desk
) -> None:
    forged = Forgery(desk, cards.left_open(device))
    forged.cut()
    path = forged.path / "data" / file
    raw = bytearray(path.read_bytes())
    raw[300] ^= 1
    path.write_bytes(raw)
    loss = lines.Loss(what=path.name, detail="so the desk says")
    report = forged.write([*forged.ends, loss, *ending(forged.last_ns)])
    assert (report.verdict, "changed" in codes(report)) == (Verdict.TAMPERED, True)


def test_a_devices_loss_excuses_no_byte_that_the_desk_changed(
    device: bags.Device, desk: cards.Desk
) -> None:
    """The device lost the segment's end and said so; the desk changes its beginning."""
    bag = cards.left_open(device)
    found = recovery.reopen(
        bag, signer=device.signer, recipients=(), clock=device.clock, settings=device.settings
    )
    found.writer.journal(lines.Loss(what="0001.mp4.age", detail="shorter than its journal says"))
    found.writer.log.close()
    forged = Forgery(desk, bag)
    forged.cut()
    path = forged.path / "data/segments/0001.mp4.age"
    raw = bytearray(path.read_bytes())
    raw[70_000] ^= 1
    path.write_bytes(raw)
    report = forged.write([*forged.ends, *ending(forged.last_ns)])
    assert (report.verdict, "changed" in codes(report)) == (Verdict.TAMPERED, True)


def test_a_desk_adds_no_file_beside_those_that_the_device_named(
    device: bags.Device, desk: cards.Desk
) -> None:
    """Its seal lists them, and who plays all segments in a row would see its film."""
    forged = Forgery(desk, cards.left_open(device))
    forged.cut()
    added = ["data/segments/0009.mp4.age", "data/private/99.json.age", "data/film.mp4"]
    for name in added:
        (forged.path / name).write_bytes(b"another film")
    report = forged.write([*forged.ends, *ending(forged.last_ns)])
    assert report.verdict is Verdict.TAMPERED
    assert {f.file for f in report.findings if f.code == "foreign"} == set(added)


@pytest.mark.parametrize("last_s", [102, 0, 9999])
def test_a_recording_without_media_ends_at_its_press(
    last_s: int, device: bags.Device, desk: cards.Desk
) -> None:
    writer = device.begin()
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    forged = Forgery(desk, writer.folder, last_ns=102 * NS)
    report = forged.write(ending(last_s * NS))
    assert ("handover" in codes(report)) == (last_s != 102)


@pytest.mark.parametrize(("utc", "error_ms"), [("2026-12-24T01:30:00.000Z", 1),
                                               ("2026-11-23T01:30:00.015Z", 1)])  # fmt: skip
def test_a_desks_clock_moves_no_instant_of_the_device(
    utc: str, error_ms: int, device: bags.Device, desk: cards.Desk
) -> None:
    """Its lines claim the device's own boot, and a better clock than the device had."""
    forged = Forgery(desk, cards.left_open(device))
    forged.cut()
    honest = wall_time([forged.journal])
    last = forged.good[-1].header
    desk.clock = ManualClock(last.boot_ns, utc, last.boot_id, ClockState(Quality.SYNCED, error_ms))
    report = forged.write([*forged.ends, *ending(forged.last_ns)])
    assert report.facts is not None
    for said, at_ns in (
        (report.facts.start, report.facts.start_ns),
        (report.facts.end, forged.last_ns),
    ):
        assert at_ns is not None and said == honest.at(last.boot_id, at_ns)
    assert "clock-contradicts" not in codes(report)


def test_lines_that_are_cut_are_seen_where_they_still_lie(
    device: bags.Device, desk: cards.Desk
) -> None:
    """Left in the earlier journal file, as if a failed sync had repeated them."""
    forged = Forgery(desk, cards.left_open(device), keep=-2)
    report = forged.write([*ending(forged.last_ns)])
    assert (report.verdict, "line-foreign" in codes(report)) == (Verdict.TAMPERED, True)


def test_a_recording_that_the_device_sealed_cannot_be_cut_where_its_ledger_is(
    device: bags.Device, desk: cards.Desk
) -> None:
    forged = Forgery(desk, bags.plain(device), keep=-4)
    forged.cut()
    report = forged.write([*forged.ends, *ending(forged.last_ns)])
    assert report.verdict is Verdict.TAMPERED
    assert {"seal-differs", "journal-differs", "two-bags"} <= codes(report)


def test_an_open_recording_that_a_desk_cut_short_says_that_a_desk_ended_it(
    device: bags.Device, desk: cards.Desk
) -> None:
    """Not promised to be found (docs/security.md): only that it stands there for all to see."""
    forged = Forgery(desk, cards.left_open(device), keep=-2)
    forged.cut()
    report = forged.write([*forged.ends, *ending(forged.last_ns)])
    assert report.verdict is Verdict.INTERRUPTIONS
    assert "only ledger and store can tell" in next(
        f.text for f in report.findings if f.code == "desk"
    )


def test_a_handover_is_signed_by_the_key_that_it_names(
    device: bags.Device, desk: cards.Desk
) -> None:
    forged = Forgery(desk, cards.left_open(device))
    forged.cut()
    report = forged.write([*forged.ends, *ending(forged.last_ns)], by=device.signer)
    assert (report.verdict, "line-damaged" in codes(report)) == (Verdict.TAMPERED, True)


def test_a_key_that_proves_nothing_takes_nothing_over(
    device: bags.Device, desk: cards.Desk
) -> None:
    forged = Forgery(desk, cards.left_open(device))
    forged.cut()
    weak = lines.Handover(key=base64.b64encode(b"\x01" + bytes(31)).decode(), software="0")
    report = forged.write([*forged.ends, *ending(forged.last_ns)], handover=weak)
    assert report.verdict is Verdict.TAMPERED
