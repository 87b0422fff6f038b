"""Ceph's S3 gateway as the store, a release that fails open and one that is strict. Needs root."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from recorder.clock import Quality
from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.evidence.verification_report import FolderReport, Verdict
from recorder.selftest import store as selftest_store
from recorder.sync import dock, receipts, worker
from recorder.sync.progress import Quiet
from recorder.sync.stores import Exists, Keep, Sort, StoreError
from recorder.sync.stores.s3 import S3Store
from recorder.sync.summary import Summary
from tests.real.sync_run import Synced
from tests.rigs.gateway import POLICY, Gateway, denied
from tests.unit.sync.docked import Docked
from tests.unit.sync.field import Field, codes as found_in
from tests.unit.sync.spools import DEVICE, Place, tree

SIGNATURE = "tagmanifest-sha256.txt.sig"
DAY = timedelta(days=1)


@pytest.fixture(scope="module", params=["lenient", "strict"])
def release(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def gateway(release: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    made = Gateway(release, tmp_path_factory.mktemp(release))
    yield made
    made.close()


class Bucket:
    """A bucket of a test's own, a device's spool, and the device's credentials."""

    count = 0
    device: dict[int, Path] = {}  # noqa: RUF012

    def __init__(self, gateway: Gateway, root: Path) -> None:
        Bucket.count += 1
        self.gateway = gateway
        self.name = f"evidence-{Bucket.count}"
        self.place = Place(root)
        gateway.bucket(self.name, self.place.settings)
        if gateway.port not in Bucket.device:
            Bucket.device[gateway.port] = gateway.device(DEVICE, self.name)
        self.credentials = Bucket.device[gateway.port]
        self.policy = POLICY.read_text().replace("BUCKET", self.name).replace("DEVICE", DEVICE)
        gateway.allow(DEVICE, self.policy)
        self.admin = gateway.client(gateway.admin_file)
        self.set()

    def set(self, **more: Any) -> None:
        """Other words in [s3]."""
        self.place.settings = self.gateway.settings(
            self.place.settings, self.name, self.credentials, **more
        )

    def run(self, **more: Any) -> Summary:
        """One run of sync."""
        return worker.run_once(self.place.settings, Quiet(), **{"clock": Synced(), **more})

    def refused(self, **more: Any) -> tuple[StoreError, list[str]]:
        """One that must not go through, and what was said."""
        said: list[str] = []
        with pytest.raises(StoreError) as caught:
            self.run(say=said.append, **more)
        return caught.value, said

    def stored(self, bag: Path) -> bool:
        """Whether it has its receipt."""
        return receipts.is_stored(self.place.sync / "receipts", bag.name, self.place.key)

    def versions(self) -> dict[str, int]:
        """How many versions each key has, by the administrator's eyes."""
        found: dict[str, int] = {}
        for page in self.admin.get_paginator("list_object_versions").paginate(Bucket=self.name):
            assert not page.get("DeleteMarkers")
            for version in page.get("Versions", ()):
                found[version["Key"]] = found.get(version["Key"], 0) + 1
        found.pop(".bodycam-store")
        return found

    def fetched(self, out: Path, prefix: str = "") -> Path:
        """What is stored below ``prefix``, as files."""
        for key in self.versions():
            if key.startswith(prefix):
                path = out / key.removeprefix(prefix)
                path.parent.mkdir(parents=True, exist_ok=True)
                body = self.admin.get_object(Bucket=self.name, Key=key)["Body"]
                path.write_bytes(body.read())
        return out

    def content(self, bag: Path, out: Path) -> dict[str, str]:
        """The stored bag as files, to be held against the spool's."""
        return tree(self.fetched(out, f"{DEVICE}/{bag.name}/"))

    def head(self, key: str) -> dict[str, Any]:
        """What the store says of the newest version."""
        found: dict[str, Any] = self.admin.head_object(
            Bucket=self.name, Key=key, ChecksumMode="ENABLED"
        )
        return found


@pytest.fixture
def bucket(gateway: Gateway, tmp_path: Path) -> Bucket:
    return Bucket(gateway, tmp_path / "place")


def act(retention: str) -> lines.Act:
    return lines.Act(id="x", title="x", article="10.1", obligation="must", stages=(), content=(),
                     retention=retention)  # fmt: skip


