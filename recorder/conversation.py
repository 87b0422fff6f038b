"""What the device and the officers say to each other: the opening (Art. 14) and the reason for an
interruption (Art. 15). Runs the two pure machines of session/ between announcer and journal.

It decides nothing about states: when an opening is over it posts OPENED, and that is all.
"""

from functools import partial
from typing import TYPE_CHECKING

from recorder.act import Act, Gap
from recorder.checks import trust
from recorder.evidence import lines
from recorder.panel.announcer import Announcement, Outcome
from recorder.session.announcing import known
from recorder.session.interruption import Explaining
from recorder.session.opening import Answered, Done, Effect, Opening, Say, Slot
from recorder.session.opening_plan import Element, Sentence
from recorder.session.phrases import Phrase
from recorder.session.states import Event

if TYPE_CHECKING:
    from recorder.app import App
    from recorder.effects import Effects


class Conversation:
    """Owned by the effects; at most one of the two machines runs at a time."""

    def __init__(self, app: "App", effects: "Effects") -> None:
        self._app = app
        self._effects = effects
        self._opening: Opening | None = None
        self._first: tuple[Phrase, ...] = ()
        self._explaining: Explaining | None = None
        self._gap: Gap | None = None

    @property
    def _act(self) -> Act:
        act = self._effects.act
        assert act is not None
        return act

    @property
    def _now_ns(self) -> int:
        return self._app.clock.boot_ns()

    # The opening.

    def _known(self) -> dict[Element, tuple[Sentence, ...]]:
        app = self._app
        return known(
            self._effects.open_case, app.speaker, app.settings.organisation,
            trust.announced_ns(app.clock, app.settings.checks),
        )  # fmt: skip

    def open(self, first: tuple[Phrase, ...]) -> None:
        """Begin; ``first`` are questions that come before the elements."""
        app = self._app
        self._first = first
        self._opening = Opening(self._known(), app.speaker, app.settings.opening, first=first)
        self._do(self._opening.begin(self._now_ns))

    def reopen(self) -> None:
        """Go on with what is left of an opening that was interrupted."""
        app = self._app
        if self._opening is None:
            self._opening = Opening(
                self._known(), app.speaker, app.settings.opening, done=self._act.slots,
                first=self._first,
            )  # fmt: skip
            self._do(self._opening.begin(self._now_ns))

    def left(self) -> None:
        """The recording ends with questions unanswered: that goes on record, too."""
        for question in self._first:
            self._answered(question, False, None, None)

    def _answered(
        self, question: Phrase, heard: bool, from_ns: int | None, to_ns: int | None
    ) -> None:
        self._first = tuple(each for each in self._first if each is not question)
        self._act.journal(
            lines.Answered(phrase=question.value, heard=heard, from_ns=from_ns, to_ns=to_ns)
        )
        if not heard and question is Phrase.CONTINUED:
            self._act.due(None, "no_reason_heard")

    def skip(self) -> None:
        """The officer skips what is still to be asked."""
        opening = self._opening
        if opening is not None:
            self.stop()
            self._opening = opening
            self._do(opening.skip(self._now_ns))

    def stop(self) -> None:
        """Cut what is being said; an opening's machine starts anew when its state comes back."""
        self._opening = None
        self._app.announcer.cancel("opening", "explaining", "ending")

    def tick(self, now_ns: int) -> None:
        """Time passes in the opening."""
        if self._opening is not None:
            self._do(self._opening.tick(now_ns))

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Say(sentence=sentence):
                    said = partial(self._said, self._opening, sentence)
                    self._app.announcer.say(
                        Announcement(
                            sentence.phrase, sentence.text, sentence.personal, "opening", True,
                            said, fixed=sentence.phrase in self._app.speaker.fixed(),
                        )
                    )  # fmt: skip
                case Slot():
                    self._act.slots[effect.element] = effect.state
                    self._act.journal(
                        lines.Slot(
                            element=effect.element.value, state=effect.state,
                            from_ns=effect.from_ns, to_ns=effect.to_ns,
                        )
                    )  # fmt: skip
                case Answered():
                    self._answered(effect.question, effect.heard, effect.from_ns, effect.to_ns)
                case Done():
                    self._opening = None
                    self._app.post(Event.OPENED)

    def _said(self, opening: Opening | None, sentence: Sentence, outcome: Outcome) -> None:
        if opening is None or opening is not self._opening or outcome.outcome == "cut":
            return
        ok = outcome.outcome == "spoken"
        self._do(opening.spoken(ok, outcome.from_ns, outcome.to_ns, self._now_ns, sentence))

    # The reason for an interruption.

    def ask_cause(self, gap: Gap, to_ns: int) -> None:
        """Say that footage is back, and ask why it was gone."""
        speaker = self._app.speaker
        self._gap = gap
        explaining = self._explaining = Explaining(gap.cause, self._now_ns)
        duration = speaker.duration(to_ns - gap.from_ns)
        utc_ns = trust.announced_ns(self._app.clock, self._app.settings.checks)
        if utc_ns is None:
            self._effects.say(Phrase.RESUMED_NO_TIME, owner="explaining", duration=duration)
        else:
            self._effects.say(
                Phrase.RESUMED, owner="explaining", clock=speaker.clock(utc_ns), duration=duration
            )
        self._effects.say(
            Phrase.ASK_CAUSE,
            owner="explaining",
            done=lambda _: explaining.asked(self._now_ns),
        )

    def count(self) -> None:
        """A press: the officer's category."""
        if self._explaining is not None:
            self._explaining.press(self._now_ns)

    def explained(self, now_ns: int) -> bool:
        """Nothing more is to be expected."""
        return self._explaining is None or self._explaining.over(now_ns)

    def reason(self, *, left: bool) -> None:
        """Write down what was heard and pressed; ``left``: it was cut short by something else."""
        explaining, gap = self._explaining, self._gap
        self._explaining = self._gap = None
        if explaining is None or gap is None:
            return
        answer = explaining.answer()
        self._act.journal(
            lines.Reason(
                interruption=gap.number, category=answer.category, presses=answer.presses,
                heard=answer.heard, from_ns=answer.from_ns, to_ns=answer.to_ns,
            )
        )  # fmt: skip
        if not answer.heard:
            self._act.due(gap.number, "cut_short" if left else "no_reason_heard")
            if not left:
                self._effects.say(Phrase.NO_REASON)

    # Both.

    def speech(self, start_ns: int, end_ns: int, ongoing: bool) -> None:
        """People speak; the device's own voice was taken off."""
        if self._opening is not None:
            self._do(self._opening.speech(start_ns, end_ns, ongoing, self._now_ns))
        if self._explaining is not None:
            self._explaining.speech(start_ns, end_ns)
