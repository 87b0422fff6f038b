"""CPU per second of 1080p30 6 Mbit/s media after encoding: mux, pipe, digests, encryption,
signatures, syncs. Beside it `ffmpeg -c copy` into `age` and `openssl dgst`."""

import os
import resource
import subprocess
import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from recorder.capture.codecs import SoundEncoder
from recorder.capture.messages import Fragment, Init, read
from recorder.capture.mux import Mux
from recorder.capture.sender import Sender
from recorder.capture.units import AUDIO_SCALE, NS, Sound, Unit
from recorder.clock import SystemClock, boot_ns
from recorder.config import Recording
from recorder.disk import Disk
from recorder.evidence import keys, lines
from recorder.evidence.age import Identity, Recipient
from recorder.evidence.ledger import open_ledger
from recorder.evidence.recording import RecordingWriter
from recorder.ring import Piece, Stream
from scripts.benches import room

SECONDS = 60
LIVE_SECONDS = 20


def material(folder: Path) -> tuple[list[Unit], list[Sound], Path]:
    """A minute of noisy 1080p30 at 6 Mbit/s with sound, encoded once."""
    path = folder / "source.mp4"
    if not path.exists():
        subprocess.run(
            [
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i",
                f"testsrc2=s=1920x1080:r=30:d={SECONDS},noise=alls=12:allf=t",
                "-f", "lavfi", "-i", f"anoisesrc=r=48000:d={SECONDS}:a=0.1", "-c:v", "libx264",
                "-preset", "ultrafast", "-tune", "zerolatency", "-g", "30", "-sc_threshold", "0",
                "-b:v", "6M", "-minrate", "6M", "-maxrate", "6M", "-bufsize", "6M",
                "-c:a", "aac", "-ac", "1", "-b:a", "64k", str(path),
            ],
            check=True,
        )  # fmt: skip
    units = []
    with av.open(str(path)) as container:
        annexb = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", container.streams.video[0])
        for packet in container.demux(container.streams.video[0]):
            for out in annexb.filter(packet):
                if out.pts is not None and out.time_base is not None:
                    ts_ns = round(Fraction(out.pts) * out.time_base * NS)
                    units.append(Unit(bytes(out), ts_ns, bool(out.is_keyframe)))
    encoder = SoundEncoder(64)
    noise = np.random.default_rng(1).normal(0, 0.05, AUDIO_SCALE * SECONDS).astype(np.float32)
    return units, encoder.encode(noise, 0), path


def writer(folder: Path) -> RecordingWriter:
    """A recording as the daemon opens it."""
    signer = keys.ephemeral()
    identity, _ = Identity.generate()
    other, _ = Identity.generate()
    spool = folder / "spool"
    spool.mkdir()
    clock = SystemClock()
    name = "bench-00000001-0000"
    opened = lines.Opened(
        recording=name, device="bench", officer="b", act="", obligation=None, previous=""
    )
    body = lines.Open(
        format=lines.RECORDING_FORMAT, recording=name, device="bench", officer="b", software="0",
        key=keys.base64_public(signer), key_kind="ephemeral", organisation="o", entrusted_by="",
        rule="r", rule_version="1", language="zh", utc_offset_min=480, catalogue="", act=None,
        recipients=(), continues=None, ledger="",
    )  # fmt: skip
    return RecordingWriter.create(
        spool, opened, body, None, ledger=open_ledger(spool / "ledger", None, signer, clock),
        signer=signer, recipients=[Recipient(identity.recipient), Recipient(other.recipient)],
        clock=clock, settings=Recording(), press_ns=0,
    )  # fmt: skip


