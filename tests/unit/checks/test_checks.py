"""Art. 13: each check's level, value and sentence; and that only what must block blocks."""

import queue
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, strategies as st

from recorder import config
from recorder.battery.forecast import Power
from recorder.battery.watch import NoAnswer
from recorder.capture.messages import Vitals
from recorder.checks import probe
from recorder.checks.probe import Measured, evaluate, fit
from recorder.checks.result import Level, Result
from recorder.clock import NS, ClockState, ManualClock, Quality
from recorder.evidence.words import value
from recorder.session.phrases import Phrase
from recorder.spool import LOCK
from tests.unit.test_config import GOOD

NOW = 100 * NS
GB = 1 << 30
VITALS = Vitals(NOW, 30, 48_000, NOW, NOW, 90.0, 40.0, -40.0, 0.1, 0, 0, 0, 0, 0)
FINE = Measured(
    NOW, VITALS, None, 50.0, 20 * GB, ClockState(Quality.SYNCED, 20), "device", 2
)  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> config.Settings:
    path = tmp_path_factory.mktemp("checks") / "recorder.toml"
    path.write_text(GOOD)
    return config.load(path)


def one(settings: config.Settings, name: str, **changes: object) -> Result:
    results = evaluate(msgspec.structs.replace(FINE, **changes), settings)
    return next(result for result in results if result.name == name)


@pytest.mark.parametrize("kind", ["demo", "file"])
@pytest.mark.parametrize(("part", "made_up"), [("camera", "画面"), ("microphone", "声音")])
def test_what_is_made_up_is_a_demo_and_no_evidence(
    settings: config.Settings, part: str, made_up: str, kind: str
) -> None:
    chosen = msgspec.structs.replace(getattr(settings, part), kind=kind)
    demo = msgspec.structs.replace(settings, **{part: chosen})
    (found,) = [each for each in evaluate(FINE, demo) if each.level is not Level.OK]
    assert (found.name, found.level) == (part, Level.WARN)
    assert "a demo" in found.value and "nothing of it is evidence" in found.value
    assert (
        value(found.value)
        == f"演练：{made_up}不是实{'拍' if part == 'camera' else '录'}，不能作为证据"
    )


def with_vitals(**changes: object) -> Vitals:
    return msgspec.structs.replace(VITALS, **changes)


def test_a_fine_device_is_fit_and_warns_of_nothing(settings: config.Settings) -> None:
    results = evaluate(FINE, settings)
    assert fit(results)
    assert {result.level for result in results} == {Level.OK}


