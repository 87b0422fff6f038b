"""The wire to an S3 store: asks once, waits so long, reads so much, goes nowhere else.

It is botocore, of which boto3 is made: the same signing, Object Lock, checksums and conditional
writes, without boto3's transfers, which would split files and send them again by themselves. Loaded
only where the config names an S3 store (0.1 s, 25 MB). Knows nothing of recordings.
"""

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import botocore.session
import msgspec
import urllib3.exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from botocore.parsers import ResponseParserError

from recorder import config, toml
from recorder.clock import NS, Clock, Quality
from recorder.errors import RecorderError
from recorder.evidence import keys
from recorder.sync.stores import StoreError
from recorder.sync.stores.s3_body import deadline_ns
from recorder.sync.stores.s3_refusals import (
    busy,
    clock_differs,
    elsewhere,
    nonsense,
    sorted_answer,
    unanswered,
)

CLOCK_LIMIT_NS = 300 * NS
_MOST_BYTES = 8 * 1024 * 1024
_CONNECT_S = 10
_READ = 256 * 1024


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file that ``s3.credentials`` names."""

    access_key: str
    secret_key: str


def credentials(path: Path) -> tuple[str, str]:
    """(access key, secret key). RecorderError where there are none or others may read them."""
    data = keys.read_secret(
        path, what="credentials",
        remedy='Write access_key = "…" and secret_key = "…" into it; sync\'s user, mode 600',
    )  # fmt: skip
    found = toml.loads(
        data.decode("utf-8", "replace"), Credentials, what="credentials", where=str(path),
        remedy='It holds access_key = "…" and secret_key = "…", nothing else',
    )  # fmt: skip
    return found.access_key, found.secret_key


def session() -> Any:
    """A session that no environment variable and no file of the user's can lead astray."""
    nothing = (None, None, None, None)
    null = (None, None, os.devnull, None)
    return botocore.session.Session(
        session_vars={"profile": nothing, "config_file": null, "credentials_file": null}
    )


