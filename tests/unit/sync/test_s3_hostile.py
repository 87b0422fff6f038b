"""A store that answers nonsense, lies or sends us elsewhere is never taken at its word."""

import os
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import SSLError

from recorder import config
from recorder.clock import Quality
from recorder.errors import RecorderError
from recorder.sync import receipts, worker
from recorder.sync.progress import Quiet
from recorder.sync.stores import Sort, StoreError
from recorder.sync.stores.s3_refusals import unanswered
from recorder.sync.summary import Summary
from tests.real.sync_run import Synced
from tests.rigs.hostile import Hostile, Request, dropped, endless, garbage
from tests.rigs.tls import Authority
from tests.unit.sync.spools import DEVICE, Place

HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"
SEGMENT = "data/segments/0001.mp4.age"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Hostile]:
    made = Hostile(tmp_path)
    yield made
    made.close()


@pytest.fixture
def place(tmp_path: Path, server: Hostile) -> Place:
    made = Place(tmp_path / "place")
    made.settings = server.settings(made.settings)
    return made


def run(place: Place, **more: Any) -> Summary:
    return worker.run_once(place.settings, Quiet(), **{"clock": Synced(), **more})


def refused(place: Place, **more: Any) -> tuple[StoreError, list[str]]:
    said: list[str] = []
    with pytest.raises(StoreError) as caught:
        run(place, say=said.append, **more)
    return caught.value, said


def stored(place: Place, bag: Path) -> bool:
    return receipts.is_stored(place.sync / "receipts", bag.name, place.key)


def test_a_good_server_gets_everything_locked(place: Place, server: Hostile) -> None:
    bag = place.recording(3_000_000, 0)
    assert run(place).stored == (bag.name,)
    assert stored(place, bag)
    assert {held.mode for versions in server.objects.values() for held in versions} == {
        "COMPLIANCE"
    }
    assert server.objects[f"{DEVICE}/{bag.name}/{SEGMENT}"][0].data == (bag / SEGMENT).read_bytes()


def status(number: int, code: str = "", body: bytes = b"") -> Callable[[Request], None]:
    def answer(request: Request) -> None:
        request.body()
        if code:
            request.refuse(number, code)
        else:
            request.answer(number, body)

    return answer


def elsewhere(number: int) -> Callable[[Request], None]:
    return lambda request: request.answer(
        number, Location="https://203.0.113.7/evidence", x_amz_bucket_region="eu-west-1"
    )


def silent(request: Request) -> None:
    time.sleep(3)
    request.close_connection = True


def no_date(request: Request) -> None:
    request.answer(200, Date="")


def cut(request: Request) -> None:
    request.answer(200, b"short", Content_Length="5000")
    request.close_connection = True


