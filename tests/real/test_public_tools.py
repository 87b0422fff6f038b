"""A bag is checked by tools that nobody here wrote: coreutils, bagit, OpenSSL, age, Chromium."""

import base64
import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import bagit
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.clock import NS, ManualClock
from recorder.config import Recording as RecordingSettings
from recorder.evidence import lines, recovery
from recorder.evidence.age import Identity, Recipient
from recorder.evidence.keys import KeySigner, pem_pair
from recorder.evidence.ledger import entries, open_ledger
from recorder.evidence.seal import seal
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.unit.evidence import bags

EXPECTED = "Found duplicated MOOV Atom. Skipped it"


class Bag:
    """A sealed bag, its device's public key, and its custodian's age identity, as files."""

    def __init__(self, folder: Path, path: Path, signer: KeySigner, identity: str) -> None:
        self.path = path
        self.key = signer.public
        self.pem = folder / "device.pem"
        self.pem.write_bytes(pem_pair(signer._private)[1])
        self.identity_file = folder / "custodian.key"
        self.identity_file.write_text(identity + "\n")
        self.opened = folder / "opened"
        self.opened.mkdir()

    def segments(self) -> list[Path]:
        """Every segment, opened by the age tool."""
        out = []
        for path in sorted((self.path / "data/segments").iterdir()):
            plain = self.opened / path.name.removesuffix(".age")
            run("age", "-d", "-i", self.identity_file, "-o", plain, path)
            out.append(plain)
        return out


