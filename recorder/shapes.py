"""Types that lines, messages and receipts share. Shapes only."""

from typing import Annotated

from msgspec import Meta

Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""What 64 bits hold: JSON knows no bound, and a number without one breaks its readers."""
