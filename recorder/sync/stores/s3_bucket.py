"""The bucket that is a store: making it, its marker, and whether it locks. Stores no recording."""

import base64
import hashlib
import io
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from recorder.clock import NS, SystemClock
from recorder.config import S3, Settings
from recorder.errors import RecorderError
from recorder.sync.stores import Exists, Keep, Sort, StoreError
from recorder.sync.stores.marker import FORMAT, MARKER, Marker, parse
from recorder.sync.stores.s3_refusals import Missing, unlocked
from recorder.sync.stores.s3_wire import Wire

SCHEME = "s3://"


def make(settings: Settings, credentials: Path, bucket: str, name: str = "") -> Marker:
    """Make a bucket that locks, with its marker; one that is a store already stays what it is.

    ``credentials`` are those of whoever may make buckets, not the device's. RecorderError else.
    """
    s3 = settings.s3
    if not s3.endpoint:
        raise RecorderError(
            "config-invalid", "nobody knows where the store is", where="key s3.endpoint",
            remedy="Write its address into recorder.toml, such as https://store.example:8443",
        )  # fmt: skip
    wire = Wire(s3, SystemClock(), credentials)
    where = f"{SCHEME}{bucket}"
    try:
        try:
            wire.ask("head_bucket", where, Bucket=bucket)
        except Missing:
            wire.ask("create_bucket", where, Bucket=bucket, ObjectLockEnabledForBucket=True)
        check_lock(wire, s3, bucket)
        try:
            return read_marker(wire, bucket)
        except StoreError as error:
            if not isinstance(error.__cause__, Missing):
                raise
        data = msgspec.json.encode(Marker(FORMAT, secrets.token_hex(8), name or bucket)) + b"\n"
        try:
            wire.ask("put_object", where, Bucket=bucket, Key=MARKER, Body=io.BytesIO(data),
                     IfNoneMatch="*", **digest(data))  # fmt: skip
        except Exists:
            return read_marker(wire, bucket)  # somebody else made it a store just now
        return read_marker(wire, bucket)
    finally:
        wire.close()


def digest(data: bytes) -> dict[str, str]:
    """Both headers that make a store check the bytes: a bare digest is ignored."""
    return checksum(hashlib.sha256(data).hexdigest())


def checksum(sha256: str) -> dict[str, str]:
    """The same for a digest in hex."""
    value = base64.b64encode(bytes.fromhex(sha256)).decode()
    return {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": value}


def read_marker(wire: Wire, bucket: str) -> Marker:
    """StoreError where there is none, or the bucket is not there or not ours."""
    where = f"{SCHEME}{bucket}/{MARKER}"
    try:
        data = b"".join(wire.fetch(where, Bucket=bucket, Key=MARKER))
    except Missing as error:
        raise StoreError(
            Sort.NOT_ALLOWED, "store-unfit", f"the bucket is no store (no {MARKER})", where=where,
            remedy=f"Make it one with `recorder provision store {SCHEME}{bucket}`",
            phrase="store_readonly",
        ) from error  # fmt: skip
    return parse(data, where)


def check_lock(wire: Wire, settings: S3, bucket: str) -> None:
    """StoreError (not allowed) where the bucket does not lock, unless config says so aloud."""
    if settings.lock == "none":
        return
    where = f"{SCHEME}{bucket}"
    versioning = wire.ask("get_bucket_versioning", where, Bucket=bucket)
    if versioning.get("Status") != "Enabled":
        raise unlocked("the bucket keeps no versions: evidence could be replaced", where)
    try:
        lock = wire.ask("get_object_lock_configuration", where, Bucket=bucket)
    except StoreError as error:
        if error.code != "store-unfit":
            raise
        lock = {}
    if lock.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
        raise unlocked("the bucket has no Object Lock: evidence could be deleted", where)


def until(base_ns: int, years: int | None, arrived_ns: int, most_years: int) -> int:
    """The end of the lock, ns since 1970: years after ``base_ns``, capped years after arrival."""
    cap_ns = _later(arrived_ns, most_years)
    return cap_ns if years is None else min(_later(min(base_ns, arrived_ns), years), cap_ns)


def owed_ns(keep: Keep, arrived_ns: int, most_years: int) -> int:
    """Until when a file that arrived then must be locked, ns since 1970."""
    base_ns = arrived_ns if keep.ended_ns is None else keep.ended_ns
    return until(base_ns, keep.years, arrived_ns, most_years)


def instant(ns: int) -> datetime:
    """As botocore wants it, on the second above."""
    return datetime.fromtimestamp(-(-ns // NS), UTC)


def ns_of(value: Any) -> int | None:
    """ns since 1970 of what botocore made of a time; None for what is none."""
    return round(value.timestamp()) * NS if isinstance(value, datetime) else None


def _later(ns: int, years: int) -> int:
    moment = datetime.fromtimestamp(ns // NS, UTC)
    try:
        there = moment.replace(year=moment.year + years)
    except ValueError:  # 29 February, or beyond the year 9999
        there = moment.replace(year=min(9999, moment.year + years), month=3, day=1)
    return int(there.timestamp()) * NS
