"""The bodies of all journal and ledger lines: shapes only. How they are chained is chain.py.

A line's JSON is the header of every line (``n kind boot_id boot_ns utc clock prev``) followed
by the fields of one of these structs; ``kind`` is the struct's tag. Every ``*_ns`` is
CLOCK_BOOTTIME of the boot that ``boot_id`` names. Nothing here is personal: what is, goes
into the age file that ``private`` describes.
"""

from typing import Literal

import msgspec

from recorder.capture.messages import Track, TrackRun
from recorder.shapes import Int, Size

RECORDING_FORMAT = "bodycam-recording/1"
LEDGER_FORMAT = "bodycam-ledger/1"

Obligation = Literal["must", "may"]
SlotState = Literal["announced", "adopted", "heard", "missing"]
DEMO = "a demo: "
"""So begins the check's value of a camera or microphone that makes up what it gives."""


class Private(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The age file with a line's personal data: path in the bag, length and digest."""

    file: str
    bytes: Size
    sha256: str


class CheckRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One check's outcome (Art. 13): what was measured, against which limit."""

    name: str
    level: Literal["ok", "warn", "block"]
    value: str
    limit: str


class Continues(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The recording that this one continues, and why we think so (Art. 15)."""

    recording: str
    by: Literal["card", "unplanned", "recent"]


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The act as catalogue and case card have it, in the clear (Art. 8, 10-12)."""

    id: str
    title: str
    article: str
    obligation: Obligation
    stages: tuple[str, ...]
    content: tuple[str, ...]
    retention: str
    card: str = ""
    case_number: str = ""


class _Journal(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True
):
    """Base of journal bodies."""


class Open(_Journal, frozen=True, kw_only=True, tag="open"):
    """Line 0 of a journal. ``ledger`` is the ledger's ``open`` line, whole, without newline."""

    format: str
    recording: str
    device: str
    officer: str
    software: str
    key: str
    key_kind: Literal["device", "ephemeral"]
    organisation: str
    entrusted_by: str
    rule: str
    rule_version: str
    language: str
    utc_offset_min: Int
    catalogue: str
    act: Act | None
    recipients: tuple[str, ...]
    continues: Continues | None
    ledger: str
    private: Private | None = None


class Press(_Journal, frozen=True, kw_only=True, tag="press"):
    """The press itself; what lies before it is pre-recording. ``by``: who used the socket."""

    at_ns: Int
    source: Literal["button", "control"]
    by: str = ""


class Checks(_Journal, frozen=True, kw_only=True, tag="checks"):
    """The last results before the press (Art. 13), with the officer's number."""

    officer: str
    results: tuple[CheckRecord, ...]


class Arrival(_Journal, frozen=True, kw_only=True, tag="arrival"):
    """When the officers arrived (Art. 14), and whether recording started late."""

    arrived: str
    source: Literal["card", "control"]
    late: bool
    private: Private | None = None


class Position(_Journal, frozen=True, kw_only=True, tag="position"):
    """Satellites told where the device was; the place is in ``private`` alone."""

    at_ns: Int
    private: Private | None = None


class Start(_Journal, frozen=True, kw_only=True, tag="start"):
    """First fragment. ``zero_ns`` is what every tfdt of this recording is counted from."""

    start_ns: Int
    zero_ns: Int
    pre_recorded_ns: Int


class Segment(_Journal, frozen=True, kw_only=True, tag="segment"):
    """A segment's file begins; its first fragment's plaintext starts with the stream's init."""

    segment: Int
    file: str
    stream: Int
    init_bytes: Size
    init_sha256: str
    period_ns: Int
    encoder: str
    tracks: tuple[Track, ...]


class Fragment(_Journal, frozen=True, kw_only=True, tag="fragment"):
    """A fragment is durable. ``offset``/``bytes``/``sha256``: its plaintext in the segment, padding
    (and, in a segment's first, the init) included; ticks as in the file, counted from zero_ns;
    ``age_*``: the age file up to here, and the final chunk that would end it here."""

    segment: Int
    fragment: Int
    start_ns: Int
    end_ns: Int
    video: TrackRun | None
    audio: TrackRun | None
    offset: Size
    bytes: Size
    sha256: str
    age_bytes: Size
    age_sha256: str
    age_tail: str


class SegmentEnd(_Journal, frozen=True, kw_only=True, tag="segment-end"):
    """A segment's file is complete: its final length and digest."""

    segment: Int
    fragments: Int
    age_bytes: Size
    age_sha256: str


class Spoken(_Journal, frozen=True, kw_only=True, tag="spoken"):
    """The device spoke (or could not). ``text`` is None where it is personal: see ``private``."""

    phrase: str
    outcome: Literal["spoken", "failed", "cut"]
    from_ns: Int | None
    to_ns: Int | None
    text: str | None
    detail: str = ""
    private: Private | None = None


class Slot(_Journal, frozen=True, kw_only=True, tag="slot"):
    """An element of the opening and its place in the media (Art. 14)."""

    element: str
    state: SlotState
    from_ns: Int | None
    to_ns: Int | None


class Answered(_Journal, frozen=True, kw_only=True, tag="answered"):
    """A question of the opening that belongs to no element (why so late, why the last recording
    broke off) was answered aloud, or not (Art. 14, 15)."""

    phrase: str
    heard: bool
    from_ns: Int | None
    to_ns: Int | None


class Mark(_Journal, frozen=True, kw_only=True, tag="mark"):
    """Key content (Art. 12); ``item`` None: marked by the button, not tagged."""

    at_ns: Int
    item: str | None


class Notice(_Journal, frozen=True, kw_only=True, tag="notice"):
    """People who film were told (Art. 16)."""

    at_ns: Int


class Stage(_Journal, frozen=True, kw_only=True, tag="stage"):
    """The act's next stage; ``raised``: from here on the act must be recorded (Art. 10)."""

    at_ns: Int
    stage: str
    obligation: Obligation
    raised: bool


class Obstruction(_Journal, frozen=True, kw_only=True, tag="obstruction"):
    """Somebody hinders the recording (Art. 23)."""

    at_ns: Int


class Sensitive(_Journal, frozen=True, kw_only=True, tag="sensitive"):
    """Access to what follows is to be restricted (minor, medical, home, undress)."""

    at_ns: Int
    on: bool


class Unmarked(_Journal, frozen=True, kw_only=True, tag="unmarked"):
    """Content items that nobody tagged before the end (Art. 12)."""

    items: tuple[str, ...]


class Interruption(_Journal, frozen=True, kw_only=True, tag="interruption"):
    """Nothing covers the time from ``from_ns`` on; ``cause``: what the device found (Art. 15)."""

    interruption: Int
    from_ns: Int
    cause: str
    detail: str


class Resumed(_Journal, frozen=True, kw_only=True, tag="resumed"):
    """Fragments again: the interruption is over."""

    interruption: Int
    from_ns: Int
    to_ns: Int


class Reason(_Journal, frozen=True, kw_only=True, tag="reason"):
    """The officer's category by presses, and whether a reason was heard (Art. 15)."""

    interruption: Int
    category: Literal["fault", "weather", "obstruction", "other", "not_objective"]
    presses: Int
    heard: bool
    from_ns: Int | None
    to_ns: Int | None


class StatementDue(_Journal, frozen=True, kw_only=True, tag="statement-due"):
    """A written explanation is owed (Art. 15). ``interruption`` None: for the recording's end."""

    interruption: Int | None
    why: str


class Fault(_Journal, frozen=True, kw_only=True, tag="fault"):
    """A part failed, or works again (``over``), while the recording went on."""

    part: str
    code: str
    detail: str
    over: bool


class Delay(_Journal, frozen=True, kw_only=True, tag="delay"):
    """The disk kept fragments waiting for more than 1 s."""

    waited_ms: Int
    fragments: Int


class Loss(_Journal, frozen=True, kw_only=True, tag="loss"):
    """Something that was promised is not there: the recording is incomplete."""

    what: str
    detail: str


class Refused(_Journal, frozen=True, kw_only=True, tag="refused"):
    """A gesture or command for which this state has no use; spoken, too."""

    event: str
    state: str


class State(_Journal, frozen=True, kw_only=True, tag="state"):
    """The session went from one state to another."""

    was: str
    now: str
    event: str


class Recovered(_Journal, frozen=True, kw_only=True, tag="recovered"):
    """It was found open: by the daemon at a start, or by a desk on a dead device's card (``desk``);
    what lay behind the last durable line is in tails/."""

    why: Literal["crash", "reboot", "desk"]
    fragments: Int
    moved: tuple[str, ...]


class Handover(_Journal, frozen=True, kw_only=True, tag="handover"):
    """The device is dead: a desk closes the recording. ``key`` (base64, raw) signs this line, all
    behind it, and the seal; line 0's key signs nothing any more. It adds an end, nothing else."""

    key: str
    software: str


class End(_Journal, frozen=True, kw_only=True, tag="end"):
    """The act's recording ends at ``end_ns``; ``planned`` False where nobody ended it.

    ``by``: the user who ended it over the socket.
    """

    end_ns: Int
    source: Literal["button", "control", "shutdown", "power", "crash", "storage", "battery", "desk"]
    planned: bool
    spoken: bool
    by: str = ""


class Close(_Journal, frozen=True, kw_only=True, tag="close"):
    """Last line before the seal: what the bag must hold."""

    start_ns: Int | None
    end_ns: Int
    segments: Int
    fragments: Int
    interruptions: Int
    statements_due: Int


Journal = (
    Open | Press | Checks | Arrival | Position | Start | Segment | Fragment | SegmentEnd | Spoken
    | Slot | Answered | Mark | Notice | Stage | Obstruction | Sensitive | Unmarked
    | Interruption | Resumed | Reason | StatementDue | Fault | Delay | Loss | Refused | State
    | Recovered | Handover | End | Close
)  # fmt: skip


class _Ledger(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True
):
    """Base of ledger bodies."""


class Boot(_Ledger, frozen=True, kw_only=True, tag="boot"):
    """First line of every ledger file: the daemon started."""

    format: str
    device: str
    software: str
    key: str
    key_kind: Literal["device", "ephemeral"]


class Fitness(_Ledger, frozen=True, kw_only=True, tag="fitness"):
    """The device became fit or unfit to record (Art. 13)."""

    fit: bool
    results: tuple[CheckRecord, ...]


class Rekeyed(_Ledger, frozen=True, kw_only=True, tag="rekeyed"):
    """The device's key hands over: the old one signs this line, the new one (``key``) ``proof``.
    From the next ``boot`` on the old one signs nothing any more."""

    device: str
    key: str
    proof: str


class Custodians(_Ledger, frozen=True, kw_only=True, tag="custodians"):
    """Who can decrypt from here on: the first time, and whenever the list is another one."""

    recipients: tuple[str, ...]


class LedgerRefused(_Ledger, frozen=True, kw_only=True, tag="refused"):
    """A press or command was refused; ``must``: the loaded act has to be recorded (Art. 10)."""

    event: str
    state: str
    act: str
    must: bool


class Opened(_Ledger, frozen=True, kw_only=True, tag="open"):
    """A recording begins. Durable before its first fragment is."""

    recording: str
    device: str
    officer: str
    act: str
    obligation: Obligation | None
    previous: str


class Sealed(_Ledger, frozen=True, kw_only=True, tag="seal"):
    """A recording is sealed. ``journal_sha256`` is its last line's digest, ``tagmanifest_sha256``
    that of the signed file."""

    recording: str
    journal_lines: Int
    journal_sha256: str
    tagmanifest_sha256: str
    planned: bool
    statements_due: Int
    end_ns: Int
    card: str


class LedgerRecovered(_Ledger, frozen=True, kw_only=True, tag="recovered"):
    """An open recording was found at start."""

    recording: str
    why: Literal["crash", "reboot"]


class Quarantined(_Ledger, frozen=True, kw_only=True, tag="quarantined"):
    """Something in the spool could not be parsed and was moved to quarantine/ whole."""

    name: str
    why: str


class Unbegun(_Ledger, frozen=True, kw_only=True, tag="unbegun"):
    """The ledger opened a recording, but at the next start nothing of it was there: the daemon or
    the power went between the two, or somebody took the folder."""

    recording: str


class Freed(_Ledger, frozen=True, kw_only=True, tag="freed"):
    """A recording's files left the device, after two read-backs."""

    recording: str
    receipt_sha256: str


AwayGround = Literal["continuous", "remote", "hard_to_reach"]


class Away(_Ledger, frozen=True, kw_only=True, tag="away"):
    """Work on end, elsewhere or in a place that is hard to reach, which really prevents storing in
    time (Art. 17). ``since``: when it began, where it was declared afterwards, else "". The reason
    is in ``private``."""

    ground: AwayGround
    since: str
    by: str
    private: Private | None = None


class AwayEnd(_Ledger, frozen=True, kw_only=True, tag="away-end"):
    """Officer and device are back; ``declared`` False: nobody said so, the store was reached.
    ``away``: the number of the line that it ends."""

    away: Int
    declared: bool
    by: str


class Reminded(_Ledger, frozen=True, kw_only=True, tag="reminded"):
    """The device spoke of ``count`` recordings that are to be stored (``day``) or are late."""

    phrase: str
    count: Int
    day: str
    outcome: Literal["spoken", "failed", "cut"]


class SelfTest(_Ledger, frozen=True, kw_only=True, tag="selftest"):
    """A technician tried the device. What did not pass is named part:code; ``by`` says who ran it,
    ``why`` what broke it off, else ""."""

    verdict: Literal["fine", "failed", "broken_off"]
    failed: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    by: str
    why: str


class LedgerFault(_Ledger, frozen=True, kw_only=True, tag="fault"):
    """A part failed outside a recording, or works again."""

    part: str
    code: str
    detail: str
    over: bool


class Shutdown(_Ledger, frozen=True, kw_only=True, tag="shutdown"):
    """The daemon stopped in an orderly way."""

    why: str


Ledger = (
    Boot | Rekeyed | Custodians | Fitness | LedgerRefused | Opened | Sealed | LedgerRecovered
    | Quarantined | Unbegun | Freed | Away | AwayEnd | Reminded | SelfTest | LedgerFault | Shutdown
)  # fmt: skip