def dripping(request: Request) -> None:
    request.send_response_only(200)
    request.send_header("Date", format_datetime(datetime.now(UTC), usegmt=True))
    request.send_header("Content-Length", "1000")
    request.end_headers()
    for _ in range(1000):
        request.wfile.write(b".")
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("operation", "fault", "code", "sort", "phrase"),
    [
        ("marker", status(200, body=HTML), "store-unfit", Sort.NOT_ALLOWED, "store_readonly"),
        ("marker", status(404, "NoSuchKey"), "store-unfit", Sort.NOT_ALLOWED, "store_readonly"),
        ("marker", status(404, "NoSuchBucket"), "store-unfit", Sort.NOT_ALLOWED, "store_readonly"),
        ("marker", status(404, body=HTML), "store-unfit", Sort.NOT_ALLOWED, "store_readonly"),
        ("marker", status(403, body=HTML), "store-forbidden", Sort.NOT_ALLOWED, "store_readonly"),
        ("marker", status(401, "InvalidAccessKeyId"), "store-forbidden", Sort.NOT_ALLOWED,
         "store_readonly"),
        ("marker", status(403, "RequestTimeTooSkewed"), "store-clock", Sort.LATER, "store_clock"),
        ("marker", elsewhere(301), "store-elsewhere", Sort.NOT_ALLOWED, "store_readonly"),
        ("marker", elsewhere(307), "store-elsewhere", Sort.NOT_ALLOWED, "store_readonly"),
        ("put", elsewhere(307), "store-elsewhere", Sort.NOT_ALLOWED, "store_readonly"),
        ("marker", endless, "store-nonsense", Sort.LATER, "store_gone"),
        ("versions", endless, "store-nonsense", Sort.LATER, "store_gone"),
        ("versions", status(200, body=HTML), "store-nonsense", Sort.LATER, "store_gone"),
        ("versions", status(200, body=b"<?xml"), "store-busy", Sort.LATER, "store_busy"),
        ("head", status(200), "store-nonsense", Sort.LATER, "store_gone"),
        ("marker", no_date, "store-nonsense", Sort.LATER, "store_gone"),
        ("marker", garbage, "store-gone", Sort.LATER, "store_gone"),
        ("marker", dropped, "store-gone", Sort.LATER, "store_gone"),
        ("marker", silent, "store-gone", Sort.LATER, "store_gone"),
        ("put", dropped, "store-gone", Sort.LATER, "store_gone"),
        ("get", cut, "store-gone", Sort.LATER, "store_gone"),
        ("put", status(503, "SlowDown"), "store-busy", Sort.LATER, "store_busy"),
        ("put", status(500, body=HTML), "store-busy", Sort.LATER, "store_busy"),
        ("put", status(400, "BadDigest"), "store-busy", Sort.LATER, "store_busy"),
        ("put", status(403, "QuotaExceeded"), "store-full", Sort.FULL, "store_full"),
        ("put", status(507), "store-full", Sort.FULL, "store_full"),
        ("put", status(403, "AccessDenied"), "store-forbidden", Sort.NOT_ALLOWED,
         "store_readonly"),
        ("put", status(501, "NotImplemented"), "store-unfit", Sort.NOT_ALLOWED, "store_readonly"),
        ("get", dripping, "store-busy", Sort.LATER, "store_busy"),
    ],
)  # fmt: skip
def test_answers_are_sorted_said_and_never_taken_for_done(
    place: Place, server: Hostile, operation: str, fault: Callable[[Request], None], code: str,
    sort: Sort, phrase: str,
) -> None:  # fmt: skip
    place.settings = server.settings(place.settings, timeout_s=1.0)
    bag = place.recording(1000)
    server.faults[operation] = fault
    error, said = refused(place)
    assert (error.code, error.sort, said) == (code, sort, [phrase])
    assert error.remedy and error.where
    assert not stored(place, bag)
    server.faults.clear()
    assert stored(place, bag) or run(place).stored == (bag.name,)


def test_what_is_refused_for_ever_is_set_aside_said_once_and_the_others_go_on(
    place: Place, server: Hostile
) -> None:
    bad, good = place.recording(1000), place.recording(2000)

    def fault(request: Request) -> None:
        if bad.name in request.key and "segments" in request.key:
            request.body()
            request.refuse(400, "EntityTooLarge")
        else:
            request.do_put()

    server.faults["put"] = fault
    said: list[str] = []
    for _ in range(2):
        summary = run(place, say=said.append)
        assert [finding.code for finding in summary.findings] == ["store-refused"]
        assert "EntityTooLarge" in summary.findings[0].text
        assert (place.sync / "aside" / f"{bad.name}.json").exists()
    assert said == ["store_refused"]
    assert stored(place, good) and not stored(place, bad)
    server.faults.clear()
    assert run(place).stored == (bad.name,)
    assert not (place.sync / "aside" / f"{bad.name}.json").exists()


def test_a_recording_that_the_store_cannot_take_now_does_not_hold_up_the_next(
    place: Place, server: Hostile
) -> None:
    bad, good = place.recording(1000), place.recording(2000)

    def fault(request: Request) -> None:
        if bad.name in request.key:
            request.body()
            request.refuse(500, "InternalError")
        else:
            request.do_put()

    server.faults["put"] = fault
    error, said = refused(place)
    assert (error.code, said) == ("store-busy", ["store_busy"])
    assert stored(place, good) and not stored(place, bad)


def test_a_body_that_never_ends_is_not_read_to_its_end(place: Place, server: Hostile) -> None:
    bag = place.recording(1000)

    def fault(request: Request) -> None:
        if request.command == "HEAD" or "segments" not in request.key:
            request.do_get()
            return
        request.answer(200, b"", Content_Length=str(1 << 40))
        while True:
            request.wfile.write(bytes(1 << 20))

    server.faults["get"] = fault
    summary = run(place)
    assert [finding.code for finding in summary.findings] == ["store-damaged"]
    assert not stored(place, bag)


def test_a_store_that_keeps_other_bytes_is_found_by_reading_them_back(
    place: Place, server: Hostile
) -> None:
    bag = place.recording(1000)

    def fault(request: Request) -> None:
        request.do_put()
        for key, versions in server.objects.items():
            if key.endswith("0001.mp4.age"):
                versions[0].data = bytes(1000)

    server.faults["put"] = fault
    assert [finding.code for finding in run(place).findings] == ["store-damaged"]
    assert not stored(place, bag)


