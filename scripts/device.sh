# What is done on a device by scripts/install and by the Debian package alike, and where it lies. Read by
# them (the package's maintainer scripts begin with a copy of it), never run. Whoever reads it sets `name`,
# who speaks, and where the system looks: `units`, `users`, `rules`.
target=/opt/bodycam-recorder
config=/etc/recorder/recorder.toml

say() { printf '%s: %s\n' "$name" "$*" >&2; }
refuse() { say "$*"; exit 2; }
booted() { [ -d /run/systemd/system ]; } # not so where an image for cards is made

# --- Never under a recording ------------------------------------------------------------------------
state() {
    ! systemctl is-active --quiet recorder ||
        "$target/.venv/bin/recorder" --config "$config" status --json |
        "$target/.venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin).get("data", {}).get("state", ""))'
}
not_recording() {
    case $(state || true) in
        opening | recording | interrupted | explaining | ending | closing)
            refuse "a recording is open: end it (a long press), wait for its end, then run this again" ;;
    esac
}
running() {
    systemctl list-units --plain --no-legend --state=active,activating \
        recorder.service recorder-sync.service 'recorder-dock@*.service' | awk '{print $1}'
}
stop_all() {
    local unit
    for unit in $(running); do systemctl stop "$unit"; done
}
stop_ways() { systemctl stop 'recorder-loopback@*'; } # when nothing is left that they lead to

# --- Users, units, folders --------------------------------------------------------------------------
put_units() { # [ROOT]: from the program below ROOT
    local root=${1:-} ladder=${1:-}$units/recorder.service.d
    install -D -m 644 "$root$target/systemd/sysusers.conf" "$root$users"
    install -D -m 644 "$root$target/systemd/50-recorder-reboot.rules" "$root$rules"
    find "$root$target/systemd" \( -name '*.service' -o -name '*.socket' \) -exec install -D -m 644 -t "$root$units" {} +
    rm -rf "$ladder"
    # Older ones know no growing pauses: they start it again after 0.2 s each time, and complain.
    [ "$(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p')" -lt 254 ] ||
        install -D -m 644 "$root$target/systemd/recorder-pauses.conf" "$ladder/pauses.conf"
}
folder() { # PATH USER: its own, which its group may read; one that is there stays as it is
    [ -d "$1" ] || install -d -m 750 -o "$2" -g "$2" "$1"
}
put_folders() { # and sets `made` to what of the configuration was made: an absent file only
    local file
    made=
    systemd-sysusers "$users"
    install -d -m 755 /etc/recorder /etc/recorder/clips
    folder /etc/recorder/keys recorder
    folder /var/lib/recorder recorder
    folder /var/lib/recorder-sync recorder-sync
    for file in recorder.toml catalogue.toml; do
        [ -e "/etc/recorder/$file" ] || { install -m 644 "$target/config/$file" /etc/recorder; made=$file:$made; }
    done
    sync -f /etc/recorder
}
still_to_be_done() { # HOW TO START IT
    say "installed, not started. What is still to be done:"
    say "1. $config: device.name, officer, organisation, camera, sync.store"
    say "2. recorder provision device /etc/recorder/keys --name NAME --custodian age1… --custodian age1…"
    say "   recorder provision sync /var/lib/recorder-sync --name NAME"
    say "   chown -R recorder: /etc/recorder/keys; chown -R recorder-sync: /var/lib/recorder-sync"
    say "3. $1; then recorder selftest"
}
left="configuration and keys (/etc/recorder), recordings (/var/lib/recorder), receipts (/var/lib/recorder-sync) and the users that own them are left"
does_not_start="the recorder does not start. Its log says why: journalctl -u recorder -n 30"
