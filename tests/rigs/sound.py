"""The sound server of sound.sh, seen from outside: killed, started anew, frozen, told things."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_RATE = 48_000


def flows(status: dict[str, Any]) -> bool:
    """A daemon's ring holds sound from its first fragment on: a stream without any, which begins
    where the loudspeaker of sound.sh takes its time, is over."""
    return int(status.get("vitals", {}).get("samples", 0)) > 4 * _RATE and status["ring_s"] > 3


_SCRIPT = Path(__file__).with_name("sound.sh")


class Server:
    """The server that sound.sh started in a folder, which must be running now."""

    def __init__(self, here: Path) -> None:
        found = subprocess.run(
            ["pgrep", "-f", f"socket={here}/pa.sock"], capture_output=True, text=True, check=True
        )
        self.pid = int(found.stdout.split()[0])
        process = Path(f"/proc/{self.pid}")
        self._command = process.joinpath("cmdline").read_bytes().split(b"\0")[:-1]
        variables = process.joinpath("environ").read_bytes().split(b"\0")[:-1]
        self.environment = dict(v.split(b"=", 1) for v in variables)
        self.address = f"unix:{here}/pa.sock"
        self.environment[b"PULSE_SERVER"] = self.address.encode()
        self._socket = here / "pa.sock"

    def signal(self, number: signal.Signals) -> None:
        """SIGKILL, SIGSTOP, SIGCONT."""
        os.kill(self.pid, number)

    def restart(self) -> subprocess.Popen[bytes]:
        """After a kill. The new one dies with the thread that started it."""
        self._socket.unlink(missing_ok=True)
        made = subprocess.Popen(
            [b"setpriv", b"--pdeathsig", b"KILL", *self._command], env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.pid = made.pid
        return made

    def tell(self, *words: str) -> None:
        """A request through pactl."""
        subprocess.run(
            ["pactl", *words], env=self.environment, check=True, stdout=subprocess.DEVNULL,
            timeout=10,
        )  # fmt: skip

    def playing(self) -> list[str]:
        """The numbers of what is being played."""
        listed = subprocess.run(
            ["pactl", "list", "short", "sink-inputs"], env=self.environment, check=True,
            capture_output=True, text=True, timeout=10,
        )  # fmt: skip
        return [line.split()[0] for line in listed.stdout.splitlines()]

    def unplug(self) -> None:
        """The headset is gone; a microphone alone would be replaced by the loudspeaker's echo."""
        self.tell("unload-module", "module-null-sink")

    def plug(self) -> None:
        """It is there again."""
        sink = ("sink_name=loud", "rate=48000", "channels=1", "format=s16le")
        self.tell("load-module", "module-null-sink", *sink)
        self.tell("load-module", "module-remap-source", "source_name=mic", "master=loud.monitor")


@contextmanager
def running(here: Path) -> Iterator[Server]:
    """A server of its own in a folder."""
    process = subprocess.Popen(
        [_SCRIPT, here, "sh", "-c", "echo; exec sleep infinity"], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield Server(here)
    finally:
        process.terminate()
        process.wait()
