"""A sound card without a sound server: ALSA straight, whose microphone hears its loudspeaker.

PortAudio and alsa-lib are the real ones; what stands in for kernel and hardware is loopcard.c,
built here. ``environment(folder)`` is what a process needs to have it as its only card.
"""

import os
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).parent / "loopcard.c"
_SETTINGS = """
pcm_type.loopcard {{ lib "{folder}/loopcard.so" }}
pcm.!default {{ type plug slave.pcm {{ type loopcard file "{folder}/ring" }} }}
ctl.!default {{ type hw card 0 }}
"""


def environment(folder: Path) -> dict[str, str]:
    """Build the card in ``folder``. No sound server is in reach."""
    folder.mkdir(exist_ok=True)
    subprocess.run(
        ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-DPIC",
         "-o", str(folder / "loopcard.so"), str(_SOURCE), "-lasound"],
        check=True,
    )  # fmt: skip
    (folder / "ring").touch()
    (folder / "asoundrc").write_text(_SETTINGS.format(folder=folder))
    system = os.environ.get("ALSA_CONFIG_PATH", "").partition(":")[0]
    return {
        "ALSA_CONFIG_PATH": f"{system or '/usr/share/alsa/alsa.conf'}:{folder}/asoundrc",
        "PULSE_SERVER": "unix:/nowhere",
    }
