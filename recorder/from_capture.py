"""What the capture process sends, handed to whom it concerns: media, speech, vitals, faults.

Owned by the supervisor's loop. It decides nothing about the process itself: that is ladder.py's.
"""

from typing import TYPE_CHECKING

import msgspec

from recorder.capture.messages import Fault, Fragment, Hello, Init, Speech, Vitals
from recorder.evidence import lines
from recorder.link import Received
from recorder.ring import Piece, Stream
from recorder.session.states import Event

if TYPE_CHECKING:
    from recorder.app import App


class FromCapture:
    """``people_until_ns``: until then somebody was heard who is not the device."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._streams: dict[int, Stream] = {}
        self.people_until_ns = 0

    def received(self, item: Received) -> None:
        """A message of the process that runs."""
        app = self._app
        match item.message:
            case Hello():
                app.hello = item.message
            case Init():
                self._streams = {
                    item.message.stream: Stream(
                        msgspec.structs.replace(
                            item.message,
                            stream=item.generation * 10_000 + item.message.stream,
                        ),
                        item.payload,
                    )
                }
            case Fragment():
                app.faults.fragment(item.message, item.generation)
                self._fragment(item.message, item.payload)
            case Vitals():
                app.vitals = item.message
                app.fitness.judge()
            case Speech():
                self._speech(item.message)
            case Fault():
                app.faults.told(item.message, item.generation)

    def gone(self, generation: int, cause: str, detail: str) -> None:
        """The process that ran is no more; the ladder starts another one."""
        app = self._app
        app.vitals = None
        app.ring.clear()
        if app.effects.act is None:
            app.archive.note(
                lines.LedgerFault(part="capture", code=cause, detail=detail, over=False)
            )
        app.faults.left_out(app.ladder.rung, generation)
        app.effects.lost(cause, detail)
        app.fire(Event.LOST)

    def _fragment(self, fragment: Fragment, media: bytes) -> None:
        stream = self._streams.get(fragment.stream)
        if stream is None:
            return
        piece = Piece(stream, fragment, media)
        self._app.selftest.piece(piece)
        if not self._app.effects.take(piece):
            self._app.ring.push(piece)

    def _speech(self, speech: Speech) -> None:
        own = self._app.announcer.without_own(speech.start_ns, speech.end_ns)
        if own is None:
            return
        self.people_until_ns = max(self.people_until_ns, own[1])
        self._app.effects.talk.speech(own[0], own[1], speech.ongoing)
