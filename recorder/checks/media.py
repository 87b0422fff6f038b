"""Camera, lens and microphone (Art. 13), judged by what the capture process last measured."""

from recorder.capture.messages import Vitals
from recorder.checks.result import Level, Result
from recorder.clock import NS
from recorder.config import MADE_UP, CameraSettings, Limits, MicrophoneSettings
from recorder.evidence.lines import DEMO
from recorder.session.phrases import Phrase

STALE_NS = 2 * NS


def _age_ns(at_ns: int | None, now_ns: int) -> int | None:
    return None if at_ns is None else now_ns - at_ns


def camera(vitals: Vitals | None, now_ns: int, settings: CameraSettings) -> Result:
    """Frames arrive, and they are a camera's."""
    limit = f"a frame within {STALE_NS // NS} s"
    if settings.kind == "none":
        return Result("camera", Level.OK, "none configured", limit)
    age_ns = _age_ns(vitals.last_frame_ns if vitals else None, now_ns)
    if age_ns is None or age_ns > STALE_NS:
        value = "no frames" if age_ns is None else f"last frame {age_ns / NS:.1f} s ago"
        return Result("camera", Level.WARN, value, limit, Phrase.CAMERA_FAULT)
    if settings.kind in MADE_UP:
        value = f"{DEMO}the picture is made up, nothing of it is evidence"
        return Result("camera", Level.WARN, value, limit)
    assert vitals is not None
    return Result("camera", Level.OK, f"{vitals.frames} frames", limit)


def lens(vitals: Vitals | None, limits: Limits) -> Result:
    """Neither dark nor flat: then something covers the lens."""
    limit = f"luma {limits.lens_dark_luma:.0f}, contrast {limits.lens_flat_contrast:.0f}"
    if vitals is None or vitals.brightness is None or vitals.contrast is None:
        return Result("lens", Level.OK, "no picture", limit)
    value = f"luma {vitals.brightness:.0f}, contrast {vitals.contrast:.0f}"
    covered = (
        vitals.brightness < limits.lens_dark_luma and vitals.contrast < limits.lens_flat_contrast
    )
    if covered:
        return Result("lens", Level.WARN, value, limit, Phrase.LENS_COVERED)
    return Result("lens", Level.OK, value, limit)


def microphone(
    vitals: Vitals | None, now_ns: int, limits: Limits, settings: MicrophoneSettings
) -> Result:
    """Samples arrive, they are not silence, and they are a microphone's."""
    limit = f"{limits.microphone_quiet_dbfs:.0f} dBFS"
    if settings.kind == "none":
        return Result("microphone", Level.OK, "none configured", limit)
    age_ns = _age_ns(vitals.last_sample_ns if vitals else None, now_ns)
    if vitals is None or age_ns is None or age_ns > STALE_NS:
        return Result("microphone", Level.WARN, "no sound", limit, Phrase.MICROPHONE_LOST)
    level = vitals.level_dbfs
    if level is None:
        return Result("microphone", Level.WARN, "silence", limit, Phrase.MICROPHONE_LOST)
    if level < limits.microphone_quiet_dbfs:
        value = f"{level:.0f} dBFS"
        return Result("microphone", Level.WARN, value, limit, Phrase.MICROPHONE_QUIET)
    if settings.kind in MADE_UP:
        value = f"{DEMO}the sound is made up, nothing of it is evidence"
        return Result("microphone", Level.WARN, value, limit)
    return Result("microphone", Level.OK, f"{level:.0f} dBFS", limit)


def capture(vitals: Vitals | None, now_ns: int) -> Result:
    """Either of them works: without both there is nothing to record."""
    ages = (
        _age_ns(vitals.last_frame_ns if vitals else None, now_ns),
        _age_ns(vitals.last_sample_ns if vitals else None, now_ns),
    )
    alive = any(age is not None and age <= STALE_NS for age in ages)
    if alive:
        return Result("capture", Level.OK, "flowing", "picture or sound")
    return Result("capture", Level.BLOCK, "nothing", "picture or sound", Phrase.NO_CAPTURE)