@pytest.mark.parametrize(
    ("name", "level", "phrase", "changes"),
    [
        ("battery", Level.WARN, Phrase.BATTERY_LOW, {"power": Power(50, 29, False)}),
        ("battery", Level.OK, None, {"power": Power(5, 10, True)}),
        ("battery", Level.WARN, Phrase.BATTERY_CHARGE, {"power": Power(24, None, False)}),
        ("battery", Level.WARN, Phrase.BATTERY_FAULT, {"power": NoAnswer("gone")}),
        ("storage", Level.WARN, Phrase.STORAGE_LOW, {"free_bytes": GB}),
        ("storage", Level.BLOCK, Phrase.NO_ROOM, {"free_bytes": 100 << 20}),
        ("storage", Level.BLOCK, Phrase.STORAGE_FAULT, {"free_bytes": None}),
        ("camera", Level.WARN, Phrase.CAMERA_FAULT, {"vitals": with_vitals(last_frame_ns=None)}),
        (
            "camera", Level.WARN, Phrase.CAMERA_FAULT,
            {"vitals": with_vitals(last_frame_ns=NOW - 3 * NS)},
        ),
        (
            "lens", Level.WARN, Phrase.LENS_COVERED,
            {"vitals": with_vitals(brightness=5.0, contrast=1.0)},
        ),
        ("lens", Level.OK, None, {"vitals": with_vitals(brightness=5.0, contrast=20.0)}),
        (
            "microphone", Level.WARN, Phrase.MICROPHONE_LOST,
            {"vitals": with_vitals(last_sample_ns=None)},
        ),
        (
            "microphone", Level.WARN, Phrase.MICROPHONE_QUIET,
            {"vitals": with_vitals(level_dbfs=-80.0)},
        ),
        ("capture", Level.BLOCK, Phrase.NO_CAPTURE, {"vitals": None}),
        ("clock", Level.WARN, Phrase.CLOCK_UNSET, {"clock": ClockState(Quality.UNSET, None)}),
        ("clock", Level.WARN, Phrase.CLOCK_UNSET, {"clock": ClockState(Quality.KEPT, None)}),
        ("clock", Level.WARN, Phrase.CLOCK_UNSET, {"clock": ClockState(Quality.SYNCED, 90_000)}),
        ("clock", Level.OK, None, {"clock": ClockState(Quality.RTC, None)}),
        ("keys", Level.BLOCK, Phrase.NO_CUSTODIAN, {"custodians": 0}),
        ("keys", Level.WARN, Phrase.ONE_CUSTODIAN, {"custodians": 1}),
        ("keys", Level.WARN, Phrase.NO_DEVICE_KEY, {"key_kind": "ephemeral"}),
        ("keys", Level.WARN, Phrase.KEY_UNVOUCHED, {"unvouched": "revoked"}),
        ("temperature", Level.WARN, Phrase.HOT, {"celsius": 90.0}),
    ],
)  # fmt: skip
def test_each_check_says_what_it_found(
    settings: config.Settings,
    name: str,
    level: Level,
    phrase: Phrase | None,
    changes: dict[str, object],
) -> None:
    result = one(settings, name, **changes)
    assert (result.level, result.phrase) == (level, phrase)
    assert result.value
    assert result.limit


@given(
    st.booleans(), st.booleans(), st.integers(0, 3), st.one_of(st.none(), st.integers(0, GB)),
    st.sampled_from(list(Quality)),
)  # fmt: skip
def test_only_no_capture_no_room_and_no_custodian_block(
    settings: config.Settings,
    frames: bool,
    samples: bool,
    custodians: int,
    free: int | None,
    quality: Quality,
) -> None:
    vitals = with_vitals(
        last_frame_ns=NOW if frames else None, last_sample_ns=NOW if samples else None
    )
    measured = msgspec.structs.replace(
        FINE, vitals=vitals, custodians=custodians, free_bytes=free, key_kind="ephemeral",
        clock=ClockState(quality, None), power=Power(1, 0, False), celsius=120.0,
    )  # fmt: skip
    room = free is not None and free / probe.bytes_per_s(settings) / 60 >= 5
    assert fit(evaluate(measured, settings)) == ((frames or samples) and room and custodians > 0)


def test_a_sentence_with_minutes_gets_its_minutes(settings: config.Settings) -> None:
    from recorder.session import phrases

    speaker = phrases.load("zh", None, 480)
    for changes in ({"power": Power(50, 29, False)}, {"free_bytes": GB}):
        measured = msgspec.structs.replace(FINE, **changes)
        for result in evaluate(measured, settings):
            if result.phrase is not None:
                assert result.minutes is not None
                assert speaker.say(result.phrase, minutes=speaker.number(result.minutes))


def test_room_is_measured_where_the_spool_is(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    assert (probe.free_bytes(tmp_path) or 0) > 0
    (tmp_path / LOCK).unlink()
    assert probe.free_bytes(tmp_path) is None  # another card, or none, lies under the daemon
    assert probe.free_bytes(tmp_path / "gone") is None


def test_room_is_not_measured_before_the_spool_is_there(
    settings: config.Settings, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    paths = msgspec.structs.replace(settings.paths, spool=str(spool))
    seen: queue.SimpleQueue[probe.Slow] = queue.SimpleQueue()
    measuring = probe.Probe(
        msgspec.structs.replace(settings, paths=paths), ManualClock(), seen.put
    )  # fmt: skip
    with pytest.raises(queue.Empty):
        seen.get(timeout=0.3)
    spool.mkdir()
    (spool / LOCK).touch()
    measuring.begin()
    assert seen.get(timeout=5).free_bytes
    measuring.close()
