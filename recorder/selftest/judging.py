"""Judges what the daemon measured. Pure: a report and the settings in, one finding a part out."""

from recorder.checks import power, probe, trust
from recorder.checks.result import Level as Checked
from recorder.clock import Quality
from recorder.config import MADE_UP, Limits, Settings
from recorder.selftest.finding import Finding, failed, fine, left_out, warned
from recorder.selftest.report import Media, Report

LEAST_SHARE = 0.9
"""Of the frames that the seconds should have."""
SILENT_DBFS = -100.0
"""Zeros after the encoder; the faintest microphone has more."""
LEAST_ALIKE = 0.5
"""Noise against a sentence comes to 0.3 at most; the sentence itself to 0.8 and more."""
READY_S = 20.0
ACT_H_A_DAY = 2
WARN_DAYS, LEAST_DAYS = 4, 1
"""Two working days to store in, and a weekend between them."""
_BUTTONS, _LIGHTS = ("button",), ("light", "vibration")
_LEFT_OUT = "-left-out"


def of_daemon(report: Report, settings: Settings) -> tuple[Finding, ...]:
    """Everything that the daemon can tell, but for button and light."""
    media = report.media or Media(problem="no answer")
    return (
        camera(report, media, settings),
        lens(report, settings.checks),
        microphone(report, media, settings),
        voice(report, media, settings),
        battery(report, settings),
        temperature(report, settings.checks),
        clock(report, settings.checks),
        room(report, settings),
        catalogue(report),
        start(report),
    )


def camera(report: Report, media: Media, settings: Settings) -> Finding:
    """A camera's frames of the right number came, and can be decoded."""
    if settings.camera.kind == "none":
        return left_out("camera", "none")
    fault = report.faults.get("camera", "")
    if fault == "frozen":
        return failed("camera", "frozen")
    if media.frames < 2 or fault not in ("", "covered"):
        if media.problem and not fault:
            return failed("camera", "undecodable", problem=media.problem)
        return failed("camera", "gone")
    if media.problem or "encoder" in report.faults:
        return failed("camera", "undecodable", problem=media.problem or report.faults["encoder"])
    fps = round((media.frames - 1) / media.video_s, 1) if media.video_s else 0.0
    found = {"fps": fps, "width": media.width, "height": media.height, "s": media.video_s}
    wanted, kind = settings.camera.fps, settings.camera.kind
    code = "few" if fps < LEAST_SHARE * wanted else "demo" if kind in MADE_UP else "ok"
    finding = (fine if code == "ok" else warned)("camera", code, kind=kind, **found)
    return Finding(finding.part, code, finding.level, finding.figures, {"fps": wanted})


def lens(report: Report, limits: Limits) -> Finding:
    """Neither dark nor flat."""
    if report.device.luma is None or report.device.contrast is None:
        return left_out("lens", "no_picture")
    figures = {"luma": round(report.device.luma), "contrast": round(report.device.contrast)}
    dark = (
        report.device.luma < limits.lens_dark_luma
        and report.device.contrast < limits.lens_flat_contrast
    )
    covered = dark or "lens" in report.faults or report.faults.get("camera") == "covered"
    return failed("lens", "covered", **figures) if covered else fine("lens", **figures)


def microphone(report: Report, media: Media, settings: Settings) -> Finding:
    """A microphone's sound came, and it is not silence."""
    if settings.microphone.kind == "none":
        return left_out("microphone", "none")
    level, fault = media.level_dbfs, report.faults.get("microphone", "")
    if level is None or not media.samples:
        return failed("microphone", "silent" if fault == "silent" else "gone")
    if level < SILENT_DBFS:
        return failed("microphone", "silent")
    if settings.microphone.kind in MADE_UP:
        return warned("microphone", "demo", kind=settings.microphone.kind, dbfs=level)
    if fault:
        return warned("microphone", "gaps", dbfs=level)
    quiet = level < settings.checks.microphone_quiet_dbfs
    return (warned if quiet else fine)("microphone", "quiet" if quiet else "ok", dbfs=level)


