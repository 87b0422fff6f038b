"""Promise 5: no changed, missing, reordered, cut or foreign byte, line, file or recording passes.

Random changes to real bags: none may be missed, and each gets the verdict that it deserves.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from recorder.errors import RecorderError
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.unit.evidence import bags
from tests.unit.evidence.judge import verify_folder

RELAXED = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class World(msgspec.Struct):
    """A device with three recordings: plain, interrupted, and one that was never sealed."""

    device: bags.Device
    names: list[str]
    scratch: Path

    def fresh(self) -> Path:
        """The spool, untouched, in a folder of its own."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        shutil.copytree(self.device.spool, self.scratch)
        return self.scratch


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("tampering")
    device = bags.Device(folder / "device")
    first = bags.plain(device)
    second = bags.interrupted(device)
    open_writer = device.begin()
    made = bags.media(4)
    open_writer.fragments(bags.batch(made))
    return World(device, [first.name, second.name, open_writer.name], folder / "scratch" / "spool")


Edit = Callable[[bytes], bytes]


@st.composite
def byte_edits(draw: st.DrawFn) -> Edit:
    """Flip bits of a byte, cut bytes, insert bytes, cut the end, add to the end."""
    place = draw(st.floats(0, 1, exclude_max=True))
    kind = draw(st.sampled_from(["flip", "cut", "insert", "truncate", "append"]))
    bits = draw(st.integers(1, 255))
    extra = draw(st.binary(min_size=1, max_size=70))
    count = draw(st.integers(1, 70_000))

    def edit(data: bytes) -> bytes:
        at = int(place * len(data))
        match kind:
            case "flip" if data:
                return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]
            case "cut" if data:
                return data[:at] + data[at + count :]
            case "truncate" if data:
                return data[:at]
            case "insert":
                return data[:at] + extra + data[at:]
            case _:
                return data + extra

    return edit


@st.composite
def line_edits(draw: st.DrawFn) -> Edit:
    """Remove, duplicate or swap whole lines."""
    one = draw(st.floats(0, 1, exclude_max=True))
    two = draw(st.floats(0, 1, exclude_max=True))
    kind = draw(st.sampled_from(["remove", "duplicate", "swap", "tail"]))

    def edit(data: bytes) -> bytes:
        rows = data.splitlines(keepends=True)
        i, j = int(one * len(rows)), int(two * len(rows))
        match kind:
            case "remove":
                del rows[i]
            case "duplicate":
                rows.insert(j, rows[i])
            case "swap" if i != j:
                rows[i], rows[j] = rows[j], rows[i]
            case _:
                del rows[max(1, i) :]
        return b"".join(rows)

    return edit


def files(bag: Path) -> list[Path]:
    return sorted(path for path in bag.rglob("*") if path.is_file())


def verdict(world: World, bag: Path, *, ledger: bool = True) -> Verdict:
    """As a stranger with the device's public key sees it."""
    return verify_recording(
        bag,
        key=world.device.signer.public,
        ledger=world.scratch / "ledger" if ledger else None,
    ).verdict


def forge_manifests(bag: Path) -> None:
    """What somebody without the key can do: make every digest fit again."""
    listing = "".join(
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(bag).as_posix()}\n"
        for p in files(bag / "data")
    )
    (bag / "manifest-sha256.txt").write_text(listing)
    tags = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
    (bag / "tagmanifest-sha256.txt").write_text(
        "".join(f"{hashlib.sha256((bag / t).read_bytes()).hexdigest()}  {t}\n" for t in tags
                if (bag / t).exists())
    )  # fmt: skip


def strip_seal(bag: Path) -> None:
    for path in bag.glob("*"):
        if path.is_file():
            path.unlink()


def test_what_nobody_touched_is_valid(world: World) -> None:
    spool = world.fresh()
    assert verdict(world, spool / world.names[0]) is Verdict.VALID
    assert verdict(world, spool / world.names[1]) is Verdict.INTERRUPTIONS
    assert verdict(world, spool / world.names[2]) is Verdict.INCOMPLETE


