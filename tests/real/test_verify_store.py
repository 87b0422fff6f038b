"""`recorder verify s3://…` on Ceph's gateway: one recording, a day, a device, the whole store."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from recorder import config
from recorder.clock import NS, SystemClock
from recorder.evidence import keys, lines
from recorder.evidence.register import FORMAT, Key, Register
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_bucket import address, judge_bucket
from recorder.evidence.verification_many import Given
from recorder.evidence.verification_report import Level, Verdict
from recorder.evidence.verification_storing import Storing
from recorder.evidence.verification_trust import Vouched
from recorder.sync import worker
from recorder.sync.progress import Quiet
from recorder.sync.stores import Sort, StoreError, s3_read
from tests.real.sync_run import Synced
from tests.rigs.gateway import ROOT, Gateway, denied
from tests.unit.evidence import bags
from tests.unit.evidence.bags import Device
from tests.unit.sync.spools import Place

POLICY = ROOT / "config" / "s3-verify-policy.example.json"
BUCKET = "evidence"
SEGMENT = "data/segments/0001.mp4.age"
DAY = "2026-11-23"
LATE = {"overdue"}
"""What comes today was due on 2026-11-25."""
YEAR = timedelta(days=366)


def hindered(device: Device) -> Path:
    """A recording in which somebody hinders the act: the store has to hold it."""
    made = bags.media(4)
    writer = device.begin()
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    writer.fragments(bags.batch(made))
    writer.journal(lines.Obstruction(at_ns=103 * NS))
    return device.finish(writer, made.fragments[-1][0].end_ns)


class Desk:
    """A bucket with two devices' recordings, and a desk that may only read."""

    def __init__(self, gateway: Gateway, root: Path) -> None:
        self.gateway = gateway
        self.root = root
        gateway.bucket(BUCKET, Place(root / "admin").settings)
        self.admin = gateway.client(gateway.admin_file)
        self.devices = [Device(root / name, name) for name in ("bc-001", "bc-002")]
        self.bags = [hindered(self.devices[0]), bags.interrupted(self.devices[0]),
                     bags.plain(self.devices[1])]  # fmt: skip
        for device in self.devices:
            place = Place(root / f"sync-{device.name}")
            paths = msgspec.structs.replace(place.settings.paths, spool=str(device.spool))
            settings = msgspec.structs.replace(
                place.settings, paths=paths,
                device=msgspec.structs.replace(place.settings.device, name=device.name),
            )  # fmt: skip
            settings = gateway.settings(settings, BUCKET, gateway.device(device.name, BUCKET))
            assert worker.run_once(settings, Quiet(), clock=Synced()).exit_code == 0
        self.credentials = gateway.user("desk")
        self.policy = POLICY.read_text().replace("BUCKET", BUCKET)
        gateway.allow("desk", self.policy)
        self.config = root / "recorder.toml"
        self.config.write_text(
            '[device]\nname = "desk"\nofficer = "-"\n[organisation]\nname = "t"\nrule = "r"\n'
            f'rule_version = "1"\n[s3]\nendpoint = "{gateway.endpoint}"\nca = "{gateway.ca}"\n'
            f'credentials = "{self.credentials}"\n'
        )
        self.keys = []
        for device in self.devices:
            self.keys.append(root / f"{device.name}.pem")
            self.keys[-1].write_bytes(keys.pem_pair(device.signer.private)[1])

        self.register = root / "register.json"
        registered = [Key("device", d.name, d.key_text, "2026-01-01T00:00:00.000Z")
                      for d in self.devices]  # fmt: skip
        self.register.write_bytes(msgspec.json.encode(Register(FORMAT, "t", tuple(registered))))

    def judge(self, rest: str) -> Any:
        """In this process, with all of the desk's own rights and no others."""
        given = Given(vouched=Vouched(key=self.devices[int(rest[6]) - 1].signer.public))
        return judge_bucket(
            address(BUCKET + rest), config.load(self.config), given, SystemClock(),
            storing=Storing(calendar=config.CalendarSettings()),
        )  # fmt: skip

    def reader(self) -> s3_read.Reader:
        """The desk's eyes."""
        return s3_read.Reader(config.load(self.config).s3, BUCKET, SystemClock())

    def verify(self, *words: object, status: int = 0) -> list[dict[str, Any]]:
        """The lines that come out."""
        done = subprocess.run(
            [sys.executable, "-m", "recorder", "--config", str(self.config), "verify", "--json",
             *map(str, words)], capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module", params=["lenient", "strict"])
def desk(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    root = tmp_path_factory.mktemp(f"verify-{request.param}")
    gateway = Gateway(request.param, root)
    try:
        yield Desk(gateway, root)
    finally:
        gateway.close()


def test_whole_store_device_day_and_recording_are_judged_where_they_lie(desk: Desk) -> None:
    *each, whole = desk.verify(f"s3://{BUCKET}", "--register", desk.register, "--jobs", "2")
    assert sorted(line["recording"] for line in each) == [bag.name for bag in desk.bags]
    assert {line["verdict"] for line in each} == {"valid", "valid with interruptions"}
    assert whole["judged"] == {"valid": 2, "valid with interruptions": 1}
    assert whole["findings"] == []
    assert {f["code"] for line in each for f in line["findings"]} <= LATE
    assert [c for c in whole["checked"] if c.startswith("ledger of bc-00")] == [
        "ledger of bc-001: 5 lines, 2 recordings", "ledger of bc-002: 3 lines, 1 recordings",
    ]  # fmt: skip
    locks = {told for line in each for told in line["checked"] if told.startswith("locks")}
    assert locks == {f"locks of {n} objects: until 2056-11-24 at the earliest{hold}"
                     for n, hold in ((8, ", held"), (9, ""))}  # fmt: skip
    key = ("--key", desk.keys[0])
    *each, device = desk.verify(f"s3://{BUCKET}", "--device", "bc-001", "--day", DAY, *key)
    assert {line["recording"] for line in each} == {bag.name for bag in desk.bags[:2]}
    assert device["judged"] == {"valid": 1, "valid with interruptions": 1}
    (one,) = desk.verify(f"s3://{BUCKET}/bc-001/{desk.bags[0].name}", *key)
    here = verify_recording(desk.bags[0], key=desk.devices[0].signer.public)
    assert (one["verdict"], one["findings"]) == (here.verdict, [])
    assert one["facts"] == msgspec.to_builtins(here.facts)
    (gone,) = desk.verify(f"s3://{BUCKET}/bc-001/{desk.bags[2].name}", status=2)
    assert gone["code"] == "no-bag"


def test_lists_are_read_page_by_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = desk.reader()
    prefix = f"bc-001/{desk.bags[1].name}/"
    whole = reader.versions(prefix), list(reader.below("")), list(reader.below("bc-001/ledger/"))
    assert len(whole[0].versions) > 8 and {"bc-001/", "bc-002/"} <= set(whole[1])
    monkeypatch.setattr(s3_read, "_PAGE", 1)
    paged = reader.versions(prefix), list(reader.below("")), list(reader.below("bc-001/ledger/"))
    assert paged == whole
    reader.close()


def test_the_example_s_policy_lets_a_desk_read_and_do_nothing_else(desk: Desk) -> None:
    client = desk.gateway.client(desk.credentials)
    key = f"bc-001/{desk.bags[0].name}/{SEGMENT}"
    own = {"Bucket": BUCKET, "Key": key}
    head = client.head_object(**own)
    which = {**own, "VersionId": head["VersionId"]}
    later = {"Mode": "COMPLIANCE", "RetainUntilDate": head["ObjectLockRetainUntilDate"] + YEAR}
    denied(client.put_object, **own, Body=b"x")
    denied(client.put_object, Bucket=BUCKET, Key="bc-001/x", Body=b"x")
    denied(client.put_object_retention, **which, Retention=later)
    denied(client.put_object_legal_hold, **which, LegalHold={"Status": "ON"})
    denied(client.delete_object, **own)
    denied(client.delete_object, **which, BypassGovernanceRetention=True)
    denied(client.put_bucket_versioning, Bucket=BUCKET,
           VersioningConfiguration={"Status": "Suspended"})  # fmt: skip
    denied(client.delete_bucket, Bucket=BUCKET)


def test_the_example_s_policy_has_no_right_too_many(desk: Desk) -> None:
    policy = json.loads(desk.policy)
    rights = [right for statement in policy["Statement"] if statement["Effect"] == "Allow"
              for right in statement["Action"]]  # fmt: skip
    missing = []
    for right in rights:
        desk.gateway.allow("desk", desk.policy.replace(f'"{right}"', '"s3:GetBucketTagging"'))
        try:
            report = desk.judge("/bc-001")
        except StoreError as error:
            assert error.sort is Sort.NOT_ALLOWED
        else:
            found = [*report.findings, *(f for each in report.recordings for f in each.findings)]
            if {f.code for f in found} <= LATE:
                missing.append(right)
    desk.gateway.allow("desk", desk.policy)
    assert missing == []


def test_what_somebody_puts_over_it_is_told_and_what_was_locked_first_is_judged(
    desk: Desk,
) -> None:
    bag = desk.bags[2]
    key = f"bc-002/{bag.name}/"
    desk.admin.put_object(Bucket=BUCKET, Key=key + "bagit.txt",
                          Body=(bag / "bagit.txt").read_bytes())  # fmt: skip
    findings = {f.code: f.level for f in desk.judge(f"/bc-002/{bag.name}").findings}
    assert findings == {"more-versions": Level.NOTE}
    desk.admin.put_object(Bucket=BUCKET, Key=key + SEGMENT, Body=b"another film")
    desk.admin.delete_object(Bucket=BUCKET, Key=key + "data/journal.jsonl")
    report = desk.judge(f"/bc-002/{bag.name}")
    assert report.verdict is Verdict.TAMPERED
    assert {(f.code, f.file) for f in report.findings} == {
        ("versions-differ", SEGMENT), ("hidden", "data/journal.jsonl"), ("more-versions", ""),
    }  # fmt: skip
