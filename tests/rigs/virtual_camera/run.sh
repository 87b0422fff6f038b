#!/usr/bin/env bash
# Runs a command of Python inside the tree, where the checkout has its usual place. Its capture
# processes see the virtual camera; SIGUSR1 to one halts the sensor or lets it go on (sensor.py).
# usage: run.sh ROOT PYTHON WORDS...  (the tree's own Python takes the place of PYTHON)
# RIG_DISK is mounted for it under /mnt; PULSE_SERVER, within the checkout, is its sound card.
# Its mounts are its own and go with it.
set -euo pipefail
keep=RIG_DISK,RIG_FRAMES,RIG_NOISE,PULSE_SERVER
[ "$(id -u)" = 0 ] || exec sudo --preserve-env="$keep" "$0" "$@" # which hands signals on
root=$(realpath "$1")
shift 2
here=$(dirname "$(realpath "$0")")
kept=(RIG_CAMERA=virtual)
for name in ${keep//,/ }; do [ -z "${!name:-}" ] || kept+=("$name=${!name}"); done
export RIG_ROOT=$root RIG_TREE=${here%/tests/rigs/virtual_camera}
mkdir -p "$RIG_ROOT$RIG_TREE"
exec unshare --mount --propagation slave bash -c '
    set -e
    mount --bind "$RIG_TREE" "$RIG_ROOT$RIG_TREE"
    mount -t proc proc "$RIG_ROOT/proc"
    mount --rbind /dev "$RIG_ROOT/dev"
    mount --rbind /sys "$RIG_ROOT/sys"
    [ -z "${RIG_DISK:-}" ] || mount --bind "$RIG_DISK" "$RIG_ROOT/mnt"
    exec chroot "$RIG_ROOT" env -i --chdir="$RIG_TREE" PATH=/usr/bin:/bin HOME=/root \
        LIBCAMERA_LOG_LEVELS=*:ERROR PYTHONDONTWRITEBYTECODE=1 \
        PYTHONPATH="$RIG_TREE/tests/rigs/site:$RIG_TREE" "$@"' run "${kept[@]}" /opt/venv/bin/python3 "$@"
