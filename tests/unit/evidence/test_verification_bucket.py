"""A store that is a bucket is judged like a folder; whatever it withholds or makes up is told."""

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from recorder import config
from recorder.clock import SystemClock
from recorder.errors import RecorderError
from recorder.evidence.verification_bucket import address, judge_bucket
from recorder.evidence.verification_many import Given
from recorder.evidence.verification_report import Findings, FolderReport, Level, Report, Verdict
from recorder.evidence.verification_storing import Storing
from recorder.evidence.verification_trust import Vouched
from tests.rigs.hostile import BUCKET, Held, Hostile, Request, dropped, endless, garbage
from tests.unit.evidence import bags
from tests.unit.evidence.test_statement import Store
from tests.unit.sync.spools import settings

SEGMENT = "data/segments/0001.mp4.age"
HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"
LONG = datetime.now(UTC) + timedelta(days=366 * 30)
DAY = "2026-11-23"
NEWLINE = b"\n"


class Township:
    """A bucket with two recordings, one of them explained by a statement, and their ledger."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root / "desk")
        self.statement = self.store.archive().name
        self.plain = bags.copy(bags.plain(self.store.device), self.store.place)
        shutil.copytree(
            self.store.device.spool / "ledger", self.store.place / "ledger", dirs_exist_ok=True
        )
        self.server = Hostile(root)
        for number, raw in enumerate(
            (self.store.device.spool / "ledger" / "0001.jsonl").read_bytes().splitlines(True)
        ):
            self.put(f"ledger/{number:012d}", raw)
        for folder in (self.store.bag, self.plain, self.store.statements):
            for path in (p for p in folder.rglob("*") if p.is_file()):
                self.put(str(path.relative_to(self.store.place)), path.read_bytes())
        for bag in (self.store.bag, self.plain):
            self.put(f"days/{DAY}/{bag.name}", b"")

    def put(self, key: str, data: bytes) -> None:
        """An object as sync locks it, or another version of one."""
        held = Held(f"v{time.monotonic_ns()}", data, {
            "x-amz-object-lock-mode": "COMPLIANCE",
            "x-amz-object-lock-retain-until-date": f"{LONG:%Y-%m-%dT%H:%M:%SZ}",
        })  # fmt: skip
        held.arrived = datetime(2026, 11, 24, tzinfo=UTC)  # in time
        self.server.objects.setdefault(f"bc-001/{key}", []).append(held)

    def held(self, key: str) -> Held:
        return self.server.objects[f"bc-001/{key}"][0]

    def gone(self, prefix: str) -> None:
        for key in [k for k in self.server.objects if k.startswith(f"bc-001/{prefix}")]:
            del self.server.objects[key]

    def judge(self, rest: str = "", **more: object) -> Report | FolderReport:
        base = settings(Path("/nowhere"), Path("/nowhere"), Path("/nowhere"))
        given = Given(vouched=Vouched(self.store.register()), **more)  # type: ignore[arg-type]
        return judge_bucket(
            address(f"{BUCKET}{rest}"), self.server.settings(base, timeout_s=0.5), given,
            SystemClock(), storing=Storing(calendar=config.CalendarSettings()),
        )  # fmt: skip


@pytest.fixture
def township(tmp_path: Path) -> Iterator[Township]:
    made = Township(tmp_path)
    yield made
    made.server.close()


def told(report: Report | FolderReport) -> set[tuple[Level, str]]:
    """Findings of all."""
    every = [*report.findings]
    if isinstance(report, FolderReport):
        every += [finding for each in report.recordings for finding in each.findings]
    return {(finding.level, finding.code) for finding in every}


def test_bucket_and_folder_are_judged_alike(township: Township) -> None:
    here = township.store.verified()
    there = township.judge()
    assert isinstance(there, FolderReport)
    assert (there.verdict, there.findings) == (here.verdict, ()) == (Verdict.INTERRUPTIONS, ())
    assert len(here.recordings) == len(there.recordings) == 2
    for ours, theirs in zip(here.recordings, there.recordings, strict=True):
        same = ("recording", "verdict", "findings", "interruptions", "facts", "owed")
        assert [getattr(ours, w) for w in same] == [getattr(theirs, w) for w in same]
        assert theirs.path == f"s3://{BUCKET}/bc-001/{theirs.recording}"
    assert there.recordings[0].owed[0].archived == (township.statement,)


def test_one_recording_costs_no_list_of_others(township: Township) -> None:
    report = township.judge(f"/bc-001/{township.plain.name}")
    assert (report.verdict, report.findings) == (Verdict.VALID, ())
    asked = township.server.asked
    assert "list" not in asked and asked.count("versions") == 3  # it, its statements, live/
    files = sum(path.is_file() for path in township.plain.rglob("*"))
    assert asked.count("get") == files
    assert "head" not in asked


def test_a_custodians_key_costs_no_second_fetch(township: Township) -> None:
    owner = township.store.device.identity
    report = township.judge(f"/bc-001/{township.plain.name}", identities=[owner])
    assert (report.verdict, report.findings) == (Verdict.VALID, ())
    assert any(told.startswith("encrypted contents: ") for told in report.checked)
    files = sum(path.is_file() for path in township.plain.rglob("*"))
    assert township.server.asked.count("get") == files


def test_what_came_late_is_noted(township: Township) -> None:
    for bag, day in ((township.plain, 26), (township.store.bag, 25)):
        held = township.held(f"{bag.name}/tagmanifest-sha256.txt.sig")
        held.arrived = datetime(2026, 11, day, 1, tzinfo=UTC)  # due by the 25th
    report = township.judge("/bc-001")
    assert isinstance(report, FolderReport) and report.exit_code == 0
    late = {each.recording: [f.code for f in each.findings] for each in report.recordings}
    assert late == {township.store.bag.name: [], township.plain.name: ["overdue"]}
    alone = township.judge(f"/bc-001/{township.plain.name}")
    assert "stored in time: no ledger given" in alone.not_checked


def test_a_day_is_found_by_its_own_keys(township: Township) -> None:
    report = township.judge("/bc-001", day=DAY)
    assert isinstance(report, FolderReport)
    assert report.judged == {"valid": 1, "valid with interruptions": 1}
    assert [p for p in report.not_checked if p.startswith("ledger: bc-001: a day alone")]
    township.gone(township.plain.name)
    assert (Level.TAMPERED, "no-bag") in told(township.judge("/bc-001", day=DAY))
    township.put(f"days/{DAY}/../x", b"")
    township.put(f"days/{DAY}/..", b"")
    assert {f.file for f in township.judge("/bc-001", day=DAY).findings} >= {"..", "../"}
    with pytest.raises(RecorderError, match="2026-11-24") as caught:
        township.judge("", day="2026-11-24")
    assert caught.value.code == "no-recordings"


def _changed(t: Township) -> None:
    held = t.held(f"{t.plain.name}/{SEGMENT}")
    held.data = bytes([held.data[0] ^ 1]) + held.data[1:]


def _over(t: Township) -> None:
    t.put(f"{t.plain.name}/{SEGMENT}", b"another film")


def _twice(t: Township) -> None:
    t.put(f"{t.plain.name}/{SEGMENT}", t.held(f"{t.plain.name}/{SEGMENT}").data)


def _short(t: Township) -> None:
    t.held(f"{t.plain.name}/{SEGMENT}").until = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _governance(t: Township) -> None:
    t.held(f"{t.plain.name}/{SEGMENT}").mode = "GOVERNANCE"


def _open(t: Township) -> None:
    held = t.held("ledger/000000000001")
    held.mode = held.until = ""


def _line(t: Township) -> None:
    t.held("ledger/000000000001").data *= 2


def _live(t: Township) -> None:
    """The device was destroyed before the bag came; its journal was sent while it recorded."""
    data = (t.plain / "data" / "journal.jsonl").read_bytes()
    t.gone(f"{t.plain.name}/")
    t.put(f"live/{t.plain.name}/{0:012d}-{data.count(NEWLINE) - 1:012d}.jsonl", data)


def _piece(t: Township) -> str:
    """The key of a piece that came before the bag did."""
    data = (t.plain / "data" / "journal.jsonl").read_bytes().splitlines(keepends=True)[0]
    key = f"live/{t.plain.name}/{0:012d}-{0:012d}.jsonl"
    t.put(key, data)
    return key


def _receipted(t: Township) -> None:
    """As _live, but the store has a receipt for the whole."""
    _live(t)
    t.put(f"receipts/{DAY}/{t.plain.name}-1", b"{}")


def _piece_over(t: Township) -> None:
    t.put(_piece(t), b"another")


def _piece_short(t: Township) -> None:
    t.held(_piece(t)).until = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _statement_over(t: Township) -> None:
    t.put(f"statements/{t.statement}/bagit.txt", b"another")


@pytest.mark.parametrize(
    ("change", "level", "code"),
    [
        (_changed, Level.TAMPERED, "changed"),
        (lambda t: t.gone(f"{t.plain.name}/{SEGMENT}"), Level.TAMPERED, "missing"),
        (lambda t: t.put(f"{t.plain.name}/data/x", b"x"), Level.TAMPERED, "foreign"),
        (lambda t: t.put(f"{t.plain.name}/data/", b""), Level.TAMPERED, "foreign"),
        (lambda t: t.gone(f"{t.plain.name}/"), Level.TAMPERED, "recording-missing"),
        (lambda t: t.gone("ledger/000000000002"), Level.TAMPERED, "line-chain"),
        (_line, Level.TAMPERED, "line-foreign"),
        (_over, Level.TAMPERED, "versions-differ"),
        (_twice, Level.NOTE, "more-versions"),
        (_short, Level.DEGRADED, "lock-short"),
        (_governance, Level.DEGRADED, "lock-short"),
        (_open, Level.DEGRADED, "lock-short"),
        (_live, Level.INCOMPLETE, "proven-to"),
        (_receipted, Level.TAMPERED, "seal-removed"),
        (_piece_over, Level.TAMPERED, "versions-differ"),
        (_piece_short, Level.DEGRADED, "lock-short"),
        (_statement_over, Level.TAMPERED, "versions-differ"),
        (lambda t: t.put("quarantine/x/y", b""), Level.INCOMPLETE, "quarantined"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_was_put_is_found(
    township: Township, change: Callable[[Township], None], level: Level, code: str
) -> None:
    change(township)
    report = township.judge("/bc-001", keep_all=False)
    assert (level, code) in told(report)
    findings = Findings()
    findings.add(level, code, "")
    assert report.verdict is max(Verdict.INTERRUPTIONS, findings.verdict, key=lambda v: v.rank)


@pytest.mark.parametrize("place", ["statements", "ledger/private", "live"])
@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("x" * 300,)])
def test_names_that_cannot_be_files_are_told_and_hold_up_nothing(
    township: Township, place: str, names: tuple[str, ...]
) -> None:
    within = f"{place}/{township.plain.name}" if place == "live" else place
    for name in names:
        township.put(f"{within}/{name}", b"x")
    report = township.judge("/bc-001")
    assert isinstance(report, FolderReport)
    assert (Level.INCOMPLETE, "name-left-out") in told(report)
    every = [*report.findings, *(f for each in report.recordings for f in each.findings)]
    (file,) = {f.file for f in every if f.code == "name-left-out"}
    assert file == f"{within}/{max(names)}"
    assert len(report.recordings) == 2 and all(each.facts for each in report.recordings)


def test_what_was_sent_of_a_recording_is_gone_once_it_is_judged(
    township: Township, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(room))
    _live(township)
    left: list[Path] = []
    report = township.judge("/bc-001", told=lambda _: left.extend(room.rglob("live/*/*")))
    assert (Level.INCOMPLETE, "proven-to") in told(report)
    assert left == [] and not list(room.iterdir())


def status(number: int, body: bytes = b"") -> Callable[[Request], None]:
    return lambda request: request.answer(number, body)


def silent(request: Request) -> None:
    time.sleep(1)
    request.close_connection = True


def cut(request: Request) -> None:
    held = request._held()
    assert held is not None
    headers = held.headers() | {"Content_Length": str(len(held.data))}
    request.answer(200, held.data[:-1], **headers)
    request.close_connection = True


def longer(request: Request) -> None:
    held = request._held()
    assert held is not None
    request.answer(200, held.data + b"x", **held.headers())


def again(request: Request) -> None:
    """A page that leads to itself."""
    prefix = request.query["prefix"][0]
    end = "<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"
    request.answer(200, f"<L><Prefix>{prefix}</Prefix>{end}</L>".encode())


def strange(request: Request) -> None:
    """Another folder's keys."""
    prefix = request.query["prefix"][0]
    keys = "<Contents><Key>bc-002/x</Key></Contents>"
    request.answer(200, f"<L><Prefix>{prefix}</Prefix>{keys}</L>".encode())


