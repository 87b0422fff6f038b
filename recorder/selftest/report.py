"""What the daemon measured, as it goes over the socket: figures, never picture or sound."""

from enum import StrEnum
from typing import Literal

import msgspec

from recorder.battery.forecast import Power
from recorder.clock import ClockState

Broken = Literal["press", "gone", "stopped"]
Pressed = Literal["", "pressed", "dead"]


class Phase(StrEnum):
    """How far the daemon's part is."""

    LISTENING = "listening"
    JUDGING = "judging"
    WAITING = "waiting"
    PRESSING = "pressing"
    BROKEN_OFF = "broken_off"


class Heard(msgspec.Struct, frozen=True):
    """The device's own voice in its own microphone: how like it (1 is the same), how late, how
    loud."""

    score: float
    delay_ms: int
    level_dbfs: float


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """What decoding the seconds gave. ``problem``: why it gave less, in the decoder's words."""

    frames: int = 0
    width: int = 0
    height: int = 0
    video_s: float = 0.0
    samples: int = 0
    level_dbfs: float | None = None
    heard: Heard | None = None
    problem: str = ""


class Played(msgspec.Struct, frozen=True):
    """``clip`` was heard from ``from_s`` (boot clock) on; "" where nothing was."""

    clip: str = ""
    from_s: float = 0.0


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the technician's side found, each as part:code, for the ledger."""

    failed: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon knows at any time."""

    luma: float | None = None
    contrast: float | None = None
    power: Power | None = None
    power_problem: str = ""
    """Why a battery that should be there tells nothing."""
    celsius: float | None = None
    free_bytes: int | None = None
    clock: ClockState
    key_kind: str
    custodians: int
    broken: dict[str, str] = {}
    """What could not be had at the start or failed since, by its code."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything so far. ``faults``: the parts that failed meanwhile, with their fault's code."""

    phase: Phase
    why: Broken | None = None
    media: Media | None = None
    voice: str = ""
    voice_detail: str = ""
    button: Pressed = ""
    faults: dict[str, str] = {}
    ready_s: float | None = None
    device: Device
