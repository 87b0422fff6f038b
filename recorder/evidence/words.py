"""What codes of the journal are called in sheets, captions and timelines, Chinese and English.

Words for readers only: nothing here is spoken, and nothing decides anything. A code without a
word is shown as it is.
"""

import re
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
    "encoder": ("编码器故障", "the encoder failed"),
    "camera": ("摄像头中断", "the camera was lost"),
    "microphone": ("麦克风中断", "the microphone was lost"),
    "out_of_memory": ("内存不足，系统终止了采集进程", "out of memory: the kernel ended capture"),
    "supervisor_died": ("主程序退出", "the supervisor died"),
    "crash": ("主程序退出", "the supervisor died"),
    "power": ("断电或重启", "power loss or reboot"),
    "storage_full": ("存储空间已满", "storage full"),
    "stream_gap": ("数据流中断", "a hole in the stream"),
    "queue": ("队列已满", "a queue was full"),
    "capture_protocol": ("采集数据有误", "what came from capture was damaged"),
    "disk": ("存储写入故障", "the disk failed"),
    "shutdown": ("设备关机", "shutdown"),
    "storage": ("存储空间已满", "storage full"),
    "battery": ("电量耗尽", "battery empty"),
    "device_lost": ("设备损坏，未能继续", "the device was dead"),
    "unfit": ("检查未通过，不能记录", "not fit to record"),
    "failed": ("设备故障，不能记录", "failed, could not record"),
}
_WHY: _Words = {
    "no_reason_heard": ("没有听到口述原因", "no reason heard"),
    "not_spoken": ("没有口述原因", "no reason spoken"),
    "not_asked": ("恢复时未询问原因", "not asked"),
    "cut_short": ("口述原因未完成", "cut short"),
    "not_resumed": ("至结束未恢复记录", "not resumed"),
    "not_objective": ("非客观原因", "not objective"),
    "could_not_start": ("应当记录而未能开始", "could not be started"),
    "power": ("断电或重启，非正常结束", "ended by a power loss or reboot"),
    "crash": ("程序退出，非正常结束", "ended by a crash"),
    "supervisor_died": ("程序退出，非正常结束", "ended by a crash"),
    "device_lost": ("设备损坏，非正常结束", "ended by the device's death"),
    "shutdown": ("设备关机，非正常结束", "ended by a shutdown"),
    "storage": ("存储空间已满，非正常结束", "ended by a full card"),
    "battery": ("电量耗尽，非正常结束", "ended by an empty battery"),
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
    "capture": ("采集", "capture"),
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
    "lens": ("镜头", "lens"),
    "queue": ("队列", "queue"),
    "disk": ("存储", "disk"),
    "voice": ("语音", "voice"),
    "capture": ("采集进程", "capture"),
    "battery": ("电池", "battery"),
    "storage": ("存储空间", "storage"),
    "clock": ("时钟", "clock"),
    "speech": ("语音检测", "speech detection"),
    "overlay": ("画面叠加", "overlay"),
    "button": ("按键", "button"),
    "button2": ("第二个按键", "second button"),
    "light": ("指示灯", "light"),
    "vibration": ("振动马达", "vibration motor"),
    "system": ("操作系统", "operating system"),
    "gnss": ("卫星定位", "satellite receiver"),
    "storing": ("存储期限提醒", "deadlines"),
    "selftest": ("自检", "self-test"),
}
_ENDS: _Words = {
    "button": ("按键结束", "by the button"),
    "control": ("命令结束", "by command"),
    "shutdown": ("设备关机", "shutdown"),
    "power": ("断电或重启", "power loss or reboot"),
    "crash": ("程序退出", "crash"),
    "storage": ("存储空间已满", "storage full"),
    "battery": ("电量耗尽", "battery empty"),
    "desk": ("设备损坏，由档案室补记结束", "at the desk: the device was dead"),
}

