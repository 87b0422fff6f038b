"""What lines, messages and receipts share: bounds of numbers, and what unreadable bytes raise."""

from typing import Annotated

import msgspec

Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What 64 bits hold: JSON knows no bound, and a number without one breaks its readers."""

Size = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Of a file, or a place in it."""

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Raised for bytes that are not of the shape asked for; the last for brackets without end."""
