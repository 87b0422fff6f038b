"""What goes through the pipe between capture process and supervisor. Shapes only, no I/O loop.

A frame on the pipe is two little-endian u32 (header length, payload length), the header (one
of the structs below as MessagePack) and the payload (bytes of ``Init`` and ``Fragment``,
else empty). Commands go the other way on the child's stdin, one JSON object a line, the first
being ``Configure``; end of file on stdin means stop. Both processes import this module, so it
imports neither camera, sound nor codec libraries.
"""

import struct
from enum import StrEnum
from typing import BinaryIO, Literal

import msgspec

from recorder.config import CaptureSettings
from recorder.errors import RecorderError
from recorder.shapes import UNREADABLE, Int

FORMAT = 1
SOUND_ONLY, PICTURE_ONLY = 2, 3
"""The rungs on which a part is left out."""
MAX_HEADER = 64 * 1024
MAX_PAYLOAD = 64 * 1024 * 1024
_FRAME = struct.Struct("<II")


class TrackState(StrEnum):
    """State of one track over one fragment; all but OK are ``degraded``."""

    OK = "ok"
    ABSENT = "absent"
    FROZEN = "frozen"
    COVERED = "covered"
    SILENT = "silent"


class Track(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One track of a stream, as its ``moov`` describes it."""

    kind: Literal["video", "audio"]
    track_id: Int
    timescale: Int
    codec: str
    width: Int = 0
    height: Int = 0
    sample_rate: Int = 0
    channels: Int = 0


class TrackRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a fragment holds of one track. ``first_tick`` is its tfdt, on the boot clock.

    ``units`` counts frames (video) or samples (audio); ``gap_ns`` is the largest distance
    between the starts of neighbouring frames, the one before the fragment included (video),
    or the largest hole between neighbouring packets (audio).
    """

    state: TrackState
    first_tick: Int
    ticks: Int
    units: Int
    gap_ns: Int


class Hello(msgspec.Struct, frozen=True, tag_field="type", tag="hello"):
    """First message: who is there, and what was chosen."""

    format: Int
    pid: Int
    board: str
    camera: str
    microphone: str
    encoder: str


class Init(msgspec.Struct, frozen=True, tag_field="type", tag="init"):
    """A stream begins. Payload: ``ftyp`` + ``moov``. ``period_ns`` is 0 without video."""

    stream: Int
    tracks: tuple[Track, ...]
    period_ns: Int
    encoder: str


class Fragment(msgspec.Struct, frozen=True, tag_field="type", tag="fragment"):
    """About 1 s of a stream. Payload: ``moof`` + ``mdat``, tfdt on the boot clock.

    ``number`` counts from 0 within the stream. A track of the stream's ``init`` that this
    fragment has nothing of is a ``TrackRun`` with state ABSENT and no units.
    """

    stream: Int
    number: Int
    start_ns: Int
    end_ns: Int
    video: TrackRun | None
    audio: TrackRun | None


class Speech(msgspec.Struct, frozen=True, tag_field="type", tag="speech"):
    """People are heard speaking: at onset, every 0.25 s while it goes on, and at its end."""

    start_ns: Int
    end_ns: Int
    ongoing: bool


class Vitals(msgspec.Struct, frozen=True, tag_field="type", tag="vitals"):
    """Twice a second. Counters run from the process's start; None: there is no such part.

    ``brightness`` and ``contrast`` are mean and standard deviation of luma (0-255),
    ``level_dbfs`` the RMS level of the last second, ``speech`` the highest probability in it.
    """

    at_ns: Int
    frames: Int
    samples: Int
    last_frame_ns: Int | None
    last_sample_ns: Int | None
    brightness: float | None
    contrast: float | None
    level_dbfs: float | None
    speech: float | None
    queued_fragments: Int
    queued_bytes: Int
    dropped_frames: Int
    dropped_samples: Int
    dropped_fragments: Int


class Fault(msgspec.Struct, frozen=True, tag_field="type", tag="fault"):
    """A part failed (``over`` False) or works again (``over`` True)."""

    at_ns: Int
    part: Literal["camera", "lens", "microphone", "encoder", "queue", "speech", "overlay"]
    code: str
    detail: str
    over: bool = False


Message = Hello | Init | Fragment | Speech | Vitals | Fault


class Configure(msgspec.Struct, frozen=True, tag_field="type", tag="configure"):
    """First line on stdin. ``rung``: 0 as configured, 1 software encoder, 2 sound only, 3 picture
    only. Again later: the part that the rung before left out is opened beside the running one."""

    settings: CaptureSettings
    rung: Int = 0


class Overlay(msgspec.Struct, frozen=True, tag_field="type", tag="overlay"):
    """What is burned into the picture beside the time; ``trusted`` False marks the time."""

    device: str
    officer: str
    trusted: bool
    utc_offset_min: Int
    organisation: str = ""


class Stop(msgspec.Struct, frozen=True, tag_field="type", tag="stop"):
    """Emit what is whole, then leave."""


Command = Configure | Overlay | Stop

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)


def pack(message: Message, payload: bytes = b"") -> bytes:
    """The frame's head; write it, then ``payload`` itself."""
    header = _encoder.encode(message)
    return _FRAME.pack(len(header), len(payload)) + header


def _exactly(pipe: BinaryIO, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = pipe.read(size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read(pipe: BinaryIO) -> tuple[Message, bytes]:
    """Next message and payload. EOFError at the end (or inside one), RecorderError on nonsense."""
    header_size, payload_size = _FRAME.unpack(_exactly(pipe, _FRAME.size))
    if header_size > MAX_HEADER or payload_size > MAX_PAYLOAD:
        raise RecorderError("capture-protocol", f"message of {header_size}+{payload_size} bytes")
    header = _exactly(pipe, header_size)
    try:
        message = _decoder.decode(header)
    except UNREADABLE as error:
        raise RecorderError("capture-protocol", f"not a capture message: {error}") from error
    return message, _exactly(pipe, payload_size)
