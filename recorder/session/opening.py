"""The announced opening (Art. 14): which element is read, asked for, confirmed, heard or missing.

A machine without clock, voice or file: events in, effects out. It goes on whatever the voice does:
a question that could not be spoken is listened to all the same, what could not be read aloud is
asked of the officers at once, and no opening outlives its limit.
"""

from collections import deque
from collections.abc import Collection, Mapping

import msgspec

from recorder.clock import NS
from recorder.config import Opening as Limits
from recorder.evidence.lines import SlotState
from recorder.session.listening import Listening
from recorder.session.opening_plan import ASK, Ask, Confirm, Element, Read, Sentence, Step, plan
from recorder.session.phrases import Phrase, Speaker

__all__ = ["Answered", "Done", "Effect", "Element", "Opening", "Say", "Sentence", "Slot"]


class Say(msgspec.Struct, frozen=True):
    """To be spoken; its end comes back as ``spoken``."""

    sentence: Sentence


class Slot(msgspec.Struct, frozen=True):
    """An element's state is known, with its place on the boot clock."""

    element: Element
    state: SlotState
    from_ns: int | None
    to_ns: int | None


class Answered(msgspec.Struct, frozen=True):
    """What came of a question that belongs to no element (why so late, why broken off)."""

    question: Phrase
    heard: bool
    from_ns: int | None
    to_ns: int | None


class Done(msgspec.Struct, frozen=True):
    """The opening is over."""


Effect = Say | Slot | Answered | Done

LIMIT_NS = 240 * NS
"""Past this nothing is asked any more: what is left is ``missing``, the notice is still said."""
SKIPPED_LIMIT_NS = 120 * NS
"""So long after that (or a skip) the opening ends, even if the voice never reports."""