def test_a_bag_arrives_whole_once_and_locked_and_its_receipt_says_what_the_store_says(
    bucket: Bucket, release: str, tmp_path: Path
) -> None:
    bag = bucket.place.recording(3_000_000, 0, 70_000)
    summary = bucket.run()
    assert summary.exit_code == 0 and summary.stored == (bag.name,)
    assert bucket.content(bag, tmp_path / "out") == tree(bag)
    assert set(bucket.versions().values()) == {1}
    ended = datetime.fromisoformat("2026-11-23T01:30:00.020+00:00")
    for key in bucket.versions():
        head = bucket.head(key)
        assert head["ObjectLockMode"] == "COMPLIANCE"
        until = head["ObjectLockRetainUntilDate"]
        if "/ledger/" in key or "/receipts/" in key:
            assert until.year == datetime.now(UTC).year + 30
        else:
            assert ended + timedelta(days=2 * 365) <= until <= ended + timedelta(days=2 * 366) + DAY
    (line,) = receipts.load(bucket.place.sync / "receipts", bag.name, bucket.place.key)
    told = line.body
    assert set(told.versions) == set(tree(bag))
    for name, version in told.versions.items():
        assert bucket.head(f"{DEVICE}/{bag.name}/{name}")["VersionId"] == version
    assert told.locked_until.startswith("2028-11-2") and not told.hold
    assert told.digests == (told.files if release == "strict" else 0)
    assert abs(told.clock_offset_ms) < 60_000 and told.duplicates == 0
    assert f"{DEVICE}/days/2026-11-23/{bag.name}" in bucket.versions()
    again = bucket.run()
    assert (again.stored_before, again.sent_files, again.ledger_lines) == (1, 0, 0)


def test_what_is_closed_travels_and_is_locked_while_the_recording_goes_on(
    bucket: Bucket, tmp_path: Path
) -> None:
    field = Field(tmp_path / "field")
    settings = bucket.gateway.settings(field.settings, bucket.name, bucket.credentials)
    words = msgspec.structs.replace(settings.sync, live=True)
    settings = msgspec.structs.replace(settings, sync=words)
    writer = field.begin()
    field.record(writer, 12)
    summary = worker.run_once(settings, Quiet(), clock=Synced())
    assert summary.live_files == 6 and summary.findings == ()
    before = bucket.versions()
    assert sum(f"/live/{writer.folder.name}/" in key for key in before) == 3
    year = datetime.now(UTC).year
    for key in before:
        head = bucket.head(key)
        assert head["ObjectLockMode"] == "COMPLIANCE"
        assert head["ObjectLockRetainUntilDate"].year - year == 30  # the act's, and the ledger's

    def judged() -> FolderReport:
        field.store = bucket.fetched(tmp_path / "out")
        return field.judge()

    assert found_in(judged()) == {"no-seal", "proven-to"}
    bag = field.end(writer)
    summary = worker.run_once(settings, Quiet(), clock=Synced())
    assert (summary.stored, summary.findings) == ((bag.name,), ())
    assert summary.present_files >= 3 and set(bucket.versions().values()) == {1}
    assert judged().verdict is Verdict.VALID
    assert tree(field.there / bag.name) == tree(bag)


def test_retention_comes_from_the_catalogue_and_is_capped_and_held_where_it_must_be(
    bucket: Bucket,
) -> None:
    place = bucket.place
    bags = {}
    for retention in ("30y", "permanent", "case"):
        place.known = act(retention)
        bags[retention] = place.recording(10)
    folder = place.begin(obstructed=True)
    place.seal(folder)
    assert len(bucket.run().stored) == 4
    year = datetime.now(UTC).year

    def lock(bag: Path) -> tuple[int, bool]:
        head = bucket.head(f"{DEVICE}/{bag.name}/{SIGNATURE}")
        until: datetime = head["ObjectLockRetainUntilDate"]
        return until.year - year, head.get("ObjectLockLegalHoldStatus") == "ON"

    assert lock(bags["30y"]) == (30, False)
    assert lock(bags["permanent"]) == (31, True)
    assert lock(bags["case"]) == (2, False)
    assert lock(folder) == (2, True)
    (line,) = receipts.load(place.sync / "receipts", bags["permanent"].name, place.key)
    assert line.body.hold


