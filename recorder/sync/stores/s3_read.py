"""A bucket for those who only read: names, versions, bytes, locks. Puts nothing, needs no clock.

Lists one folder at a time and page by page, so that an answer costs what was asked for and not what
else the bucket holds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from recorder import config
from recorder.clock import Clock
from recorder.errors import RecorderError
from recorder.sync.stores import StoreError
from recorder.sync.stores.marker import Marker
from recorder.sync.stores.s3_answers import Head, Version, about, head_of, version_of
from recorder.sync.stores.s3_bucket import SCHEME, check_lock, read_marker
from recorder.sync.stores.s3_refusals import nonsense
from recorder.sync.stores.s3_wire import Wire

_MOST_VERSIONS = 200_000
"""Below one recording: 24 hours are 4,320 segments."""
_PAGE = 1000
_TOKEN = {"ContinuationToken": "NextContinuationToken"}
_MARKERS = {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}


class Listed(msgspec.Struct, frozen=True):
    """All versions below a prefix, by what follows it in their keys, oldest first; ``hidden``:
    keys over which somebody put a delete marker."""

    versions: dict[str, list[Version]]
    hidden: frozenset[str]


class Reader:
    """An open bucket. One thread, one process; connects when it is first asked."""

    def __init__(self, s3: config.S3, bucket: str, clock: Clock) -> None:
        """RecorderError where address, authority or credentials are unfit."""
        if not s3.endpoint:
            raise RecorderError(
                "config-invalid", "nobody knows where the store is", where="key s3.endpoint",
                remedy="Write its address into the file of --config, such as "
                "https://store.example:8443",
            )  # fmt: skip
        self.s3, self._bucket = s3, bucket
        self.where = f"{SCHEME}{bucket}"
        self._wire = Wire(s3, clock, Path(s3.credentials))

    def marker(self) -> Marker:
        """Which store it is. StoreError where it is none."""
        return read_marker(self._wire, self._bucket)

    def unlocked(self) -> str:
        """What keeps the bucket from locking; "" where it locks, or config says that it need not.
        StoreError where it does not say."""
        try:
            check_lock(self._wire, self.s3, self._bucket)
        except StoreError as error:
            if error.code != "store-unlocked":
                raise
            return error.problem
        return ""

    def below(self, prefix: str) -> Iterator[str]:
        """What lies directly below a prefix (``a/b/`` or ""), in order: keys, and folders with a
        slash behind them."""
        where = f"{self.where}/{prefix}"
        for answer in self._pages("list_objects_v2", where, prefix, _TOKEN, Delimiter="/"):
            found = [str(entry["Key"]) for entry in answer.get("Contents", ())]
            found += [str(entry["Prefix"]) for entry in answer.get("CommonPrefixes", ())]
            for key in sorted(found):
                yield _behind(key, prefix, where)

    def versions(self, prefix: str) -> Listed:
        """Every version of everything below a prefix."""
        where = f"{self.where}/{prefix}"
        found: dict[str, list[Version]] = {}
        hidden: set[str] = set()
        count = 0
        for answer in self._pages("list_object_versions", where, prefix, _MARKERS):
            for entry in answer.get("Versions", ()):
                name = _behind(str(entry["Key"]), prefix, where)
                found.setdefault(name, []).insert(0, version_of(entry, where))
                count += 1
            hidden |= {str(e["Key"]).removeprefix(prefix) for e in answer.get("DeleteMarkers", ())}
            if count + len(hidden) > _MOST_VERSIONS:
                raise nonsense("a list that does not end", where)
        return Listed(found, frozenset(hidden))

    def get(self, key: str, version: str = "") -> tuple[Head, Iterator[memoryview]]:
        """A version (without one: the newest) and its bytes, of which none has been read yet."""
        where = f"{self.where}/{key}"
        which = {"VersionId": version} if version else {}
        answer, pieces = self._wire.get(where, Bucket=self._bucket, Key=key, **which)
        return head_of(answer, where), pieces

    def head(self, key: str, version: str = "") -> Head:
        """The same without its bytes. Missing where there is none."""
        where = f"{self.where}/{key}"
        which = {"VersionId": version} if version else {}
        answer = self._wire.ask("head_object", where, Bucket=self._bucket, Key=key, **which)
        return head_of(answer, where)

    def _pages(
        self, operation: str, where: str, prefix: str, following: dict[str, str], **more: str
    ) -> Iterator[dict[str, Any]]:
        """The pages of a list. StoreError where one does not lead on."""
        place: dict[str, str] = {}
        while True:
            answer = self._wire.ask(
                operation, where, Bucket=self._bucket, Prefix=prefix, MaxKeys=_PAGE, **more, **place
            )
            about(answer, prefix, where)
            yield answer
            if not answer.get("IsTruncated"):
                return
            told = {word: str(answer.get(next_, "")) for word, next_ in following.items()}
            if told == place or not any(told.values()):
                raise nonsense("a list that does not lead on", where)
            place = {word: value for word, value in told.items() if value}

    def close(self) -> None:
        """Let go of the connection."""
        self._wire.close()


def _behind(key: str, prefix: str, where: str) -> str:
    if not key.startswith(prefix):
        raise nonsense("a key that was not asked for", where)
    return key.removeprefix(prefix)