def voice(report: Report, media: Media, settings: Settings) -> Finding:
    """The device's own voice is in its own microphone's sound."""
    if settings.voice.kind == "none":
        return left_out("voice", "none")
    if report.voice != "spoken":
        return failed("voice", "unspoken", detail=report.voice_detail or "-")
    if settings.microphone.kind == "none" or not media.samples:
        return left_out("voice", "no_microphone")
    heard = media.heard
    if heard is None or heard.score < LEAST_ALIKE:
        return failed("voice", "unheard", score=heard.score if heard else 0.0)
    return fine("voice", score=heard.score, delay_ms=heard.delay_ms, dbfs=heard.level_dbfs)


def battery(report: Report, settings: Settings) -> Finding:
    """As the check of every press judges it (Art. 13)."""
    if report.device.power_problem:
        return failed("battery", "silent", problem=report.device.power_problem)
    if settings.battery.kind == "none" or report.device.power is None:
        return left_out("battery", "none")
    percent, minutes = round(report.device.power.percent), report.device.power.minutes
    low = power.battery(report.device.power, settings.checks).level is not Checked.OK
    if report.device.power.plugged:
        return fine("battery", "plugged", percent=percent)
    make = failed if low else fine
    if minutes is None:
        return make("battery", "low_percent" if low else "ok_percent", percent=percent)
    return make("battery", "low" if low else "ok", percent=percent, minutes=minutes)


def temperature(report: Report, limits: Limits) -> Finding:
    """The processor's."""
    if report.device.celsius is None:
        return left_out("temperature", "none")
    hot = report.device.celsius > limits.temperature_warn_c
    make = warned if hot else fine
    return make("temperature", "hot" if hot else "ok", celsius=round(report.device.celsius))


def clock(report: Report, limits: Limits) -> Finding:
    """May its time be read aloud as a fact?"""
    state = report.device.clock
    if state.quality is Quality.UNSET:
        return failed("clock", "unset")
    if not trust.may_announce(state, limits):
        return warned("clock", "unsure")
    if state.error_ms is None:
        return fine("clock", "rtc")
    return fine("clock", "synced", ms=state.error_ms)


def room(report: Report, settings: Settings) -> Finding:
    """Days of acts that still fit on the card."""
    if report.device.free_bytes is None:
        return failed("room", "unknown")
    hours = report.device.free_bytes / probe.bytes_per_s(settings) / 3600
    figures = {"days": round(hours / ACT_H_A_DAY, 1), "hours": round(hours, 1)}
    if figures["days"] < LEAST_DAYS:
        return failed("room", "full", **figures)
    if figures["days"] < WARN_DAYS:
        return warned("room", "little", **figures)
    return fine("room", **figures)


def _broken(report: Report, parts: tuple[str, ...]) -> str:
    return next((text for code, text in report.device.broken.items() if code.startswith(parts)), "")


def catalogue(report: Report) -> Finding:
    """Catalogue and sentences were loaded at the start."""
    panel = (*_BUTTONS, *_LIGHTS)
    problem = next(
        (
            text for code, text in report.device.broken.items()
            if not code.startswith(panel) and not code.endswith(_LEFT_OUT)
        ),
        "",
    )  # fmt: skip
    return failed("catalogue", "broken", problem=problem) if problem else fine("catalogue")


def start(report: Report) -> Finding:
    """From the process's start until a press would have been recorded."""
    if report.ready_s is None:
        return left_out("start", "unknown")
    parts = [code for code in report.device.broken if code.endswith(_LEFT_OUT)]
    if parts:
        return failed("start", "parts", parts=", ".join(c.removesuffix(_LEFT_OUT) for c in parts))
    slow = report.ready_s > READY_S
    return (warned if slow else fine)("start", "slow" if slow else "ok", s=report.ready_s)


def button(report: Report, settings: Settings, *, hands: bool) -> Finding:
    """Somebody was asked to press it."""
    if problem := _broken(report, _BUTTONS):
        return failed("button", "broken", problem=problem)
    if settings.button.kind == "none":
        return left_out("button", "none")
    if not hands:
        return left_out("button", "no_hands")
    return fine("button") if report.button == "pressed" else failed("button", "dead")


def light(report: Report, settings: Settings, seen: bool | None) -> Finding:
    """Somebody was asked whether it blinks; None: nobody was."""
    if problem := _broken(report, _LIGHTS):
        return failed("light", "broken", problem=problem)
    if settings.light.kind == "none":
        return left_out("light", "none")
    if seen is None:
        return left_out("light", "no_hands")
    return fine("light") if seen else failed("light", "unseen")