def test_the_example_s_policy_lets_a_device_do_nothing_but_its_work(bucket: Bucket) -> None:
    bag = bucket.place.recording(1000)
    bucket.run()
    before = bucket.versions()
    device = bucket.gateway.client(bucket.credentials)
    key = f"{DEVICE}/{bag.name}/{SIGNATURE}"
    head = bucket.head(key)
    own = {"Bucket": bucket.name, "Key": key}
    which = {**own, "VersionId": head["VersionId"]}
    sooner = {"RetainUntilDate": head["ObjectLockRetainUntilDate"] - DAY}
    denied(device.delete_object, **own)
    denied(device.delete_object, **which)
    denied(device.delete_object, **which, BypassGovernanceRetention=True)
    denied(device.delete_objects, Bucket=bucket.name, Delete={"Objects": [{"Key": key}]})
    for mode in ("COMPLIANCE", "GOVERNANCE"):
        for bypass in ({}, {"BypassGovernanceRetention": True}):
            retention = {"Mode": mode, **sooner}
            denied(device.put_object_retention, **which, Retention=retention, **bypass)
    for name in (".bodycam-store", "x", "bc-002/x", f"{DEVICE}2/x"):
        denied(device.put_object, Bucket=bucket.name, Key=name, Body=b"x")
    bucket.admin.put_object(Bucket=bucket.name, Key="bc-002/secret", Body=b"x")
    before["bc-002/secret"] = 1
    denied(device.get_object, Bucket=bucket.name, Key="bc-002/secret")
    for prefix in ("", "bc-", "bc-002/", DEVICE):
        denied(device.list_objects_v2, Bucket=bucket.name, Prefix=prefix)
        denied(device.list_object_versions, Bucket=bucket.name, Prefix=prefix)
    suspended = {"Status": "Suspended"}
    denied(device.put_bucket_versioning, Bucket=bucket.name, VersioningConfiguration=suspended)
    lock = {"ObjectLockEnabled": "Enabled"}
    denied(device.put_object_lock_configuration, Bucket=bucket.name, ObjectLockConfiguration=lock)
    rule = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    denied(device.put_bucket_lifecycle_configuration, Bucket=bucket.name,
           LifecycleConfiguration={"Rules": [rule]})  # fmt: skip
    denied(device.put_bucket_policy, Bucket=bucket.name, Policy=bucket.policy)
    denied(device.get_bucket_policy, Bucket=bucket.name)
    denied(device.delete_bucket, Bucket=bucket.name)
    assert bucket.versions() == before


def test_the_administrator_cannot_delete_it_before_its_time_either(bucket: Bucket) -> None:
    bag = bucket.place.recording(1000)
    bucket.run()
    key = f"{DEVICE}/{bag.name}/{SIGNATURE}"
    version = bucket.head(key)["VersionId"]
    denied(bucket.admin.delete_object, Bucket=bucket.name, Key=key, VersionId=version,
           BypassGovernanceRetention=True)  # fmt: skip
    assert bucket.head(key)["VersionId"] == version


NEEDED = ("s3:PutObject", "s3:ListBucketVersions", "s3:ListBucket", "s3:GetBucketVersioning",
          "s3:GetBucketObjectLockConfiguration")  # fmt: skip
"""Those of reading cannot be proven on Ceph, where who uploads an object owns and may read it."""


def test_the_example_s_policy_has_no_right_too_many(bucket: Bucket) -> None:
    for right in NEEDED:
        policy = json.loads(bucket.policy)
        for statement in policy["Statement"]:
            actions = statement["Action"]
            if statement["Effect"] == "Allow" and isinstance(actions, list):
                statement["Action"] = [action for action in actions if action != right]
        bag = bucket.place.recording(10)
        bucket.gateway.allow(DEVICE, json.dumps(policy))
        error, said = bucket.refused()
        assert (error.sort, said) == (Sort.NOT_ALLOWED, ["store_readonly"]), right
        assert not bucket.stored(bag)
    bucket.gateway.allow(DEVICE, bucket.policy)
    assert len(bucket.run().stored) == len(NEEDED)


def test_a_lock_that_is_missing_is_put_on(bucket: Bucket) -> None:
    bag = bucket.place.recording(1000)
    name = "data/segments/0001.mp4.age"
    key = f"{DEVICE}/{bag.name}/{name}"
    bucket.admin.put_object(Bucket=bucket.name, Key=key, Body=(bag / name).read_bytes())
    assert "ObjectLockMode" not in bucket.head(key)
    summary = bucket.run()
    assert (summary.stored, summary.present_files) == ((bag.name,), 1)
    assert bucket.head(key)["ObjectLockMode"] == "COMPLIANCE"


