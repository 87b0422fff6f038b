#!/usr/bin/env bash
# A small Debian tree of the host's own release that systemd boots in, with udev, ip, Python, chrony, and what
# the recorder's installation would else fetch: it has no network in there.
# usage: mkroot.sh ROOT  (root or sudo, mmdebstrap; about 40 s and 500 MB, made anew when this file changes)
set -euo pipefail
root=$(realpath -m "$1")
made_of=$(cat "$0" /etc/os-release | sha256sum)
[ "$(cat "$root/opt/ready" 2>/dev/null)" = "$made_of" ] && exit 0
[ "$(id -u)" = 0 ] || exec sudo --preserve-env=http_proxy,https_proxy "$0" "$@"

echo "setup: making the Debian tree that is booted" >&2
rm -rf --one-file-system "$root"
mkdir -p "$root"
mirror=$(sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +(https?:[^ ]*\/debian\/?)( .*)?$/\3/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.{sources,list} 2>/dev/null | sed -n 1p) || true
mirror=${mirror:-http://deb.debian.org/debian}
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mmdebstrap --quiet --variant=minbase --mode=root --components=main \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --include=systemd-sysv,udev,dbus,iproute2,python3,chrony,procps,python3-venv,python3-dev,gcc,libc6-dev,portaudio19-dev,libportaudio2,fonts-wqy-microhei \
    "$suite" "$root" "deb $mirror $suite main"
printf '[global]\nno-index = true\nfind-links = /opt/wheels\n' >"$root/etc/pip.conf"
mkdir -p "$root/opt/wheels"
# What would ask the host's devices to come again, or set its clock.
ln -sf /dev/null "$root/etc/systemd/system/systemd-udev-trigger.service"
ln -sf /dev/null "$root/etc/systemd/system/chrony.service"
echo "$made_of" >"$root/opt/ready"
