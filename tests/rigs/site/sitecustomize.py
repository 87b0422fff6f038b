"""Python runs this at its start where this folder is on PYTHONPATH (``Daemon.site``): in a rig's
processes clocks, pins and capture parts are exchanged, as the environment asks. The recorder's own
code knows nothing of it."""

import os
import sys

if "RIG_WALL_CLOCK" in os.environ:
    from tests.rigs import wall_hook

    wall_hook.install()

if "RIG_PACE" in os.environ:
    from tests.rigs import pace_hook

    pace_hook.install()

if "RIG_SYNCS" in os.environ and sys.orig_argv[1:3] == ["-m", "recorder"]:
    from tests.rigs import counted_syncs

    counted_syncs.install()

if "RIG_FILM" in os.environ and sys.orig_argv[1:3] == ["-m", "recorder.capture"]:
    from tests.rigs import film

    film.install()

if "RIG_PINS" in os.environ and sys.orig_argv[1:3] == ["-m", "recorder"]:
    from tests.rigs import pins_hook

    pins_hook.install()

if "RIG_DEADLY" in os.environ and sys.orig_argv[1:3] == ["-m", "recorder"]:
    from tests.rigs import deadly_hook

    deadly_hook.install()

if "RIG_FAULTS" in os.environ and sys.orig_argv[1:3] == ["-m", "recorder.capture"]:
    from tests.rigs.misbehaving import parts

    parts.install()

if "RIG_CAMERA" in os.environ and sys.orig_argv[1:3] == ["-m", "recorder.capture"]:
    from tests.rigs.virtual_camera import hook

    hook.install()
