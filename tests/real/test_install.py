"""Installed on a booted system as a technician does it: new, brought up to date, removed."""

import json
import re
from collections.abc import Iterator

import pytest

from recorder import __version__ as VERSION
from tests.rigs.booted import ROOT, Booted
from tests.rigs.installed import CONFIG, UNITS, Device

OLD, NEW = (f"/home/package/bodycam-recorder_{v}+deb*.deb" for v in (VERSION, f"9.{VERSION}"))
GPSD = """
import socket, time
server = socket.create_server(("127.0.0.1", 2947))
while True:
    client, _ = server.accept()
    try:
        while True:
            client.sendall(b'{"class": "TPV", "mode": 2, "lat": 33.9, "lon": 116.4}\\n')
            time.sleep(0.5)
    except OSError:
        pass
"""
DEADLY_GNSS = """
import ctypes, sys
if sys.orig_argv[-1] == "run":
    from recorder.place.gpsd import Gpsd
    Gpsd.__init__ = lambda *_: ctypes.string_at(0)
"""


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    folder = tmp_path_factory.mktemp("installed") / "srv"
    folder.mkdir()
    machine = Booted(folder, installed=False)
    yield Device(machine, folder)
    machine.close()


def test_a_new_device_is_installed_and_says_what_is_still_to_be_done(device: Device) -> None:
    said = device.install()
    assert "installed, not started" in said and "/etc/recorder/recorder.toml" in said
    assert device.run("systemctl is-enabled recorder") == "enabled\n"
    assert device.active() == ["inactive", "inactive"]
    folders = "/etc/recorder/keys /var/lib/recorder /var/lib/recorder-sync"
    shown = device.run(f"stat -c '%U %G %a' {folders}")
    assert shown.splitlines() == [
        "recorder recorder 750", "recorder recorder 750", "recorder-sync recorder-sync 750"
    ]  # fmt: skip


def test_once_provisioned_recorder_and_sync_run_record_and_hand_over(device: Device) -> None:
    (device.folder / "recorder.toml").write_text(CONFIG)
    public = []
    for number in (1, 2):
        made = device.run(f"recorder provision custodian /srv/c{number} --json")
        public.append(json.loads(made)["public"])
    for command in (
        "cp /srv/recorder.toml /etc/recorder/recorder.toml",
        "recorder provision device /etc/recorder/keys --name bc-001 "
        + " ".join(f"--custodian {key}" for key in public),
        "recorder provision sync /var/lib/recorder-sync --name bc-001",
        "recorder provision store /srv/recorder-store --name t --here",
        "chown -R recorder: /etc/recorder/keys",
        "chown -R recorder-sync: /var/lib/recorder-sync /srv/recorder-store",
    ):
        device.run(command)
    assert "runs" in device.install("--sync")
    device.until("ready")
    assert device.active() == ["active", "active"]
    device.begin()
    assert "a recording is open" in device.install(status=2)
    device.end()
    device.wait("find /var/lib/recorder-sync -name bc-001-00000001-\\*.jsonl | grep -q .")
    assert "VALID" in device.verdict(1)


def test_systemd_has_nothing_to_say_about_the_units_and_finds_little_exposed(
    device: Device,
) -> None:
    way = "recorder-loopback@2947"
    units = f"{' '.join(UNITS)} recorder-dock@usb0.service {way}.service {way}.socket"
    assert not device.run(f"systemd-analyze verify --man=no {units} 2>&1")
    for unit, most in ((UNITS[0], 1.5), (UNITS[1], 2.0), (f"{way}.service", 1.0)):
        said = device.run(f"systemd-analyze security --no-pager {unit} | tail -n 1")
        assert float(re.findall(r": ([0-9.]+) ", said)[0]) <= most


def test_it_hears_the_gpsd_of_its_device_and_reaches_nothing_else(device: Device) -> None:
    (device.folder / "gpsd.py").write_text(GPSD)
    device.run("ip link set lo up && ip link add usb0 type veth peer name host0")
    device.run("systemd-run python3 /srv/gpsd.py")
    device.wait(r'recorder status --json | grep -q "\"gnss\":\"fix\""')
    main = device.run("systemctl show recorder -p MainPID --value").strip()
    seen = device.run(f"nsenter -t {main} -n sh -c 'ip -o link; ss -Hltn'")
    assert re.findall(r"^\d+: (\w+):", seen, re.M) == ["lo"]
    assert sorted(re.findall(r"127.0.0.1:(\d+)", seen)) == ["2947", "8423"]


