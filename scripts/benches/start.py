"""From the unit's command to READY=1, what its imports cost, and how many processes it has then.

With voice, button and light (gpiozero's mock pins) and the demo camera; on a board the camera's own
start comes on top. The peer is what every program pays there that uses picamera2: its import, in
the virtual camera's tree (root or sudo).
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from scripts.benches import room
from tests.rigs.daemon import DEMO, ROOT, Daemon

ROUNDS = 5
LIMIT_S = 3.0
PINS = {"GPIOZERO_PIN_FACTORY": "mock"}
TREE = ROOT / "var" / "rigs" / "virtual-camera"
_PICAMERA2 = (
    "import sys; from unittest import mock; sys.modules['pykms'] = mock.Mock(); import picamera2"
)
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


def start(here: Path, command: Sequence[str], log: Path) -> tuple[float, float, int]:
    """Seconds to READY=1, how many of them its loop waited for a core that was busy with others,
    and the processes that run then."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, log.open("wb") as err:
        (here / "notify").unlink(missing_ok=True)
        listener.bind(str(here / "notify"))
        listener.settimeout(60)
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stderr=err, cwd=ROOT,
            env=os.environ | PINS | {"NOTIFY_SOCKET": str(here / "notify")},
        )  # fmt: skip
        try:
            while listener.recv(64) != b"READY=1":
                pass
            took_s = time.perf_counter() - began
            waited_s = int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[1]) / 1e9
            count = 1 + len(psutil.Process(process.pid).children(recursive=True))
        finally:
            process.terminate()
            process.wait(40)
    return took_s, waited_s, count


def median_s(command: Sequence[str]) -> float:
    """Of a program that runs to its end."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        took.append(time.perf_counter() - began)
    return sorted(took)[ROUNDS // 2]


def imports(here: Path, command: Sequence[str], log: Path) -> list[tuple[int, str]]:
    """Microseconds that each module took by itself, the best of all rounds, dearest first."""
    best: dict[str, int] = {}
    for _ in range(ROUNDS):
        start(here, command, log)
        for us, name in _IMPORT.findall(log.read_text()):
            best[name] = min(int(us), best.get(name, int(us)))
    return sorted(((us, name) for name, us in best.items()), reverse=True)


def main() -> None:
    """Median and worst of five starts on a warm page cache; then the peers."""
    with tempfile.TemporaryDirectory(dir=room()) as name:
        here = Path(name).resolve()
        daemon = Daemon(here, DEMO.replace("width = 640", "width = 1920").replace("360", "1080"))
        settings = daemon.config.read_text()
        for part, kind, own in (
            ("button", "none", "gpio"), ("light", "terminal", "gpio"), ("voice", "none", "pyttsx3")
        ):  # fmt: skip
            settings = settings.replace(f'[{part}]\nkind = "{kind}"', f'[{part}]\nkind = "{own}"')
        daemon.config.write_text(settings)
        words = ("--config", str(daemon.config), "run")
        log = here / "log"
        command = (str(Path(sys.executable).with_name("recorder")), *words)
        runs = sorted(start(here, command, log) for _ in range(ROUNDS))
        timed = (sys.executable, "-X", "importtime", "-m", "recorder", *words)
        found = imports(here, timed, log)
    (middle_s, waited_s, _), (worst_s, worst_waited_s, _) = runs[ROUNDS // 2], runs[-1]
    limit = f"limit {LIMIT_S:.0f} s"
    print(f"recorder run to READY=1  {middle_s:5.2f} s, worst {worst_s:.2f} s; {limit}")
    print(f"of it waiting for a core {waited_s:5.2f} s, in the worst {worst_waited_s:.2f} s")
    print(f"processes then           {max(count for *_, count in runs):5d}")
    all_s = sum(us for us, _ in found) / 1e6
    print(f"imports of the daemon    {all_s:5.2f} s, {len(found)} modules, of which")
    for us, module in found[:10]:
        print(f"    {us / 1000:5.1f} ms  {module}")
    print(f"python -c pass           {median_s((sys.executable, '-c', 'pass')):5.2f} s")
    if TREE.exists():
        sudo = () if os.geteuid() == 0 else ("sudo",)
        inside = (*sudo, "chroot", str(TREE), "/opt/venv/bin/python3", "-c")
        print(f"import picamera2         {median_s((*inside, _PICAMERA2)):5.2f} s (Python 3.13)")
