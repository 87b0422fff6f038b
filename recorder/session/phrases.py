"""The sentences the device says: names, defaults in two languages, the township's own wording.

Texts lie beside this file (phrases.zh.toml, phrases.en.toml); a township changes single ones by
config. Pure: the only files read are the ones handed in or packaged.
"""

import string
from datetime import datetime
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

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
    ENTRUSTED = "entrusted"
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
    RESUMED_NO_TIME = "resumed_no_time"
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
    MAKING_ROOM = "making_room"
    BATTERY_LOW = "battery_low"
    BATTERY_CHARGE = "battery_charge"
    BATTERY_END = "battery_end"
    BATTERY_OFF = "battery_off"
    BATTERY_FAULT = "battery_fault"
    STORAGE_LOW = "storage_low"
    STORAGE_FULL = "storage_full"
    STORAGE_FAULT = "storage_fault"
    STORAGE_SLOW = "storage_slow"
    NO_ROOM = "no_room"
    CLOCK_UNSET = "clock_unset"
    BUTTON_FAULT = "button_fault"
    BUTTON_STUCK = "button_stuck"
    BUTTON_BACK = "button_back"
    BUTTON2_FAULT = "button2_fault"
    BUTTON2_STUCK = "button2_stuck"
    BUTTON2_BACK = "button2_back"
    USE_BUTTON2 = "use_button2"
    LIGHT_FAULT = "light_fault"
    LIGHT_BACK = "light_back"
    VIBRATION_FAULT = "vibration_fault"
    VIBRATION_BACK = "vibration_back"
    CATALOGUE_FAULT = "catalogue_fault"
    PHRASES_FAULT = "phrases_fault"
    LEFT_OUT = "left_out"
    LENS_COVERED = "lens_covered"
    CAMERA_FAULT = "camera_fault"
    CAMERA_LOST = "camera_lost"
    CAMERA_BACK = "camera_back"
    MICROPHONE_FAULT = "microphone_fault"
    MICROPHONE_LOST = "microphone_lost"
    MICROPHONE_BACK = "microphone_back"
    MICROPHONE_QUIET = "microphone_quiet"
    NO_CAPTURE = "no_capture"
    HOT = "hot"
    NO_CUSTODIAN = "no_custodian"
    ONE_CUSTODIAN = "one_custodian"
    NO_DEVICE_KEY = "no_device_key"
    KEY_UNVOUCHED = "key_unvouched"
    REBOOT_OFFER = "reboot_offer"
    REBOOT_FAILED = "reboot_failed"
    NO_USE = "no_use"
    ALREADY = "already"
    SELFTEST = "selftest"
    SELFTEST_PRESS = "selftest_press"
    SELFTEST_FINE = "selftest_fine"
    SELFTEST_FAILED = "selftest_failed"
    SELFTEST_REFUSED = "selftest_refused"
    STORE_FULL = "store_full"
    STORE_GONE = "store_gone"
    STORE_READONLY = "store_readonly"
    STORE_CONFLICT = "store_conflict"
    STORE_BUSY = "store_busy"
    STORE_CLOCK = "store_clock"
    STORE_UNLOCKED = "store_unlocked"
    STORE_REFUSED = "store_refused"
    DOCK_DONE = "dock_done"
    DOCK_PERSON = "dock_person"
    STORING_DUE = "storing_due"
    OVERDUE = "overdue"
    POSSIBLY_OVERDUE = "possibly_overdue"


OWED = frozenset(
    {
        *(p for p in Phrase if p.startswith("ask_")),
        Phrase.OPENING_START, Phrase.TIME, Phrase.PLACE, Phrase.OFFICER, Phrase.ENTRUSTED,
        Phrase.REASON, Phrase.SUBJECT, Phrase.STAGES, Phrase.ADOPT, Phrase.NOTICE_ALL, Phrase.AGAIN,
        Phrase.MISSING, Phrase.LATE_START, Phrase.CONTINUED, Phrase.ARRIVED, Phrase.NEW_STAGE,
        Phrase.RAISED, Phrase.OBSTRUCTION, Phrase.FILMING_1, Phrase.FILMING_2, Phrase.INTERRUPTED,
        Phrase.RESUMED, Phrase.RESUMED_NO_TIME, Phrase.NO_REASON, Phrase.CANNOT_GO_ON,
        Phrase.STORAGE_FULL, Phrase.UNMARKED, Phrase.END, Phrase.END_NO_TIME, Phrase.TAKEN_BACK,
    }
)  # fmt: skip
"""What the rule wants said (Art. 10, 12, 14 to 16): the others may go where too much waits."""

