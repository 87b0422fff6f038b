"""The dock reads back for a device, and the device takes its receipt over, or does not."""

import io
from pathlib import Path

import pytest

from recorder.errors import RecorderError
from recorder.evidence import register
from recorder.sync.progress import Bar, size
from recorder.sync.summary import Summary
from tests.unit.sync.docked import Docked
from tests.unit.sync.spools import DEVICE, tree


@pytest.fixture
def docked(tmp_path: Path) -> Docked:
    made = Docked(tmp_path)
    made.days.sync()
    return made


def codes(summary: Summary) -> list[str]:
    return [finding.code for finding in summary.findings]


def test_a_dock_reads_every_byte_and_the_device_takes_its_receipt_over(docked: Docked) -> None:
    assert docked.read_back(23).read_twice == 0
    summary = docked.read_back(2)
    assert (summary.read_twice, summary.findings) == (1, ())
    base = f"{DEVICE}/{docked.bag.name}/"
    assert {base + name for name in tree(docked.bag)} <= set(docked.days.read)
    assert not docked.twice(docked.key.public)
    done = docked.days.sync(1, settings=docked.lazy)
    assert done.read_twice == 1 and not any("/data/" in key for key in docked.days.read)
    assert docked.twice(docked.key.public) and not docked.twice()
    assert docked.read_back(1).read_twice == 0  # done is done
    assert docked.days.sync(30, settings=docked.settings(100)).read_twice == 0


def test_a_receipt_that_the_devices_register_does_not_cover_is_not_taken_over(
    docked: Docked,
) -> None:
    assert docked.read_back().read_twice == 1
    docked.register(*docked.all[:2])
    assert docked.days.sync(settings=docked.lazy).read_twice == 0
    assert docked.days.sync(settings=docked.settings(100)).read_twice == 1
    assert docked.twice()  # by its own key


@pytest.mark.parametrize(
    ("left_out", "code"), [(0, "store-conflict"), (1, "receipt-unknown"), (2, "dock-unknown")]
)
def test_a_dock_signs_for_nothing_that_the_register_does_not_vouch_for(
    docked: Docked, left_out: int, code: str
) -> None:
    entries = [each for n, each in enumerate(docked.all) if n != left_out]
    docked.register(*entries, ("device", DEVICE, docked.township.public))
    if code == "dock-unknown":
        with pytest.raises(RecorderError, match="does not know this dock"):
            docked.read_back()
    else:
        summary = docked.read_back()
        assert (codes(summary), summary.read_twice, summary.exit_code) == ([code], 0, 1)
    assert not list(docked.place.store.rglob("*-2"))


TAGS = ("manifest-sha256.txt", "tagmanifest-sha256.txt", "tagmanifest-sha256.txt.sig")


@pytest.mark.parametrize("name", ["data/segments/0001.mp4.age", *TAGS])
def test_what_differs_in_the_store_is_a_finding_of_the_dock_and_no_receipt(
    docked: Docked, name: str
) -> None:
    path = docked.place.stored(docked.bag) / name
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    summary = docked.read_back()
    assert (len(summary.findings), summary.read_twice, summary.exit_code) == (1, 0, 1)
    assert summary.findings[0].recording == docked.bag.name
    assert not list(docked.place.store.rglob("*-2"))


def test_a_device_that_the_register_does_not_have_is_answered_with_those_it_has(
    docked: Docked,
) -> None:
    with pytest.raises(RecorderError) as caught:
        docked.read_back(devices=("bc-oo1",))
    assert caught.value.where == "--device bc-oo1"
    assert caught.value.remedy == f"Devices there: {DEVICE}"
    assert docked.read_back(devices=(DEVICE,)).read_twice == 1


def test_people_read_what_a_dock_has_read(docked: Docked) -> None:
    stream = io.StringIO()
    summary = docked.read_back(progress=Bar(stream, docked.place.clock))
    bag = [path for path in docked.bag.rglob("*") if path.is_file()]
    assert summary.read_files == len(bag) == 8
    assert summary.read_bytes == sum(path.stat().st_size for path in bag)
    assert stream.getvalue().splitlines()[-1] == (
        "township: 1 recordings of 1 devices read a second time; 8 files, "
        f"{size(summary.read_bytes)} fetched and compared"
    )
    docked.read_back(progress=Bar(stream, docked.place.clock))
    assert stream.getvalue().splitlines()[-1].endswith("; nothing was due to be read")


def test_a_dock_without_the_register_does_not_run(docked: Docked) -> None:
    (docked.keys / register.FILE).unlink()
    with pytest.raises(RecorderError, match=r"register\.json"):
        docked.read_back()