def test_a_second_put_is_refused_or_counted_and_never_replaces(
    bucket: Bucket, release: str, tmp_path: Path
) -> None:
    bag = bucket.place.recording(5000)
    name = "data/segments/0001.mp4.age"
    key, path = f"{DEVICE}/{bag.name}/{name}", bag / name
    store = S3Store(bucket.place.settings, Synced())
    digest = tree(bag)[name]

    def put() -> None:
        with path.open("rb", buffering=0) as source:
            store.put(key, source, 5000, digest, lambda size: None, Keep(2))

    put()
    if release == "strict":
        with pytest.raises(Exists):
            put()
    else:
        put()
    store.close()
    summary = bucket.run()
    extra = 0 if release == "strict" else 1
    assert (summary.stored, summary.duplicates) == ((bag.name,), extra)
    assert bucket.versions()[key] == 1 + extra
    (line,) = receipts.load(bucket.place.sync / "receipts", bag.name, bucket.place.key)
    assert line.body.duplicates == extra
    assert bucket.content(bag, tmp_path / "out") == tree(bag)


def _other(bucket: Bucket, key: str) -> None:
    bucket.admin.put_object(Bucket=bucket.name, Key=key, Body=b"something else")


def _on_top(bucket: Bucket, key: str) -> None:
    bag = key.split("/")[1]
    data = bucket.place.spool.joinpath(bag, key.partition(f"{bag}/")[2]).read_bytes()
    for body in (data, bytes(len(data)), data):
        bucket.admin.put_object(Bucket=bucket.name, Key=key, Body=body)


def _hidden(bucket: Bucket, key: str) -> None:
    bucket.admin.put_object(Bucket=bucket.name, Key=key, Body=b"x")
    bucket.admin.delete_object(Bucket=bucket.name, Key=key)


def _beside(bucket: Bucket, key: str) -> None:
    bucket.admin.put_object(Bucket=bucket.name, Key=key + ".copy", Body=b"x")


@pytest.mark.parametrize(
    ("planted", "code"),
    [(_other, "store-conflict"), (_on_top, "store-versions"), (_hidden, "store-hidden"),
     (_beside, "store-foreign")],
)  # fmt: skip
def test_what_somebody_else_put_there_is_set_aside_said_and_never_called_stored(
    bucket: Bucket, planted: Any, code: str
) -> None:
    bag, other = bucket.place.recording(1000), bucket.place.recording(1000)
    planted(bucket, f"{DEVICE}/{bag.name}/data/segments/0001.mp4.age")
    said: list[str] = []
    for _ in range(2):
        summary = bucket.run(say=said.append)
        assert [finding.code for finding in summary.findings] == [code]
        assert (bucket.place.sync / "aside" / f"{bag.name}.json").exists()
    assert said == ["store_conflict"]
    assert bucket.stored(other) and not bucket.stored(bag)


def test_four_devices_at_one_dock_fill_one_bucket_each_with_its_own(
    gateway: Gateway, bucket: Bucket, tmp_path: Path
) -> None:
    places = [
        Place(tmp_path / name, device=name) for name in ("bc-011", "bc-012", "bc-013", "bc-014")
    ]
    bags = {place.device: [place.recording(300_000, 70_000)] for place in places}
    processes = []
    for place in places:
        credentials = gateway.device(place.device, bucket.name)
        told = tmp_path / f"{place.device}.json"
        told.write_bytes(
            msgspec.json.encode(gateway.settings(place.settings, bucket.name, credentials))
        )
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.real.sync_run", str(told)], stdout=subprocess.PIPE,
                text=True,
            )
        )  # fmt: skip
    for process in processes:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0, out
        end = json.loads(out.splitlines()[-1])
        assert len(end["stored"]) == 1 and end["duplicates"] == end["present_bytes"] == 0
    versions = bucket.versions()
    assert set(versions.values()) == {1}
    for place in places:
        for bag in bags[place.device]:
            copy = bucket.fetched(tmp_path / "out" / bag.name, f"{place.device}/{bag.name}/")
            assert tree(copy) == tree(bag)
            assert receipts.is_stored(place.sync / "receipts", bag.name, place.key)


