"""The announced opening (Art. 14) found in the sound of the sealed recording, by correlation: each
sentence's place beside the one that the journal has for it. With a case card and without, on ALSA
alone and through a sound server."""

import tempfile
import time
from pathlib import Path

from recorder.evidence import lines
from scripts.benches import room
from tests.rigs import loopcard
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


def listened(daemon: Daemon, card: str) -> list[Heard]:
    """A row for each sentence of an opening."""
    if card and not daemon.ask("case-load", card).ok:
        raise RuntimeError("the case card was refused")
    found = spoken(daemon)
    for each in found:
        print(
            f"  {each.phrase:14} {each.journal_s:8.3f} {each.found_s:8.3f}"
            f" {each.off_ms:6.0f} {each.score:6.3f} {each.other:6.3f}",
            flush=True,
        )
    daemon.ask("case-clear")
    return found


def openings(here: Path, *, server: bool) -> list[Heard]:
    """With a case card and without one, on one daemon."""
    here.mkdir()
    daemon = Daemon(here, SETTINGS)
    wrapper: tuple[str, ...] = ()
    if server:
        wrapper = (str(ROOT / "tests" / "rigs" / "sound.sh"), str(here / "sound"))
    else:
        daemon.environment |= loopcard.environment(here / "card")
    daemon.start(wrapper=wrapper)
    try:
        return [each for card in (FULL_CARD, "") for each in listened(daemon, card)]
    finally:
        daemon.stop()


def main() -> None:
    """The worst of all below each."""
    print("  sentence      journal s  heard s   late likeness, of the likest other one")
    with tempfile.TemporaryDirectory(dir=room()) as name:
        for words, server in (("ALSA alone", False), ("a sound server", True)):
            print(f"{words}:", flush=True)
            found = openings(Path(name).resolve() / f"server-{server}", server=server)
            off = sorted(abs(each.off_ms) for each in found)
            sure = sum(each.score > each.other for each in found)
            print(
                f"{words}: {sure} of {len(found)} sentences found, median"
                f" {off[len(off) // 2]:.0f} ms, worst {off[-1]:.0f} ms from where the journal"
                " has them",
                flush=True,
            )
