"""A small S3 server on loopback that does as it is told: objects in memory, lies where asked to.

It speaks as much of S3 as one client of ours asks for, checks no signature, and is no judge of
what real gateways do: those are in tests/rigs/gateway.py.
"""

import os
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from recorder.config import S3, Settings, Sync
from recorder.sync.stores.marker import FORMAT, MARKER, Marker
from tests.rigs.tls import Authority

BUCKET = "evidence"
OPERATIONS = ("marker", "versioning", "lock", "versions", "list", "put", "head", "get", "retention",
              "hold")  # fmt: skip


class Held:
    """One version of an object."""

    def __init__(self, version: str, data: bytes, headers: dict[str, str]) -> None:
        self.version = version
        self.data = data
        self.mode = headers.get("x-amz-object-lock-mode", "")
        self.until = headers.get("x-amz-object-lock-retain-until-date", "")
        self.hold = headers.get("x-amz-object-lock-legal-hold", "")
        self.sha256 = headers.get("x-amz-checksum-sha256", "")
        self.arrived = datetime.now(UTC)

    def headers(self) -> dict[str, str]:
        """What the store says of it beside its bytes."""
        return {
            "Last_Modified": format_datetime(self.arrived, usegmt=True),
            "x_amz_object_lock_mode": self.mode, "x_amz_object_lock_legal_hold": self.hold,
            "x_amz_object_lock_retain_until_date": self.until,
            "x_amz_checksum_sha256": self.sha256,
        }  # fmt: skip


Handler = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request; ``answer`` writes an answer, ``send`` raw bytes."""

    protocol_version = "HTTP/1.1"
    server: "Hostile"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer with a Date; ``Name_x`` becomes ``Name-x``."""
        self.send_response_only(status)
        headers = {"Date": format_datetime(datetime.now(UTC), usegmt=True), **headers}
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, code: str) -> None:
        """An error as S3 says it."""
        self.answer(status, f"<Error><Code>{code}</Code></Error>".encode())

    @property
    def key(self) -> str:
        """What lies behind the bucket."""
        return unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}").lstrip("/")

    @property
    def query(self) -> dict[str, list[str]]:
        """The words behind the question mark."""
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)

    @property
    def operation(self) -> str:
        """Which of OPERATIONS it is."""
        for name, operation in (("versioning", "versioning"), ("object-lock", "lock"),
                                ("versions", "versions"), ("list-type", "list"),
                                ("retention", "retention"), ("legal-hold", "hold")):  # fmt: skip
            if name in self.query:
                return operation
        if self.key == MARKER:
            return "marker"
        return {"PUT": "put", "HEAD": "head", "GET": "get"}[self.command]

    def _serve(self) -> None:
        self.server.asked.append(self.operation)
        fault = self.server.faults.get(self.operation)
        if fault is not None:
            fault(self)
            return
        getattr(self, f"do_{self.operation}")()

    do_GET = do_PUT = do_HEAD = _serve

    def body(self) -> bytes:
        """All that was sent; a request that breaks off is none."""
        size = int(self.headers.get("Content-Length", "0"))
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionError("broken off")
        return data

    def do_marker(self) -> None:
        """The marker's bytes."""
        self.answer(200, msgspec.json.encode(Marker(FORMAT, "0123456789abcdef", "hostile")))

    def do_versioning(self) -> None:
        """Versions are kept."""
        self.answer(200, b"<VersioningConfiguration><Status>Enabled</Status>"
                         b"</VersioningConfiguration>")  # fmt: skip

    def do_lock(self) -> None:
        """The bucket locks."""
        self.answer(200, b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled"
                         b"</ObjectLockEnabled></ObjectLockConfiguration>")  # fmt: skip

    def do_versions(self) -> None:
        """All versions below a prefix."""
        prefix = self.query["prefix"][0]
        found = "".join(
            f"<Version><Key>{key}</Key><VersionId>{held.version}</VersionId>"
            f"<Size>{len(held.data)}</Size>"
            f"<LastModified>{held.arrived:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Version>"
            for key, versions in sorted(self.server.objects.items()) if key.startswith(prefix)
            for held in reversed(versions)
        )  # fmt: skip
        self.answer(
            200,
            f"<ListVersionsResult><Prefix>{prefix}</Prefix>{found}</ListVersionsResult>".encode(),
        )

    def do_list(self) -> None:
        """All keys below a prefix, or with a delimiter its folders."""
        prefix = self.query["prefix"][0]
        delimiter = self.query.get("delimiter", [""])[0]
        keys = [key for key in sorted(self.server.objects) if key.startswith(prefix)]
        folders = {key[: end + 1] for key in keys if delimiter
                   and (end := key.find(delimiter, len(prefix))) >= 0}  # fmt: skip
        found = "".join(
            f"<Contents><Key>{key}</Key></Contents>"
            for key in keys if not any(key.startswith(folder) for folder in folders)
        ) + "".join(
            f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"
            for folder in sorted(folders)
        )  # fmt: skip
        self.answer(200, f"<ListBucketResult><Prefix>{prefix}</Prefix>{found}"
                         "</ListBucketResult>".encode())  # fmt: skip

    def do_put(self) -> None:
        """Create-only, as the strict gateway does it."""
        data = self.body()
        if self.key in self.server.objects:
            self.refuse(412, "PreconditionFailed")
            return
        held = Held(f"v{len(self.server.objects)}", data,
                    {name.lower(): value for name, value in self.headers.items()})  # fmt: skip
        self.server.objects[self.key] = [held]
        self.answer(200, x_amz_version_id=held.version, ETag='"x"')

    def _held(self) -> Held | None:
        versions = self.server.objects.get(self.key, [])
        wanted = self.query.get("versionId", [versions[-1].version if versions else ""])[0]
        return next((held for held in versions if held.version == wanted), None)

    def do_head(self) -> None:
        """What it says of a version."""
        held = self._held()
        if held is None:
            self.answer(404)
            return
        self.answer(200, b"", Content_Length=str(len(held.data)), **held.headers())

    def do_get(self) -> None:
        """The bytes."""
        held = self._held()
        if held is None:
            self.refuse(404, "NoSuchKey")
        else:
            self.answer(200, held.data, x_amz_version_id=held.version, **held.headers())

    def do_retention(self) -> None:
        """A later lock."""
        text, held = self.body().decode(), self._held()
        assert held is not None
        held.mode = text.partition("<Mode>")[2].partition("<")[0]
        held.until = text.partition("<RetainUntilDate>")[2].partition("<")[0]
        self.answer(200)

    def do_hold(self) -> None:
        """A later hold."""
        text, held = self.body().decode(), self._held()
        assert held is not None
        held.hold = text.partition("<Status>")[2].partition("<")[0]
        self.answer(200)


