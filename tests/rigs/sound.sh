#!/usr/bin/env bash
# A sound card where there is none: a private sound server whose loudspeaker is its microphone.
# usage: sound.sh DIR COMMAND...
# The command sees it as ALSA's default device. Needs pulseaudio, its ALSA plugin and sox.
set -euo pipefail
dir=$(realpath -m "$1")
shift
mkdir -p "$dir"
chmod 700 "$dir"
cat >"$dir/asoundrc" <<'A'
pcm.!default { type pulse }
ctl.!default { type pulse }
A
export XDG_RUNTIME_DIR=$dir PULSE_RUNTIME_PATH=$dir/pulse HOME=$dir
export ALSA_CONFIG_PATH=/usr/share/alsa/alsa.conf:$dir/asoundrc
rm -f "$dir/pa.sock"
pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no --log-level=error \
    -L "module-native-protocol-unix auth-anonymous=1 socket=$dir/pa.sock" \
    -L "module-null-sink sink_name=loud rate=48000 channels=1 format=s16le" \
    -L "module-remap-source source_name=mic master=loud.monitor" \
    2>"$dir/pulse.log" &
server=$!
trap 'kill ${noise:-} ${reader:-} $server 2>/dev/null || true' EXIT
export PULSE_SERVER=unix:$dir/pa.sock SOUND_SERVER_PID=$server
for _ in $(seq 200); do
    pactl info >/dev/null 2>&1 && break
    sleep 0.02
done
pactl set-default-source mic
# An idle loudspeaker renders in blocks of 2 s; a reader that stays keeps it at 20 ms.
parec --latency-msec=20 --raw >/dev/null &
reader=$!
# Silence of nothing but zeros is what a dead microphone gives: a faint noise keeps it alive.
[ -s "$dir/noise.wav" ] ||
    sox -q -n -r 48000 -c 1 -b 16 "$dir/noise.wav" synth 60 whitenoise vol -60dB
(while :; do paplay "$dir/noise.wav" || sleep 0.2; done) >/dev/null 2>&1 &
noise=$!
sleep 1
"$@" <&0 &
command=$!
trap 'kill $command 2>/dev/null || true' TERM INT
status=0
wait $command || status=$?
# A signal ends the first wait early: the command still has to finish.
wait $command 2>/dev/null || status=$?
exit $status
