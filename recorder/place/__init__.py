"""Where the device is, by satellites. A place is personal data: in memory here, on the card only in
age files; in no log, no status and no line in the clear.
"""
