"""A disk thread that is none: what is handed to it is done before the call returns."""

from collections.abc import Callable
from typing import Any

from recorder.ring import Piece


class Now:
    """The disk's thread, as far as the archive needs it: every job is done when it is handed in."""

    def submit(
        self, what: str, run: Callable[[], Any], then: Callable[[Any], None] | None = None
    ) -> None:
        result = run()
        if then is not None:
            then(result)

    def write(self, writer: Callable[[], Any], piece: Piece, *, live: bool) -> bool:
        stream = piece.stream
        writer().fragments([(stream.init, stream.data, piece.fragment, piece.media)])
        return True

    def told(self, code: str, detail: str) -> None:
        raise AssertionError(f"no fault was injected, but {code}: {detail}")
