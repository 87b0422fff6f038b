#!/usr/bin/env bash
# Two small Debian trees with Ceph's S3 gateway: ROOT/lenient (18, which ignores If-None-Match and a
# checksum that does not match) and ROOT/strict (20, which honours both).
# usage: mkroot.sh ROOT  (root or sudo, mmdebstrap; about a minute and 1.2 GB, made anew when this file changes)
set -euo pipefail
root=$(realpath -m "$1")
made_of=$(sha256sum <"$0")
[ "$(cat "$root/ready" 2>/dev/null)" = "$made_of" ] && exit 0
[ "$(id -u)" = 0 ] || exec sudo --preserve-env=http_proxy,https_proxy "$0" "$@"

echo "setup: making the S3 gateways' Debian trees" >&2
rm -rf --one-file-system "$root"
mkdir -p "$root"
mirror=$(sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +(https?:[^ ]*\/debian\/?)( .*)?$/\3/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.{sources,list} 2>/dev/null | sed -n 1p) || true
mirror=${mirror:-http://deb.debian.org/debian}

tree() { # SUITE NAME
    mmdebstrap --quiet --variant=apt --mode=root --components=main \
        --aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --include=ceph-mon,ceph-osd,radosgw,ceph-common \
        "$1" "$root/$2" "deb $mirror $1 main"
    mkdir -p "$root/$2/dev/shm"
}
tree trixie lenient &
lenient=$!
tree forky strict
wait "$lenient"
echo "$made_of" >"$root/ready"