def recordings_fail(request: Request) -> None:
    """Ledger and statements are given."""
    if request.query["prefix"][0].startswith("bc-001/bc-001-"):
        request.answer(503)
    else:
        request.do_versions()


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("marker", status(200, HTML)), ("marker", endless), ("marker", garbage),
        ("list", status(200, HTML)), ("list", status(503)), ("list", endless), ("list", again),
        ("list", strange),
        ("versions", status(200, HTML)), ("versions", status(403, HTML)), ("versions", endless),
        ("versions", dropped),
        ("get", status(200, HTML)), ("get", status(403, HTML)), ("get", endless), ("get", silent),
        ("get", garbage), ("get", cut), ("get", longer),
    ],
)  # fmt: skip
def test_bad_answers_are_told_with_the_remedy_and_never_a_verdict(
    township: Township, operation: str, fault: Callable[[Request], None]
) -> None:
    township.server.faults[operation] = fault
    for rest in ("/bc-001", f"/bc-001/{township.plain.name}"):
        if operation == "list" and rest != "/bc-001":
            continue  # one recording asks for no list
        try:
            report = township.judge(rest)
        except RecorderError as error:
            assert error.remedy and operation == "marker"
            continue
        assert report.verdict is Verdict.INCOMPLETE
        (finding, *_) = [f for f in report.findings if f.code.startswith("store-")]
        assert finding.text.rpartition("). ")[2]  # the remedy