_FINDINGS: _Words = {
    "missing": ("已签名的文件缺失", "missing"),
    "changed": ("文件与签名的摘要不符", "changed"),
    "cut": ("文件被截短", "cut"),
    "foreign": ("混入未签名的文件", "foreign"),
    "seal-signature": ("封存签名不符", "seal signature"),
    "no-device-key": ("日志没有可用的签名公钥", "no device key"),
    "line-damaged": ("日志行的签名或格式不符", "line damaged"),
    "line-order": ("日志行号不连续", "line order"),
    "line-chain": ("日志链断开", "line chain"),
    "line-torn": ("日志末行不完整", "line torn"),
    "line-foreign": ("混入外来日志行", "line foreign"),
    "no-open": ("日志没有首行", "no open line"),
    "ledger-quote": ("引用的台账行不符", "ledger quote"),
    "not-in-ledger": ("台账没有本记录", "not in the ledger"),
    "seal-differs": ("台账所载封存与此不同", "seal differs"),
    "journal-differs": ("台账所载日志与此不同", "journal differs"),
    "seal-removed": ("台账载明已封存，但封存不在", "seal removed"),
    "picture": ("画面、声音与日志所载不符", "contents differ"),
    "no-key": ("未提供设备公钥或名册", "no key given"),
    "other-key": ("由另一密钥签名", "other key"),
    "not-registered": ("签名密钥未登记", "not registered"),
    "too-early": ("早于密钥登记时间", "too early"),
    "expired": ("密钥登记已到期", "expired"),
    "revoked": ("密钥已吊销", "revoked"),
    "ephemeral-key": ("由临时密钥签名", "ephemeral key"),
    "desk-key": ("档案室的签名密钥未登记", "desk key"),
    "handover": ("档案室增加了不得增加的内容", "handover"),
    "cut-lines": ("损坏处之后另有设备签名的日志行", "cut lines"),
    "no-seal": ("未封存", "no seal"),
    "loss": ("设备丢失了部分数据", "loss"),
    "uncovered": ("有时段没有画面和声音，也没有中止记录", "uncovered"),
    "tick-gap": ("时间刻度不连续", "tick gap"),
    "overlap": ("片段时间重叠", "overlap"),
    "no-end": ("没有结束记录", "no end"),
    "no-close": ("没有收尾记录", "no close line"),
    "no-fragment": ("没有任何画面或声音", "no fragment"),
    "private": ("加密的个人信息无法打开", "private record"),
    "clock-contradicts": ("时钟读数前后矛盾", "the clock contradicts itself"),
    "undated": ("时钟不可靠，无法核对密钥登记时间", "undated"),
    "desk": ("由档案室收尾", "ended by the desk"),
    "demo": ("演练，不能作为证据", "a demo, no evidence"),
    "time": ("时间刻度与所载时间不符", "time"),
    "arithmetic": ("起止、字节数等数据前后不符", "arithmetic"),
    "count": ("收尾行所载数量不符", "count"),
    "sequence": ("分段或片段编号不连续", "sequence"),
    "order": ("日志各行先后次序不符", "order"),
    "format": ("格式或版本不符", "format"),
    "name": ("文件名不符", "name"),
    "manifest": ("清单文件不符合规范", "manifest"),
    "bagit": ("不符合 BagIt 规范", "bagit"),
    "unlisted": ("清单未列入的文件", "unlisted"),
    "oversized": ("文件超过允许大小", "oversized"),
    "unreadable": ("文件无法读取", "unreadable"),
    "not-signed": ("没有有效签名", "not signed"),
    "open-segment": ("分段没有收尾", "open segment"),
    "interruption-unknown": ("所指的中止不存在", "unknown interruption"),
    "never-opened": ("台账没有开始行", "never opened"),
    "opened-twice": ("台账有两个开始行", "opened twice"),
    "no-seal-line": ("台账没有封存行", "no seal line"),
    "not-sealed-yet": ("台账已开始，尚未封存", "not sealed yet"),
    "ledger-short": ("台账不完整", "ledger short"),
    "recording-missing": ("台账载有本记录，但记录不在", "recording missing"),
    "unbegun": ("已按下开始，但没有录下任何内容", "unbegun"),
    "quarantined": ("无法识别，已整体隔离", "quarantined"),
    "freed": ("设备已在两次回读核对后释放", "freed"),
    "given-up": ("存储系统连续失败，其余未查", "given up"),
    "name-left-out": ("对象名不能作为文件名，未予查验", "name left out"),
    "hidden": ("存储系统中被删除标记遮盖", "hidden"),
    "versions-differ": ("存储系统中另有内容不同的版本", "versions differ"),
    "more-versions": ("存储系统中另有版本", "more versions"),
    "lock-short": ("存储系统锁定期限不足", "lock too short"),
    "bucket-unlocked": ("存储桶未启用锁定", "bucket unlocked"),
    "two-bags": ("设备与档案室各封存了一份", "two bags"),
    "no-desk-key": ("没有档案室公钥", "no desk key"),
    "beside": ("旁附文件有误", "beside"),
    "statement-differs": ("书面说明所述与设备所载不符", "statement differs"),
    "statement-unknown": ("书面说明所指不存在", "statement unknown"),
    "statement-unowed": ("书面说明所指并非须说明事项", "statement not owed"),
    "statement-other-seal": ("书面说明针对同一记录的另一份封存件", "another bag of it"),
    "live-differs": ("实时上传的内容与封存的日志不符", "live pieces differ"),
    "not-arrived": ("尚未全部存入（未到达存储器）", "not arrived"),
    "proven-to": ("封存件未存入，仅部分日志可证实", "proven to a line only"),
    "away-afterwards": ("事后才申报外出", "away declared afterwards"),
    "away-undeclared-return": ("返回未申报", "return not declared"),
    "overdue": ("超过存储期限", "overdue"),
    "possibly-overdue": ("可能超过存储期限", "possibly overdue"),
    "stored-before": ("密钥吊销前已存入", "stored before the revocation"),
    "key-ended": ("密钥已移交新密钥，此后又签名", "signed by a key that handed over"),
    "rekeyed": ("新密钥未签字确认接任", "the new key did not sign its taking over"),
}
_VALUES: tuple[tuple[str, str], ...] = (
    ("a demo: the picture is made up", "演练：画面不是实拍"),
    ("a demo: the sound is made up", "演练：声音不是实录"),
    ("nothing of it is evidence", "不能作为证据"),
    (r"(\d+) min \(none below (\d+)\)", r"\1 分钟（低于 \2 分钟不可记录）"),
    (r"(\d+) min\b", r"\1 分钟"),
    (r"last frame ([\d.]+) s ago", r"最近画面在 \1 秒前"),
    (r"a frame within (\d+) s", r"\1 秒内有画面"),
    (r"(\d+) frames", r"\1 帧"),
    (r"luma ([\d.]+)", r"亮度 \1"),
    (r"contrast ([\d.]+)", r"对比度 \1"),
    (r"(\d+) custodians", r"\1 名保管人"),
    ("no battery", "无电池"), ("plugged in", "外接电源"), ("none configured", "未配置"),
    ("no frames", "无画面"), ("no picture", "无画面"), ("no sound", "无声音"),
    ("silence", "静音"), ("flowing", "正常"), ("nothing", "无数据"),
    ("picture or sound", "画面或声音"), ("no answer", "无应答"), ("no sensor", "无传感器"),
    ("not synchronised", "未同步"), ("unset", "未校准"), ("kept", "沿用上次时间"),
    ("rtc", "硬件时钟"), ("synced", "已同步"), ("device key", "设备密钥"),
    ("ephemeral key", "临时密钥"), (r" C\b", " ℃"), (", ", "，"),
)  # fmt: skip
"""What a check measured, as it stands in the journal, and how a Chinese sheet shows it."""

TABLES: dict[str, _Words] = {
    "element": _ELEMENTS,
    "slot": _SLOTS,
    "category": _CATEGORIES,
    "cause": _CAUSES,
    "why": _WHY,
    "state": _STATES,
    "check": _CHECKS,
    "level": _LEVELS,
    "quality": _QUALITY,
    "verdict": _VERDICTS,
    "obligation": _OBLIGATION,
    "part": _PARTS,
    "end": _ENDS,
    "finding": _FINDINGS,
}


def word(table: str, code: str, language: Language = "zh") -> str:
    """The word of ``code`` in one of ``TABLES``; the code itself where it has none."""
    found = TABLES[table].get(code) or TABLES[table].get(code.replace("-", "_"))
    return code if found is None else found[0 if language == "zh" else 1]


def value(measured: str) -> str:
    """A check's value or limit in Chinese."""
    for pattern, chinese in _VALUES:
        measured = re.sub(pattern, chinese, measured)
    return measured


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
