"""The ladder: a capture process that dies or stands still is replaced, one rung lower in time."""

import itertools
from typing import Literal, cast

import pytest

from recorder.capture.messages import (
    PICTURE_ONLY,
    SOUND_ONLY,
    Configure,
    Fault,
    Fragment,
    Overlay,
    TrackRun,
    TrackState,
    Vitals,
)
from recorder.clock import NS, ManualClock
from recorder.config import CameraSettings, CaptureSettings, MicrophoneSettings
from recorder.ladder import (
    CALM_NS,
    MOST_UNDYING,
    RUNGS,
    STARVED_NS,
    TRIAL_NS,
    Ladder,
)
from recorder.link import CaptureLink, Gone, Received
from recorder.trial import LIMIT_NS, Trial, Tried

OVERLAY = Overlay("d", "o", True, 480)
BOTH = CaptureSettings(
    camera=CameraSettings(kind="demo"), microphone=MicrophoneSettings(kind="demo")
)
VITALS = Vitals(0, 0, 0, None, None, None, None, None, None, 0, 0, 0, 0, 0)


class FakeLink:
    """Counts what is asked of it; the real one is exercised in tests/real."""

    def __init__(self) -> None:
        self.generation = 0
        self.rungs: list[int] = []
        self.kills = 0
        self.undying = 0
        self.abandoned: list[int] = []
        self.sent: list[object] = []

    def start(self, rung: int, overlay: Overlay) -> None:
        self.generation += 1
        self.rungs.append(rung)

    def kill(self) -> None:
        self.kills += 1

    def abandon(self, detail: str) -> None:
        self.abandoned.append(self.generation)
        self.undying += 1

    def send(self, command: object) -> None:
        self.sent.append(command)


class Rig:
    """A ladder whose time is moved in small steps, as the loop does."""

    def __init__(self, settings: CaptureSettings = BOTH) -> None:
        self.clock = ManualClock()
        self.link = FakeLink()
        self.trial = Trial(settings, self.clock, lambda _: None)
        self.ladder = Ladder(cast(CaptureLink, self.link), self.clock, OVERLAY, self.trial)
        self.ladder.tick(self.clock.boot_ns())

    def run(self, seconds: float, *, talking: bool) -> None:
        for _ in range(round(seconds / 0.05)):
            self.clock.advance(0.05)
            if talking:
                message = Received(self.link.generation, VITALS, b"")
                self.ladder.heard(message, self.clock.boot_ns())
            self.ladder.tick(self.clock.boot_ns())

    def tell(self, message: Fault | Fragment) -> None:
        self.ladder.heard(Received(self.link.generation, message, b""), self.clock.boot_ns())

    def die(self) -> tuple[str, str] | None:
        gone = Gone(self.link.generation, self.clock.boot_ns(), "capture_died", "exit status -9")
        return self.ladder.gone(gone, self.clock.boot_ns())


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_dead_process_is_replaced_at_once(rig: Rig) -> None:
    assert rig.die() == ("capture_died", "exit status -9")
    rig.run(0.05, talking=False)
    assert rig.link.generation == 2


def test_every_second_death_within_a_minute_goes_one_rung_down(rig: Rig) -> None:
    for _ in range(8):
        rig.die()
        rig.run(6, talking=True)
    assert rig.link.rungs[:8] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_no_rung_leaves_nothing_to_record() -> None:
    for camera, microphone, lowest in (("demo", "none", 1), ("none", "demo", 0)):
        settings = CaptureSettings(
            camera=CameraSettings(kind=camera),  # type: ignore[arg-type]
            microphone=MicrophoneSettings(kind=microphone),  # type: ignore[arg-type]
        )
        rig = Rig(settings)
        for _ in range(8):
            rig.die()
            rig.run(6, talking=True)
        assert max(rig.link.rungs) == lowest


def test_a_process_that_ends_itself_names_the_part_and_a_microphone_is_left_out_at_once(
    rig: Rig,
) -> None:
    rig.tell(Fault(0, "encoder", "hung", "it hangs for 2.6 s"))
    assert rig.die() == ("encoder", "hung: it hangs for 2.6 s")
    rig.run(3, talking=True)
    for _ in range(2):
        rig.tell(Fault(0, "microphone", "crashed", "segments"))
        found = rig.die()
        rig.run(3, talking=True)
    assert found == ("microphone", "crashed: segments; next: picture only")
    assert rig.link.rungs[-1] == PICTURE_ONLY


def down_to(rig: Rig, rung: int) -> None:
    while rig.link.rungs[-1] != rung:
        rig.die()
        rig.run(4, talking=True)


