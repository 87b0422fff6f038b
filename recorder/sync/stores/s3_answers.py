"""What a store's answers say, field by field. Asks nothing; StoreError for what no store says."""

import base64
import binascii
from typing import Any

import msgspec

from recorder.sync.stores import Keep
from recorder.sync.stores.s3_bucket import ns_of
from recorder.sync.stores.s3_refusals import nonsense

COMPLIANCE = "COMPLIANCE"


class Version(msgspec.Struct, frozen=True):
    """One version of a key, as a list has it."""

    id: str
    size_bytes: int
    mtime_ns: int


class Head(msgspec.Struct, frozen=True):
    """What the store says of one version. ``until_ns`` counts only in compliance ``mode``."""

    size_bytes: int
    mtime_ns: int
    sha256: str
    mode: str
    until_ns: int | None
    hold: bool


def version_of(entry: dict[str, Any], where: str) -> Version:
    """An entry of a list of versions."""
    return Version(
        str(entry.get("VersionId") or ""),
        size(entry.get("Size"), where),
        time(entry.get("LastModified"), where),
    )


def head_of(answer: dict[str, Any], where: str) -> Head:
    """The head of a HEAD's or a GET's answer."""
    return Head(
        size_bytes=size(answer.get("ContentLength"), where),
        mtime_ns=time(answer.get("LastModified"), where),
        sha256=_hex(answer.get("ChecksumSHA256"), where),
        mode=str(answer.get("ObjectLockMode") or ""),
        until_ns=ns_of(answer.get("ObjectLockRetainUntilDate")),
        hold=answer.get("ObjectLockLegalHoldStatus") == "ON",
    )


def holds(head: Head, wanted_ns: int, keep: Keep) -> bool:
    """It is locked as long as it must be, so that nobody can end that."""
    long_enough = head.mode == COMPLIANCE and (head.until_ns or 0) >= wanted_ns
    return long_enough and (head.hold or not keep.hold)


def about(answer: dict[str, Any], prefix: str, where: str) -> None:
    """A list says what it lists; a page of somebody else's parses as an empty one."""
    if answer.get("Prefix") != prefix:
        raise nonsense("a list of something else", where)


def size(value: object, where: str) -> int:
    """Bytes of a file."""
    if not isinstance(value, int) or value < 0:
        raise nonsense("a file without a size", where)
    return value


def time(value: object, where: str) -> int:
    """ns since 1970."""
    ns = ns_of(value)
    if ns is None:
        raise nonsense("a file without a time", where)
    return ns


def _hex(value: object, where: str) -> str:
    """A checksum as hex; "" where the store knows none."""
    if not value:
        return ""
    try:
        return base64.b64decode(str(value), validate=True).hex()
    except (binascii.Error, ValueError) as error:
        raise nonsense("a digest that is none", where) from error
