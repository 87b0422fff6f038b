"""The sentences the device says: names, defaults in two languages, the township's own wording.

Texts lie beside this file (phrases.zh.toml, phrases.en.toml); a township changes single ones by
config. Pure: the only files read are the ones handed in or packaged.
"""

import string
from enum import StrEnum
from importlib import resources
from pathlib import Path

from recorder import toml
from recorder.clock import NS
from recorder.errors import RecorderError
from recorder.session import hanzi


class Phrase(StrEnum):
    """Every sentence by its name in the phrases files."""

    OPENING_START = "opening_start"
    TIME = "time"
    PLACE = "place"
    OFFICER = "officer"
    OFFICER_ENTRUSTED = "officer_entrusted"
    REASON = "reason"
    SUBJECT = "subject"
    STAGES = "stages"
    ADOPT = "adopt"
    NOTICE_ALL = "notice_all"
    ASK_TIME = "ask_time"
    ASK_PLACE = "ask_place"
    ASK_OFFICERS = "ask_officers"
    ASK_REASON = "ask_reason"
    ASK_SUBJECT = "ask_subject"
    ASK_STAGES = "ask_stages"
    AGAIN = "again"
    MISSING = "missing"
    LATE_START = "late_start"
    CONTINUED = "continued"
    ARRIVED = "arrived"
    MARKED = "marked"
    MARKED_ITEM = "marked_item"
    NOTHING_TO_MARK = "nothing_to_mark"
    NO_NEXT_STAGE = "no_next_stage"
    NEW_STAGE = "new_stage"
    RAISED = "raised"
    OBSTRUCTION = "obstruction"
    SENSITIVE_ON = "sensitive_on"
    SENSITIVE_OFF = "sensitive_off"
    FILMING_1 = "filming_1"
    FILMING_2 = "filming_2"
    INTERRUPTED = "interrupted"
    RESUMED = "resumed"
    ASK_CAUSE = "ask_cause"
    NO_REASON = "no_reason"
    CANNOT_GO_ON = "cannot_go_on"
    UNMARKED = "unmarked"
    END = "end"
    END_NO_TIME = "end_no_time"
    TAKEN_BACK = "taken_back"
    SAVED = "saved"
    STARTING = "starting"
    READY = "ready"
    UNFIT = "unfit"
    FAILED = "failed"
    SEALING = "sealing"
    BATTERY_LOW = "battery_low"
    STORAGE_LOW = "storage_low"
    STORAGE_FULL = "storage_full"
    STORAGE_FAULT = "storage_fault"
    NO_ROOM = "no_room"
    CLOCK_UNSET = "clock_unset"
    LENS_COVERED = "lens_covered"
    CAMERA_FAULT = "camera_fault"
    CAMERA_LOST = "camera_lost"
    CAMERA_BACK = "camera_back"
    MICROPHONE_FAULT = "microphone_fault"
    MICROPHONE_BACK = "microphone_back"
    MICROPHONE_QUIET = "microphone_quiet"
    NO_CAPTURE = "no_capture"
    HOT = "hot"
    NO_CUSTODIAN = "no_custodian"
    ONE_CUSTODIAN = "one_custodian"
    NO_DEVICE_KEY = "no_device_key"
    REBOOT_OFFER = "reboot_offer"
    NO_USE = "no_use"
    ALREADY = "already"
    STORE_FULL = "store_full"
    STORE_GONE = "store_gone"
    STORE_READONLY = "store_readonly"
    STORE_CONFLICT = "store_conflict"
    STORING_DUE = "storing_due"
    OVERDUE = "overdue"


_WORDS = {
    "zh": {
        "time": "时间", "place": "地点", "officers": "执法人员", "reason": "事由",
        "subject": "对象", "stages": "环节",
    },
    "en": {
        "time": "Time", "place": "Place", "officers": "Officers", "reason": "Reason",
        "subject": "Subject", "stages": "Stages",
    },
}  # fmt: skip


def slots(text: str) -> frozenset[str]:
    """The names in braces. ValueError where braces do not match."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


class Speaker:
    """Words for the voice, in one language."""

    def __init__(self, language: str, texts: dict[Phrase, str], utc_offset_min: int) -> None:
        self.language = language
        self._texts = texts
        self._offset_min = utc_offset_min

    def say(self, phrase: Phrase, **values: str) -> str:
        """The sentence with its slots filled in. KeyError where one is not given."""
        return self._texts[phrase].format(**values)

    def fixed(self) -> dict[Phrase, str]:
        """Sentences without slots: those that can be rendered ahead."""
        return {phrase: text for phrase, text in self._texts.items() if not slots(text)}

    def element(self, name: str) -> str:
        """An element of the opening by its spoken name."""
        return _WORDS[self.language].get(name, name)

    def join(self, items: tuple[str, ...]) -> str:
        """A list as it is spoken."""
        return ("、" if self.language == "zh" else ", ").join(items)

    def time(self, utc_ns: int) -> str:
        """Date and time of day, at the device's offset."""
        local = hanzi.local(utc_ns, self._offset_min)
        return hanzi.time(local) if self.language == "zh" else f"{local:%d %B %Y, %H:%M}"

    def clock(self, utc_ns: int) -> str:
        """Time of day."""
        local = hanzi.local(utc_ns, self._offset_min)
        return hanzi.clock(local) if self.language == "zh" else f"{local:%H:%M}"

    def duration(self, duration_ns: int) -> str:
        """A length of time, to the second."""
        seconds = round(duration_ns / NS)
        if self.language == "zh":
            return hanzi.duration(seconds)
        minutes, seconds = divmod(seconds, 60)
        return f"{minutes} minutes {seconds} seconds" if minutes else f"{seconds} seconds"

    def number(self, value: int) -> str:
        """A quantity (minutes left)."""
        return hanzi.number(min(value, 9999)) if self.language == "zh" else str(value)

    def count(self, value: int) -> str:
        """A count before a measure word."""
        return hanzi.count(min(value, 9999)) if self.language == "zh" else str(value)

    def digits(self, text: str) -> str:
        """A certificate number."""
        return hanzi.digits(text) if self.language == "zh" else " ".join(text)


def _defaults(language: str) -> dict[str, str]:
    file = resources.files("recorder.session") / f"phrases.{language}.toml"
    return toml.loads(
        file.read_text(encoding="utf-8"), dict[str, str], what="phrases", where=str(file)
    )


def load(language: str, path: Path | None, utc_offset_min: int) -> Speaker:
    """The packaged sentences, single ones replaced by the township's file.

    RecorderError names file, key and remedy for an unknown sentence or a slot that does not fit.
    """
    texts = _defaults(language)
    if path is not None:
        own = toml.load(path, dict[str, str], what="phrases")
        for key, text in own.items():
            _check(path, key, text, texts)
        texts |= own
    return Speaker(language, {Phrase(key): text for key, text in texts.items()}, utc_offset_min)


def _check(path: Path, key: str, text: str, texts: dict[str, str]) -> None:
    if key not in texts:
        raise RecorderError(
            "phrases-invalid", f"key {key}: there is no such sentence", where=str(path),
            remedy="The names stand in the packaged phrases file of the language",
        )  # fmt: skip
    try:
        have = slots(text)
    except ValueError as error:
        raise RecorderError(
            "phrases-invalid", f"key {key}: {error}", where=str(path), remedy="Close every brace"
        ) from error
    want = slots(texts[key])
    if have != want:
        raise RecorderError(
            "phrases-invalid",
            f"key {key}: slots {sorted(have)} where {sorted(want)} belong",
            where=str(path),
            remedy="Keep every word in braces exactly once, and no other",
        )
