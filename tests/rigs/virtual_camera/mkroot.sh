#!/usr/bin/env bash
# A device in a Debian 13 tree, as on today's Raspberry Pi OS, with picamera2 over libcamera's virtual camera.
# usage: mkroot.sh ROOT  (root or sudo, mmdebstrap; about a minute and 1 GB, made anew when locks change)
set -euo pipefail
root=$(realpath -m "$1")
here=$(dirname "$(realpath "$0")")
locks=${here%/tests/rigs/virtual_camera}
made_of=$(cat "$0" "$here/virtual.yaml" "$locks"/requirements-{build,rig}.lock | sha256sum)
[ "$(cat "$root/opt/ready" 2>/dev/null)" = "$made_of" ] && exit 0
[ "$(id -u)" = 0 ] || exec sudo --preserve-env=PIP_CERT,SSL_CERT_FILE,http_proxy,https_proxy "$0" "$@"

echo "setup: making the virtual camera's Debian tree" >&2
rm -rf --one-file-system "$root"
mkdir -p "$root"
mirror=$(sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +(https?:[^ ]*\/debian\/?)( .*)?$/\3/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.{sources,list} 2>/dev/null | sed -n 1p) || true
mirror=${mirror:-http://deb.debian.org/debian}
mmdebstrap --quiet --variant=minbase --components=main \
    --include=python3-libcamera/trixie-backports,python3-venv,python3-prctl,gcc,g++,libc6-dev,python3-dev,libarchive13t64,portaudio19-dev,libasound2-plugins,fonts-wqy-microhei \
    trixie "$root" "deb $mirror trixie main" "deb $mirror trixie-backports main"
install -D -m644 "$here/virtual.yaml" "$root/usr/share/libcamera/pipeline/virtual/virtual.yaml"
rm -f "$root"/etc/alsa/conf.d/* # plugins that Pi OS Lite has not: PortAudio would load them all
printf 'pcm.!default { type pulse }\nctl.!default { type pulse }\n' >"$root/etc/asound.conf"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp "$locks"/requirements-{build,rig}.lock "$root/opt/"
# pip brings certificates of its own; a machine behind a proxy has others.
host=()
if [ -n "${PIP_CERT:-${SSL_CERT_FILE:-}}" ]; then
    cp "${PIP_CERT:-$SSL_CERT_FILE}" "$root/opt/host-ca.crt"
    host=(PIP_CERT=/opt/host-ca.crt SSL_CERT_FILE=/opt/host-ca.crt)
fi
chroot "$root" env -u PIP_FIND_LINKS -u PYTHONPATH "${host[@]}" bash -euc '
    python3 -m venv --system-site-packages /opt/venv
    install="/opt/venv/bin/pip --disable-pip-version-check install --quiet --no-cache-dir --require-hashes --no-deps"
    $install -r /opt/requirements-build.lock
    $install --no-build-isolation -r /opt/requirements-rig.lock'
mkdir -p "$root/dev/shm"
echo "$made_of" >"$root/opt/ready"
