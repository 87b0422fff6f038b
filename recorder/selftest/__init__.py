"""`recorder selftest`: what a technician runs before the device goes out (Art. 13).

``attendant.py`` is the daemon's side, on its loop: it owns camera, microphone, voice, button and
light. ``verb.py`` is the technician's side: card, keys and store, the table. Each measurement
that could hang is a child of its own (``child.py``).
"""