@RELAXED
@given(data=st.data(), which=st.integers(0, 1), edit=byte_edits())
def test_any_byte_changed_in_any_file_of_a_sealed_bag_is_tampering(
    world: World, data: st.DataObject, which: int, edit: Edit
) -> None:
    bag = world.fresh() / world.names[which]
    path = data.draw(st.sampled_from(files(bag)))
    before = path.read_bytes()
    after = edit(before)
    if after == before:
        return
    path.write_bytes(after)
    assert verdict(world, bag) is Verdict.TAMPERED
    if path.suffix != ".sig" or after:
        assert verdict(world, bag, ledger=False) is Verdict.TAMPERED
    else:
        assert verdict(world, bag, ledger=False) is Verdict.INCOMPLETE


@RELAXED
@given(which=st.integers(0, 1), edit=line_edits(), seal=st.sampled_from(["kept", "forged", "gone"]))
def test_any_line_removed_swapped_or_repeated_is_tampering_even_with_forged_manifests(
    world: World, which: int, edit: Edit, seal: str
) -> None:
    bag = world.fresh() / world.names[which]
    journal = bag / "data" / "journal.jsonl"
    before = journal.read_bytes()
    after = edit(before)
    if after == before:
        return
    journal.write_bytes(after)
    if seal == "forged":
        forge_manifests(bag)
    elif seal == "gone":
        strip_seal(bag)
    assert verdict(world, bag) is Verdict.TAMPERED
    without = verdict(world, bag, ledger=False)
    if seal == "gone" and before.startswith(after):
        assert without in (Verdict.INCOMPLETE, Verdict.TAMPERED)
    else:
        assert without is Verdict.TAMPERED


@RELAXED
@given(data=st.data(), edit=byte_edits(), seal=st.sampled_from(["forged", "gone"]))
def test_a_segment_or_private_file_changed_is_tampering_even_with_forged_manifests(
    world: World, data: st.DataObject, edit: Edit, seal: str
) -> None:
    bag = world.fresh() / world.names[0]
    path = data.draw(st.sampled_from([*files(bag / "data/segments"), *files(bag / "data/private")]))
    before = path.read_bytes()
    after = edit(before)
    if after == before:
        return
    path.write_bytes(after)
    if seal == "forged":
        forge_manifests(bag)
    else:
        strip_seal(bag)
    assert verdict(world, bag, ledger=False) is Verdict.TAMPERED


@RELAXED
@given(
    data=st.data(), how=st.sampled_from(["gone", "swapped", "foreign", "folder", "link", "moved"])
)
def test_any_file_missing_swapped_or_foreign_is_tampering(
    world: World, data: st.DataObject, how: str
) -> None:
    spool = world.fresh()
    bag = spool / world.names[data.draw(st.integers(0, 1))]
    path = data.draw(st.sampled_from(files(bag)))
    other = data.draw(
        st.sampled_from([*files(spool / world.names[0]), *files(spool / world.names[1])])
    )
    if how == "gone":
        path.unlink()
    elif how == "swapped":
        one, two = path.read_bytes(), other.read_bytes()
        if one == two:
            return
        path.write_bytes(two)
        other.write_bytes(one)
    elif how == "foreign":
        (path.parent / "added.bin").write_bytes(b"x")
    elif how == "folder":
        (path.parent / "added").mkdir()
    elif how == "link":
        (path.parent / "added").symlink_to(other)
    else:
        path.rename(path.with_name("x" + path.name))
    try:
        assert verdict(world, bag) is Verdict.TAMPERED
    except RecorderError:
        pytest.fail("a bag with one file wrong is still a bag")


@RELAXED
@given(data=st.data())
def test_fragments_swapped_repeated_or_taken_out_of_a_segment_are_found(
    world: World, data: st.DataObject
) -> None:
    bag = world.fresh() / world.names[0]
    path = bag / "data/segments/0001.mp4.age"
    content = path.read_bytes()
    chunk = 64 * 1024 + 16
    header = len(content) % chunk - 24
    pieces = [content[header:][i : i + chunk] for i in range(0, len(content) - header, chunk)]
    i, j = (data.draw(st.integers(0, len(pieces) - 2)) for _ in range(2))
    match data.draw(st.sampled_from(["swap", "repeat", "remove"])):
        case "swap":
            pieces[i], pieces[j] = pieces[j], pieces[i]
        case "repeat":
            pieces.insert(i, pieces[j])
        case _:
            del pieces[i]
    changed = content[:header] + b"".join(pieces)
    if changed == content:
        return
    path.write_bytes(changed)
    forge_manifests(bag)
    assert verdict(world, bag, ledger=False) is Verdict.TAMPERED


