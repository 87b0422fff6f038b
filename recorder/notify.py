"""systemd's readiness and watchdog protocol (sd_notify(3)); silent where there is no systemd."""

import os
import socket

_TIMEOUT_S = 0.2


def notify(message: str) -> bool:
    """Send e.g. ``READY=1``. False: nobody listens, or the socket's queue is full."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.settimeout(_TIMEOUT_S)
        try:
            sock.sendto(message.encode(), address)
        except OSError:
            return False
    return True


def watchdog_ns() -> int | None:
    """How often systemd wants to hear from us, in ns; None: it does not."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    return int(usec) * 1000 if usec.isdecimal() and int(usec) else None