_LONGEST_S = 9999 * 3600
_MOST_HANZI = 45
"""Ten seconds; the sentences here keep to eight, but a township's names may be long."""

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


def slots(text: str) -> list[str]:
    """The names in braces, sorted. ValueError where braces do not match or hold more."""
    out = []
    for _, name, form, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if form or conversion:
            raise ValueError(f"only a name may stand in braces, not {name!r} with a format")
        out.append(name)
    return sorted(out)


class Speaker:
    """Words for the voice, in one language."""

    def __init__(self, language: str, texts: dict[Phrase, str], utc_offset_min: int) -> None:
        self.language = language
        self._texts = texts
        self._offset_min = utc_offset_min

    def say(self, phrase: Phrase, **values: str) -> str:
        """The sentence, slots filled in, digits as words. KeyError where one is not given."""
        if self.language == "zh":
            values = {name: hanzi.text(value) for name, value in values.items()}
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

    def day(self, local: datetime) -> str:
        """A day of this year."""
        return hanzi.day(local) if self.language == "zh" else f"{local:%d %B}"

    def clock(self, utc_ns: int) -> str:
        """Time of day."""
        local = hanzi.local(utc_ns, self._offset_min)
        return hanzi.clock(local) if self.language == "zh" else f"{local:%H:%M}"

    def duration(self, duration_ns: int) -> str:
        """A length of time in whole seconds, one at least; nonsense is cut to 9999 h."""
        seconds = min(max(round(duration_ns / NS), 1), _LONGEST_S)
        if self.language == "zh":
            return hanzi.duration(seconds)
        minutes, seconds = divmod(seconds, 60)
        return f"{minutes} minutes {seconds} seconds" if minutes else f"{seconds} seconds"

    def number(self, value: int) -> str:
        """A count before a measure word (minutes left, recordings due); 9999 at most."""
        value = min(max(value, 0), 9999)
        return hanzi.count(value) if self.language == "zh" else str(value)

    def digits(self, text: str) -> str:
        """A certificate number."""
        return hanzi.digits(text) if self.language == "zh" else " ".join(text)


def _defaults(language: str) -> dict[str, str]:
    file = resources.files("recorder.session") / f"phrases.{language}.toml"
    return toml.loads(
        file.read_text(encoding="utf-8"),
        dict[str, str],
        what="phrases",
        where=str(file),
    )


def load(language: str, path: Path | None, utc_offset_min: int) -> Speaker:
    """The packaged sentences, single ones replaced by the township's file.

    RecorderError names file, key and remedy for an unknown sentence or a slot that does not fit.
    """
    texts = _defaults(language)
    if path is not None:
        own = toml.load(path, dict[str, Any], what="phrases")
        for key, text in own.items():
            if not isinstance(text, str):
                raise RecorderError(
                    "phrases-invalid",
                    f"key {key}: a sentence is text",
                    where=str(path),
                    remedy="Write the sentence in quotation marks",
                )
            _check(path, language, key, text, texts)
        texts |= own
    return Speaker(language, {Phrase(key): text for key, text in texts.items()}, utc_offset_min)


def _check(path: Path, language: str, key: str, text: str, texts: dict[str, str]) -> None:
    def bad(problem: str, remedy: str) -> RecorderError:
        return RecorderError(
            "phrases-invalid", f"key {key}: {problem}", where=str(path), remedy=remedy
        )

    if key not in texts:
        raise bad(
            "there is no such sentence",
            "The names stand in the packaged phrases file of the language",
        )
    try:
        have = slots(text)
    except ValueError as error:
        raise bad(str(error), "Write words in braces like {time}, and close every brace") from error
    want = slots(texts[key])
    if have != want:
        raise bad(
            f"words in braces {have} where {want} belong",
            "Keep every word in braces exactly once, and no other",
        )
    if not text.strip():
        raise bad("the sentence is empty", "Leave the key out to keep the packaged sentence")
    if language == "zh":
        if any(c.isdigit() and c.isascii() for c in text):
            raise bad("digits are read badly", "Write numbers in Hanzi")
        if (length := spoken_hanzi(text)) > _MOST_HANZI:
            raise bad(
                f"{length} Hanzi are too long",
                f"Use {_MOST_HANZI} at most: 35 take 8 s",
            )


def spoken_hanzi(text: str) -> int:
    """How many Hanzi of ``text`` are spoken; 4.5 take a second."""
    return sum("\u4e00" <= c <= "\u9fff" or c == "〇" for c in text)