def unlocking(request: Request) -> None:
    """A store that takes the lock's headers and forgets them."""
    key = request.key
    request.do_put()
    for held in request.server.objects[key]:
        held.mode = held.until = held.hold = ""


def test_a_lock_that_the_store_forgot_is_put_on_and_asked_for_again(
    place: Place, server: Hostile
) -> None:
    server.faults["put"] = unlocking
    bag = place.recording(1000)
    assert run(place).stored == (bag.name,)
    assert server.asked.count("retention") == len(server.objects)
    assert all(held[0].mode == "COMPLIANCE" for held in server.objects.values())


def test_a_store_that_says_yes_and_locks_nothing_is_not_believed(
    place: Place, server: Hostile
) -> None:
    server.faults |= {"put": unlocking, "retention": status(200)}
    bag = place.recording(1000)
    error, said = refused(place)
    assert (error.code, error.sort, said) == (
        "store-unlocked", Sort.NOT_ALLOWED, ["store_unlocked"],
    )  # fmt: skip
    assert 's3.lock = "none"' in error.remedy
    assert not stored(place, bag)


def test_a_longer_lock_is_never_shortened(place: Place, server: Hostile) -> None:
    bag = place.recording(1000)
    run(place)
    late = f"{datetime.now(UTC) + timedelta(days=20_000):%Y-%m-%dT%H:%M:%SZ}"
    for held in server.objects.values():
        held[0].until = late
        held[0].mode = "GOVERNANCE"
    receipts.path_of(place.sync / "receipts", bag.name).unlink()
    assert run(place).stored == (bag.name,)
    ours = [
        held[0]
        for key, held in server.objects.items()
        if bag.name in key and "/receipts/" not in key
    ]
    assert all(held.mode == "COMPLIANCE" and held.until >= late[:10] for held in ours)


@pytest.mark.parametrize("operation", ["versioning", "lock"])
def test_a_bucket_that_does_not_lock_is_refused_unless_config_says_so_aloud(
    place: Place, server: Hostile, operation: str
) -> None:
    bag = place.recording(1000)
    server.faults[operation] = status(200, body=b"<x></x>")
    error, said = refused(place)
    assert (error.code, said) == ("store-unlocked", ["store_unlocked"])
    assert "provision store" in error.remedy and server.objects == {}
    place.settings = server.settings(place.settings, lock="none")
    assert run(place, clock=Synced(quality=Quality.KEPT)).stored == (bag.name,)
    (line,) = receipts.load(place.sync / "receipts", bag.name, place.key)
    assert line.body.locked_until == ""


@pytest.mark.parametrize("quality", [Quality.UNSET, Quality.KEPT, Quality.RTC])
def test_a_store_that_locks_is_not_even_asked_before_the_clock_is_synchronised(
    place: Place, server: Hostile, quality: Quality
) -> None:
    place.recording(1000)
    error, said = refused(place, clock=Synced(quality=quality))
    assert (error.code, error.sort, said) == ("store-clock", Sort.LATER, ["store_clock"])
    assert server.asked == [] and "synchronised" in error.problem


@pytest.mark.parametrize("off_s", [310, -310, 20 * 365 * 86400])
def test_a_clock_that_differs_from_the_store_s_by_five_minutes_uploads_nothing(
    place: Place, server: Hostile, off_s: float
) -> None:
    place.recording(1000)
    error, said = refused(place, clock=Synced(off_s))
    assert (error.code, error.sort, said) == ("store-clock", Sort.LATER, ["store_clock"])
    assert server.objects == {} and "off the store's" in error.problem


def test_a_clock_that_differs_less_is_noted_in_the_receipt(place: Place, server: Hostile) -> None:
    bag = place.recording(1000)
    run(place, clock=Synced(200))
    (line,) = receipts.load(place.sync / "receipts", bag.name, place.key)
    assert 199_000 <= line.body.clock_offset_ms <= 202_000


def test_a_clock_that_jumps_in_the_middle_of_a_run_sets_no_wrong_lock(
    place: Place, server: Hostile
) -> None:
    place.recording(1000)
    clock = Synced()

    def fault(request: Request) -> None:
        clock.off_ns = 20 * 365 * 86400 * 10**9 if len(server.objects) >= 3 else 0
        request.do_versions()

    server.faults["versions"] = fault
    error, _ = refused(place, clock=clock)
    assert error.code == "store-clock"
    latest = f"{datetime.now(UTC) + timedelta(days=31 * 366 + 2):%Y}"
    assert all(held[0].until[:4] <= latest for held in server.objects.values())


