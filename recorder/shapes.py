"""What lines, messages, receipts and settings share: bounds, and what unreadable bytes raise."""

from typing import Annotated

import msgspec

Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What 64 bits hold: JSON knows no bound, and a number without one breaks its readers."""

Size = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Of a file, or a place in it."""

HOST_PORT = (
    r"^[A-Za-z0-9.-]+:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}"
    r"|655[0-2][0-9]|6553[0-5])$"
)
"""A server's address, its port one that there is."""

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Raised for bytes that are not of the shape asked for; the last for brackets without end."""
