"""recorder.toml → frozen settings. Every key has a unit and a range; an unknown key is an error.

What each key does to the officer, the card or the evidence is said in config/recorder.toml.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from recorder import toml
from recorder.errors import RecorderError
from recorder.shapes import HOST_PORT

NAME = r"^[a-z0-9][a-z0-9-]{0,30}$"
Name = Annotated[
    str,
    Meta(pattern=NAME,
         description="small letters, digits and hyphens, 31 at most, such as cam-01"),
]  # fmt: skip
Text = Annotated[str, Meta(min_length=1, max_length=120)]
_S3 = "s3://"
Pin = Annotated[int, Meta(ge=0, le=27)]
LEAST_KBPS = 256
Percent = Annotated[float, Meta(ge=0, le=100)]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every section."""


class Device(_Strict, frozen=True, kw_only=True):
    """Which device this is. ``name`` is part of every recording's name."""

    name: Name
    officer: Text
    language: Literal["zh", "en"] = "zh"
    utc_offset_min: Annotated[int, Meta(ge=-720, le=840)] = 480


class Organisation(_Strict, frozen=True, kw_only=True):
    """In whose name the act is done (Art. 2, 24)."""

    name: Text
    entrusted_by: str = ""
    rule: Text
    rule_version: Text


class Paths(_Strict, frozen=True, kw_only=True):
    """Where things lie. ``run`` must be a tmpfs: case cards and speech lie there in the clear.

    ``mount``: where the spool's card is mounted; without it there is no spool. "" asks for none.
    """

    spool: str = "/var/lib/recorder/spool"
    mount: str = ""
    sync: str = "/var/lib/recorder-sync"
    run: str = "/run/recorder"
    keys: str = "/etc/recorder/keys"
    catalogue: str = "/etc/recorder/catalogue.toml"
    phrases: str = ""
    clips: str = "/etc/recorder/clips"


class CameraSettings(_Strict, frozen=True, kw_only=True):
    """One camera. ``source`` is a file for ``file`` and a device for ``v4l2``."""

    kind: Literal["picamera2", "demo", "file", "v4l2", "none"] = "picamera2"
    source: str = ""
    width: Annotated[int, Meta(ge=160, le=3840, multiple_of=2)] = 1920
    height: Annotated[int, Meta(ge=120, le=2160, multiple_of=2)] = 1080
    fps: Annotated[int, Meta(ge=5, le=60)] = 30
    bitrate_kbps: Annotated[int, Meta(ge=100, le=25000)] = 6000
    encoder: Literal["auto", "hardware", "software"] = "auto"


class MicrophoneSettings(_Strict, frozen=True, kw_only=True):
    """One microphone. ``source``: a PortAudio device name (empty: the default) or a WAV file."""

    kind: Literal["sounddevice", "demo", "file", "none"] = "sounddevice"
    source: str = ""
    bitrate_kbps: Annotated[int, Meta(ge=32, le=256)] = 64


MADE_UP = frozenset({"demo", "file"})
"""Cameras and microphones that make up what they give, or play it: nothing of it is evidence."""


class CaptureSettings(_Strict, frozen=True, kw_only=True):
    """All that the capture process is told."""

    camera: CameraSettings = CameraSettings()
    microphone: MicrophoneSettings = MicrophoneSettings()
    fragment_ms: Annotated[int, Meta(ge=500, le=2000)] = 1000
    queue_s: Annotated[float, Meta(ge=2, le=60)] = 10.0
    lens_dark_luma: float = 12
    lens_flat_contrast: float = 4


class Ring(_Strict, frozen=True, kw_only=True):
    """Pre-recording: what lies in memory before the press. 0 s switches it off."""

    seconds: Annotated[float, Meta(ge=0, le=120)] = 30.0
    ram_share: Annotated[float, Meta(gt=0, le=0.5)] = 0.15


class Recording(_Strict, frozen=True, kw_only=True):
    """Files of a recording, and how long the gestures take."""

    segment_s: Annotated[float, Meta(ge=5, le=60)] = 20.0
    reserve_mb: Annotated[int, Meta(ge=4, le=1024)] = 64
    double_press_ms: Annotated[int, Meta(ge=200, le=800)] = 400
    long_press_ms: Annotated[int, Meta(ge=1000, le=5000)] = 2500
    panic_ms: Annotated[int, Meta(ge=0, le=5000)] = 2000


class Limits(_Strict, frozen=True, kw_only=True):
    """Thresholds of the checks (Art. 13). Below ``warn`` is said aloud, below ``block`` refuses."""

    battery_warn_min: Annotated[int, Meta(ge=0, le=600)] = 30
    battery_warn_percent: Percent = 25
    storage_warn_min: Annotated[int, Meta(ge=0, le=6000)] = 60
    storage_block_min: Annotated[int, Meta(ge=1, le=600)] = 5
    lens_dark_luma: Annotated[float, Meta(ge=0, le=255)] = 12
    lens_flat_contrast: Annotated[float, Meta(ge=0, le=128)] = 4
    microphone_quiet_dbfs: Annotated[float, Meta(ge=-120, le=0)] = -75
    temperature_warn_c: Annotated[float, Meta(ge=30, le=110)] = 75
    clock_error_ms: Annotated[int, Meta(ge=10, le=3_600_000)] = 60_000


