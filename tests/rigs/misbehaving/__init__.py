"""Camera, microphone and encoders that misbehave when told to, inside a real capture process.

This folder on PYTHONPATH is all it takes (``tests.rigs.faults.equip`` does it): the recorder's own
code knows nothing of it.
"""
