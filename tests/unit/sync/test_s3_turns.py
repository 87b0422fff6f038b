"""Of several threads' files one is sent at a time: a cut leaves one half sent, not many."""

import hashlib
import io
import threading

from recorder.clock import ManualClock
from recorder.sync.stores.s3_body import Body, Turn


def test_the_next_file_s_turn_comes_when_the_last_byte_has_left_not_when_it_is_answered() -> None:
    data, lock = bytes(3_000_000), threading.Lock()
    with Turn(lock) as turn:
        digest = hashlib.sha256(data).hexdigest()
        body = Body(
            io.BytesIO(data), len(data), digest, lambda _: None, turn.over, ManualClock(), 9
        )
        sent = 0
        while piece := body.read():
            assert lock.locked()
            sent += len(piece)
        assert sent == len(data)
        assert lock.acquire(blocking=False)  # another's turn, though this one's answer is to come
    assert lock.locked()  # and ending this one's gave nobody else's away
