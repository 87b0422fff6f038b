"""The announced opening (Art. 14): which element is read, asked for, confirmed, heard or missing.

A machine without clock, voice or file: events in, effects out. It goes on whatever the voice does;
what the device could not say aloud is asked of the officers, or stays ``missing``.
"""

from collections import deque
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from recorder.clock import NS
from recorder.config import Opening as Limits
from recorder.evidence.lines import SlotState
from recorder.session.phrases import Phrase, Speaker


class Element(StrEnum):
    """What the officers have to say first, in the rule's order."""

    TIME = "time"
    PLACE = "place"
    OFFICERS = "officers"
    REASON = "reason"
    SUBJECT = "subject"
    STAGES = "stages"


class Sentence(msgspec.Struct, frozen=True):
    """A sentence of the opening; ``personal`` ones are encrypted in the journal."""

    phrase: Phrase
    text: str
    personal: bool = False


class Say(msgspec.Struct, frozen=True):
    """To be spoken; its end comes back as ``spoken``."""

    sentence: Sentence


class Slot(msgspec.Struct, frozen=True):
    """An element's state is known, with its place on the boot clock."""

    element: Element
    state: SlotState
    from_ns: int | None
    to_ns: int | None


class Done(msgspec.Struct, frozen=True):
    """The opening is over."""


Effect = Say | Slot | Done

ASK = {
    Element.TIME: Phrase.ASK_TIME,
    Element.PLACE: Phrase.ASK_PLACE,
    Element.OFFICERS: Phrase.ASK_OFFICERS,
    Element.REASON: Phrase.ASK_REASON,
    Element.SUBJECT: Phrase.ASK_SUBJECT,
    Element.STAGES: Phrase.ASK_STAGES,
}
_PERSONAL = frozenset({Element.PLACE, Element.OFFICERS, Element.REASON, Element.SUBJECT})


class _Read(msgspec.Struct, frozen=True):
    element: Element | None
    sentences: tuple[Sentence, ...]


class _Ask(msgspec.Struct, frozen=True):
    element: Element | None
    sentence: Sentence


class _Confirm(msgspec.Struct, frozen=True):
    sentence: Sentence


_Step = _Read | _Ask | _Confirm