def options(timeout_s: float) -> Config:
    """One attempt, names in the path, no checksums but the one that we give."""
    return Config(
        signature_version="s3v4",
        retries={"total_max_attempts": 1},
        connect_timeout=_CONNECT_S,
        read_timeout=timeout_s,
        proxies={},
        s3={"addressing_style": "path", "payload_signing_enabled": False},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


class Wire:
    """A client of one store, for several threads. RecorderError where config or files are unfit."""

    def __init__(self, settings: config.S3, clock: Clock, credentials_file: Path) -> None:
        self._endpoint = settings.endpoint.rstrip("/")
        self._clock = clock
        self._timeout_s = settings.timeout_s
        self._offset_ns: int | None = None
        self._answer = threading.local()
        access, secret = credentials(credentials_file)
        self._http = URLLib3Session(
            verify=_readable(settings.ca),
            proxies={},
            timeout=(_CONNECT_S, settings.timeout_s),
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        self._client = session().create_client(
            "s3", region_name=settings.region, endpoint_url=self._endpoint, verify=settings.ca,
            aws_access_key_id=access, aws_secret_access_key=secret,
            config=options(settings.timeout_s),
        )  # fmt: skip
        self._client.meta.events.register_first("before-send.s3", self._send)

    @property
    def offset_ns(self) -> int | None:
        """The device's clock minus the store's, by its last answer; None before the first."""
        return self._offset_ns

    def time_ns(self) -> int:
        """Now by the store's clock, ns since 1970, to about a second."""
        return self._clock.utc_ns() - (self._offset_ns or 0)

    def check_clock(self, where: str) -> None:
        """StoreError (later) unless the clock is synchronised and agrees with the store's."""
        quality = self._clock.state().quality
        if quality is not Quality.SYNCED:
            raise clock_differs(
                f"nothing is uploaded yet: the device's clock is not synchronised ({quality})",
                where,
            )
        if self._offset_ns is not None and abs(self._offset_ns) > CLOCK_LIMIT_NS:
            raise clock_differs(
                "nothing is uploaded yet: the device's clock is "
                f"{self._offset_ns / NS:+.0f} s off the store's",
                where,
            )

    def ask(self, operation: str, where: str, **arguments: Any) -> dict[str, Any]:
        """One request, by botocore's name for it. StoreError for whatever is no good answer."""
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**arguments)
        except ClientError as error:
            raise sorted_answer(error, where) from error
        except StoreError as error:
            error.where = where
            raise
        except (BotoCoreError, urllib3.exceptions.HTTPError, OSError) as error:
            raise unanswered(error, where) from error
        except (ResponseParserError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise nonsense(f"{type(error).__name__}", where) from error
        return answer

    def fetch(self, where: str, **arguments: Any) -> Iterator[memoryview]:
        """The bytes of a GET: as many as its head says, not slower than a deadline."""
        return self.get(where, **arguments)[1]

    def get(self, where: str, **arguments: Any) -> tuple[dict[str, Any], Iterator[memoryview]]:
        """The same, and the head. Who does not read the bytes to their end closes them."""
        answer = self.ask("get_object", where, **arguments)
        size = answer.get("ContentLength")
        if not isinstance(size, int):
            raise nonsense("a file without a length", where)
        return answer, self._pieces(self._answer.raw, size, where)

    def _pieces(self, raw: Any, size_bytes: int, where: str) -> Iterator[memoryview]:
        until_ns = deadline_ns(self._clock, self._timeout_s, size_bytes)
        count = 0
        try:
            while count < size_bytes:
                # What has come, not what fits: a drip would never let us look at the time.
                piece = raw.read1(_READ)
                count += len(piece)
                if not piece:
                    raise unanswered(EOFError("broken off"), where)
                if self._clock.boot_ns() > until_ns:
                    raise busy("it sends the file too slowly", where)
                yield memoryview(piece)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise unanswered(error, where) from error
        finally:
            _let_go(raw, whole=count == size_bytes)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()
        self._client.close()

    def _send(self, request: Any, **_: object) -> Any:
        """In place of botocore's own sending: bounds what is read, and looks at the Date."""
        if not request.url.startswith(self._endpoint + "/"):
            raise elsewhere(request.url.partition("?")[0], self._endpoint)
        streams = request.stream_output
        request.stream_output = True
        response = self._http.send(request)
        _acknowledge(response.raw)
        self._note_date(response.headers.get("Date"))
        if 300 <= response.status_code < 400:
            response.raw.close()
            raise elsewhere(
                f"{response.status_code} {response.headers.get('Location', '')}", self._endpoint
            )
        self._answer.raw = response.raw
        if not streams or response.status_code >= 400:
            response._content = self._bounded(response.raw)
        return response

    def _bounded(self, raw: Any) -> bytes:
        pieces: list[bytes] = []
        count = 0
        until_ns = deadline_ns(self._clock, self._timeout_s, 0)
        while piece := raw.read1(_READ):
            pieces.append(piece)
            count += len(piece)
            if count > _MOST_BYTES or self._clock.boot_ns() > until_ns:
                raw.close()
                raise nonsense("its answer does not end", self._endpoint)
        return b"".join(pieces)

    def _note_date(self, text: str | None) -> None:
        try:
            date = parsedate_to_datetime(text or "")
            self._offset_ns = self._clock.utc_ns() - int(date.timestamp() * NS)
        except (ValueError, TypeError, OverflowError) as error:
            raise nonsense("no Date in its answer", self._endpoint) from error


def _let_go(raw: Any, *, whole: bool) -> None:
    """Keep the connection for the next request only where nothing is left on it."""
    if whole:
        raw.drain_conn()
        raw.release_conn()
    else:
        raw.close()


def _acknowledge(raw: Any) -> None:
    """Ask for the body at once.

    Ceph writes head and body apart and, without tcp_nodelay, keeps the second back until the first
    is acknowledged, which the kernel puts off for 40 ms: five sixths of the time of a small file.
    """
    connection = getattr(raw, "connection", None)
    sock = getattr(connection, "sock", None)
    if sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _readable(ca: str) -> str:
    try:
        with Path(ca).open("rb"):
            return ca
    except OSError as error:
        raise RecorderError(
            "ca-unreadable", f"cannot read it: {error.strerror}", where=ca,
            remedy="Name the PEM file of the township's own authority in s3.ca",
        ) from error  # fmt: skip
