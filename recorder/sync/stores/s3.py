"""A store that is a bucket: versions, Object Lock in compliance mode, a create-only PUT per file.

Some gateways ignore headers that they do not know, so nothing is believed from a PUT's answer: what
was kept is asked for afterwards, mended where the lock is missing, and asked for again.
Deletes nothing, bypasses nothing, splits nothing.
"""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from recorder.clock import NS, Clock
from recorder.config import Settings
from recorder.sync.stores import (
    Conflict,
    Keep,
    Kept,
    Moved,
    Source,
    Stat,
    StoreError,
)
from recorder.sync.stores.s3_answers import (
    COMPLIANCE,
    Head,
    Version,
    about,
    head_of,
    holds,
    version_of,
)
from recorder.sync.stores.s3_body import Body, Turn
from recorder.sync.stores.s3_bucket import (
    SCHEME,
    check_lock,
    checksum,
    instant,
    owed_ns,
    read_marker,
    until,
)
from recorder.sync.stores.s3_refusals import Missing, unlocked
from recorder.sync.stores.s3_wire import Wire

_DAY_NS = 24 * 3600 * NS
_MOST_VERSIONS = 100
_LANES = 3


class S3Store:
    """An open bucket. Files are sent one after another, so that a cut costs one of them."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Raises RecorderError, StoreError where it is gone, forbidden, no store or does not lock.

        A store that locks is not opened before the clock is synchronised and agrees with it.
        """
        self._s3, self._bucket = settings.s3, settings.bucket
        self._clock = clock
        self._locks = self._s3.lock != "none"
        self._where = f"{SCHEME}{self._bucket}"
        self._sending = threading.Lock()
        self._wire = Wire(self._s3, clock, Path(self._s3.credentials))
        try:
            self._gate()
            self._mark = read_marker(self._wire, self._bucket)
            self._gate()
            check_lock(self._wire, self._s3, self._bucket)
        except BaseException:
            self._wire.close()
            raise

    @property
    def id(self) -> str:
        """Which store it is, wherever it is reached."""
        return self._mark.id

    @property
    def name(self) -> str:
        """The township's name for it."""
        return self._mark.name

    @property
    def lanes(self) -> int:
        """One file is sent, another read back, a third asked for."""
        return _LANES

    def put(
        self, key: str, source: Source, size_bytes: int, sha256: str, moved: Moved, keep: Keep
    ) -> None:
        """Create ``key``; see Store. Broken off anywhere, the store has nothing."""
        where = f"{self._where}/{key}"
        with Turn(self._sending) as turn:
            self._gate()
            body = Body(
                source, size_bytes, sha256, moved, turn.over, self._clock, self._s3.timeout_s
            )
            try:
                self._wire.ask(
                    "put_object", where, Bucket=self._bucket, Key=key, Body=body,
                    ContentLength=size_bytes, IfNoneMatch="*", **checksum(sha256),
                    **self._lock(keep),
                )  # fmt: skip
            except StoreError as error:
                if body.failure is None:
                    raise
                body.failure.where = body.failure.where or where
                raise body.failure from error

    def _lock(self, keep: Keep) -> dict[str, Any]:
        """A day longer than needed, so that it is still enough when the file has arrived."""
        if not self._locks:
            return {}
        now_ns = self._wire.time_ns()
        base_ns = now_ns if keep.ended_ns is None else keep.ended_ns
        end_ns = until(base_ns, keep.years, now_ns, self._s3.max_years) + _DAY_NS
        hold = {"ObjectLockLegalHoldStatus": "ON"} if keep.hold else {}
        return {
            "ObjectLockMode": COMPLIANCE,
            "ObjectLockRetainUntilDate": instant(end_ns),
            **hold,
        }

    def stat(self, key: str) -> Stat | None:
        """Size and arrival of its first version; None where there is no such key."""
        versions = self._versions(key)
        return Stat(versions[-1].size_bytes, versions[-1].mtime_ns) if versions else None

    def assure(self, key: str, size_bytes: int, sha256: str, keep: Keep) -> Kept:
        """See Store. Of several versions, all of which must be the same, the first one counts."""
        versions = self._versions(key)
        if not versions:
            raise Missing(f"{self._where}/{key}")
        first = versions[-1]
        for other in versions if len(versions) > 1 else ():
            if self._digest(key, other.id) != (size_bytes, sha256):
                raise Conflict("store-versions", key, "it has another version of that file")
        head = self._head(key, first.id)
        if head.size_bytes != size_bytes or head.sha256 not in ("", sha256):
            raise Conflict("store-conflict", key, "the store says that it holds another file")
        if self._locks:
            head = self._locked(key, first.id, head, keep)
        return Kept(
            mtime_ns=head.mtime_ns,
            version=first.id,
            locked_until_ns=head.until_ns if head.mode == COMPLIANCE else None,
            hold=head.hold,
            digest=head.sha256 == sha256,
            duplicates=len(versions) - 1,
        )

    def _locked(self, key: str, version: str, head: Head, keep: Keep) -> Head:
        where = f"{self._where}/{key}"
        wanted_ns = owed_ns(keep, head.mtime_ns, self._s3.max_years)
        if not version or version == "null":
            raise unlocked("the store gave it no version: it could be replaced", where)
        if holds(head, wanted_ns, keep):
            return head
        self._gate()
        which = {"Bucket": self._bucket, "Key": key, "VersionId": version}
        if head.mode != COMPLIANCE or (head.until_ns or 0) < wanted_ns:
            # Never shorter than it is: another mode's longer time stays the time.
            end_ns = max(wanted_ns + _DAY_NS, head.until_ns or 0)
            retention = {"Mode": COMPLIANCE, "RetainUntilDate": instant(end_ns)}
            self._wire.ask("put_object_retention", where, Retention=retention, **which)
        if keep.hold and not head.hold:
            self._wire.ask("put_object_legal_hold", where, LegalHold={"Status": "ON"}, **which)
        head = self._head(key, version)
        if not holds(head, wanted_ns, keep):
            raise unlocked("it took the file and the lock, and says that it is not locked", where)
        return head

    def read(self, key: str) -> Iterator[memoryview]:
        """The bytes of the newest version, which is what anybody else would get."""
        return self._read(key, {})

    def _read(self, key: str, which: dict[str, str]) -> Iterator[memoryview]:
        where = f"{self._where}/{key}"
        return self._wire.fetch(where, Bucket=self._bucket, Key=key, **which)

    def _digest(self, key: str, version: str) -> tuple[int, str]:
        digest, count = hashlib.sha256(), 0
        for piece in self._read(key, {"VersionId": version}):
            digest.update(piece)
            count += len(piece)
        return count, digest.hexdigest()

    def list(self, prefix: str, limit: int) -> tuple[str, ...]:
        """At most ``limit`` keys below the folder ``prefix``."""
        found: list[str] = []
        more: dict[str, str] = {}
        where = f"{self._where}/{prefix}/"
        while len(found) < limit:
            answer = self._wire.ask(
                "list_objects_v2", where, Bucket=self._bucket, Prefix=f"{prefix}/",
                MaxKeys=min(1000, limit - len(found)), **more,
            )  # fmt: skip
            about(answer, f"{prefix}/", where)
            keys = [str(entry["Key"]) for entry in answer.get("Contents", ())]
            found.extend(keys)
            token = answer.get("NextContinuationToken")
            if not token or not keys:
                break
            more = {"ContinuationToken": token}
        return tuple(found)

    def flush(self) -> None:
        """Nothing: a PUT is durable when it is answered."""

    def time_ns(self) -> int:
        """Now by the store's clock, ns since 1970, to about a second."""
        return self._wire.time_ns()

    def close(self) -> None:
        """Let go of the connection."""
        self._wire.close()

    def _gate(self) -> None:
        if self._locks:
            self._wire.check_clock(self._where)

    def _versions(self, key: str) -> Sequence[Version]:
        """Newest first. Conflict where a delete marker hides it, or there are too many to count."""
        where = f"{self._where}/{key}"
        answer = self._wire.ask(
            "list_object_versions", where, Bucket=self._bucket, Prefix=key, MaxKeys=_MOST_VERSIONS
        )
        about(answer, key, where)
        if any(entry.get("Key") == key for entry in answer.get("DeleteMarkers", ())):
            raise Conflict("store-hidden", key, "somebody put a delete marker over it")
        found = [
            version_of(entry, where)
            for entry in answer.get("Versions", ()) if entry.get("Key") == key
        ]  # fmt: skip
        if len(found) >= _MOST_VERSIONS:
            raise Conflict("store-versions", key, f"it has {len(found)} versions and more")
        return found

    def _head(self, key: str, version: str) -> Head:
        where = f"{self._where}/{key}"
        answer = self._wire.ask(
            "head_object", where, Bucket=self._bucket, Key=key, VersionId=version,
            ChecksumMode="ENABLED",
        )  # fmt: skip
        return head_of(answer, where)