def feed(mux: Mux, units: list[Unit], sounds: list[Sound], base_ns: int, *, live: bool) -> None:
    """Hand everything to the mux in order of time, in real time where ``live``."""
    base_tick = base_ns * AUDIO_SCALE // NS
    pairs: list[tuple[int, Unit | Sound]] = [(u.ts_ns, u) for u in units]
    pairs += [(s.tick * NS // AUDIO_SCALE, s) for s in sounds if s.tick >= 0]
    for at_ns, item in sorted(pairs, key=lambda pair: pair[0]):
        now_ns = base_ns + at_ns
        if live:
            wait_s = (now_ns - boot_ns()) / NS
            if wait_s > 0:
                time.sleep(wait_s)
        if isinstance(item, Unit):
            mux.picture(Unit(item.data, base_ns + item.ts_ns, item.key), now_ns)
        else:
            mux.sound(Sound(item.data, base_tick + item.tick, item.samples, False), now_ns)
    mux.end()


def batch(folder: Path, units: list[Unit], sounds: list[Sound]) -> tuple[float, float]:
    """(CPU s, media s): mux, then write, one fragment at a time."""
    target = writer(folder)
    streams: dict[int, bytes] = {}
    inits: dict[int, Init] = {}
    length = [0]

    def out(message: Init | Fragment, data: bytes) -> None:
        if isinstance(message, Init):
            streams[message.stream], inits[message.stream] = data, message
            return
        target.fragments([(inits[message.stream], streams[message.stream], message, data)])
        length[0] += message.end_ns - message.start_ns

    began = time.process_time()
    mux = Mux(NS // 30, 1000, out)
    mux.sound_wanted = True
    feed(mux, units, sounds, boot_ns(), live=False)
    target.end_segment()
    target.log.sync()
    return time.process_time() - began, length[0] / NS


class Idle(Mux):
    """Takes everything and does nothing: what remains is the cost of pacing the feed."""

    def picture(self, unit: Unit, now_ns: int) -> None:
        """Nothing."""

    def sound(self, sound: Sound, now_ns: int) -> None:
        """Nothing."""


def pacing(units: list[Unit], sounds: list[Sound]) -> float:
    """CPU s that feeding in real time takes by itself, which the encoders do in the product."""
    began = time.process_time()
    feed(Idle(NS // 30, 1000, lambda *_: None), units, sounds, boot_ns() + NS // 2, live=True)
    return time.process_time() - began


def live(folder: Path, units: list[Unit], sounds: list[Sound]) -> tuple[float, float]:
    """(CPU s, media s): the same in real time, through pipe, reader and disk thread."""
    target = writer(folder)
    disk = Disk(SystemClock(), lambda _: None, 1 << 28)
    inward, outward = os.pipe()
    sender = Sender(outward, 20, lambda: None)
    length = [0]

    def reader() -> None:
        streams: dict[int, Stream] = {}
        with os.fdopen(inward, "rb", buffering=64 * 1024) as pipe:
            while True:
                try:
                    message, payload = read(pipe)
                except EOFError:
                    return
                if isinstance(message, Init):
                    streams[message.stream] = Stream(message, payload)
                elif isinstance(message, Fragment):
                    piece = Piece(streams[message.stream], message, payload)
                    disk.write(lambda: target, piece, live=True)
                    length[0] += message.end_ns - message.start_ns

    thread = threading.Thread(target=reader)
    thread.start()
    kept = [u for u in units if u.ts_ns < LIVE_SECONDS * NS]
    heard = [s for s in sounds if s.tick < LIVE_SECONDS * AUDIO_SCALE]
    pacing_s = pacing(kept, heard)
    began = time.process_time()
    mux = Mux(NS // 30, 1000, sender.send)
    mux.sound_wanted = True
    feed(mux, kept, heard, boot_ns() + NS // 2, live=True)
    sender.close(5.0)
    os.close(outward)
    thread.join()
    disk.close(10.0)
    target.end_segment()
    target.log.sync()
    return time.process_time() - began - pacing_s, length[0] / NS


def peer(source: Path) -> float:
    """CPU s of ffmpeg, age and openssl over the same minute."""
    _, text = Identity.generate()
    recipient = Identity(text).recipient
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = (
        f"ffmpeg -v error -i {source} -c copy -movflags frag_keyframe+empty_moov+default_base_moof "
        f"-f mp4 - | age -r {recipient} | openssl dgst -sha256 >/dev/null"
    )
    subprocess.run(["bash", "-c", command], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Prints ms of CPU per second of media."""
    with tempfile.TemporaryDirectory(dir=room()) as name:
        folder = Path(name)
        units, sounds, source = material(folder)
        rate = source.stat().st_size * 8 / SECONDS / 1e6
        print(f"media: 1080p30, {rate:.2f} Mbit/s with sound")
        for words, runs in (("batch", batch), ("live", live)):
            best = []
            for attempt in range(3):
                place = folder / f"{words}{attempt}"
                place.mkdir()
                cpu_s, media_s = runs(place, units, sounds)
                best.append(cpu_s / media_s * 1000)
            print(
                f"ours, {words:6} {sorted(best)[len(best) // 2]:6.2f} ms of CPU a second of media"
            )
        times = sorted(peer(source) / SECONDS * 1000 for _ in range(3))
        print(f"ffmpeg|age|openssl {times[1]:6.2f} ms (no signature, no journal, no sync to disk)")