def test_a_newer_one_takes_over_and_configuration_keys_and_recordings_stay(device: Device) -> None:
    source = device.newer()
    before = device.kept()
    assert "recorder 9." in device.install(source=source)
    device.until("ready")
    assert device.run("recorder --version").startswith("recorder 9.")
    assert device.active() == ["active", "active"]
    assert device.kept() == before
    device.begin()
    device.end()
    assert "VALID" in device.verdict(1) and "VALID" in device.verdict(2)


def test_one_that_cannot_be_made_leaves_the_old_one_running(device: Device) -> None:
    runs = "systemctl show recorder recorder-sync -p MainPID,ActiveState"
    before = device.run("recorder --version"), device.run(runs)
    broken = device.folder / "newer" / "recorder" / "__main__.py"
    broken.write_text("import nowhere\n")
    assert "nowhere" in device.install(source="/srv/newer", status=1)
    assert (device.run("recorder --version"), device.run(runs)) == before


def test_one_that_does_not_start_gives_the_old_one_its_place_back(device: Device) -> None:
    before = device.run("recorder --version")
    (device.folder / "newer" / "recorder" / "__main__.py").write_text(
        "import sys\ndef main():\n    sys.exit(0 if '--version' in sys.argv else 3)\n"
    )
    assert "the version from before is back" in device.install(source="/srv/newer", status=1)
    assert device.run("recorder --version") == before
    device.until("ready")
    device.wait("systemctl is-active -q recorder-sync")


def test_the_dock_takes_the_place_of_a_sync_that_always_runs(device: Device) -> None:
    device.install("--dock", "usb0")
    enabled = "systemctl is-enabled recorder-dock@usb0 recorder-sync || true"
    assert device.run(enabled).split() == ["enabled", "disabled"]
    assert device.active() == ["active", "inactive"]


def test_a_boot_loop_ends_in_a_recorder_and_a_restart_by_hand_tries_everything_again(
    device: Device,
) -> None:
    (device.folder / "sitecustomize.py").write_text(DEADLY_GNSS)
    drop_in = "/run/systemd/system/recorder.service.d"
    device.run(f"mkdir -p {drop_in}")
    device.run(f"printf '[Service]\\nEnvironment=PYTHONPATH=/srv\\n' >{drop_in}/planted.conf")
    device.run("systemctl daemon-reload && systemctl --no-block restart recorder")
    device.wait("recorder status --json | grep -q gnss-left-out")
    device.until("ready")
    assert device.run("systemctl show recorder -p NRestarts --value").strip() == "3"
    device.begin()
    device.end()
    device.run(f"rm {drop_in}/planted.conf && systemctl daemon-reload")
    device.run("systemctl restart recorder")
    assert "left-out" not in device.run("recorder status --json")


def test_on_a_root_that_is_only_read_it_starts_and_records(device: Device) -> None:
    config, drop_ins = "/opt/bodycam-recorder/config", "/etc/systemd/journald.conf.d"
    fstab = (ROOT / "config" / "read-only.fstab").read_text()
    (device.folder / "fstab").write_text(
        re.sub("^LABEL=.*", "/srv/card /data none bind", fstab, flags=re.M)
    )
    (device.folder / "mount.toml").write_text('[paths]\nmount = "/var/lib/recorder"\n')
    for command in (
        "systemctl stop recorder recorder-sync",
        "mkdir /data /srv/card && cp -a /var/lib/recorder /var/lib/recorder-sync /srv/card",
        "cat /srv/fstab >>/etc/fstab && mount -a",
        f"install -D -m 644 {config}/journald-volatile.conf {drop_ins}/volatile.conf",
        "systemctl restart systemd-journald",
        "cat /srv/mount.toml >>/etc/recorder/recorder.toml",
    ):
        device.run(command)
    device.wait("mount -o remount,ro /")  # until nobody writes any more
    device.run("touch /etc/probe", status=1)
    device.run("systemctl start recorder")
    device.until("ready")
    device.begin()
    device.end()
    recordings = device.run("find /data/recorder/spool -maxdepth 1 -name 'bc-001-*'").split()
    assert "VALID" in device.verdict(len(recordings))
    assert "voice: ready" in device.run("journalctl -u recorder")
    assert device.run("stat -f -c %T /run/recorder /var/log").split() == ["tmpfs", "tmpfs"]
    device.run("mount -o remount,rw /")