def test_a_limit_counts_every_byte_there_and_back(bucket: Bucket) -> None:
    class Stretched(Synced):
        """Time passes by sleeping, not by waiting."""

        slept_s = 0.0

        def boot_ns(self) -> int:
            return super().boot_ns() + round(self.slept_s * 1e9)

        def sleep(self, seconds: float) -> None:
            with lock:
                self.slept_s += seconds

    lock = threading.Lock()
    clock = Stretched()
    sync = msgspec.structs.replace(bucket.place.settings.sync, limit_kbps=1000)
    bucket.place.settings = msgspec.structs.replace(bucket.place.settings, sync=sync)
    bag = bucket.place.recording(1_500_000)
    begun_ns = clock.boot_ns()
    assert bucket.run(clock=clock, sleep=clock.sleep).stored == (bag.name,)
    took_s = (clock.boot_ns() - begun_ns) / 1e9
    assert took_s >= 2 * 1_500_000 * 8 / 1_000_000
    assert 20 < clock.slept_s < 27  # and no more than that: 3 MB and what belongs to a bag


def test_a_bucket_without_lock_is_refused_with_the_remedy_unless_config_says_so_aloud(
    bucket: Bucket, tmp_path: Path
) -> None:
    bag = bucket.place.recording(1000)
    marker = bucket.admin.get_object(Bucket=bucket.name, Key=".bodycam-store")["Body"].read()
    plain = f"{bucket.name}-plain"
    bucket.admin.create_bucket(Bucket=plain)
    bucket.admin.put_object(Bucket=plain, Key=".bodycam-store", Body=marker)
    bucket.gateway.allow(DEVICE, bucket.policy.replace(bucket.name, plain))
    bucket.name = plain
    bucket.set()
    error, said = bucket.refused()
    assert (error.code, said) == ("store-unlocked", ["store_unlocked"])
    assert "provision store" in error.remedy
    with pytest.raises(StoreError, match="versions"):
        bucket.gateway.bucket(plain, bucket.place.settings)
    bucket.set(lock="none")
    assert bucket.run(clock=Synced(quality=Quality.KEPT)).stored == (bag.name,)


def test_an_unset_clock_or_one_that_is_off_uploads_nothing_and_says_so(bucket: Bucket) -> None:
    bucket.place.recording(1000)
    for clock in (Synced(quality=Quality.KEPT), Synced(600), Synced(-20 * 365 * 86400)):
        error, said = bucket.refused(clock=clock)
        assert (error.code, error.sort, said) == ("store-clock", Sort.LATER, ["store_clock"])
    assert bucket.versions() == {}


def test_a_full_store_is_said_and_goes_on_when_there_is_room(bucket: Bucket) -> None:
    bag = bucket.place.recording(*[1000] * 20)
    admin = bucket.gateway.admin
    owner = ("--uid=admin", "--quota-scope=bucket")
    admin("quota", "set", *owner, f"--bucket={bucket.name}", "--max-objects=10")
    admin("quota", "enable", *owner, f"--bucket={bucket.name}")
    error, said = bucket.refused()
    assert (error.sort, said) == (Sort.FULL, ["store_full"])
    assert f"{DEVICE}/{bag.name}/{SIGNATURE}" not in bucket.versions()
    admin("quota", "disable", *owner, f"--bucket={bucket.name}")
    deadline = time.monotonic() + 30  # the gateway hears of it through its cache
    while (stored := _stored(bucket)) != (bag.name,):
        assert time.monotonic() < deadline, stored


def _stored(bucket: Bucket) -> tuple[str, ...]:
    try:
        return bucket.run().stored
    except StoreError as error:
        assert error.sort is Sort.FULL
        return ()


def test_a_self_test_reaches_the_bucket_and_puts_nothing_that_could_not_be_deleted(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest_store, "SystemClock", Synced)
    before = bucket.versions()
    assert selftest_store.reach(bucket.place.settings).code == "unwritten"
    assert bucket.versions() == before
    bucket.gateway.allow(DEVICE, bucket.policy.replace('"Allow"', '"Deny"'))
    assert selftest_store.reach(bucket.place.settings).code == "readonly"
    bucket.gateway.allow(DEVICE, bucket.policy)


def test_withdrawn_credentials_stop_and_speak_and_given_back_they_go_on(bucket: Bucket) -> None:
    bag = bucket.place.recording(1000)
    store = S3Store(bucket.place.settings, Synced())
    bucket.gateway.allow(DEVICE, bucket.policy.replace('"Allow"', '"Deny"'))
    with pytest.raises(StoreError) as caught:
        store.stat(f"{DEVICE}/x")
    assert caught.value.sort is Sort.NOT_ALLOWED
    error, said = bucket.refused()
    assert (error.code, said) == ("store-forbidden", ["store_readonly"])
    bucket.gateway.allow(DEVICE, bucket.policy)
    assert bucket.run().stored == (bag.name,)


