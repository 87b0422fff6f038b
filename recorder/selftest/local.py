"""What the technician's side tries itself: the card's speed, the keys' files, sync's store."""

import os
import stat
from pathlib import Path

import msgspec

from recorder.checks import probe
from recorder.clock import SystemClock
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.evidence import drill, keys
from recorder.evidence.provision import CUSTODIANS
from recorder.provisioned import unregistered
from recorder.selftest.card import Question, Speed
from recorder.selftest.child import may_act_for, measure, owner_of
from recorder.selftest.finding import Finding, failed, fine, left_out, warned
from recorder.selftest.report import Report
from recorder.selftest.store import Reached
from recorder.sync.home import PUBLIC
from recorder.sync.readers import unvouched

CARD_S = 20.0
STORE_S = 30.0
STALL_MS = 1000
"""What a recording's journal calls a delay."""
HEADROOM = 2.0
"""So many times the stream's rate, beside everything else that the card does."""
_LEAST_BYTES = 64 * 1024 * 1024
_DEVICE_KEY = "device.key"
_WRONG = {"revoked": "ended", "expired": "ended", "other-name": "misnamed"}


def card(settings: Settings) -> Finding:
    """Sync speed and stalls on the spool's file system, in a file that is gone afterwards."""
    needed = probe.bytes_per_s(settings)
    spool = Path(settings.paths.spool)
    limits = {"least_mb_s": round(HEADROOM * needed / 1e6, 1), "stall_ms": STALL_MS}
    free = probe.free_bytes(spool)
    if free is not None and free < _LEAST_BYTES:
        return left_out("card", "no_room")
    if not may_act_for(spool):
        return left_out("card", "unseen")
    question = msgspec.json.encode(Question(str(spool), round(needed)))
    try:
        speed = measure("recorder.selftest.card", question, Speed, CARD_S, as_owner_of=spool)
        found = _speed(speed, HEADROOM * needed)
    except OSError as error:
        found = failed("card", "failed", problem=error.strerror or str(error))
    except RecorderError as error:
        found = failed("card", "hung" if error.code == "hung" else "failed", problem=error.problem)
    return msgspec.structs.replace(found, limits=limits)


def _speed(speed: Speed, least: float) -> Finding:
    figures = {"mb_s": round(speed.bytes_per_s / 1e6, 1), "worst_ms": speed.worst_ms}
    if speed.worst_ms > STALL_MS:
        return failed("card", "stalls", **figures)
    if speed.bytes_per_s < least:
        return failed("card", "slow", **figures)
    return fine("card", **figures)


def key(settings: Settings, report: Report) -> Finding:
    """The device's key is its user's alone, and signs."""
    path = Path(settings.paths.keys) / _DEVICE_KEY
    try:
        status = path.stat()
    except FileNotFoundError:
        return failed("key", "missing", path=str(path))
    except PermissionError:
        return left_out("key", "unseen", path=str(path))
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        return failed("key", "exposed", path=str(path), mode=f"{mode:o}")
    if owner_of(Path(settings.paths.spool)) not in (status.st_uid, None) and status.st_uid:
        return failed("key", "owner", path=str(path), owner=status.st_uid)
    if report.device.key_kind != "device":
        return failed("key", "unused", path=str(path))
    name, home = settings.device.name, Path(settings.paths.sync)
    if wrong := _device_unvouched(settings, path):
        return warned("key", wrong, path=str(path.parent), name=name)
    if wrong := _sync_unvouched(settings, home):
        return warned("key", f"sync_{wrong}", path=str(path.parent), home=str(home), name=name)
    return fine("key", mode=f"{mode:o}")


def _device_unvouched(settings: Settings, path: Path) -> str:
    """Why a register beside it does not vouch for the device's key; "": it does."""
    try:
        signer = keys.load_private(path)
    except RecorderError as error:
        return _unvouched(error)
    return _unvouched(unregistered(path.parent, settings.device.name, signer, SystemClock()))


def _sync_unvouched(settings: Settings, home: Path) -> str:
    """The same for sync's; "" also where sync was never set up."""
    try:
        if not keys.is_there(home / PUBLIC):
            return ""
        public = keys.load_public(home / PUBLIC, PUBLIC)
        folder = Path(settings.paths.keys)
        name = settings.device.name
        return _unvouched(unvouched(folder, "sync", home, name, public, SystemClock()))
    except RecorderError as error:
        return _unvouched(error)


def _unvouched(wrong: RecorderError | None) -> str:
    return "" if wrong is None else _WRONG.get(wrong.code, "unregistered")


def custodians(settings: Settings, report: Report) -> Finding:
    """Public keys to encrypt to, on the disk now and in the daemon since its start."""
    path = Path(settings.paths.keys) / CUSTODIANS
    if not os.access(path.parent, os.X_OK):
        return left_out("custodians", "unseen", path=str(path))
    try:
        listed = keys.load_custodians(path).recipients
        count = len(listed)
    except RecorderError as error:
        code = "private" if error.code == "custodian-private" else "missing"
        return failed("custodians", code, path=str(path))
    if count != report.device.custodians:
        return warned("custodians", "changed", count=count, used=report.device.custodians)
    if count < 2:
        return warned("custodians", "one", count=count)
    try:
        silent = len(drill.unproven(path.parent, listed))
    except RecorderError:
        silent = count
    if silent:
        return warned("custodians", "undrilled", count=count, silent=silent, path=str(path.parent))
    return fine("custodians", count=count)


def store(settings: Settings) -> Finding:
    """What sync's user may do there; nothing is left behind."""
    home = Path(settings.paths.sync)
    if not settings.sync.store:
        return warned("store", "none")
    if not home.is_dir():
        return failed("store", "sync", problem=str(home))
    if not may_act_for(home):
        return left_out("store", "unseen")
    question = msgspec.json.encode(settings)
    try:
        found = measure("recorder.selftest.store", question, Reached, STORE_S, as_owner_of=home)
    except RecorderError as error:
        return failed("store", "hung" if error.code == "hung" else "sync", problem=error.problem)
    if found.code == "ok":
        return fine("store", name=found.name)
    if found.code in ("unwritten", "working"):
        return left_out("store", found.code, name=found.name)
    return failed("store", found.code, problem=found.problem)
