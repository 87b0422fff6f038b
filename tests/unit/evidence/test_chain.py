"""A log whose card fails: what was not durable is written again elsewhere, never on top."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.clock import ManualClock
from recorder.evidence import chain, lines
from recorder.evidence.keys import KeySigner
from recorder.evidence.verification_leftovers import leftovers

SIGNER = KeySigner(Ed25519PrivateKey.generate())


class Card:
    """The next ``failing`` writes or syncs fail, each after ``part`` of a write went through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failing = 0
        for name in ("fsync", "fdatasync"):
            real = getattr(os, name)
            monkeypatch.setattr(os, name, lambda fd, real=real: self._sync(fd, real))

    def _sync(self, descriptor: int, real: object) -> None:
        if self.failing:
            self.failing -= 1
            size = os.fstat(descriptor).st_size
            if self.tears and size:
                os.ftruncate(descriptor, size - 7)
            raise OSError(5, "Input/output error")
        assert callable(real)
        real(descriptor)

    tears = False


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    return Card(monkeypatch)


@pytest.mark.parametrize("tears", [False, True], ids=["whole", "torn"])
@pytest.mark.parametrize("failures", [1, 2, 3, 4])
def test_whatever_fails_the_chain_that_is_read_back_is_whole(
    card: Card, tmp_path: Path, failures: int, tears: bool
) -> None:
    card.tears = tears
    log = chain.Log.create(tmp_path, "journal", SIGNER, ManualClock())
    for at in range(3):
        log.append(lines.Notice(at_ns=at))
    log.sync()
    card.failing = failures
    for at in range(3, 9):
        log.append(lines.Notice(at_ns=at))
        try:
            log.sync()
        except OSError:
            continue
    log.sync()
    log.close()
    paths = chain.files(tmp_path, "journal")
    found = list(chain.read(paths, lines.Journal, SIGNER.public))
    assert [i.body.at_ns for i in found if isinstance(i, chain.Line)] == list(range(9))
    wrong = [i for i in found if isinstance(i, chain.Defect)]
    assert all(d.code == "line-torn" and d.file != paths[-1].name for d in wrong), wrong
    assert list(leftovers(paths)) == []