@pytest.mark.parametrize(
    ("rung", "part", "other"),
    [(SOUND_ONLY, "microphone", PICTURE_ONLY), (PICTURE_ONLY, "camera", SOUND_ONLY)],
)
def test_where_the_only_part_gives_nothing_the_other_one_has_its_turn_at_once(
    rig: Rig, rung: int, part: Literal["camera", "microphone"], other: int
) -> None:
    down_to(rig, rung)
    kills = rig.link.kills
    rig.tell(Fault(0, part, "stalled", "nothing for 1.2 s"))
    rig.run(0.05, talking=True)
    assert rig.link.kills == kills + 1
    turn = f"stalled: nothing for 1.2 s; next: {RUNGS[other]}"
    assert rig.die() == (part, turn)
    rig.run(0.05, talking=True)
    assert rig.link.rungs[-1] == other


@pytest.mark.parametrize(
    ("rung", "fault"),
    [
        (0, Fault(0, "microphone", "stalled", "")),
        (SOUND_ONLY, Fault(0, "microphone", "silent", "")),
        (SOUND_ONLY, Fault(0, "microphone", "stalled", "", over=True)),
        (SOUND_ONLY, Fault(0, "overlay", "lost", "")),
        (PICTURE_ONLY, Fault(0, "camera", "frozen", "")),
    ],
)
def test_what_still_gives_something_to_record_keeps_its_process(
    rig: Rig, rung: int, fault: Fault
) -> None:
    down_to(rig, rung)
    kills = rig.link.kills
    rig.tell(fault)
    rig.run(0.5, talking=True)
    assert rig.link.kills == kills


def test_a_microphone_that_is_lost_is_no_reason_to_open_a_camera_that_hangs_in_the_kernel(
    rig: Rig,
) -> None:
    down_to(rig, SOUND_ONLY)
    rig.link.undying = 2
    kills = rig.link.kills
    rig.tell(Fault(0, "microphone", "lost", "it was unplugged"))
    rig.run(0.5, talking=True)
    assert rig.link.kills == kills


def test_two_parts_that_both_give_nothing_take_turns_no_faster_than_a_death_allows(
    rig: Rig,
) -> None:
    down_to(rig, SOUND_ONLY)
    began = len(rig.link.rungs)
    for _ in range(400):
        alone: Literal["camera", "microphone"] = (
            "microphone" if rig.link.rungs[-1] == SOUND_ONLY else "camera"
        )
        rig.tell(Fault(0, alone, "lost", "there is none"))
        kills = rig.link.kills
        rig.run(0.05, talking=True)
        if rig.link.kills > kills:
            rig.die()
    turns = rig.link.rungs[began:]
    assert set(turns) == {SOUND_ONLY, PICTURE_ONLY}
    assert 5 <= len(turns) <= 18  # in 20 s


def test_processes_that_do_not_die_are_left_behind_and_the_camera_with_them(rig: Rig) -> None:
    for number in range(1, MOST_UNDYING + 1):
        rig.run(9, talking=False)
        assert rig.link.kills == number
        assert rig.link.abandoned == list(range(1, number + 1))
        rig.die()
        rig.run(0.6, talking=False)
    assert rig.link.rungs == [0, 0, SOUND_ONLY]
    rig.run(30, talking=False)
    assert len(rig.link.rungs) == MOST_UNDYING
    rig.link.undying -= 1
    rig.run(0.1, talking=False)
    assert len(rig.link.rungs) == MOST_UNDYING + 1


def fragment(number: int, state: TrackState) -> Fragment:
    run = TrackRun(state, 0, 90_000, 30, 0)
    return Fragment(1, number, 0, NS, run, run)


