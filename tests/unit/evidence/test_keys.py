"""Key files: what is no key of ours, or damaged, is an error that names the file."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings, strategies as st

from recorder.errors import RecorderError
from recorder.evidence import keys

PRIVATE, PUBLIC = keys.pem_pair(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def load(path: Path, data: bytes) -> None:
    """As a private and as a public key."""
    path.write_bytes(data)
    path.chmod(0o600)
    for read in (keys.load_private, keys.load_public):
        try:
            read(path)
        except RecorderError as error:
            assert error.code == "key-broken"
            assert error.where == str(path) and error.remedy


@pytest.mark.parametrize("pem", [PRIVATE, PUBLIC], ids=["private", "public"])
def test_a_key_of_another_kind_is_an_error(pem: bytes, tmp_path: Path) -> None:
    """Object identifiers beside Ed25519's (1.3.101.112), also such as no library knows."""
    head, body, foot = pem.splitlines(keepends=True)
    for old, new in ((b"K2Vw", b"K2V+"), (b"K2Vw", b"J2Vw"), (b"K2Vw", b"K2Vu")):
        assert old in body
        load(tmp_path / "key.pem", head + body.replace(old, new) + foot)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pem=st.sampled_from([PRIVATE, PUBLIC]),
    at=st.integers(0, 130),
    damage=st.binary(min_size=1, max_size=3),
)
def test_a_damaged_key_is_an_error_or_a_key(
    pem: bytes, at: int, damage: bytes, tmp_path: Path
) -> None:
    load(tmp_path / "key.pem", pem[:at] + damage + pem[at + len(damage) :])


def test_a_public_key_that_is_a_pipe_hangs_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "sync.pem")
    with pytest.raises(RecorderError, match="not a regular file"):
        keys.load_public(tmp_path / "sync.pem")