def test_a_package_built_twice_is_the_same_to_the_byte(device: Device) -> None:
    made = "/home/package/tree/opt/bodycam-recorder"  # saves making the environment again
    device.run(f"mkdir -p {made} && cp -al /opt/bodycam-recorder/.venv {made}")
    first = device.package()
    device.run(f"mv {first} /home/first")
    assert device.package() == first
    device.run(f"cmp /home/first {first} && rm /home/first")
    device.mend_newer()
    device.package(source="/srv/newer")


def test_removed_it_leaves_configuration_keys_and_recordings(device: Device) -> None:
    before = device.kept()
    assert "--uninstall" in device.dpkg(OLD, status=1)  # a package takes no place of another's
    device.install("--uninstall")
    places = "/opt /etc/systemd /etc/sysusers.d /etc/polkit-1 /usr/local"
    assert not device.run(f"find {places} -name '*recorder*'")
    assert device.kept() == before
    assert device.active() == ["inactive", "inactive"]


def test_a_package_goes_on_with_what_is_there_and_records(device: Device) -> None:
    before = device.kept()
    device.apt(OLD)
    device.run("rm /usr/bin/python3")  # as a release upgrade that brings another Python does
    device.run("systemctl enable --now recorder-sync")
    device.until("ready")
    assert device.active() == ["active", "active"]
    assert device.kept() == before
    assert "a Debian package is installed" in device.install(status=2)
    device.begin()
    assert "a recording is open" in device.dpkg(NEW, status=1)
    assert device.status() in ("opening", "recording")
    device.end()
    recordings = device.run("ls -d /var/lib/recorder/spool/bc-001-*").split()
    assert "VALID  bc-001" in device.verdict(len(recordings))


def test_a_newer_package_takes_over_but_not_if_it_does_not_start(device: Device) -> None:
    before = device.kept()
    device.run(f"head -c 20000000 {NEW} >/home/cut.deb")
    assert "unexpected end" in device.dpkg("/home/cut.deb", status=1)
    device.until("ready")
    in_the_way = "/run/systemd/system/recorder.service.d"
    only_old = 'ExecStartPre=sh -c "! recorder --version | grep -q 9."'
    device.run(f"mkdir -p {in_the_way} && printf '[Service]\\n{only_old}\\n' >{in_the_way}/a.conf")
    assert "the version from before is back" in device.apt(NEW, status=100)
    device.until("ready")
    assert "is not version 9." in device.run("dpkg --configure -a 2>&1", status=1)
    device.run(f"rm -r {in_the_way}")
    device.dpkg(NEW)
    device.until("ready")
    assert device.run("recorder --version").startswith("recorder 9.")
    assert device.active() == ["active", "active"]
    seen = "dpkg --verify bodycam-recorder | grep -v /usr/share/doc; ls -d /opt/body*"
    assert device.run(seen) == "/opt/bodycam-recorder\n"  # the tree keeps no documents
    assert device.kept() == before


def test_removed_and_purged_packages_leave_configuration_keys_and_recordings(
    device: Device,
) -> None:
    before = device.kept()
    device.apt("bodycam-recorder", verb="remove")
    assert device.active() == ["inactive", "inactive"]
    device.apt(NEW)
    device.until("ready")
    assert device.active() == ["active", "active"]
    assert "/var/lib/recorder" in device.apt("bodycam-recorder", verb="purge")
    assert not device.run("find /opt /etc/systemd /usr /var/lib/dpkg/info -name '*recorder*'")
    assert device.kept() == before
