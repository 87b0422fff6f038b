"""Plays one act as an officer, a party and an archivist would, and checks that all came true."""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from recorder.checks import trust
from recorder.clock import SystemClock
from recorder.config import Limits
from recorder.session import hanzi

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "var" / "demo"
CONFIG = HERE / "recorder.toml"
LIMIT_S = 240.0

SETTINGS = """
[device]
name = "demo-01"
officer = "ZY-017"
[organisation]
name = "永济市张营镇人民政府"
rule = "张营镇行政执法全过程记录办法（试行）"
rule_version = "试行"
[paths]
spool = "{here}/spool"
sync = "{here}/sync"
run = "{run}"
keys = "{here}/keys"
catalogue = "{root}/config/catalogue.toml"
clips = "{here}/clips"
[camera]
kind = "{camera}"
width = 1280
height = 720
bitrate_kbps = 3000
[microphone]
kind = "sounddevice"
[ring]
seconds = 10.0
[opening]
answer_s = 8.0
[voice]
kind = "pyttsx3"
[button]
kind = "none"
[light]
kind = "terminal"
[sync]
store = "{here}/store"
"""

CARD = """
id = "2026-0117"
act = "seizure"
reason = "涉嫌占道经营"
subject = "身份待查"
stages = ["告知", "清点", "装运", "入库"]
[[officers]]
name = "王建国"
certificate = "14088101023"
[[officers]]
name = "李秀英"
certificate = "14088101031"
[[documents]]
kind = "实施行政强制措施审批表"
number = "永张强审〔2026〕5号"
"""

ANSWERS = {
    "ask_place": "张营镇舜帝大街东段路口。",
    "ask_time": f"现在是{hanzi.time(hanzi.local(SystemClock().utc_ns(), 480))}。",
    "adopt": "以上情况属实，这是我们的执法证件。",
    "ask_cause": "刚才设备出现故障，现在已经恢复正常。",
}


class Stopped(Exception):
    """The demo cannot go on."""


def fail(why: str) -> NoReturn:
    """Give up, with the reason."""
    raise Stopped(why)


def step(text: str) -> None:
    """One line for a visitor."""
    print(f"[{time.monotonic() - BEGAN:6.1f} s] {text}", flush=True)


BEGAN = time.monotonic()