class Opening:
    """``known`` holds the sentences for what the device knows; all other elements are asked for.

    ``done`` are slots that are settled already (after an interruption): they are not said again.
    ``first`` are questions that come before (why the last recording broke off, why so late).
    """

    def __init__(
        self,
        known: Mapping[Element, tuple[Sentence, ...]],
        speaker: Speaker,
        limits: Limits,
        *,
        done: Mapping[Element, SlotState] | None = None,
        first: tuple[Phrase, ...] = (),
    ) -> None:
        self._speaker = speaker
        self._limits = limits
        self._steps: deque[_Step] = deque()
        self._said: deque[Sentence] = deque()
        self._step: _Step | None = None
        self._spoken_from: int | None = None
        self._spoken_to: int | None = None
        self._failed = False
        self._asked = 0
        self._listening_ns: int | None = None
        self._heard: tuple[int, int] | None = None
        self._heard_ns = 0
        self._ongoing = False
        self._announced: dict[Element, tuple[int, int]] = {}
        self._settled: set[Element] = set(done or {})
        self.finished = False
        self._plan(known, bool(done), first)

    def _fixed(self, phrase: Phrase) -> Sentence:
        return Sentence(phrase, self._speaker.say(phrase))

    def _plan(
        self,
        known: Mapping[Element, tuple[Sentence, ...]],
        resumed: bool,
        first: tuple[Phrase, ...],
    ) -> None:
        if not resumed:
            self._steps.append(_Read(None, (self._fixed(Phrase.OPENING_START),)))
        for phrase in first:
            self._steps.append(_Ask(None, self._fixed(phrase)))
        wanted = [element for element in Element if element not in self._settled]
        read = [element for element in wanted if known.get(element)]
        for element in read:
            self._steps.append(_Read(element, known[element]))
        for element in wanted:
            if element not in read:
                self._steps.append(_Ask(element, self._fixed(ASK[element])))
        if read:
            self._steps.append(_Confirm(self._fixed(Phrase.ADOPT)))
        self._steps.append(_Read(None, (self._fixed(Phrase.NOTICE_ALL),)))

    def begin(self, now_ns: int) -> list[Effect]:
        """Start; the first sentence comes out."""
        return self._next(now_ns)

    def spoken(self, ok: bool, from_ns: int | None, to_ns: int | None, now_ns: int) -> list[Effect]:
        """The sentence that was to be said ended, or could not be said."""
        if self.finished or self._step is None or not self._said:
            return []
        self._said.popleft()
        self._failed = self._failed or not ok
        if ok and from_ns is not None and to_ns is not None:
            self._spoken_from = from_ns if self._spoken_from is None else self._spoken_from
            self._spoken_to = to_ns
        if self._said:
            return [Say(self._said[0])]
        if isinstance(self._step, _Read):
            return self._after_read(now_ns)
        if self._asked and self._listening_ns is None and self._asked_out():
            return self._next(now_ns)
        self._listening_ns = now_ns
        return []

    def _asked_out(self) -> bool:
        """The ``missing`` sentence of an element was the last thing said."""
        return self._asked > 2

    def _after_read(self, now_ns: int) -> list[Effect]:
        step = self._step
        assert isinstance(step, _Read)
        element = step.element
        if element is None:
            return self._next(now_ns)
        if self._failed or self._spoken_from is None or self._spoken_to is None:
            # Nobody heard it: ask the officers, once it is their turn.
            self._steps.appendleft(_Ask(element, self._fixed(ASK[element])))
            return self._next(now_ns)
        self._announced[element] = (self._spoken_from, self._spoken_to)
        self._settled.add(element)
        slot = Slot(element, "announced", self._spoken_from, self._spoken_to)
        return [slot, *self._next(now_ns)]

    def speech(self, start_ns: int, end_ns: int, ongoing: bool, now_ns: int) -> list[Effect]:
        """People speak (the device's own voice is filtered out already).

        ``start_ns`` and ``end_ns`` bound one stretch; it may be told several times while it grows.
        """
        if self.finished or self._listening_ns is None or end_ns < self._listening_ns:
            return []
        start_ns = max(start_ns, self._listening_ns)
        if end_ns <= start_ns:
            return []
        if self._heard is None:
            self._heard = (start_ns, end_ns)
        else:
            self._heard = (self._heard[0], max(self._heard[1], end_ns))
        self._heard_ns = max(self._heard_ns, end_ns - start_ns)
        self._ongoing = ongoing
        return self.tick(now_ns)

    def tick(self, now_ns: int) -> list[Effect]:
        """Time passes: an answer is over after a silence, a question after its limit."""
        if self.finished or self._listening_ns is None:
            return []
        enough = self._heard_ns >= self._limits.speech_s * NS
        if self._heard is not None and enough:
            over = now_ns - self._heard[1] >= self._limits.silence_s * NS
            if (over and not self._ongoing) or now_ns - self._heard[1] >= 5 * NS:
                return self._answered(now_ns)
            return []
        if now_ns - self._listening_ns < self._limits.answer_s * NS:
            return []
        return self._silent(now_ns)

    def _answered(self, now_ns: int) -> list[Effect]:
        assert self._heard is not None
        from_ns, to_ns = self._heard
        out: list[Effect] = []
        if isinstance(self._step, _Confirm):
            out += [Slot(element, "adopted", from_ns, to_ns) for element in self._announced]
            self._announced.clear()
        elif isinstance(self._step, _Ask) and self._step.element is not None:
            self._settled.add(self._step.element)
            out.append(Slot(self._step.element, "heard", from_ns, to_ns))
        return out + self._next(now_ns)

    def _silent(self, now_ns: int) -> list[Effect]:
        step = self._step
        self._listening_ns = None
        self._heard, self._heard_ns, self._ongoing = None, 0, False
        self._asked += 1
        if self._asked == 1:
            return self._say((self._fixed(Phrase.AGAIN),))
        if isinstance(step, _Ask) and step.element is not None:
            self._asked = 3
            self._settled.add(step.element)
            text = self._speaker.say(Phrase.MISSING, element=self._speaker.element(step.element))
            return [
                Slot(step.element, "missing", None, None),
                *self._say((Sentence(Phrase.MISSING, text),)),
            ]
        return self._next(now_ns)

    def skip(self, now_ns: int) -> list[Effect]:
        """The officer skips what is still to be asked: it stays ``missing``. The notice is said."""
        if self.finished:
            return []
        out: list[Effect] = list(self.missing())
        notice = _Read(None, (self._fixed(Phrase.NOTICE_ALL),))
        if isinstance(self._step, _Read) and self._step.sentences == notice.sentences:
            return out
        self._steps = deque([notice])
        return out + self._next(now_ns)

    def missing(self) -> list[Slot]:
        """Elements that nobody settled become ``missing``, now."""
        left = [element for element in Element if element not in self._settled]
        self._settled.update(left)
        return [Slot(element, "missing", None, None) for element in left]

    def _say(self, sentences: tuple[Sentence, ...]) -> list[Effect]:
        self._said = deque(sentences)
        self._spoken_from = self._spoken_to = None
        self._failed = False
        return [Say(self._said[0])]

    def _next(self, now_ns: int) -> list[Effect]:
        self._listening_ns = None
        self._heard, self._heard_ns, self._ongoing = None, 0, False
        self._asked = 0
        if not self._steps:
            self.finished = True
            self._step = None
            return [Done()]
        self._step = self._steps.popleft()
        if isinstance(self._step, _Read):
            return self._say(self._step.sentences)
        return self._say((self._step.sentence,))


def personal(element: Element) -> bool:
    """Its content may name people or their homes."""
    return element in _PERSONAL