@RELAXED
@given(data=st.data(), edit=byte_edits())
def test_a_recording_that_was_never_sealed_never_becomes_valid_by_changes(
    world: World, data: st.DataObject, edit: Edit
) -> None:
    bag = world.fresh() / world.names[2]
    path = data.draw(st.sampled_from(files(bag)))
    before = path.read_bytes()
    after = edit(before)
    if after == before:
        return
    path.write_bytes(after)
    found = verdict(world, bag)
    assert found in (Verdict.INCOMPLETE, Verdict.TAMPERED)
    behind_the_end = before.startswith(after) or after.startswith(before)
    torn = path.suffix == ".jsonl" and not after.endswith(b"\n")
    if not behind_the_end and not torn:
        assert found is Verdict.TAMPERED


@RELAXED
@given(
    how=st.sampled_from(["gone", "swapped", "copied", "emptied", "renamed"]),
    which=st.integers(0, 1),
)
def test_a_recording_missing_swapped_or_added_is_found_in_the_spool(
    world: World, how: str, which: int
) -> None:
    spool = world.fresh()
    one, two = spool / world.names[which], spool / world.names[1 - which]
    if how == "gone":
        shutil.rmtree(one)
    elif how == "swapped":
        one.rename(spool / "aside")
        two.rename(one)
        (spool / "aside").rename(two)
    elif how == "copied":
        shutil.copytree(one, spool / "bc-001-00000009-0009")
    elif how == "emptied":
        shutil.rmtree(one)
        one.mkdir()
    else:
        one.rename(spool / "bc-001-00000009-0009")
    report = verify_folder(spool, key=world.device.signer.public)
    assert report.verdict is Verdict.TAMPERED
    assert report.exit_code == 1


@RELAXED
@given(edit=byte_edits(), lines=line_edits(), whole=st.booleans())
def test_any_change_of_the_ledger_is_found(
    world: World, edit: Edit, lines: Edit, whole: bool
) -> None:
    spool = world.fresh()
    path = spool / "ledger" / "0001.jsonl"
    before = path.read_bytes()
    after = (lines if whole else edit)(before)
    if after == before:
        return
    path.write_bytes(after)
    report = verify_folder(spool, key=world.device.signer.public)
    assert report.exit_code == 1
    torn_end = not after.endswith(b"\n")
    if not torn_end and not before.startswith(after):
        assert report.verdict is Verdict.TAMPERED


@RELAXED
@given(data=st.data(), how=st.sampled_from(["gone", "changed", "swapped", "foreign"]))
def test_any_change_of_the_ledger_in_the_store_is_found(
    world: World, data: st.DataObject, how: str
) -> None:
    spool = world.fresh()
    ledger = spool / "ledger"
    raw = (ledger / "0001.jsonl").read_bytes().splitlines(keepends=True)
    (ledger / "0001.jsonl").unlink()
    stored = [ledger / f"{n:012d}" for n in range(len(raw))]
    for path, line in zip(stored, raw, strict=True):
        path.write_bytes(line)
    assert verify_folder(spool, key=world.device.signer.public).verdict is Verdict.INCOMPLETE
    i = data.draw(st.integers(0, len(stored) - 2))
    j = data.draw(st.integers(0, len(stored) - 2))
    if how == "gone":
        stored[i].unlink()
    elif how == "changed":
        content = bytearray(stored[i].read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        stored[i].write_bytes(content)
    elif how == "swapped" and i != j:
        stored[i].write_bytes(raw[j])
        stored[j].write_bytes(raw[i])
    else:
        stored[i].write_bytes(raw[i] + raw[j])
    report = verify_folder(spool, key=world.device.signer.public)
    assert report.verdict is Verdict.TAMPERED
