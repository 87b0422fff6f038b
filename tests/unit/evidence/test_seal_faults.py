"""Wherever the card fails while a recording is closed and sealed, its own device forges nothing."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from recorder.clock import NS
from recorder.evidence import lines
from recorder.evidence.chain import Line, files, read
from recorder.evidence.seal import seal
from recorder.evidence.segment import SegmentFile
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.unit.evidence import bags

KEPT = 60
"""Fragments that wait in memory for a card that fails."""


class Card:
    """Every sync from number ``first`` on is refused, ``times`` times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: int, times: int) -> None:
        self.refused = self._count = 0
        self._range = range(first, first + times)
        for name in ("fsync", "fdatasync"):
            real = getattr(os, name)
            monkeypatch.setattr(os, name, lambda fd, real=real: self._sync(fd, real))

    def _sync(self, descriptor: int, real: Callable[[int], None]) -> None:
        self._count += 1
        if self._count - 1 in self._range:
            self.refused += 1
            raise OSError(5, "Input/output error")
        real(descriptor)


def refused_at(folder: Path, monkeypatch: pytest.MonkeyPatch, first: int, times: int) -> int:
    """Seal on such a card, again and again until it is done; how many syncs were refused."""
    device = bags.Device(folder)
    writer = device.begin()
    made = bags.media(3)
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    writer.fragments(bags.batch(made))
    end_ns = made.fragments[-1][0].end_ns
    end = lines.End(end_ns=end_ns, source="button", planned=True, spoken=True)
    writer.journal(end)
    opened = bags._opened(writer)
    with monkeypatch.context() as patch:
        card = Card(patch, first, times)
        for _ in range(times + 1):
            try:
                seal(writer, end, opened, device.ledger)
                break
            except OSError:
                continue
        else:
            raise AssertionError("it was never sealed")
    report = verify_recording(writer.folder, key=device.signer.public)
    assert report.verdict is Verdict.VALID, (first, report.findings)
    return card.refused


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_seal_that_the_card_refuses_anywhere_is_made_later_and_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """No line about it behind the close line, and no loss where nothing was lost."""
    for first in itertools.count():  # until it lies behind the seal's last sync
        if not refused_at(tmp_path / str(first), monkeypatch, first, times):
            break
    assert first > 5


def test_a_card_that_fails_for_long_is_told_in_few_lines_and_every_dropped_fragment_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = bags.Device(tmp_path)
    writer = device.begin()
    made = bags.media(3, noise=False)
    writer.fragments(bags.batch(made, slice(0, 1)))

    def refused(*_: object) -> None:
        raise OSError(5, "Input/output error")

    init, data, fragment, piece = bags.batch(made, slice(1, 2))[0]
    total = 200
    with monkeypatch.context() as patch:
        patch.setattr(SegmentFile, "add", refused)
        for second in range(total):
            later = msgspec.structs.replace(
                fragment, start_ns=fragment.start_ns + second * NS,
                end_ns=fragment.end_ns + second * NS,
            )  # fmt: skip
            with pytest.raises(OSError, match="Input"):
                writer.fragments([(init, data, later, piece)])
    writer.fragments(())
    told = [
        item.body.detail
        for item in read(files(writer.folder / "data", "journal"), lines.Journal, None)
        if isinstance(item, Line)
        and isinstance(item.body, lines.Fault)
        and item.body.code == "fragments-dropped"
    ]
    assert len(told) <= 4
    assert sum(int(detail.split()[0]) for detail in told) == total - KEPT
