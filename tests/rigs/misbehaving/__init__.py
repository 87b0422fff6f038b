"""Camera, microphone and encoders that misbehave when told to, inside a real capture process.

``tests.rigs.faults.equip`` puts them there: the recorder's own code knows nothing of it.
"""
