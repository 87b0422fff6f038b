"""What codes of the journal are called in sheets, captions and timelines, Chinese and English.

Words for readers only: nothing here is spoken, and nothing decides anything. A code without a
word is shown as it is.
"""

from typing import Literal

Language = Literal["zh", "en"]

_Words = dict[str, tuple[str, str]]

_ELEMENTS: _Words = {
    "time": ("时间", "time"),
    "place": ("地点", "place"),
    "officers": ("执法人员", "officers"),
    "officer": ("执法人员", "officers"),
    "reason": ("执法事由", "reason"),
    "subject": ("执法对象", "subject"),
    "stages": ("记录环节", "stages"),
}
_SLOTS: _Words = {
    "announced": ("设备播报，未听到确认", "announced by the device"),
    "adopted": ("设备播报，执法人员口述确认", "announced, then confirmed aloud"),
    "heard": ("执法人员口述（内容待核）", "spoken by the officers (content unchecked)"),
    "missing": ("未说明", "missing"),
}
_CATEGORIES: _Words = {
    "fault": ("设备故障", "equipment fault"),
    "weather": ("天气恶劣", "bad weather"),
    "obstruction": ("人员阻挠", "obstruction"),
    "other": ("其他", "other"),
    "not_objective": ("非客观原因", "not an objective cause"),
}
_CAUSES: _Words = {
    "capture_died": ("采集进程退出", "the capture process died"),
    "capture_stalled": ("采集进程无响应", "the capture process stood still"),
    "no_fragments": ("没有收到数据", "no footage arrived"),
    "disk_stalled": ("存储写入过慢", "the disk was too slow"),
    "battery_empty": ("电量耗尽", "battery empty"),
    "wrong_press": ("误操作", "wrong press"),
    "capture_hung": ("采集进程无响应", "the capture process hung"),
    "camera_lost": ("摄像头中断", "the camera was lost"),
    "camera": ("摄像头中断", "the camera was lost"),
    "microphone": ("麦克风中断", "the microphone was lost"),
    "supervisor_died": ("主程序退出", "the supervisor died"),
    "crash": ("主程序退出", "the supervisor died"),
    "power": ("断电或重启", "power loss or reboot"),
    "storage_full": ("存储空间已满", "storage full"),
    "stream_gap": ("数据流中断", "a hole in the stream"),
    "queue": ("队列已满", "a queue was full"),
    "disk": ("存储写入故障", "the disk failed"),
    "shutdown": ("设备关机", "shutdown"),
}
_STATES: _Words = {
    "picture absent": ("无图像", "no picture"),
    "picture frozen": ("图像静止", "picture frozen"),
    "picture covered": ("镜头被遮挡", "lens covered"),
    "picture gap": ("图像丢帧", "frames missing"),
    "picture incomplete": ("图像不完整", "picture incomplete"),
    "picture silent": ("图像异常", "picture silent"),
    "sound absent": ("无声音", "no sound"),
    "sound frozen": ("声音异常", "sound frozen"),
    "sound covered": ("声音异常", "sound covered"),
    "sound silent": ("声音全为零", "sound all zeros"),
    "sound gap": ("声音有缺口", "hole in the sound"),
    "sound incomplete": ("声音不完整", "sound incomplete"),
}
_CHECKS: _Words = {
    "battery": ("电量", "battery"),
    "storage": ("存储空间", "storage"),
    "camera": ("摄像头", "camera"),
    "lens": ("镜头", "lens"),
    "microphone": ("麦克风", "microphone"),
    "clock": ("时钟", "clock"),
    "keys": ("密钥", "keys"),
    "temperature": ("温度", "temperature"),
}
_LEVELS: _Words = {
    "ok": ("正常", "ok"),
    "warn": ("提醒", "warning"),
    "block": ("不可记录", "blocks"),
}
_QUALITY: _Words = {
    "unset": ("未校准", "unset"),
    "kept": ("沿用上次时间，未校准", "kept from before"),
    "rtc": ("硬件时钟", "hardware clock"),
    "synced": ("已与时间源同步", "synchronised"),
}
_VERDICTS: _Words = {
    "valid": ("有效：签名、完整性、连续性均相符", "valid"),
    "valid with interruptions": ("有效，有中止", "valid with interruptions"),
    "incomplete": ("不完整", "incomplete"),
    "untrusted": ("签名密钥未经登记", "untrusted"),
    "tampered": ("与签名不符（被改动、缺失或混入）", "tampered"),
}
_OBLIGATION: _Words = {
    "must": ("应当记录", "must be recorded"),
    "may": ("视情记录", "may be recorded"),
}
_PARTS: _Words = {
    "camera": ("摄像头", "camera"),
    "microphone": ("麦克风", "microphone"),
    "encoder": ("编码器", "encoder"),
    "queue": ("队列", "queue"),
    "disk": ("存储", "disk"),
    "voice": ("语音", "voice"),
    "capture": ("采集进程", "capture"),
    "battery": ("电池", "battery"),
    "storage": ("存储空间", "storage"),
    "clock": ("时钟", "clock"),
    "speech": ("语音检测", "speech detection"),
    "overlay": ("画面叠加", "overlay"),
}
_ENDS: _Words = {
    "button": ("按键结束", "by the button"),
    "control": ("命令结束", "by command"),
    "shutdown": ("设备关机", "shutdown"),
    "power": ("断电或重启", "power loss or reboot"),
    "crash": ("程序退出", "crash"),
    "storage": ("存储空间已满", "storage full"),
}

TABLES: dict[str, _Words] = {
    "element": _ELEMENTS,
    "slot": _SLOTS,
    "category": _CATEGORIES,
    "cause": _CAUSES,
    "state": _STATES,
    "check": _CHECKS,
    "level": _LEVELS,
    "quality": _QUALITY,
    "verdict": _VERDICTS,
    "obligation": _OBLIGATION,
    "part": _PARTS,
    "end": _ENDS,
}


def word(table: str, code: str, language: Language = "zh") -> str:
    """The word of ``code`` in one of ``TABLES``; the code itself where it has none."""
    found = TABLES[table].get(code) or TABLES[table].get(code.replace("-", "_"))
    return code if found is None else found[0 if language == "zh" else 1]


def span(seconds: float, language: Language = "zh") -> str:
    """A duration: 1 小时 02 分 03.4 秒, 2 分 10.0 秒, 3.4 秒."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    names = ("小时", "分", "秒") if language == "zh" else ("h", "min", "s")
    parts = [f"{hours} {names[0]}"] if hours else []
    parts += [f"{minutes:d} {names[1]}"] if hours or minutes else []
    return " ".join([*parts, f"{rest:.1f} {names[2]}"])


def place(into_s: float | None) -> str:
    """A place in the media as players show it: 0:01:02.345; "—" where it has none."""
    if into_s is None:
        return "—"
    sign = "-" if into_s < 0 else ""
    ms = round(abs(into_s) * 1000)
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02d}:{seconds:02d}.{ms:03d}"