def test_another_authority_s_certificate_is_nobody_s(
    place: Place, server: Hostile, tmp_path: Path
) -> None:
    place.recording(1000)
    other = Authority(tmp_path, "stranger")
    place.settings = server.settings(place.settings, ca=str(other.ca))
    error, said = refused(place)
    assert (error.code, error.sort, said) == ("store-untrusted", Sort.NOT_ALLOWED, ["store_gone"])
    assert server.asked == []


def test_a_gateway_that_dies_within_a_connection_is_gone_and_not_a_stranger() -> None:
    broken = SSLError(endpoint_url="https://store", error=ssl.SSLEOFError(8, "EOF occurred"))
    broken.__cause__ = ssl.SSLEOFError(8, "EOF occurred")
    error = unanswered(broken, "s3://evidence")
    assert (error.code, error.sort) == ("store-gone", Sort.LATER)


def test_an_authority_that_cannot_be_read_names_the_key(place: Place, server: Hostile) -> None:
    place.settings = server.settings(place.settings, ca="/nowhere/ca.pem")
    with pytest.raises(RecorderError, match=r"s3\.ca") as caught:
        run(place)
    assert caught.value.code == "ca-unreadable"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_credentials_that_others_may_read_are_refused(
    place: Place, server: Hostile, mode: int
) -> None:
    server.credentials.chmod(mode)
    with pytest.raises(RecorderError) as caught:
        run(place)
    assert caught.value.code == "credentials-exposed" and server.asked == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_credentials_that_belong_to_somebody_else_are_refused(
    place: Place, server: Hostile
) -> None:
    os.chown(server.credentials, 65534, 65534)
    with pytest.raises(RecorderError) as caught:
        run(place)
    assert caught.value.code == "credentials-exposed"


@pytest.mark.parametrize("text", ["", 'access_key = "a"', "access_key = 1", "{", "\udcff"])
def test_credentials_that_are_none_say_what_they_should_be_and_not_what_they_are(
    place: Place, server: Hostile, text: str
) -> None:
    server.credentials.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RecorderError, match="access_key") as caught:
        run(place)
    assert caught.value.code.startswith("credentials-") and str(server.credentials) in str(
        caught.value
    )


def test_the_environment_leads_nowhere_else(
    place: Place, server: Hostile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[default]\nendpoint_url = https://203.0.113.7\n")
    for name, value in {
        "AWS_PROFILE": "none", "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": "https://203.0.113.7", "AWS_CA_BUNDLE": "/nowhere",
        "HTTPS_PROXY": "http://203.0.113.7:1", "AWS_ACCESS_KEY_ID": "other",
        "AWS_REGION": "x",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    bag = place.recording(1000)
    assert run(place).stored == (bag.name,)


def test_a_file_that_is_not_as_it_was_signed_for_never_arrives_anywhere(
    place: Place, server: Hostile
) -> None:
    bag, other = place.recording(3_000_000), place.recording(1000)
    data = bytearray((bag / SEGMENT).read_bytes())
    data[-1] ^= 1
    (bag / SEGMENT).write_bytes(data)
    summary = run(place)
    assert [finding.code for finding in summary.findings] == ["source-differs"]
    assert f"{DEVICE}/{bag.name}/{SEGMENT}" not in server.objects
    assert summary.stored == (other.name,)


def test_a_store_in_s3_needs_its_address(tmp_path: Path) -> None:
    path = tmp_path / "recorder.toml"
    text = (
        '[device]\nname = "x"\nofficer = "x"\n[organisation]\nname = "x"\nrule = "x"\n'
        'rule_version = "x"\n[sync]\nstore = "s3://evidence"\n'
    )
    path.write_text(text)
    with pytest.raises(RecorderError, match=r"s3\.endpoint"):
        config.load(path)
    path.write_text(text + '[s3]\nendpoint = "https://store.example:8443"\n')
    assert config.load(path).bucket == "evidence"
    for bad in ("http://store.example", "https://a@b", "https://store/x", "store"):
        path.write_text(text + f'[s3]\nendpoint = "{bad}"\n')
        with pytest.raises(RecorderError, match=r"s3\.endpoint"):
            config.load(path)
    for bad in ("s3:/evidence", "s3://", "s3://UPPER", "s3://a/b"):
        path.write_text(text.replace("s3://evidence", bad))
        with pytest.raises(RecorderError, match=r"sync\.store"):
            config.load(path)
