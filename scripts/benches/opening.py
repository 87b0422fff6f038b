"""The announced opening (Art. 14) found in the sound of the sealed recording, by correlation: each
sentence's place beside the one that the journal has for it. With a case card, and without."""

import tempfile
import time
from pathlib import Path

from recorder.evidence import lines
from scripts.benches import room
from tests.rigs.daemon import DEMO, ROOT, Daemon
from tests.rigs.opening import FULL_CARD, Heard, heard
from tests.rigs.sound import flows

SETTINGS = DEMO.replace(
    '[microphone]\nkind = "demo"', '[microphone]\nkind = "sounddevice"'
).replace('[voice]\nkind = "none"', '[voice]\nkind = "pyttsx3"')


def spoken(daemon: Daemon) -> list[Heard]:
    """Record a whole opening, and listen."""
    daemon.when(flows, "sound in the ring")
    before = len(daemon.recordings()) if daemon.spool.exists() else 0
    daemon.ask("start")
    while len(daemon.recordings()) == before:
        time.sleep(0.05)
    daemon.wait_line(lambda b: isinstance(b, lines.State) and b.now == "recording", "end", 180)
    return heard(daemon, daemon.end())


def main() -> None:
    """A row for each sentence, the worst of all below."""
    with tempfile.TemporaryDirectory(dir=room()) as name:
        here = Path(name).resolve()
        daemon = Daemon(here, SETTINGS)
        daemon.start(wrapper=(str(ROOT / "tests" / "rigs" / "sound.sh"), str(here / "sound")))
        found = []
        try:
            for words, card in (("with a case card", FULL_CARD), ("without one", "")):
                if card and not daemon.ask("case-load", card).ok:
                    raise RuntimeError("the case card was refused")
                print(f"{words}: journal s, heard s, ms later, likeness, of others", flush=True)
                for each in spoken(daemon):
                    found.append(each)
                    print(
                        f"  {each.phrase:14} {each.journal_s:8.3f} {each.found_s:8.3f}"
                        f" {each.off_ms:6.0f} {each.score:6.3f} {each.other:6.3f}",
                        flush=True,
                    )
                daemon.ask("case-clear")
        finally:
            daemon.stop()
    off = sorted(abs(each.off_ms) for each in found)
    sure = sum(each.score > each.other for each in found)
    print(
        f"{sure} of {len(found)} sentences found: median {off[len(off) // 2]:.0f} ms, worst"
        f" {off[-1]:.0f} ms from where the journal has them"
    )
