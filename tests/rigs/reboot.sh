#!/usr/bin/env bash
# Runs COMMAND as after a reboot: another boot id, and the boot clock at 20 s.
#   reboot.sh COMMAND [WORDS]
set -euo pipefail
if [ "${1:-}" = --inside ]; then
    shift
    mount --bind "$1" /proc/sys/kernel/random/boot_id
    rm "$1"
    shift
    exec "$@"
fi
id=$(mktemp)
cat /proc/sys/kernel/random/uuid >"$id"
up=$(cut -d. -f1 /proc/uptime)
exec unshare --mount --propagation slave --time --boottime "$((20 - up))" --monotonic "$((20 - up))" "$(realpath "$0")" --inside "$id" "$@"