class Opening(_Strict, frozen=True, kw_only=True):
    """How long an element is waited for (Art. 14); asked twice, then ``missing``."""

    answer_s: Annotated[float, Meta(ge=2, le=60)] = 10.0
    silence_s: Annotated[float, Meta(ge=0.3, le=5)] = 1.2
    speech_s: Annotated[float, Meta(ge=0.1, le=5)] = 0.4


class Voice(_Strict, frozen=True, kw_only=True):
    """Who speaks, and through what. ``none`` lights and logs only, and the journal says so."""

    kind: Literal["pyttsx3", "none"] = "pyttsx3"
    rate_wpm: Annotated[int, Meta(ge=80, le=300)] = 200
    volume: Annotated[float, Meta(ge=0, le=1)] = 1.0
    output: str = ""
    render_timeout_s: Annotated[float, Meta(ge=1, le=30)] = 5.0


class Button(_Strict, frozen=True, kw_only=True):
    """``keyboard``: keys of the daemon's terminal; ``none``: the control socket only."""

    kind: Literal["gpio", "keyboard", "none"] = "gpio"
    pin: Pin = 17
    second_pin: Pin | None = None
    wire_to: Literal["ground", "3v3"] = "ground"
    bounce_ms: Annotated[int, Meta(ge=0, le=200)] = 30


class Light(_Strict, frozen=True, kw_only=True):
    """``terminal`` prints the light's state. ``pin`` is a plain LED's, or an RGB one's red."""

    kind: Literal["gpio", "terminal", "none"] = "gpio"
    pin: Pin = 27
    green_pin: Pin | None = None
    blue_pin: Pin | None = None
    lit_by: Literal["high", "low"] = "high"
    vibration_pin: Pin | None = None


class Battery(_Strict, frozen=True, kw_only=True):
    """What measures the battery, and when its last minutes begin. ``none``: mains powered."""

    kind: Literal["auto", "psutil", "ina219", "max17040", "pisugar", "none"] = "auto"
    bus: Annotated[int, Meta(ge=0, le=255)] = 1
    address: Annotated[int, Meta(ge=0x08, le=0x77)] | None = None
    shunt_mohm: Annotated[float, Meta(ge=0.1, le=1000)] = 100.0
    draw: Literal["negative", "positive"] = "negative"
    cells: Annotated[int, Meta(ge=1, le=4)] = 1
    capacity_mah: Annotated[int, Meta(ge=100, le=50_000)] = 3000
    pisugar: Annotated[
        str,
        Meta(pattern=rf"^/.+$|{HOST_PORT}",
             description="a socket's path, or a server and its port, such as 127.0.0.1:8423"),
    ] = "127.0.0.1:8423"  # fmt: skip
    end_min: Annotated[int, Meta(ge=0, le=60)] = 3
    end_percent: Percent = 3
    end_after_s: Annotated[int, Meta(ge=5, le=300)] = 30
    poweroff: bool = True


class Gnss(_Strict, frozen=True, kw_only=True):
    """Satellites: where a recording is made, and a bound for the clock."""

    kind: Literal["gpsd", "none"] = "none"
    gpsd: Annotated[
        str,
        Meta(pattern=HOST_PORT, description="a server and its port, such as 127.0.0.1:2947"),
    ] = "127.0.0.1:2947"
    every_s: Annotated[int, Meta(ge=5, le=3600)] = 60


class Sync(_Strict, frozen=True, kw_only=True):
    """The township's store (a mounted folder, or s3://BUCKET) and how sync is woken."""

    store: Annotated[
        str,
        Meta(pattern=r"^(?!s3:)|^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
             description="a folder, or s3:// and a bucket's name, such as s3://evidence"),
    ] = ""  # fmt: skip
    settle_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
    live: bool = False
    read_back_mb: Annotated[int, Meta(ge=0, le=1_000_000)] = 4096
    limit_kbps: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    only_docked: bool = False


class Freeing(_Strict, frozen=True, kw_only=True):
    """When the device gives room back that the store's two read-backs have made safe."""

    below_min: Annotated[int, Meta(ge=0, le=6000)] = 90
    hold_days: Annotated[float, Meta(ge=0, le=3650)] = 3.0


