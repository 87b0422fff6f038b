"""The hand-over: sealed bags and ledger lines go from the spool into the township's store.

Runs as its own process and user: it reads the spool, writes the store and its own folder, and
changes nothing of the recorder's. Only the CLI imports from here, and verification what it needs
for deadlines; the recorder has a child look where each recording stands (standing.py).
"""
