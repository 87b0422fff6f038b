"""Decides which stream encoded picture and sound go into.

Owned by one thread. A stream lives as long as its tracks can: a microphone that dies leaves the
picture going in the same stream, a camera that dies ends it and sound goes on in the next one.
Nothing waits for a track that is not there.
"""

from collections import deque

from recorder.capture.stream import Covered, Emit, Stream
from recorder.capture.units import AUDIO_SCALE, NS, Sound, Unit


class Mux:
    """All methods on one thread, with the boot clock's time."""

    # A sound card may take so long to open; the first fragment is not whole before either.
    WAIT_NS = 900_000_000
    PICTURE_LOST_NS = 700_000_000
    SOUND_LOST_NS = 400_000_000

    def __init__(
        self, period_ns: int, fragment_ms: int, emit: Emit, covered: Covered | None = None
    ) -> None:
        self._covered = covered or Covered()
        self.period_ns = period_ns
        self._fragment_ms = fragment_ms
        self._emit = emit
        self._stream: Stream | None = None
        self._number = 0
        self.encoder = ""
        self.sound_wanted = False
        self._early: list[Unit] = []
        self._waits_since_ns: int | None = None
        self._pending: deque[Sound] = deque(maxlen=100)
        self._picture_ns: int | None = None
        self._sound_ns: int | None = None
        self._sound_from_tick: int | None = None
        self._sound_broken = False

    def picture(self, unit: Unit, now_ns: int) -> None:
        """A frame arrived."""
        self._picture_ns = now_ns
        if self._stream is None or not self._stream.has_video:
            self._early.append(unit)
            if self._waits_since_ns is None:
                self._waits_since_ns = now_ns
            self._try_begin(now_ns)
            return
        if unit.key and not self._stream.has_audio and self._sound_alive(now_ns):
            self._begin(unit, now_ns)
        elif unit.key and self._sound_broken and self._sound_alive(now_ns):
            self._sound_broken = False
            self._sound_from_tick = unit.ts_ns * AUDIO_SCALE // NS
        self._stream.picture(unit)

    def sound(self, sound: Sound, now_ns: int) -> None:
        """An AAC packet arrived."""
        if self._sound_ns is None or now_ns - self._sound_ns > self.SOUND_LOST_NS:
            self._sound_broken = self._stream is not None and self._stream.has_video
        self._sound_ns = now_ns
        stream = self._stream
        if stream is None or not stream.has_audio:
            self._pending.append(sound)
            self._try_begin(now_ns)
            return
        if self._sound_broken or (
            self._sound_from_tick is not None and sound.tick < self._sound_from_tick
        ):
            return
        self._sound_from_tick = None
        stream.sound(sound)

    def tick(self, now_ns: int) -> None:
        """Time passes: tracks that stopped are noticed."""
        self._try_begin(now_ns)
        stream = self._stream
        if stream is None:
            return
        picture_lost = self._picture_ns is None or now_ns - self._picture_ns > self.PICTURE_LOST_NS
        if stream.has_video and picture_lost:
            self.end()
            self._early.clear()
            self._waits_since_ns = None
            if self._sound_alive(now_ns):
                self._begin(None, now_ns)
        elif not stream.has_video and not self._sound_alive(now_ns):
            self.end()
        if stream.has_video and self._sound_ns is not None and not self._sound_alive(now_ns):
            self._sound_broken = True

    def end(self) -> None:
        """Emit what is left."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _sound_alive(self, now_ns: int) -> bool:
        return self._sound_ns is not None and now_ns - self._sound_ns < self.SOUND_LOST_NS

    def _try_begin(self, now_ns: int) -> None:
        """Begin with what there is, after waiting a little for the other track."""
        while self._early and not self._early[0].key:
            self._early.pop(0)
        if self._early:
            assert self._waits_since_ns is not None
            waited = now_ns - self._waits_since_ns > self.WAIT_NS
            if self._sound_alive(now_ns) or not self.sound_wanted or waited:
                early, self._early = self._early, []
                self._waits_since_ns = None
                last_key = max(i for i, unit in enumerate(early) if unit.key)
                self._begin(early[last_key], now_ns)
                assert self._stream is not None
                for unit in early[last_key:]:
                    self._stream.picture(unit)
            return
        if self._stream is None and self._sound_alive(now_ns):
            if self._waits_since_ns is None:
                self._waits_since_ns = now_ns
            if now_ns - self._waits_since_ns > self.WAIT_NS:
                self._waits_since_ns = None
                self._begin(None, now_ns)

    def _begin(self, first: Unit | None, now_ns: int) -> None:
        """A new stream, from this keyframe (or without picture) on."""
        before = self._stream
        self.end()
        with_sound = self._sound_alive(now_ns)
        self._number += 1
        self._stream = Stream(
            self._number, first, with_sound, self.period_ns,
            self.encoder, self._fragment_ms, self._emit, self._covered,
        )  # fmt: skip
        self._sound_broken = False
        self._sound_from_tick = None if first is None else first.ts_ns * AUDIO_SCALE // NS
        if before is not None and not before.has_video:
            self._sound_from_tick = before.sound_end_tick  # the picture is back: no sound is lost
        pending, self._pending = self._pending, deque(maxlen=100)
        for sound in pending:
            if with_sound:
                self.sound(sound, now_ns)
