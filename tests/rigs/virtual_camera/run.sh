#!/usr/bin/env bash
# Runs a capture process inside the tree, on the virtual camera. usage: run.sh ROOT [arguments]
# RIG_SCRIPT runs another module of this folder; RIG_DISK is mounted for it under /mnt.
# Its mounts are its own and go with it. SIGUSR1 halts the sensor or lets it go on.
set -euo pipefail
[ "$(id -u)" = 0 ] || exec sudo --preserve-env=RIG_SCRIPT,RIG_DISK "$0" "$@" # which hands signals on
root=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
export RIG_SCRIPT=${RIG_SCRIPT:-capture} RIG_DISK=${RIG_DISK:-}
export RIG_ROOT=$root RIG_TREE=${here%/tests/rigs/virtual_camera}
exec unshare --mount --propagation slave bash -c '
    set -e
    mount --bind "$RIG_TREE" "$RIG_ROOT/srv/recorder"
    mount -t proc proc "$RIG_ROOT/proc"
    mount --rbind /dev "$RIG_ROOT/dev"
    mount --rbind /sys "$RIG_ROOT/sys"
    [ -z "$RIG_DISK" ] || mount --bind "$RIG_DISK" "$RIG_ROOT/mnt"
    exec chroot "$RIG_ROOT" env -i PATH=/usr/bin:/bin HOME=/root LIBCAMERA_LOG_LEVELS=*:ERROR \
        PYTHONPATH=/srv/recorder PYTHONDONTWRITEBYTECODE=1 \
        /opt/venv/bin/python3 -m "tests.rigs.virtual_camera.$RIG_SCRIPT"'