class S3(_Strict, frozen=True, kw_only=True):
    """The store where ``sync.store`` names a bucket. ``lock`` none: evidence can be deleted."""

    endpoint: Annotated[
        str,
        Meta(pattern=r"^(https://[A-Za-z0-9.:\[\]-]+/?)?$",
             description="an address such as https://store.example:8443"),
    ] = ""  # fmt: skip
    region: Annotated[
        str,
        Meta(pattern=r"^[a-z0-9-]{1,60}$",
             description="small letters, digits and hyphens, such as default"),
    ] = "default"  # fmt: skip
    ca: Text = "/etc/ssl/certs/ca-certificates.crt"
    credentials: Text = "/var/lib/recorder-sync/s3-credentials.toml"
    lock: Literal["compliance", "none"] = "compliance"
    case_years: Annotated[int, Meta(ge=1, le=100)] = 2
    ledger_years: Annotated[int, Meta(ge=1, le=100)] = 30
    max_years: Annotated[int, Meta(ge=1, le=100)] = 31
    timeout_s: Annotated[float, Meta(ge=0.5, le=600)] = 60.0


class CalendarSettings(_Strict, frozen=True, kw_only=True):
    """Working days beyond the national calendar, and the terms that are counted in them."""

    extra_holidays: tuple[date, ...] = ()
    extra_working_days: tuple[date, ...] = ()
    announced: tuple[Annotated[int, Meta(ge=2018, le=2200)], ...] = ()
    storing_days: Annotated[int, Meta(ge=1, le=2)] = 2
    statement_days: Annotated[int, Meta(ge=1, le=30)] = 2
    remind_h: Annotated[int, Meta(ge=1, le=72)] = 24


class Control(_Strict, frozen=True, kw_only=True):
    """The control socket. ``limited`` users (sync's) may only ask for status, say and dock."""

    limited: tuple[str, ...] = ("recorder-sync",)


class Settings(_Strict, frozen=True, kw_only=True):
    """The whole of recorder.toml."""

    device: Device
    organisation: Organisation
    paths: Paths = Paths()
    camera: CameraSettings = CameraSettings()
    microphone: MicrophoneSettings = MicrophoneSettings()
    fragment_ms: Annotated[int, Meta(ge=500, le=2000)] = 1000
    queue_s: Annotated[float, Meta(ge=2, le=60)] = 10.0
    ring: Ring = Ring()
    recording: Recording = Recording()
    checks: Limits = Limits()
    opening: Opening = Opening()
    voice: Voice = Voice()
    button: Button = Button()
    light: Light = Light()
    battery: Battery = Battery()
    gnss: Gnss = Gnss()
    sync: Sync = Sync()
    freeing: Freeing = Freeing()
    s3: S3 = S3()
    calendar: CalendarSettings = CalendarSettings()
    control: Control = Control()

    @property
    def bucket(self) -> str:
        """The bucket that is the store; "" where it is a folder or none."""
        return self.sync.store.removeprefix(_S3) if self.sync.store.startswith(_S3) else ""

    def capture(self) -> CaptureSettings:
        """What the capture process is told."""
        return CaptureSettings(
            camera=self.camera,
            microphone=self.microphone,
            fragment_ms=self.fragment_ms,
            queue_s=self.queue_s,
            lens_dark_luma=self.checks.lens_dark_luma,
            lens_flat_contrast=self.checks.lens_flat_contrast,
        )


def load(path: Path) -> Settings:
    """Read recorder.toml. Raises RecorderError naming file, key and remedy."""
    try:
        settings = toml.load(path, Settings, what="config")
    except RecorderError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            error.remedy = (
                "Name yours before the verb (recorder --config FILE …), or copy the example "
                "config/recorder.toml of this program there and change it"
            )
        raise
    return _checked(settings, path)


def loads(text: str, path: Path) -> Settings:
    """The same for what is to be written to ``path``."""
    return _checked(toml.loads(text, Settings, what="config", where=str(path)), path)


def _checked(settings: Settings, path: Path) -> Settings:
    if settings.camera.kind == "none" and settings.microphone.kind == "none":
        raise RecorderError(
            "config-invalid",
            "key camera.kind: neither camera nor microphone is switched on",
            where=str(path),
            remedy="Choose a camera or a microphone",
        )
    if settings.bucket and not settings.s3.endpoint:
        raise RecorderError(
            "config-invalid",
            "key s3.endpoint: empty, but sync.store names a bucket",
            where=str(path),
            remedy="Write the store's address, such as https://store.example:8443",
        )
    if 0 < settings.sync.limit_kbps < LEAST_KBPS:
        raise RecorderError(
            "config-invalid",
            f"key sync.limit_kbps: {settings.sync.limit_kbps} is less than {LEAST_KBPS}",
            where=str(path),
            remedy=f"Write {LEAST_KBPS} or more: a store breaks slower files off; 0 is no limit",
        )
    both = set(settings.calendar.extra_holidays) & set(settings.calendar.extra_working_days)
    if both:
        raise RecorderError(
            "config-invalid",
            f"key calendar.extra_working_days: {min(both)} is an extra holiday, too",
            where=str(path),
            remedy="Take it out of one of the two",
        )
    for section, kind, source in (
        ("camera", settings.camera.kind, settings.camera.source),
        ("microphone", settings.microphone.kind, settings.microphone.source),
    ):
        if kind == "file" and not source:
            raise RecorderError(
                "config-invalid",
                f"key {section}.source: empty, but {section}.kind is file",
                where=str(path),
                remedy="Name the file to play",
            )
    return settings