class Opening:
    """``known`` holds the sentences for what the device knows; all other elements are asked for.

    ``done`` are slots that are settled already (after an interruption): they are not said again,
    but those that are only ``announced`` are still to be confirmed.
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
        self._said: deque[Sentence] = deque()
        self._step: Step | None = None
        self._spoken_from: int | None = None
        self._spoken_to: int | None = None
        self._failed = False
        self._asked = 0
        self._given_up = False
        self._listening: Listening | None = None
        done = done or {}
        self._steps = deque(plan(known, speaker, done=done, first=first))
        self._announced = [element for element in Element if done.get(element) == "announced"]
        self._settled = set(done)
        self._skipped = False
        self._limit_ns: int | None = None
        self.finished = False

    def _fixed(self, phrase: Phrase) -> Sentence:
        return Sentence(phrase, self._speaker.say(phrase))

    def begin(self, now_ns: int) -> list[Effect]:
        """Start; the first sentence comes out."""
        self._limit_ns = now_ns + LIMIT_NS
        return self._next(now_ns)

    def spoken(
        self,
        ok: bool,
        from_ns: int | None,
        to_ns: int | None,
        now_ns: int,
        sentence: Sentence | None = None,
    ) -> list[Effect]:
        """The sentence that was to be said ended, or could not be said.

        ``sentence`` tells which one: late news of one that was skipped changes nothing.
        """
        if self.finished or self._step is None or not self._said:
            return []
        if sentence is not None and sentence is not self._said[0]:
            return []
        self._said.popleft()
        self._failed = self._failed or not ok
        if ok and from_ns is not None and to_ns is not None:
            self._spoken_from = from_ns if self._spoken_from is None else self._spoken_from
            self._spoken_to = to_ns
        if self._said:
            return [Say(self._said[0])]
        if isinstance(self._step, Read):
            return self._after_read(now_ns)
        if self._given_up:
            return self._next(now_ns)
        self._listening = Listening(self._limits, now_ns)
        return []

    def _after_read(self, now_ns: int) -> list[Effect]:
        step = self._step
        assert isinstance(step, Read)
        element = step.element
        if element is None:
            return self._next(now_ns)
        if self._failed or self._spoken_from is None or self._spoken_to is None:
            if self._skipped:
                self._settled.add(element)
                return [Slot(element, "missing", None, None), *self._next(now_ns)]
            # Nobody heard it, or not all of it: ask the officers instead.
            self._steps.appendleft(Ask(element, self._fixed(ASK[element])))
            return self._next(now_ns)
        self._announced.append(element)
        self._settled.add(element)
        slot = Slot(element, "announced", self._spoken_from, self._spoken_to)
        return [slot, *self._next(now_ns)]

    def speech(self, start_ns: int, end_ns: int, ongoing: bool, now_ns: int) -> list[Effect]:
        """People speak (the device's own voice is filtered out already).

        ``start_ns`` and ``end_ns`` bound one stretch; it may be told several times while it grows.
        """
        if self.finished or self._listening is None:
            return []
        self._listening.speech(start_ns, end_ns, ongoing)
        return self.tick(now_ns)

    def tick(self, now_ns: int) -> list[Effect]:
        """Time passes: an answer is over after a silence, a question after its limit."""
        if self.finished:
            return []
        if self._limit_ns is not None and now_ns >= self._limit_ns:
            return self._finish() if self._skipped else self.skip(now_ns)
        if self._listening is None:
            return []
        match self._listening.result(now_ns):
            case "answered" if self._listening.heard is not None:
                return self._answered(*self._listening.heard, now_ns)
            case "silent":
                return self._silent(now_ns)
        return []

    def _answered(self, from_ns: int, to_ns: int, now_ns: int) -> list[Effect]:
        out: list[Effect] = []
        if isinstance(self._step, Confirm):
            out += [Slot(element, "adopted", from_ns, to_ns) for element in self._announced]
            self._announced.clear()
        elif isinstance(self._step, Ask):
            if self._step.element is None:
                out.append(Answered(self._step.sentence.phrase, True, from_ns, to_ns))
            else:
                self._settled.add(self._step.element)
                out.append(Slot(self._step.element, "heard", from_ns, to_ns))
        return out + self._next(now_ns)

    def _silent(self, now_ns: int) -> list[Effect]:
        step = self._step
        self._listening = None
        self._asked += 1
        if self._asked == 1:
            return self._say((self._fixed(Phrase.AGAIN),))
        if isinstance(step, Ask) and step.element is None:
            return [
                Answered(step.sentence.phrase, False, None, None),
                *self._next(now_ns),
            ]
        if isinstance(step, Ask) and step.element is not None:
            self._given_up = True
            self._settled.add(step.element)
            text = self._speaker.say(Phrase.MISSING, element=self._speaker.element(step.element))
            return [
                Slot(step.element, "missing", None, None),
                *self._say((Sentence(Phrase.MISSING, text),)),
            ]
        return self._next(now_ns)

    def skip(self, now_ns: int) -> list[Effect]:
        """The officer skips what is still to be asked or confirmed: it stays as it is, ``missing``.

        What the device knows is still read, and the notice said. The caller cuts the sentence that
        is being spoken and never reports it; where it is still wanted it comes out once more.
        """
        if self.finished or self._step is None:
            return []
        if not self._skipped:
            self._skipped = True
            self._limit_ns = now_ns + SKIPPED_LIMIT_NS
        out: list[Effect] = []
        step = self._step
        for left in (step, *self._steps):
            if isinstance(left, Ask) and left.element is None:
                out.append(Answered(left.sentence.phrase, False, None, None))
        unread = {s.element for s in (step, *self._steps) if isinstance(s, Read)}
        out += self.missing(keep=unread)
        self._steps = deque(s for s in self._steps if isinstance(s, Read))
        if isinstance(step, Read):
            return out + self._say(step.sentences)
        return out + self._next(now_ns)

    def _finish(self) -> list[Effect]:
        """The voice never reported: what is left is ``missing``, and the recording goes on."""
        self.finished = True
        self._step = None
        return [*self.missing(), Done()]

    def missing(self, keep: Collection[Element | None] = ()) -> list[Slot]:
        """Elements that nobody settled become ``missing``, now; but not those of ``keep``."""
        left = [e for e in Element if e not in self._settled and e not in keep]
        self._settled.update(left)
        return [Slot(element, "missing", None, None) for element in left]

    def _say(self, sentences: tuple[Sentence, ...]) -> list[Effect]:
        self._said = deque(sentences)
        self._spoken_from = self._spoken_to = None
        self._failed = False
        return [Say(self._said[0])]

    def _next(self, now_ns: int) -> list[Effect]:
        self._listening = None
        self._asked, self._given_up = 0, False
        if self._steps and isinstance(self._steps[0], Confirm) and not self._announced:
            self._steps.popleft()
        if not self._steps:
            return self._finish()
        self._step = self._steps.popleft()
        if isinstance(self._step, Read):
            return self._say(self._step.sentences)
        return self._say((self._step.sentence,))