def test_a_device_s_credentials_cannot_make_a_store_and_making_one_twice_is_harmless(
    bucket: Bucket, tmp_path: Path
) -> None:
    config = tmp_path / "recorder.toml"
    config.write_text(
        '[device]\nname = "x"\nofficer = "x"\n[organisation]\nname = "x"\nrule = "x"\n'
        f'rule_version = "x"\n[s3]\nendpoint = "{bucket.gateway.endpoint}"\n'
        f'ca = "{bucket.gateway.ca}"\n'
    )

    def provision(name: str, credentials: Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "recorder", "--config", str(config), "provision", "store",
             f"s3://{name}", "--credentials", str(credentials), "--json"],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    first = provision(bucket.name, bucket.gateway.admin_file)
    second = provision(bucket.name, bucket.gateway.admin_file)
    assert first.returncode == 0 and first.stdout == second.stdout, first.stderr
    refused = provision(f"{bucket.name}-mine", bucket.credentials)
    assert refused.returncode == 2 and "Traceback" not in refused.stderr


def test_no_gateway_at_all_is_gone_and_not_an_empty_store(bucket: Bucket) -> None:
    bucket.place.recording(1000)
    bucket.gateway.kill()
    try:
        error, said = bucket.refused()
    finally:
        bucket.gateway.start()
    assert (error.code, error.sort, said) == ("store-gone", Sort.LATER, ["store_gone"])


def test_another_authority_is_not_believed(bucket: Bucket) -> None:
    bucket.place.recording(1000)
    bucket.set(ca="/etc/ssl/certs/ca-certificates.crt")
    with pytest.raises(RecorderError) as caught:
        bucket.run()
    assert caught.value.code == "store-untrusted"


def test_a_day_later_a_bucket_is_read_again_and_both_receipts_lie_locked_beside_the_bag(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bag = bucket.place.recording(3_000_000, 0)
    bucket.run()
    plain = S3Store.time_ns
    monkeypatch.setattr(S3Store, "time_ns", lambda store: plain(store) + 25 * 3600 * 10**9)
    before = bucket.versions()
    assert bucket.run().read_twice == 1
    one, two = receipts.load(bucket.place.sync / "receipts", bag.name, bucket.place.key)
    assert receipts.twice((one, two), tree(bag)["tagmanifest-sha256.txt"]) == two
    assert two.body.versions == one.body.versions and len(two.body.versions) == two.body.files
    assert two.body.locked_until == one.body.locked_until != ""
    (new,) = set(bucket.versions()) - set(before)
    assert new == f"{DEVICE}/receipts/{one.body.read[:10]}/{bag.name}-2"
    assert set(bucket.versions().values()) == {1}
    assert bucket.head(new)["ObjectLockMode"] == "COMPLIANCE"


def test_a_dock_with_its_own_policy_reads_back_and_writes_nothing_but_receipts(
    bucket: Bucket, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docked = Docked(tmp_path / "docked", bucket.place)
    bucket.run()
    plain = S3Store.time_ns
    monkeypatch.setattr(S3Store, "time_ns", lambda store: plain(store) + 25 * 3600 * 10**9)
    credentials = gateway.dock(f"dock-{bucket.name}", bucket.name)
    settings = docked.on_dock(gateway.settings(bucket.place.settings, bucket.name, credentials))
    done = dock.read_back(
        settings, Quiet(), clock=Synced(), open_store=lambda s, _: S3Store(s, Synced())
    )
    assert (done.read_twice, done.findings) == (1, ())
    paths = msgspec.structs.replace(bucket.place.settings.paths, keys=str(docked.keys))
    lazy = msgspec.structs.replace(bucket.place.settings.sync, read_back_mb=0)
    bucket.place.settings = msgspec.structs.replace(bucket.place.settings, paths=paths, sync=lazy)
    assert bucket.run().read_twice == 1 and docked.twice(docked.key.public)
    s3 = gateway.client(credentials)
    for name in (f"{docked.bag.name}/{SIGNATURE}", "ledger/000000009999"):
        key = {"Bucket": bucket.name, "Key": f"{DEVICE}/{name}"}
        denied(s3.put_object, **key, Body=b"x")
        denied(s3.delete_object, **key)