class Hostile(ThreadingHTTPServer):
    """Up when constructed. ``faults`` replace the good answer to an operation. ``close`` it."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.objects: dict[str, list[Held]] = {}
        self.faults: dict[str, Handler] = {}
        self.asked: list[str] = []
        authority = Authority(folder, "hostile")
        self.ca = authority.ca
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.server())
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.endpoint = f"https://127.0.0.1:{self.server_address[1]}"
        self.credentials = folder / "credentials.toml"
        self.credentials.touch(mode=0o600)
        self.credentials.write_text('access_key = "a"\nsecret_key = "b"\n')
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what some tests are about."""

    def settings(self, base: Settings, *, timeout_s: float = 5.0, **more: str) -> Settings:
        """``base`` with this server's bucket as the store."""
        s3 = msgspec.convert(
            {"endpoint": self.endpoint, "ca": str(self.ca), "timeout_s": timeout_s,
             "credentials": str(self.credentials), **more}, S3,
        )  # fmt: skip
        return msgspec.structs.replace(base, sync=Sync(store=f"s3://{BUCKET}", settle_s=0.1), s3=s3)

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()
        self._thread.join(10)


def endless(request: Request) -> None:
    """A body that never ends."""
    request.send_response_only(200)
    request.send_header("Date", format_datetime(datetime.now(UTC), usegmt=True))
    request.send_header("Connection", "close")
    request.end_headers()
    while True:
        request.wfile.write(b"<x>" * 100_000)


def dropped(request: Request) -> None:
    """No answer: the connection is closed."""
    request.close_connection = True


def garbage(request: Request) -> None:
    """No HTTP at all."""
    request.wfile.write(os.urandom(2000))
    request.close_connection = True
