"""A pisugar-server: its line protocol, over TCP or a Unix socket, and a battery that tests set."""

import socketserver
import threading
from pathlib import Path
from types import TracebackType


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        rig: PiSugar = self.server.rig  # type: ignore[attr-defined]
        for line in self.rfile:
            name = line.decode().removeprefix("get ").strip()
            if rig.mute:
                continue
            if rig.taps:
                self.wfile.write(b"single\n")  # its button, told to everybody who is connected
            value = rig.values.get(name)
            answer = "Invalid request." if value is None else f"{name}: {value}"
            self.wfile.write(f"{answer}\n".encode())


class _Tcp(socketserver.ThreadingTCPServer):
    rig: "PiSugar"
    daemon_threads = True
    allow_reuse_address = True


class _Unix(socketserver.ThreadingUnixStreamServer):
    rig: "PiSugar"
    daemon_threads = True


class PiSugar:
    """As long as the ``with`` lasts. ``values``: what it tells; ``mute``: it hangs; ``taps``: its
    button is pressed before each answer."""

    def __init__(self, path: Path | None = None) -> None:
        self.values = {"battery": "80.0", "battery_power_plugged": "false"}
        self.mute = False
        self.taps = False
        self._server: _Tcp | _Unix
        if path is not None:
            self._server, self.where = _Unix(str(path), _Handler), str(path)
        else:
            server = _Tcp(("127.0.0.1", 0), _Handler)
            self._server, self.where = server, f"127.0.0.1:{server.server_address[1]}"
        self._server.rig = self

    def charge(self, percent: float, *, plugged: bool = False) -> None:
        """What it tells from now on."""
        self.values["battery"] = f"{percent}"
        self.values["battery_power_plugged"] = "true" if plugged else "false"

    def __enter__(self) -> "PiSugar":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
