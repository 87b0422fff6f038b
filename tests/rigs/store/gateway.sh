#!/usr/bin/env bash
# A one-host Ceph in memory with its S3 gateway on loopback, in namespaces of its own: when this ends,
# or whoever holds its standard input does, nothing of it is left. About 1 s and 200 MB.
# usage: gateway.sh TREE PORT MONITOR_PORT CERTIFICATE KEY
# Then one command a line: start, kill, freeze, thaw (the gateway), admin WORDS… (radosgw-admin).
# Each is answered with "done" or "failed".
set -Eeuo pipefail
[ "$(id -u)" = 0 ] || exec sudo --preserve-env=RIG_INSIDE "$0" "$@"
if [ -z "${RIG_INSIDE:-}" ]; then
    RIG_INSIDE=1 exec unshare --mount --propagation slave --pid --fork --kill-child "$0" "$@"
fi
tree=$(realpath "$1") port=$2 monitor=127.0.0.1:$3
mount -t proc proc "$tree/proc"
mount -t tmpfs tmpfs "$tree/dev/shm"
mount -t tmpfs tmpfs "$tree/srv" # all that it writes
install -m 600 "$4" "$tree/srv/certificate.pem"
install -m 600 "$5" "$tree/srv/key.pem"
trap 'tail -n 20 "$tree"/srv/out "$tree"/srv/*.log >&2' ERR
mkdir "$tree/srv/mon" "$tree/srv/osd"
classes=$(echo "$tree"/usr/lib/*-linux-gnu/rados-classes)
cluster=$(cat /proc/sys/kernel/random/uuid) disk=$(cat /proc/sys/kernel/random/uuid)
cat >"$tree/srv/ceph.conf" <<CONF
[global]
fsid=$cluster
mon_host=v1:$monitor
ms_bind_msgr2=false
auth_cluster_required=none
auth_service_required=none
auth_client_required=none
run_dir=/srv
admin_socket=
pid_file=/srv/\$type.pid
log_file=/srv/\$type.log
crash_dir=/srv
mon_data=/srv/mon
osd_data=/srv/osd
osd_objectstore=memstore
memstore_device_bytes=4294967296
mon_allow_pool_size_one=true
osd_pool_default_size=1
osd_pool_default_pg_num=1
osd_pool_default_pg_autoscale_mode=off
mon_max_pg_per_osd=1000
paxos_propose_interval=0.01
osd_crush_chooseleaf_type=0
osd_client_watch_timeout=1
mon_data_avail_crit=1
osd_class_dir=${classes#"$tree"}
rgw_frontends=beast ssl_endpoint=127.0.0.1:$port ssl_certificate=/srv/certificate.pem ssl_private_key=/srv/key.pem
rgw_run_sync_thread=false
CONF

enter=(chroot "$tree" env -i PATH=/usr/sbin:/usr/bin LC_ALL=C CEPH_CONF=/srv/ceph.conf)
inside() { "${enter[@]}" "$@" </dev/null >>"$tree/srv/out" 2>&1; }
listens() { (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
start() {
    "${enter[@]}" radosgw -f -n client.rgw </dev/null >>"$tree/srv/out" 2>&1 & # its own process id
    gateway=$!
    until listens; do
        kill -0 "$gateway" || return 1
        sleep 0.02
    done
}

inside monmaptool --create --fsid "$cluster" --addv a "[v1:$monitor]" /srv/map
inside ceph-mon --mkfs -i a --monmap /srv/map --keyring /dev/null
inside ceph-mon -i a
# Whoever asks a new monitor too early is now and then told "wrong fsid"; asked again, it works.
asked=0
until inside ceph --connect-timeout 20 osd new "$disk"; do
    asked=$((asked + 1))
    [ "$asked" -lt 10 ]
done
inside ceph-osd -i 0 --mkfs --osd-uuid "$disk"
for _ in {1..10}; do inside ceph-osd -f -i 0 || true; done &
echo done

while read -r command words; do
    case $command in
        start) start ;;
        kill) kill -KILL "$gateway" && { wait "$gateway" || true; } ;;
        freeze) kill -STOP "$gateway" ;;
        thaw) kill -CONT "$gateway" ;;
        admin) read -ra list <<<"$words" && inside radosgw-admin -n client.rgw "${list[@]}" ;;
        *) false ;;
    esac && echo done || { tail -n 5 "$tree/srv/out" >&2; echo failed; }
done
