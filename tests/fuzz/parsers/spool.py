"""The device's start on a spool that something happened to: recovery, never a crash."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recorder import config
from recorder.archive import Archive
from recorder.clock import ManualClock
from recorder.disk import Disk
from recorder.evidence import chain, keys, lines, recovery
from recorder.evidence.verification import verify_recording
from tests.fuzz import made, world
from tests.fuzz.choices import Choices, edit_bytes, edit_tree
from tests.fuzz.targets import Broken

WORDS = world.WORDS
MOST_BYTES = 1024
_FILES = {
    name: data for name, data in world.world().files.items()
    if not any(name.startswith(sealed) for sealed in world.world().sealed[:1])
}  # fmt: skip
_OPEN = world.world().open
_JOURNAL = f"{_OPEN}/data/journal.jsonl"


def _keys() -> Path:
    folder = made.place("keys")
    (folder / "device.key").write_bytes(keys.pem_pair(made.SIGNER.private)[0])
    (folder / "device.key").chmod(0o600)
    (folder / "custodians.txt").write_text(world.world().recipient.text + "\n")
    return folder


_KEYS = _keys()
_STRANGE = (
    "x", f"{_OPEN}/x", f"{_OPEN}/data/segments/0009.mp4.age", f"{_OPEN}/data/journal-0002.jsonl",
    f"{_OPEN}/data/tails/0001.mp4.age", "ledger/x.jsonl", "ledger/0009.jsonl",
    "bc-001-00000099-ffff/data/journal.jsonl",
)  # fmt: skip
_DISK = Disk(made.clock(), lambda _: None, 1 << 20)
"""Its thread stays idle: what it would run is called here."""


def seeds() -> Sequence[bytes]:
    """Both boots, edits of files, edits of the open journal that are signed."""
    return [bytes([boot, how]) + more for boot in range(2) for how in range(3)
            for more in (b"", bytes(6), bytes(range(30)))]  # fmt: skip


def check(data: bytes) -> None:
    """It starts. A journalled fragment whose bytes are still there is still there afterwards."""
    choices = Choices(data)
    boot = choices.pick(("00000000-0000-4000-8000-000000000001", "another"))
    files = dict(_FILES)
    how = choices.number(3)
    if how == 0:
        while choices.more:
            _tamper(files, choices)
    else:
        name = _JOURNAL if how == 1 else "ledger/0001.jsonl"
        trees: Any = made.trees(files[name])
        while choices.more:
            edited = edit_tree(trees, choices, WORDS)
            trees = edited if isinstance(edited, list) else trees
        files[name] = made.sign_log(trees)
    spool = made.place("spool")
    for name, raw in files.items():
        made.write(spool, name, raw)
    before = _fragments(spool / _OPEN)
    _start(spool, boot)
    if how == 0:
        _kept(spool, before)


def _tamper(files: dict[str, bytes], choices: Choices) -> None:
    name = choices.pick(sorted(files))
    match choices.number(6):
        case 0:
            if len(files) > 1:
                del files[name]
        case 1:
            files.setdefault(
                choices.pick(_STRANGE),
                choices.text(),
            )
        case _:
            files[name] = edit_bytes(files[name], choices)


def _settings(spool: Path) -> config.Settings:
    return config.Settings(
        device=config.Device(name="bc-001", officer="P-017"),
        organisation=made.ORGANISATION,
        paths=config.Paths(spool=str(spool), run=str(made.scratch()), keys=str(_KEYS)),
        recording=config.Recording(reserve_mb=4),
    )


def _start(spool: Path, boot: str) -> None:
    """The disk thread's first job, and what its last one would be."""
    archive = Archive(_settings(spool), ManualClock(boot_id=boot), _DISK)
    archive._start()
    archive._close()


def _fragments(folder: Path) -> list[lines.Fragment]:
    """Those that the journal has for certain and whose bytes lie on the card."""
    good, _ = recovery.walk(folder)
    names = {b.body.segment: b.body.file for b in good if isinstance(b.body, lines.Segment)}
    out = []
    for line in good:
        if isinstance(line.body, lines.Fragment):
            path = folder / names.get(line.body.segment, "none")
            if path.is_file() and path.stat().st_size >= line.body.age_bytes:
                out.append(line.body)
    return out


def _kept(spool: Path, before: list[lines.Fragment]) -> None:
    folder = spool / _OPEN
    if not folder.is_dir():
        return  # quarantined whole
    paths = chain.files(folder / "data", "journal")
    after = [
        item.body for item in chain.read(paths, lines.Journal, made.SIGNER.public)
        if isinstance(item, chain.Line) and isinstance(item.body, lines.Fragment)
    ]  # fmt: skip
    if any(fragment not in after for fragment in before):
        raise Broken(f"{len(before)} journalled fragments, {len(after)} after the start")
    verify_recording(folder, key=made.SIGNER.public)
