#!/usr/bin/env bash
# A Debian 13 tree with picamera2 over libcamera's virtual camera, as on today's Raspberry Pi OS.
# usage: mkroot.sh ROOT  (as root, on Debian with mmdebstrap; about a minute and 900 MB, once)
set -euo pipefail
root=$(realpath -m "$1")
here=$(dirname "$(realpath "$0")")
[ -e "$root/opt/ready" ] && exit 0
rm -rf "$root"
mirror=$(awk '/^URIs:/{print $2; exit}' /etc/apt/sources.list.d/debian.sources)
mmdebstrap --quiet --variant=minbase --components=main \
    --include=python3-libcamera/trixie-backports,python3-venv,python3-numpy,python3-prctl,gcc,libc6-dev,python3-dev \
    trixie "$root" "deb $mirror trixie main" "deb $mirror trixie-backports main"
install -D -m644 "$here/virtual.yaml" "$root/usr/share/libcamera/pipeline/virtual/virtual.yaml"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$root/opt/host-ca.crt"
chroot "$root" env PIP_CERT=/opt/host-ca.crt SSL_CERT_FILE=/opt/host-ca.crt bash -c '
    python3 -m venv --system-site-packages /opt/venv
    /opt/venv/bin/pip install -q --no-cache-dir --prefer-binary picamera2==0.3.38 msgspec "av>=18,<19"'
mkdir -p "$root/srv/recorder" "$root/dev/shm"
touch "$root/opt/ready"
