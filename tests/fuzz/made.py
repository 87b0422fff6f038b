"""What the targets need: keys, a scratch folder, logs that are signed again."""

import atexit
import base64
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.clock import ManualClock
from recorder.config import Organisation
from recorder.evidence import chain
from recorder.evidence.age import Identity
from recorder.evidence.keys import KeySigner
from recorder.session import catalogue

ROOT = Path(__file__).resolve().parents[2]
SIGNER = KeySigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
THIEF = KeySigner(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
"""A key that nobody vouches for."""
IDENTITY, IDENTITY_TEXT = Identity.generate()
ORGANISATION = Organisation(name="张营镇人民政府", rule="r", rule_version="1")


HEAVY = (
    *(head + bracket * 100_000 for bracket in (b"[", b'{"a":')
      for head in (b"", b'{"n":', b'{"n":0,"x":', b'{"verb":"status","x":', b'{"format":')),
    b'{"n":' + b"9" * 10_000 + b"}\tAAAA\n",
    b'{"n":1e99999}\tAAAA\n', b"\n" * 100_000, b"\t" * 100_000,
)  # fmt: skip
"""JSON longer than the fuzzer tries: depth, length and numbers without end."""


def clock() -> ManualClock:
    """Stands still."""
    return ManualClock()


@cache
def scratch() -> Path:
    """A folder of this process's own; the runner puts it where syncs cost nothing."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def place(name: str) -> Path:
    """An empty folder in the scratch folder."""
    folder = scratch() / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@cache
def example_catalogue() -> catalogue.Catalogue:
    """The township's list as it is shipped."""
    return catalogue.load(ROOT / "config" / "catalogue.toml")


def trees(log: bytes) -> list[Any]:
    """A log's lines as JSON, without their signatures."""
    return [json.loads(line.partition(b"\t")[0]) for line in log.splitlines()]


def sign_log(
    bodies: Iterable[Any], signer: chain.Signer = SIGNER, *, chained: bool = True
) -> bytes:
    """Lines for these JSON values, each signed and (``chained``) linked to the one before it."""
    prev, out = chain.ZERO, b""
    for body in bodies:
        if chained and isinstance(body, dict):
            body = body | {"prev": prev}
        line = sign_line(body, signer)
        prev = hashlib.sha256(line).hexdigest()
        out += line + b"\n"
    return out


def sign_line(body: Any, signer: chain.Signer = SIGNER) -> bytes:
    """One signed line, without its newline."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return text + b"\t" + base64.b64encode(signer.sign(text))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def write(folder: Path, name: str, data: bytes) -> None:
    """A file, its folders included."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def examples(*names: str) -> Sequence[bytes]:
    """Files of config/."""
    return [(ROOT / "config" / name).read_bytes() for name in names]
