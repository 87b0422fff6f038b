"""Python runs this at its start: in a capture process, and only there, the parts are exchanged.

It hands on to the wall clock's (wall/sitecustomize.py), since Python runs only the first one.
"""

import os
import sys

if "RIG_WALL_CLOCK" in os.environ:
    import tests.rigs.wall.sitecustomize

if sys.orig_argv[1:3] == ["-m", "recorder.capture"]:
    from tests.rigs.misbehaving import parts

    parts.install()
