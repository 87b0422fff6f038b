"""What people write in a statement (Art. 15): a TOML file with every field that the rule asks for.

Pure but for reading that file. What the device knows (from, to, its finding) is not asked of
people: it is taken from the recording when the statement is archived.
"""

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from recorder import toml
from recorder.errors import RecorderError

MAX_BYTES = 256 * 1024
UNKNOWN = "不详"

Category = Literal["fault", "weather", "obstruction", "not_objective", "other"]
Short = Annotated[str, Meta(max_length=300)]
Long = Annotated[str, Meta(max_length=20_000)]


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A statement's text. Nothing may be empty; what nobody knows says 不详. ``interruption`` is 0
    for a whole recording, or for an act that was not recorded at all."""

    recording: Short
    interruption: Annotated[int, Meta(ge=0, le=1_000_000)]
    case_number: Short
    time: Short
    place: Short
    parties: Short
    category: Category
    what_happened: Long
    act_during: Long
    act_went_on: Long
    recorded_instead: Long
    why_not: Long
    proof: Long
    author: Short
    fellow_officer: Short
    signed: Short
    head_opinion: Long


LABELS: dict[str, tuple[str, str]] = {
    "recording": ("记录编号", "as `recorder statement list` prints it under ABOUT"),
    "interruption": ("中止序号", "0: the whole recording, or an act that was not recorded"),
    "case_number": ("案号", "the case"),
    "time": ("时间", "when, as people know it; the device's own times are added by themselves"),
    "place": ("地点", "where"),
    "parties": ("当事人", "the parties"),
    "category": (
        "原因类别",
        "fault 设备故障, weather 天气恶劣, obstruction 人员阻挠, not_objective 非客观原因, "
        "other 其他客观原因",
    ),
    "what_happened": ("情况经过", "what happened"),
    "act_during": ("当时的执法活动", "what the officers were doing"),
    "act_went_on": ("执法行为是否继续", "whether the act went on, and how"),
    "recorded_instead": ("替代记录方式", "what recorded it instead: text, another device, nothing"),
    "why_not": ("未恢复记录或未口述原因的理由", "why it was not resumed, or not spoken"),
    "proof": ("佐证材料", "proof: photographs, weather reports, repair slips, witnesses"),
    "author": ("说明人（执法证号）", "author: name and certificate"),
    "fellow_officer": ("同行执法人员（执法证号）", "fellow officer: name and certificate"),
    "signed": (
        "签名方式",
        "how both signed: by hand on the printed form (where it is kept), or personal certificate",
    ),
    "head_opinion": ("负责人意见", "the head's opinion, name and date"),
}
"""Each field's name on the form, and what it is for."""


def load(path: Path) -> Text:
    """Read a text. RecorderError names file, key and remedy; nothing of the text is in it."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecorderError(
            "statement-unreadable", f"cannot read it: {error.strerror}", where=str(path),
            remedy="Give the path of the text; `recorder statement template` prints an empty one",
        ) from error  # fmt: skip
    if len(data) > MAX_BYTES:
        raise RecorderError(
            "statement-oversized", f"over {MAX_BYTES // 1024} KiB", where=str(path),
            remedy="Keep to text; list photographs and papers under proof",
        )  # fmt: skip
    try:
        return parse(data.decode(), str(path))
    except UnicodeDecodeError as error:
        raise RecorderError(
            "statement-syntax", f"not UTF-8 at byte {error.start}", where=str(path),
            remedy="Save the file as UTF-8",
        ) from error  # fmt: skip


def parse(text: str, where: str) -> Text:
    """The same for text in memory; ``where`` names its source."""
    remedy = "Compare the key with `recorder statement template`"
    found = toml.loads(text, Text, what="statement", where=where, remedy=remedy)
    for key, value in msgspec.structs.asdict(found).items():
        if not isinstance(value, str):
            continue
        if not value.strip():
            raise RecorderError(
                "statement-invalid", f"key {key}: empty", where=where,
                remedy=f'Write it, or "{UNKNOWN}" where nobody knows',
            )  # fmt: skip
        if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in value):
            raise RecorderError(
                "statement-invalid", f"key {key}: a control character in it", where=where,
                remedy="Write plain text; a new line and a tab are all that may be in it",
            )  # fmt: skip
    return found


def as_toml(values: Mapping[str, str | int]) -> str:
    """A file that ``parse`` reads; what ``values`` does not have is left empty, to be written."""
    out = [
        "# 音像记录中止情况说明（第十五条）. Every key has to be written; "
        f'"{UNKNOWN}" where nobody knows.',
        "# It names people: delete this file once the statement is archived.",
    ]
    for key, (label, meaning) in LABELS.items():
        out += ["", f"# {label}: {meaning}", f"{key} = {_toml(values.get(key, _empty(key)))}"]
    return "\n".join(out) + "\n"


def _empty(key: str) -> str | int:
    return 0 if key == "interruption" else ""


def _toml(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    plain = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""\n{plain}"""' if "\n" in value else f'"{plain}"'