def run(*command: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a tool; a failure shows what it said."""
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done


def probe(path: Path, *entries_: str) -> dict[str, dict[str, str]]:
    done = run("ffprobe", "-v", "warning", "-of", "json", *entries_, path)
    assert done.stderr == "", done.stderr
    return dict(json.loads(done.stdout))


def decode(path: Path) -> str:
    """Decode everything; what FFmpeg had to say."""
    return run("ffmpeg", "-v", "warning", "-xerror", "-i", path, "-f", "null", "-").stderr


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bag:
    folder = tmp_path_factory.mktemp("whole")
    device = bags.Device(folder)
    return Bag(folder, bags.plain(device, 16), device.signer, device.identity_text)


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory: pytest.TempPathFactory) -> Bag:
    folder = tmp_path_factory.mktemp("broken-off")
    device = bags.Device(folder)
    return Bag(folder, bags.interrupted(device), device.signer, device.identity_text)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Bag:
    """A recording whose writer was killed with SIGKILL in the middle of a segment."""
    folder = tmp_path_factory.mktemp("killed")
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.real.killed_writer", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    key, identity_text = child.stdout.readline().split()
    name = child.stdout.readline().strip()
    for _ in range(random.randrange(8, 14)):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    signer = KeySigner(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key)))
    identity = Identity(identity_text)
    clock = ManualClock(boot_ns=170 * NS, utc="2026-11-23T01:31:10.000Z")
    spool = folder / "spool"
    last = list(entries(spool / "ledger"))[-1]
    ledger = open_ledger(spool / "ledger", last, signer, clock)
    ledger.append(
        lines.Boot(
            format=lines.LEDGER_FORMAT,
            device="bc-001",
            software="0.1",
            key=base64.b64encode(signer.public).decode(),
            key_kind="device",
        )
    )
    found = recovery.reopen(
        spool / name, signer=signer, recipients=[Recipient(identity.recipient)], clock=clock,
        settings=RecordingSettings(segment_s=5),
    )  # fmt: skip
    last_ns = max(b.end_ns for b in found.journal if isinstance(b, lines.Fragment))
    writer = found.writer
    writer.journal(
        lines.Recovered(why="crash", fragments=writer.progress.fragments, moved=found.moved)
    )
    for late in recovery.missing_ends(found):
        writer.journal(late)
    writer.journal(
        lines.Interruption(interruption=1, from_ns=last_ns, cause="supervisor_died", detail="")
    )
    end = lines.End(end_ns=last_ns, source="crash", planned=False, spoken=False)
    writer.journal(end)
    seal(writer, end, found.opened, ledger)
    return Bag(folder, spool / name, signer, identity_text)


@pytest.fixture(params=["whole", "broken_off", "killed"])
def bag(request: pytest.FixtureRequest) -> Bag:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Bag)
    return found


def test_sha256sum_finds_every_file_as_the_manifests_say(bag: Bag) -> None:
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        done = run("sha256sum", "--check", "--strict", manifest, cwd=bag.path)
        assert "FAILED" not in done.stdout


def test_bagit_validates_it(bag: Bag) -> None:
    assert bagit.Bag(str(bag.path)).is_valid()
    run(sys.executable, "-m", "bagit", "--validate", bag.path)


def test_openssl_verifies_the_signature_over_the_tag_manifest(bag: Bag) -> None:
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", bag.pem]
    signature = bag.path / "tagmanifest-sha256.txt.sig"
    run(*command, "-sigfile", signature, "-in", bag.path / "tagmanifest-sha256.txt")
    with pytest.raises(AssertionError):
        run(*command, "-sigfile", signature, "-in", bag.path / "manifest-sha256.txt")


def test_openssl_verifies_a_journal_line_and_sha256sum_the_chain(bag: Bag, tmp_path: Path) -> None:
    rows = (bag.path / "data/journal.jsonl").read_bytes().splitlines()
    text, _, signature = rows[3].partition(b"\t")
    (tmp_path / "text").write_bytes(text)
    (tmp_path / "sig").write_bytes(base64.b64decode(signature))
    run("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", bag.pem, "-sigfile",
        tmp_path / "sig", "-in", tmp_path / "text")  # fmt: skip
    assert json.loads(text)["prev"] == hashlib.sha256(rows[2]).hexdigest()


def test_age_opens_every_file_and_each_segment_decodes_without_a_word(bag: Bag) -> None:
    for path in (bag.path / "data/private").iterdir():
        done = run("age", "-d", "-i", bag.identity_file, path)
        assert "张营镇东街" in done.stdout
    for plain in bag.segments():
        assert probe(plain, "-show_format")["format"]
        assert decode(plain) == ""


def test_all_segments_concatenated_decode_as_one_with_every_frame_once(
    bag: Bag, tmp_path: Path
) -> None:
    joined = tmp_path / "joined.mp4"
    with joined.open("wb") as out:
        for plain in bag.segments():
            out.write(plain.read_bytes())
    said = {line.partition("] ")[2] for line in decode(joined).splitlines()}
    assert said <= {EXPECTED, ""}
    done = run(
        "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts",
        "-of", "csv=p=0", joined,
    )  # fmt: skip
    times = [int(row.strip(",")) for row in done.stdout.split()]
    report = verify_recording(bag.path, key=bag.key)
    assert report.facts is not None
    assert len(times) == len(set(times)) == report.facts.frames
    steps = {b - a for a, b in itertools.pairwise(times)}
    gaps = {step for step in steps if step > 3000 * 1.5}
    assert len(gaps) == len([g for g in report.interruptions if g.to_ns is not None])


def test_a_segment_from_the_middle_has_its_own_length_and_place(whole: Bag) -> None:
    rows = (whole.path / "data/journal.jsonl").read_bytes().splitlines()
    journal = [json.loads(row.partition(b"\t")[0]) for row in rows]
    spans: dict[int, list[tuple[int, int]]] = {}
    for line in journal:
        if line["kind"] == "fragment":
            spans.setdefault(line["segment"], []).append((line["start_ns"], line["end_ns"]))
    zero_ns = next(line["zero_ns"] for line in journal if line["kind"] == "start")
    for number, plain in enumerate(whole.segments(), 1):
        shown = probe(plain, "-show_entries", "format=start_time,duration")["format"]
        start_s, duration_s = float(shown["start_time"]), float(shown["duration"])
        from_ns, to_ns = spans[number][0][0], spans[number][-1][1]
        assert start_s == pytest.approx((from_ns - zero_ns) / NS, abs=0.03)
        assert duration_s - start_s == pytest.approx((to_ns - from_ns) / NS, abs=0.05)


_PAGE = """<!doctype html><meta charset=utf-8><body><video id=v muted></video><script>
const v = document.getElementById('v'), said = {};
const done = () => navigator.sendBeacon('http://127.0.0.1:PORT/', JSON.stringify(said));
v.src = 'segment.mp4';
v.onerror = () => { said.error = v.error.message; done(); };
v.onloadedmetadata = () => { said.start = v.seekable.start(0); said.duration = v.duration;
  v.currentTime = START + 2.5; };
v.onseeked = () => { if (said.seeked === undefined) { said.seeked = v.currentTime;
  said.width = v.videoWidth; v.play(); } };
v.ontimeupdate = () => { if (said.seeked !== undefined && v.currentTime > said.seeked + 0.3 &&
  said.played === undefined) { said.played = v.currentTime; } };
v.onended = () => { said.ended = v.currentTime; done(); };
</script>"""


class _Answer(BaseHTTPRequestHandler):
    """Takes the one message that the page sends back."""

    def do_POST(self) -> None:
        """The page's message, onto the server."""
        server = self.server
        assert isinstance(server, _Listener)
        server.said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


class _Listener(HTTPServer):
    timeout = 60.0
    said: dict[str, float] | None = None


def in_chromium(page: str, folder: Path) -> dict[str, float]:
    """What the page says back on the loopback, played in real time by headless Chromium."""
    with _Listener(("127.0.0.1", 0), _Answer) as server:
        html = folder / "page.html"
        html.write_text(page.replace("PORT", str(server.server_port)))
        browser = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--mute-audio",
             "--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0",
             f"--user-data-dir={folder / 'profile'}", f"file://{html}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            server.handle_request()
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()
    assert server.said is not None, "Chromium said nothing within 60 s"
    return server.said


def test_a_segment_from_the_middle_plays_and_seeks_in_chromium(whole: Bag, tmp_path: Path) -> None:
    middle = whole.segments()[1]
    start_s = float(probe(middle, "-show_entries", "format=start_time")["format"]["start_time"])
    shutil.copy(middle, tmp_path / "segment.mp4")
    said = in_chromium(_PAGE.replace("START", str(start_s)), tmp_path)
    assert "error" not in said
    assert said["seeked"] == pytest.approx(start_s + 2.5, abs=0.1)
    assert said["width"] == 160
    assert said["ended"] > said["seeked"] + 1


def test_our_own_verify_says_the_same(whole: Bag, broken_off: Bag, killed: Bag) -> None:
    for made, verdict in ((whole, Verdict.VALID), (broken_off, Verdict.INTERRUPTIONS),
                          (killed, Verdict.INTERRUPTIONS)):  # fmt: skip
        identity = Identity(made.identity_file.read_text().strip())
        report = verify_recording(made.path, key=made.key, identities=[identity],
                                  ledger=made.path.parent / "ledger")  # fmt: skip
        assert (report.verdict, report.findings) == (verdict, ())
