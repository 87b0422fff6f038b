"""What cameras and microphones hand to the mux: encoded pieces with their boot-clock time."""

import msgspec

VIDEO_SCALE = 90_000
AUDIO_SCALE = 48_000
NS = 1_000_000_000


class Look(msgspec.Struct, frozen=True):
    """A frame's luma: mean, standard deviation, and a fingerprint that any change changes."""

    brightness: float
    contrast: float
    fingerprint: int


class Unit(msgspec.Struct, frozen=True):
    """One encoded frame (Annex B access unit); ``ts_ns`` is its sensor timestamp."""

    data: bytes
    ts_ns: int
    key: bool
    look: Look | None = None


class Sound(msgspec.Struct, frozen=True):
    """One AAC packet: ``tick`` is its first sample's time in 1/48000 s on the boot clock.

    ``silent``: nothing but zeros went in. ``hole_ns``: samples that were lost just before it.
    """

    data: bytes
    tick: int
    samples: int
    silent: bool
    hole_ns: int = 0


def video_tick(ts_ns: int) -> int:
    """Boot-clock ns as 90 kHz ticks."""
    return (ts_ns * VIDEO_SCALE + NS // 2) // NS


def tick_ns(tick: int, scale: int) -> int:
    """Ticks as boot-clock ns."""
    return tick * NS // scale