class Trials:
    """The links that a trial makes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[FakeLink] = []
        self.settings: list[CaptureSettings] = []

        def make(settings: CaptureSettings, *_: object) -> FakeLink:
            self.settings.append(settings)
            self.made.append(FakeLink())
            return self.made[-1]

        monkeypatch.setattr("recorder.trial.CaptureLink", make)


def sound_only(rig: Rig) -> None:
    """The camera killed four processes, or the last ones of four within a minute."""
    for _ in range(4):
        if rig.ladder.rung < SOUND_ONLY:
            rig.die()
            rig.run(2, talking=True)
    rig.tell(fragment(1, TrackState.OK))
    assert rig.ladder.rung == SOUND_ONLY


def talk(rig: Rig, seconds: float) -> None:
    """Time passes with footage."""
    for _ in range(round(seconds)):
        rig.tell(fragment(1, TrackState.OK))
        rig.run(1, talking=True)


def test_a_camera_that_is_well_in_a_trial_is_taken_up_by_the_running_process(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = Trials(monkeypatch)
    sound_only(rig)
    talk(rig, TRIAL_NS / NS)
    assert len(trials.made) == 1
    assert trials.settings[0].microphone.kind == "none"
    number = 0
    for number, state in enumerate([TrackState.OK, TrackState.OK, TrackState.COVERED]):
        assert trials.made[0].kills == 0
        news = Received(1, fragment(number, state), b"")
        rig.ladder.tried(Tried(1, news), rig.clock.boot_ns())
    assert trials.made[0].kills == 1
    starts = len(rig.link.rungs)
    assert rig.link.sent == []
    rig.ladder.tried(Tried(1, Gone(1, 0, "capture_died", "")), rig.clock.boot_ns())
    assert rig.link.sent == [Configure(BOTH, 1)]
    assert (rig.ladder.rung, len(rig.link.rungs)) == (1, starts)
    talk(rig, 2 * CALM_NS / NS)
    assert rig.ladder.calm(rig.clock.boot_ns())


def test_trials_in_vain_lie_further_and_further_apart(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = Trials(monkeypatch)
    sound_only(rig)
    made: list[int] = []
    for second in range(50):
        talk(rig, 1)
        if len(trials.made) > len(made):
            made.append(second)
            frozen = Received(1, fragment(5, TrackState.FROZEN), b"")
            number = len(made)
            rig.ladder.tried(Tried(number, frozen), rig.clock.boot_ns())
            rig.ladder.tried(Tried(number, Gone(1, 0, "capture_died", "")), rig.clock.boot_ns())
    waits = [b - a for a, b in itertools.pairwise(made)]
    assert len(waits) == 2
    assert waits[1] > 1.5 * waits[0] > TRIAL_NS / NS
    assert not rig.link.sent


def take_up(rig: Rig, trials: "Trials") -> float:
    """Until the part that is left out was tried, is well and is taken up; how long that took."""
    made, began_ns = len(trials.made), rig.clock.boot_ns()
    while len(trials.made) == made:
        talk(rig, 1)
    for number in range(3):
        good = Received(1, fragment(number, TrackState.OK), b"")
        rig.ladder.tried(Tried(made + 1, good), rig.clock.boot_ns())
    waited_s = (rig.clock.boot_ns() - began_ns) / NS
    rig.ladder.tried(Tried(made + 1, Gone(1, 0, "capture_died", "")), rig.clock.boot_ns())
    assert rig.ladder.rung == 1
    return waited_s


def test_a_part_that_does_not_last_waits_longer_each_time_and_one_that_lasted_does_not(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = Trials(monkeypatch)
    waits = []
    for _ in range(3):
        sound_only(rig)
        waits.append(take_up(rig, trials))
    assert waits[1] > 1.5 * waits[0] and waits[2] > 1.5 * waits[1]
    talk(rig, 1.5 * CALM_NS / NS)
    sound_only(rig)
    assert take_up(rig, trials) < 1.5 * waits[0]


def test_a_trial_that_hangs_is_killed_and_those_that_do_not_die_are_the_last(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = Trials(monkeypatch)
    sound_only(rig)
    for number in (1, 2):
        talk(rig, 2 * TRIAL_NS / NS + LIMIT_NS / NS + 3)
        assert trials.made[-1].kills > 0
        assert len(trials.made[-1].abandoned) == 1
        news = Gone(1, 0, "capture_stalled", "")
        rig.ladder.tried(Tried(number, news), rig.clock.boot_ns())
    talk(rig, 200)
    assert len(trials.made) == 2


def test_a_trial_that_is_cut_short_and_does_not_die_is_counted(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process may hold the camera that the next one opens."""
    trials = Trials(monkeypatch)
    sound_only(rig)
    talk(rig, TRIAL_NS / NS)
    assert rig.trial.undying == 0
    rig.die()
    assert (trials.made[0].kills, trials.made[0].abandoned) == (1, [1])
    assert rig.trial.undying == 1
    trials.made[0].undying = 0
    assert rig.trial.undying == 0


def test_deaths_that_lie_far_apart_change_nothing(rig: Rig) -> None:
    for _ in range(4):
        rig.die()
        rig.run(3, talking=True)
        for _ in range(13):
            rig.clock.advance(5)
            rig.ladder.tick(rig.clock.boot_ns())
    assert set(rig.link.rungs) == {0}


def test_a_process_that_says_nothing_is_killed_and_the_cause_is_known(rig: Rig) -> None:
    rig.run(7.9, talking=False)
    assert rig.link.kills == 1
    assert rig.die() == ("capture_stalled", "exit status -9")


def test_a_process_without_fragments_is_killed_and_the_cause_is_known(rig: Rig) -> None:
    rig.run(7 + STARVED_NS / NS, talking=True)
    assert rig.link.kills == 1
    assert rig.die() == ("no_fragments", "exit status -9")


def test_messages_of_a_replaced_process_are_old_news(rig: Rig) -> None:
    old = rig.link.generation
    rig.die()
    rig.run(0.05, talking=False)
    assert not rig.ladder.heard(Received(old, VITALS, b""), rig.clock.boot_ns())
    assert rig.ladder.gone(Gone(old, 0, "capture_died", ""), rig.clock.boot_ns()) is None


def test_a_supervisor_that_stood_still_blames_nobody_else(rig: Rig) -> None:
    rig.run(7, talking=True)
    rig.clock.advance(10)
    rig.ladder.tick(rig.clock.boot_ns())
    assert rig.link.kills == 0
