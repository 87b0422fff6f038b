#!/usr/bin/env bash
# Boots systemd with udev in a Debian tree, on a network of its own, with a copy in memory of all that it
# writes. When this ends, or whoever holds its standard input does, nothing of it is left.
# usage: boot.sh TREE PROJECT FOLDER [PLACE]   PROJECT is seen at its own place and in PLACE, its wheels in
#                                              /opt/wheels; FOLDER is /srv; root or sudo
# Prints the process to enter: nsenter -t PID -a systemctl status
set -euo pipefail
[ "$(id -u)" = 0 ] || exec sudo "$0" "$@"
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 # udev does not start where /sys cannot be written
systemd-nspawn --quiet --boot --directory="$1" --machine="recorder-rig-$$" --volatile=overlay \
    --register=no --keep-unit --private-network --console=pipe \
    --bind-ro="$2" ${4:+--bind-ro="$2:$4"} --bind="$3:/srv" \
    --bind-ro="$2/var/rigs/wheels:/opt/wheels" \
    >"$3.log" 2>&1 </dev/null &
outer=$!
trap 'kill "$outer" 2>/dev/null; wait "$outer" || true' EXIT
inside() { nsenter -t "$pid" -a "$@"; }
for _ in {1..300}; do
    pid=$(pgrep -P "$outer" -x systemd || true)
    [ -n "$pid" ] && inside systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded' && break
    sleep 0.1
    kill -0 "$outer"
done
inside systemctl daemon-reexec # systemd looks for devices only where /sys could be written when it began
echo "$pid"
cat >/dev/null
