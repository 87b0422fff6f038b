"""A technician's self-test of a real daemon: what is well passes, each fault is found and named."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from recorder.evidence import lines
from recorder.evidence.chain import Line, read
from recorder.evidence.keys import load_public
from recorder.evidence.verification import verify_recording
from tests.rigs.bench_device import BenchDevice, Ran, moved_away
from tests.rigs.faults import told


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BenchDevice]:
    made = BenchDevice(tmp_path_factory.mktemp("bench"))
    try:
        made.begin()
        yield made
    finally:
        made.end_all()


def noted(device: BenchDevice) -> list[lines.SelfTest]:
    """The ledger's lines, every signature checked."""
    public = load_public(device.here / "keys" / "device.pem")
    items = list(read(device.ledger(), lines.Ledger, public))
    assert all(isinstance(item, Line) for item in items), items
    return [i.body for i in items if isinstance(i, Line) and isinstance(i.body, lines.SelfTest)]


def named(ran: Ran, *levels: str) -> set[str]:
    return {f"{part}:{row['code']}" for part, row in ran.rows(*levels).items()}


def test_a_device_that_is_well_passes_and_the_ledger_says_so(device: BenchDevice) -> None:
    for _ in range(3):  # a busy machine drops frames and sound, and the self-test says so
        ran = device.selftest()
        if (found := named(ran, "fail", "warn")) == {"camera:demo"}:  # its camera is the demo's
            break
    assert found == {"camera:demo"}, ran
    assert ran.status == 0
    assert "This is a demo" in ran.rows("warn")["camera"]["remedy"]
    assert ran.rows("warn")["camera"]["figures"]["s"] >= 2.9
    fine = ran.rows("ok")
    assert set(fine) >= {
        "lens", "microphone", "voice", "button", "light", "clock", "card", "room",
        "key", "custodians", "store", "catalogue", "start",
    }  # fmt: skip
    assert abs(fine["voice"]["figures"]["delay_ms"]) < 100
    line = noted(device)[-1]
    assert (line.verdict, line.failed, line.warned) == ("fine", (), ("camera:demo",))
    assert not list(device.spool.glob(".selftest*"))
    assert not [p for p in (device.here / "store").rglob("*") if p.suffix == ".part"]
    assert not device.recordings()


def test_eight_faults_at_once_are_each_found_with_their_remedy(device: BenchDevice) -> None:
    key = device.here / "keys" / "device.key"
    with ExitStack() as faults:
        faults.enter_context(told("lens-covered", device))
        faults.enter_context(device.loudspeaker_unplugged())
        faults.enter_context(device.card_stalls(1.3))
        faults.enter_context(moved_away(device.here / "store"))
        device.wall.lose()
        key.chmod(0o644)
        ran = device.selftest(light="n", press=False)
    key.chmod(0o600)
    device.wall.set(0.0, quality="synced")
    expected = {
        "lens:covered": "lens", "voice:unheard": "loudspeaker", "button:dead": "button.pin",
        "light:unseen": "light.pin", "card:stalls": "sync", "key:exposed": f"chmod 600 {key}",
        "store:gone": "mount", "clock:unset": "timedatectl",
    }  # fmt: skip
    assert named(ran, "fail") == set(expected), ran
    assert ran.status == 1
    for name, word in expected.items():
        assert word in ran.rows("fail")[name.partition(":")[0]]["remedy"], name
    assert set(noted(device)[-1].failed) == set(expected)


def test_five_more_are_found_and_what_needs_a_person_is_left_out(device: BenchDevice) -> None:
    with ExitStack() as faults:
        faults.enter_context(device.microphone_muted())
        faults.enter_context(moved_away(device.here / "keys" / "custodians.txt"))
        faults.enter_context(device.store_read_only())
        faults.enter_context(device.disk.full(30_000_000))
        faults.enter_context(told("camera-frozen", device))
        ran = device.selftest("--no-hands")
    assert named(ran, "fail") >= {
        "camera:frozen", "microphone:silent", "custodians:missing", "store:readonly", "room:full",
    }, ran  # fmt: skip
    assert named(ran, "left_out") >= {"button:no_hands", "light:no_hands", "card:no_room"}
    assert ran.status == 1
    assert noted(device)[-1].verdict == "failed"


def test_a_press_wins_at_once_and_no_test_begins_while_recording(device: BenchDevice) -> None:
    device.when(lambda s: s["state"] == "ready" and s["ring_s"] > 3, "footage again")
    process = subprocess.Popen(
        [sys.executable, "-m", "recorder", "--config", str(device.config), "selftest"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert "自检开始" in process.stderr.readline()
    device.press()
    device.until("opening", "recording", "interrupted", "explaining", limit_s=3)
    out, said = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert "按下了按键" in said
    line = noted(device)[-1]
    assert (line.verdict, line.why) == ("broken_off", "press")
    refused = device.selftest("--no-hands")
    assert (refused.status, refused.answer["code"]) == (2, "selftest-refused")
    assert "End the recording" in refused.answer["remedy"]
    device.wait_line(lambda b: isinstance(b, lines.Refused) and b.event == "selftest", "refusal")
    device.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    device.stop()
    report = verify_recording(
        device.recordings()[-1], key=load_public(device.here / "keys" / "device.pem"),
        ledger=device.spool / "ledger",
    )  # fmt: skip
    assert report.exit_code == 0, report.findings
