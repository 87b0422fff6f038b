"""The pipe between capture and supervisor: nonsense on it is an error that the supervisor knows."""

import io

import pytest

from recorder.capture import messages
from recorder.errors import RecorderError

FAULT = messages.Fault(1, "camera", "stall", "abc")


def test_what_is_written_is_read_again() -> None:
    pipe = io.BytesIO(messages.pack(FAULT, b"payload") + b"payload")
    assert messages.read(pipe) == (FAULT, b"payload")
    with pytest.raises(EOFError):
        messages.read(pipe)


@pytest.mark.parametrize(("part", "instead"), [(b"abc", b"\xff\xfe\xfd"), (b"stall", b"\xc1tall")])
def test_a_message_that_is_no_text_is_an_error(part: bytes, instead: bytes) -> None:
    with pytest.raises(RecorderError, match="not a capture message"):
        messages.read(io.BytesIO(messages.pack(FAULT).replace(part, instead)))
