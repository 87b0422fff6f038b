#!/usr/bin/env bash
# What the recorder's installation would fetch from PyPI, for a booted tree, which has no network.
# usage: mkwheels.sh FOLDER   (made anew when the locks or the Python change; about 10 s and 100 MB)
set -euo pipefail
cd "$(dirname "$0")/../../.."
python=.venv/bin/python
made_of=$({ cat requirements{,-build}.lock; "$python" -V; } | sha256sum)
[ "$(cat "$1/ready" 2>/dev/null)" = "$made_of" ] && exit 0
rm -rf "$1"
"$python" -m pip --disable-pip-version-check --quiet download --require-hashes --no-deps \
    --no-build-isolation --dest "$1" -r requirements.lock -r requirements-build.lock
echo "$made_of" >"$1/ready"
