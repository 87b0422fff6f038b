#!/usr/bin/env bash
# A card that stalls: ext4 in a file, frozen and thawed at will. Needs root.
#   stall.sh up DIR MIB      mounts DIR/card
#   stall.sh freeze DIR      every write and sync waits
#   stall.sh thaw DIR        and goes on
#   stall.sh down DIR
set -euo pipefail
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
dir=$2
case $1 in
    up)
        mkdir -p "$dir/card"
        truncate -s "${3}M" "$dir/card.img"
        /sbin/mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$dir/card.img"
        root mount -o loop "$dir/card.img" "$dir/card"
        root chown "$(id -u)" "$dir/card"
        ;;
    freeze) root /sbin/fsfreeze -f "$dir/card" ;;
    thaw) root /sbin/fsfreeze -u "$dir/card" ;;
    down)
        root /sbin/fsfreeze -u "$dir/card" 2>/dev/null || true
        root umount "$dir/card"
        rm -f "$dir/card.img"
        ;;
esac
