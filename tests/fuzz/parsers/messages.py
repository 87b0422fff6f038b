"""What comes through the capture process's pipe, and what a supervisor does with it."""

import io
from collections.abc import Sequence
from typing import Any

import msgspec

from recorder.capture import messages
from recorder.capture.messages import TrackRun, TrackState
from recorder.config import CaptureSettings
from recorder.errors import RecorderError
from tests.fuzz.choices import Choices, edit_bytes, edit_tree
from tests.fuzz.targets import same
from tests.unit import pieces

WORDS = ("type", "hello", "init", "fragment", "speech", "vitals", "fault", "format", "pid", "board",
         "camera", "microphone", "encoder", "stream", "number", "start_ns", "end_ns", "video",
         "audio", "state", "first_tick", "ticks", "units", "gap_ns", "tracks", "kind",
         "ok", "absent")  # fmt: skip

_RUN = TrackRun(TrackState.OK, 9_000_000, 90_000, 30, 33_333_333)
_MESSAGES: tuple[tuple[messages.Message, bytes], ...] = (
    (messages.Hello(messages.FORMAT, 7, "desk", "demo", "demo", "libx264"), b""),
    (pieces.INIT, pieces.init_bytes()),
    (messages.Fragment(1, 0, 100, 200, _RUN, None), pieces.media(90_000, 1, 4)),
    (messages.Speech(1, 2, True), b""),
    (messages.Vitals(1, 2, 3, 4, None, 1.5, None, -30.0, 0.5, 0, 0, 0, 0, 0), b""),
    (messages.Fault(1, "camera", "stall", "2 s"), b""),
)
_DEEP = b"\x82\xa4type\xa5hello\xa1x" + b"\x91" * 60_000
HEAVY = (b"\0" + len(_DEEP).to_bytes(4, "little") + bytes(4) + _DEEP,)


def _frame(message: messages.Message, payload: bytes) -> bytes:
    return messages.pack(message, payload) + payload


def seeds() -> Sequence[bytes]:
    """Each message, all of them, and starts for edits."""
    frames = [_frame(*each) for each in _MESSAGES]
    commands = [
        msgspec.json.encode(c) for c in (messages.Configure(CaptureSettings()), messages.Stop())
    ]
    return [*(b"\0" + f for f in (*frames, b"".join(frames))), *(bytes([1, i]) for i in range(6)),
            *(b"\2" + c for c in commands)]  # fmt: skip


def check(data: bytes) -> None:
    """Messages, then the end or RecorderError; what was read is what writes the same again."""
    choices = Choices(data)
    which = choices.number(3)
    if which == 2:
        _command(choices.rest())
        return
    raw = choices.rest() if which == 0 else _edited(choices)
    pipe = io.BytesIO(raw)
    while True:
        try:
            message, payload = messages.read(pipe)
        except (EOFError, RecorderError):
            return
        again = messages.read(io.BytesIO(_frame(message, payload)))
        same(repr(again), repr((message, payload)), "message")


def _edited(choices: Choices) -> bytes:
    message, payload = choices.pick(_MESSAGES)
    tree: Any = msgspec.to_builtins(message)
    while choices.more:
        tree = edit_tree(tree, choices, WORDS)
        if choices.number(4) == 0:
            payload = edit_bytes(payload, choices)
    try:
        header = msgspec.msgpack.encode(tree)
    except (OverflowError, msgspec.MsgspecError):
        return b""
    return len(header).to_bytes(4, "little") + len(payload).to_bytes(4, "little") + header + payload


def _command(line: bytes) -> None:
    """The other way: from the supervisor, which is trusted; it must still not crash the decoder."""
    try:
        msgspec.json.decode(line, type=messages.Command)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
