"""The ledger's lines, each a file of its own in the store: whole, durable, once. Judges nothing."""

from pathlib import Path

from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.evidence import chain, ledger_private, lines
from recorder.spool import LEDGER
from recorder.sync import keep, transfer
from recorder.sync.durable import Damaged, read
from recorder.sync.home import Home
from recorder.sync.stores import Keep, Sort, SourceError, Store, StoreError

_BATCH = 500
_PRIVATE = b'"private":{'


def check_device(settings: Settings) -> None:
    """RecorderError where the spool's ledger began as another device's: its lines would go into
    that one's place in the store, and under a lock they would stay there."""
    folder, name = Path(settings.paths.spool) / LEDGER, settings.device.name
    try:
        first = chain.files(folder, "")[:1]
        entry = next(chain.read(first, lines.Ledger, None), None)
    except OSError:
        return  # told when it is sent
    body = entry.body if isinstance(entry, chain.Line) else None
    if isinstance(body, lines.Boot) and body.device != name:
        raise RecorderError(
            "other-device", f"this spool's ledger is {body.device}'s, the config says {name}",
            where="key device.name", remedy="Correct the name, or name the right paths.spool",
        )  # fmt: skip


def send(settings: Settings, store: Store, home: Home) -> tuple[int, list[RecorderError]]:
    """Copy the lines that the store lacks; (lines sent, what is wrong). Durable on return.

    A run looks only at lines behind those that an earlier one settled. StoreError as ``run_once``.
    """
    folder = Path(settings.paths.spool) / LEDGER
    device, how = settings.device.name, keep.of_ledger(settings)
    settled = following = home.sent(store.id)
    sent = 0
    wrong: list[RecorderError] = []
    try:
        for entry in read(chain.files(folder, ""), settled):
            if isinstance(entry, Damaged):
                wrong.append(_damaged(entry))
                continue
            n, raw = entry.n, entry.raw
            try:
                wrong += _private(folder, raw, device, store, how)
                key = f"{device}/ledger/{n:012d}"
                sent += transfer.settle_bytes(store, key, raw + b"\n", how).sent
            except StoreError as error:
                if error.sort is not Sort.NEVER:
                    raise
                wrong.append(error)
            if not wrong:
                following = n + 1
            if following - settled >= _BATCH:
                settled = _settle(store, home, following)
    except OSError as error:
        raise RecorderError(
            "spool-unreadable", f"cannot read the ledger: {error.strerror}", where=str(folder),
            remedy="Check paths.spool, and put sync's user into the spool's group",
        ) from error  # fmt: skip
    if following > settled:
        _settle(store, home, following)
    return sent, wrong


def _private(folder: Path, raw: bytes, device: str, store: Store, how: Keep) -> list[RecorderError]:
    """A line's personal part goes before it, into the ledger's ``private`` folder; what is wrong
    with it holds no line back."""
    if _PRIVATE not in raw:
        return []
    try:
        _, body = chain.decode(raw, lines.Ledger, None)
    except ValueError:
        return []  # verify judges the line
    private = body.private if isinstance(body, lines.Away) else None
    if private is None:
        return []
    try:
        data = ledger_private.read(folder, private)
    except (OSError, ValueError) as error:
        return [
            SourceError(
                "ledger-damaged", f"the reason of a line is not as it was: {error}",
                where=str(folder / private.file),
                remedy="Run `recorder verify` on the spool; the line itself is copied",
            )
        ]  # fmt: skip
    transfer.settle_bytes(store, f"{device}/ledger/{private.file}", data, how)
    return []


def _settle(store: Store, home: Home, following: int) -> int:
    store.flush()
    home.set_sent(store.id, following)
    return following


def _damaged(entry: Damaged) -> RecorderError:
    return SourceError(
        "ledger-damaged", f"line {entry.line} has no number", where=str(entry.path),
        remedy="Run `recorder verify` on the spool; the lines that have one are copied",
    )  # fmt: skip