def test_a_store_that_goes_away_is_not_asked_for_every_recording(township: Township) -> None:
    name = township.plain.name
    for number in range(20):
        township.put(f"{name[:-4]}{number:04x}/bagit.txt", b"")
    township.server.faults["versions"] = recordings_fail
    report = township.judge("/bc-001")
    assert (Level.INCOMPLETE, "given-up") in told(report)
    assert township.server.asked.count("versions") < 10
    assert (Level.TAMPERED, "recording-missing") not in told(report)


@pytest.mark.parametrize("text", ["", "b/d/r/x", "b//r", "/", "b/..", "b/d/../x"])
def test_an_address_names_a_bucket_a_device_or_a_recording(text: str) -> None:
    with pytest.raises(RecorderError, match="s3://BUCKET"):
        address(text)
    assert address("b", "d") == address("b/d") == address("b/d/")
    with pytest.raises(RecorderError):
        address("b/d", "other")


def test_a_bucket_that_needs_no_lock_is_asked_for_none(township: Township) -> None:
    _short(township)
    base = settings(Path("/nowhere"), Path("/nowhere"), Path("/nowhere"))
    loose = township.server.settings(base, lock="none")
    report = judge_bucket(
        address(f"{BUCKET}/bc-001"), loose, Given(vouched=Vouched(township.store.register())),
        SystemClock(), storing=Storing(calendar=config.CalendarSettings()),
    )  # fmt: skip
    assert isinstance(report, FolderReport) and not report.findings
    assert all("locks: the config asks for none" in r.not_checked for r in report.recordings)


def test_without_an_address_of_the_store_the_config_is_named() -> None:
    base = settings(Path("/nowhere"), Path("/nowhere"), Path("/nowhere"))
    base = msgspec.structs.replace(base, s3=config.S3())
    with pytest.raises(RecorderError, match="endpoint"):
        judge_bucket(address(BUCKET), base, Given(vouched=Vouched()), SystemClock(),
                     storing=Storing(calendar=config.CalendarSettings()))  # fmt: skip
