"""How long a start takes with a full spool and an hour's recording that the power cut open."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from recorder.clock import NS
from recorder.evidence.keys import load_private
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.ordeal.reboot import FINE
from tests.rigs.daemon import Daemon
from tests.unit.evidence import bags

AT_ONCE = 60


class Result(msgspec.Struct, frozen=True):
    """``ready_s`` of each start; the first one recovers and seals the open recording."""

    ready_s: tuple[float, ...]
    verdict: Verdict


def run(here: Path, sealed: int, open_s: int, tell: Callable[[str], None]) -> Result:
    """Fill a spool with ``sealed`` recordings and an open one of ``open_s``, then start twice."""
    device = Daemon(here)
    writer = bags.Device(here, "rig-01", load_private(here / "keys/device.key"))
    made = bags.media(1, sound=False)
    began = time.monotonic()
    for _ in range(sealed):
        each = writer.begin()
        each.fragments(bags.batch(made))
        writer.finish(each, made.fragments[-1][0].end_ns)
    tell(f"{sealed} sealed recordings made in {time.monotonic() - began:.0f} s")
    open_one = writer.begin()
    hour = bags.media(AT_ONCE, sound=False, noise=False)
    for first in range(0, open_s, AT_ONCE):
        shifted = _shifted(hour, first)
        open_one.fragments(bags.batch(shifted))
    tell(f"an open recording of {open_s} s made")
    writer.ledger.close()
    ready_s = []
    for _ in range(2):
        began = time.monotonic()
        device.start()
        ready_s.append(time.monotonic() - began)
        device.stop()
    report = verify_recording(open_one.folder, key=writer.signer.public)
    assert report.verdict in FINE, report.findings
    return Result(tuple(ready_s), report.verdict)


def _shifted(made: bags.Media, by_s: int) -> bags.Media:
    """The same pictures later: the boxes' own times are moved as well."""
    from recorder import boxes

    ids = [track.track_id for track in made.init.tracks]
    fragments = []
    for fragment, data in made.fragments:
        assert fragment.video is not None
        ticks = by_s * 90_000
        moved = msgspec.structs.replace(
            fragment,
            number=fragment.number + by_s,
            start_ns=fragment.start_ns + by_s * NS,
            end_ns=fragment.end_ns + by_s * NS,
            video=msgspec.structs.replace(
                fragment.video, first_tick=fragment.video.first_tick + ticks
            ),
        )
        fragments.append((moved, bytes(boxes.rebase(data, dict.fromkeys(ids, -ticks)))))
    return bags.Media(made.init, made.data, tuple(fragments))
