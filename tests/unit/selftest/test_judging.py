"""Every figure of the daemon's report leads to the finding that names the fault."""

from typing import Any

import msgspec
import pytest

from recorder import config
from recorder.battery.forecast import Power
from recorder.clock import ClockState, Quality
from recorder.selftest import judging
from recorder.selftest.finding import Finding, Level
from recorder.selftest.report import Device, Heard, Media, Phase, Report
from recorder.selftest.words import Words

SETTINGS = config.Settings(
    device=config.Device(name="cam-01", officer="ZY-017"),
    organisation=config.Organisation(name="镇政府", rule="办法", rule_version="试行"),
)
MEDIA = Media(
    frames=91, width=1920, height=1080, video_s=3.0, samples=144_000, level_dbfs=-32.0,
    heard=Heard(0.9, 60, -30.0),
)  # fmt: skip
DEVICE = Device(
    luma=90, contrast=40, power=Power(80, 200, False), celsius=50, free_bytes=64_000_000_000,
    clock=ClockState(Quality.SYNCED, 20), key_kind="device", custodians=2,
)  # fmt: skip
WELL = Report(
    phase=Phase.WAITING, media=MEDIA, voice="spoken", button="pressed", ready_s=4.0, device=DEVICE
)


def media(**changed: Any) -> dict[str, Any]:
    return {"media": msgspec.structs.replace(MEDIA, **changed)}


def judge(settings: config.Settings = SETTINGS, **changed: Any) -> dict[str, Finding]:
    of_device = {key: changed.pop(key) for key in list(changed) if key in Device.__struct_fields__}
    changed["device"] = msgspec.structs.replace(DEVICE, **of_device)
    report = msgspec.structs.replace(WELL, **changed)
    found = (
        *judging.of_daemon(report, settings),
        judging.button(report, settings, hands=True),
        judging.light(report, settings, True),
    )
    return {each.part: each for each in found}


def test_a_device_that_is_well_passes_in_every_part() -> None:
    assert {each.level for each in judge().values()} == {Level.OK}


@pytest.mark.parametrize(
    ("part", "code", "level", "changed"),
    [
        ("camera", "gone", Level.FAIL, media(frames=0, video_s=0.0)),
        ("camera", "gone", Level.FAIL, {"faults": {"camera": "lost"}}),
        ("camera", "frozen", Level.FAIL, {"faults": {"camera": "frozen"}}),
        ("camera", "undecodable", Level.FAIL, media(problem="Invalid data")),
        ("camera", "few", Level.WARN, media(frames=61)),
        ("lens", "covered", Level.FAIL, {"luma": 3.0, "contrast": 1.0}),
        ("lens", "covered", Level.FAIL, {"faults": {"lens": "covered"}}),
        ("microphone", "gone", Level.FAIL, media(samples=0, level_dbfs=None)),
        ("microphone", "silent", Level.FAIL, media(level_dbfs=-120.0)),
        ("microphone", "gaps", Level.WARN, {"faults": {"microphone": "silent"}}),
        ("microphone", "quiet", Level.WARN, media(level_dbfs=-80.0)),
        ("voice", "unheard", Level.FAIL, media(heard=Heard(0.2, 0, -60.0))),
        ("voice", "unspoken", Level.FAIL, {"voice": "failed", "voice_detail": "no card"}),
        ("battery", "low", Level.FAIL, {"power": Power(9, 12, False)}),
        ("battery", "low_percent", Level.FAIL, {"power": Power(9, None, False)}),
        ("battery", "silent", Level.FAIL, {"power_problem": "no answer on I2C"}),
        ("button", "broken", Level.FAIL, {"broken": {"button-held": "down for 60 s"}}),
        ("light", "broken", Level.FAIL, {"broken": {"vibration-gone": "a loose line"}}),
        ("temperature", "hot", Level.WARN, {"celsius": 88.0}),
        ("clock", "unset", Level.FAIL, {"clock": ClockState(Quality.UNSET, None)}),
        ("clock", "unsure", Level.WARN, {"clock": ClockState(Quality.KEPT, None)}),
        ("room", "full", Level.FAIL, {"free_bytes": 1_000_000_000}),
        ("room", "little", Level.WARN, {"free_bytes": 12_000_000_000}),
        ("room", "unknown", Level.FAIL, {"free_bytes": None}),
        ("catalogue", "broken", Level.FAIL, {"broken": {"catalogue-syntax": "line 3"}}),
        ("button", "dead", Level.FAIL, {"button": "dead"}),
        ("button", "broken", Level.FAIL, {"broken": {"button-broken": "pin 17"}}),
        ("light", "broken", Level.FAIL, {"broken": {"light-broken": "pin 27"}}),
        ("start", "slow", Level.WARN, {"ready_s": 40.0}),
        ("start", "parts", Level.FAIL, {"broken": {"gnss-left-out": "it died of it"}}),
    ],
)
def test_a_fault_is_named_in_its_part_and_in_no_other(
    part: str, code: str, level: Level, changed: dict[str, Any]
) -> None:
    found = judge(**changed)
    assert (found[part].code, found[part].level) == (code, level)
    others = {name for name, each in found.items() if each.level in (Level.FAIL, Level.WARN)}
    assert others == {part}
    for language in ("zh", "en"):
        row = Words(language).row(found[part])
        assert row.remedy
        assert "{" not in row.value + row.remedy + row.limit


@pytest.mark.parametrize("part", ["camera", "microphone"])
def test_what_is_made_up_is_a_demo_and_never_passes(part: str) -> None:
    chosen = msgspec.structs.replace(getattr(SETTINGS, part), kind="demo")
    found = judge(msgspec.structs.replace(SETTINGS, **{part: chosen}))
    assert [each.name for each in found.values() if each.level is not Level.OK] == [f"{part}:demo"]
    assert found[part].level is Level.WARN
    assert "不能作为证据" in Words("zh").row(found[part]).remedy
    assert "nothing that is recorded now is evidence" in Words("en").row(found[part]).remedy


def test_what_needs_a_person_is_left_out_without_one_not_passed() -> None:
    button = judging.button(WELL, SETTINGS, hands=False)
    light = judging.light(WELL, SETTINGS, None)
    assert (button.level, light.level) == (Level.LEFT_OUT, Level.LEFT_OUT)
    assert judging.light(WELL, SETTINGS, False).level is Level.FAIL