def run(*words: str, check: bool = True) -> str:
    """One of the recorder's own commands."""
    done = subprocess.run(
        [sys.executable, "-m", "recorder", "--config", str(CONFIG), *words],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if check and done.returncode:
        fail(f"recorder {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def ask(*words: str) -> Any:
    """The same, as data."""
    return msgspec.json.decode(run(*words, "--json"))


def status() -> dict[str, Any]:
    """What the recorder says of itself."""
    data: dict[str, Any] = ask("status")["data"]
    return data


def until(what: str, states: tuple[str, ...], limit_s: float) -> dict[str, Any]:
    """Wait for a state of the recorder."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        now = status()
        if now["state"] in states:
            return now
        time.sleep(0.2)
    fail(f"{what}: the recorder is still {status()['state']} after {limit_s:.0f} s")


class People:
    """Officers who answer when they are asked, with voices rendered before the act."""

    def __init__(self) -> None:
        self._folder = HERE / "people"
        self._folder.mkdir()
        for key, text in ANSWERS.items():
            subprocess.run(
                [
                    sys.executable, "-m", "recorder.panel.render", "--out",
                    str(self._folder / f"{key}.wav"), "--language", "zh", "--rate", "180",
                    "--volume", "1",
                ],
                input=text.encode(), check=True, timeout=30, capture_output=True,
            )  # fmt: skip

    def answer(self, key: str) -> None:
        """Speak into the room."""
        time.sleep(0.9)
        step(f"      an officer answers: {ANSWERS[key]}")
        player = "paplay" if "PULSE_SERVER" in os.environ else "aplay"
        subprocess.run(
            [player, str(self._folder / f"{key}.wav")], check=True, timeout=30, capture_output=True
        )


class Follower(threading.Thread):
    """Reads the journal as it grows, tells the visitor, and lets people answer."""

    def __init__(self, journal: Path, people: People) -> None:
        super().__init__(daemon=True)
        self._journal = journal
        self._people = people
        self.kinds: list[str] = []
        self.slots: dict[str, str] = {}
        self.spoken: dict[str, str] = {}
        self.reason: dict[str, Any] = {}
        self.stop = threading.Event()
        self.failed = ""

    def run(self) -> None:
        """Until told to stop."""
        try:
            with self._journal.open("rb") as file:
                while not self.stop.is_set():
                    line = file.readline()
                    if not line.endswith(b"\n"):
                        file.seek(-len(line), os.SEEK_CUR)
                        time.sleep(0.05)
                        continue
                    self._tell(msgspec.json.decode(line.partition(b"\t")[0]))
        except (OSError, subprocess.SubprocessError) as error:
            self.failed = str(error)

    def _tell(self, line: dict[str, Any]) -> None:
        self.kinds.append(line["kind"])
        match line["kind"]:
            case "spoken":
                self.spoken[line["phrase"]] = line["outcome"]
                words = line["text"] or "(names and places: encrypted)"
                heard = "" if line["outcome"] == "spoken" else f" [{line['outcome']}]"
                step(f"      the device says: {words}{heard}")
                if line["phrase"] in ANSWERS:
                    self._people.answer(line["phrase"])
            case "slot":
                self.slots[line["element"]] = line["state"]
                step(f"      opening: {line['element']} is {line['state']}")
            case "interruption":
                step(f"      interruption on record: {line['cause']} ({line['detail']})")
            case "resumed":
                gap = (line["to_ns"] - line["from_ns"]) / 1e9
                step(f"      footage again; {gap:.2f} s are missing, and the journal says so")
            case "reason":
                self.reason = line
                heard = "heard" if line["heard"] else "not heard"
                step(f"      reason {heard}, category {line['category']}")
            case "mark":
                step(f"      marked: {line['item'] or 'key content'}")
            case _:
                return


@contextlib.contextmanager
def recorder() -> Iterator[subprocess.Popen[bytes]]:
    """The daemon, as systemd would run it."""
    with (HERE / "recorder.log").open("wb") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "recorder", "--config", str(CONFIG), "run"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield daemon
        finally:
            daemon.terminate()
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()


def provision() -> None:
    """Keys of the township, two custodians, the device, sync and the store."""
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir(parents=True)
    camera = "picamera2" if Path("/dev/media0").exists() and has_picamera2() else "demo"
    runtime = HERE / "run"
    CONFIG.write_text(SETTINGS.format(here=HERE, root=ROOT, run=runtime, camera=camera))
    run("provision", "township", str(HERE / "township"), "--name", "张营镇")
    custodians = []
    for name in ("custodian", "deputy"):
        made = ask("provision", "custodian", str(HERE / name))
        custodians += ["--custodian", made["public"]]
    township = ("--township", str(HERE / "township"))
    run("provision", "device", str(HERE / "keys"), "--name", "demo-01", *custodians, *township)
    run("provision", "sync", str(HERE / "sync"), "--name", "demo-01", *township)
    run("provision", "store", str(HERE / "store"), "--name", "township store", "--here")
    shutil.copy(HERE / "custodian" / "custodian.key", HERE / "custodian.key")
    shutil.copy(HERE / "keys" / "device.pem", HERE / "device.pem")


def has_picamera2() -> bool:
    """Whether this Python sees the system's picamera2."""
    import importlib.util

    return importlib.util.find_spec("picamera2") is not None


def act(people: People) -> Follower:
    """The act itself; the sealed recording lies in the spool afterwards."""
    now = until("checks", ("ready",), 40)
    step("1. The device has checked itself (Art. 13):")
    for check in now["checks"]:
        print(f"             {check['name']:12} {check['level']:5} {check['value']}")
    card = HERE / "run" / "card.toml"
    card.write_text(CARD)
    run("case", "load", str(card))
    step("   A case card is loaded: seizure of goods, which must be recorded (Art. 10).")
    time.sleep(max(0.0, 11 - now["ring_s"]))

    pressed = time.monotonic()
    step("2. The officer presses the button.")
    ask("button", "short")
    deadline = pressed + 10
    name = ""
    while not name and time.monotonic() < deadline:
        name = status()["recording"]
    if not name:
        fail("no recording began")
    step(f"   Recording {name}. The opening (Art. 14):")
    follower = Follower(HERE / "spool" / name / "data" / "journal.jsonl", people)
    follower.start()
    until("opening", ("recording",), 150)

    step("3. The officer marks key content (Art. 12) and tells people who film (Art. 16).")
    ask("control", "mark", "parties")
    ask("button", "double")
    deadline = time.monotonic() + 40
    while "filming_2" not in follower.spoken and time.monotonic() < deadline:
        time.sleep(0.1)

    step("4. The capture process is killed, as a fault would (Art. 15).")
    os.kill(int(status()["capture"]["pid"]), signal.SIGKILL)
    until("recovery", ("explaining",), 15)
    deadline = time.monotonic() + 30
    while "ask_cause" not in follower.spoken and time.monotonic() < deadline:
        time.sleep(0.1)
    ask("button", "short")
    until("explanation", ("recording",), 50)

    step("5. The officer ends the act with a long press.")
    ask("button", "long")
    until("seal", ("ready",), 60)
    follower.stop.set()
    follower.join(5)
    step("   The recording is sealed: nobody can change it unseen any more.")
    return follower


def check(follower: Follower, name: str) -> None:
    """What the visitor saw is what must be."""
    if follower.failed:
        fail(f"the journal could not be followed: {follower.failed}")
    wanted = {
        "time": "adopted" if trust.may_announce(SystemClock().state(), Limits()) else "heard",
        "officers": "adopted", "reason": "adopted", "subject": "adopted",
        "stages": "adopted", "place": "heard",
    }  # fmt: skip
    if follower.slots != wanted:
        fail(f"the opening's elements are {follower.slots}")
    if not follower.reason.get("heard") or follower.reason.get("category") != "fault":
        fail(f"the reason of the interruption is {follower.reason}")
    unspoken = [key for key, outcome in follower.spoken.items() if outcome == "failed"]
    if unspoken:
        fail(f"not spoken: {unspoken}")
    step("6. Sync copies it into the township's store and reads every byte back (Art. 17).")
    run("sync")
    bag = HERE / "store" / "demo-01" / name
    step("7. An archivist verifies the bag in the store, with everything there is to check it by.")
    words = (
        "verify", str(bag), "--register", str(HERE / "township" / "register.json"),
        "--township", str(HERE / "township" / "township.pem"), "--ledger",
        str(HERE / "store" / "demo-01" / "ledger"), "--identity", str(HERE / "custodian.key"),
    )  # fmt: skip
    verdict = ask(*words)["verdict"]
    identity = ("--identity", str(HERE / "custodian.key"), "--key", str(HERE / "device.pem"))
    names = ("--catalogue", str(ROOT / "config" / "catalogue.toml"))
    run("sheet", str(bag), "--out", str(HERE / "record.html"), *identity, *names)
    run("export", str(bag), "--out", str(HERE / "export.mp4"), *identity, *names)
    step("   The timeline:\n")
    print(timeline(bag))
    print(run(*words))
    public_tools(bag)
    if verdict != "valid with interruptions":
        fail(f"the verdict is {verdict!r}, not 'valid with interruptions'")


def timeline(bag: Path) -> str:
    """What happened when, in English."""
    from recorder.evidence import story
    from recorder.evidence.timeline import timeline as told

    read = story.read(bag, ())
    rows = told(read.entries, "en", offset_min=read.offset_min)
    return "\n".join(
        f"   {'' if event.into_s is None else f'{event.into_s:7.2f} s':>9}  {event.text}"
        for event in rows
    )


def public_tools(bag: Path) -> None:
    """The same bag, with tools that are not ours."""
    listing = bag / "tagmanifest-sha256.txt"
    checks: list[tuple[str, list[str]]] = [
        ("sha256sum -c", ["sha256sum", "--quiet", "-c", "manifest-sha256.txt"]),
        (
            "openssl pkeyutl -verify",
            [
                "openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey",
                str(HERE / "device.pem"), "-sigfile", f"{listing}.sig", "-in", str(listing),
            ],
        ),
    ]  # fmt: skip
    for name, words in checks:
        done = subprocess.run(words, cwd=bag, capture_output=True, text=True, check=False)
        if done.returncode:
            fail(f"{name}: {done.stderr or done.stdout}")
        step(f"   {name}: satisfied")
    for segment in sorted((bag / "data" / "segments").glob("*.age")):
        clear = subprocess.run(
            ["age", "-d", "-i", str(HERE / "custodian.key"), str(segment)],
            capture_output=True, check=False,
        )  # fmt: skip
        decoded = subprocess.run(
            ["ffmpeg", "-v", "warning", "-xerror", "-i", "-", "-f", "null", "-"],
            input=clear.stdout, capture_output=True, check=False,
        )  # fmt: skip
        if clear.returncode or decoded.returncode or decoded.stderr:
            fail(f"{segment.name}: {clear.stderr.decode()}{decoded.stderr.decode()}")
    step("   age -d and ffmpeg: every segment decrypts and decodes without a warning")


def main() -> int:
    """0 where everything was as it must be."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sound", default="this machine's sound card")
    options = parser.parse_args()
    step(f"0. Keys for a township, a device and two custodians. Sound: {options.sound}.")
    try:
        provision()
        people = People()
        with recorder():
            deadline = time.monotonic() + 20
            while not (HERE / "run" / "control.sock").exists():
                if time.monotonic() > deadline:
                    fail("the recorder did not start")
                time.sleep(0.05)
            follower = act(people)
            name = next(p.name for p in (HERE / "spool").iterdir() if p.name.startswith("demo-"))
            check(follower, name)
    except (Stopped, subprocess.SubprocessError) as error:
        log = HERE / "recorder.log"
        if log.exists():
            print(log.read_text()[-2000:], file=sys.stderr)
        print(f"\nThe demo FAILED: {error}", file=sys.stderr)
        return 1
    print(f"""
Everything was as it must be. Where to look, under {HERE.relative_to(ROOT)}/:
  export.mp4      the recording as a playable copy, with the journal as subtitles
  record.html     the record sheet for the case file (Chinese)
  store/          the township's store: the bag, the ledger, the receipt's subject
  spool/          the same on the device
  custodian.key   what opens it; device.pem, what it was signed with""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
