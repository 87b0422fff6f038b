"""The label: what people and cameras read is the device's name and the key that openssl shows."""

import subprocess
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest
import segno

from recorder.cli import run
from recorder.clock import ManualClock
from recorder.evidence import keys, provision
from recorder.evidence.label import Label, as_svg

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / "config" / "recorder.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    provision.provision("device", tmp_path / "keys", "zhangying-01", clock=ManualClock())
    return tmp_path / "keys"


def test_name_organisation_and_the_fingerprint_that_openssl_computes(folder: Path) -> None:
    for out in (folder / "label.svg", folder / "label.txt"):
        words = ["--config", CONFIG, "provision", "label", folder, "--out", out]
        assert run([str(word) for word in words]) == 0
        first = out.read_bytes()
        assert run([str(word) for word in words]) == 0
        assert out.read_bytes() == first
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", folder / "device.pem", "-outform", "DER"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    digest = subprocess.run(["sha256sum"], input=der, capture_output=True, check=True).stdout
    name, organisation, key = (folder / "label.txt").read_text(encoding="utf-8").splitlines()
    assert (name, organisation) == ("zhangying-01", "永济市张营镇人民政府")
    assert key == f"SHA256 {digest.decode().split()[0]}"
    page = xml.parse(folder / "label.svg")
    texts = [text.text or "" for text in page.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:2] == [name, organisation]
    assert "".join("".join(texts[2:]).split()) == digest.decode().split()[0]


@pytest.mark.parametrize("organisation", ["永济市张营镇人民政府", "大安村人民政府", "<镇&政府>"])
def test_the_code_says_what_the_text_says_in_utf_8_and_nothing_becomes_markup(
    organisation: str, folder: Path
) -> None:
    label = Label("cam-01", organisation, keys.load_public(folder / "device.pem"))
    texts, paths = (
        list(xml.fromstring(as_svg(label)).iter(f"{{http://www.w3.org/2000/svg}}{name}"))
        for name in ("text", "path")
    )
    assert texts[1].text == organisation
    text = f"cam-01\n{organisation}\nSHA256 {label.fingerprint}\n"
    expected = segno.make(text.encode("utf-8"), error="m", micro=False)
    drawn = xml.fromstring(expected.svg_inline(border=2, omitsize=True))
    assert [path.get("d") for path in paths] == [path.get("d") for path in drawn.iter("path")]
    assert len(paths) == 1 and paths[0].get("d")


def test_another_ending_and_a_place_that_takes_no_file_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out in ("label.pdf", "nowhere/label.svg"):
        words = ["--config", CONFIG, "provision", "label", folder, "--out", folder / out]
        assert run([str(word) for word in words]) == 2
        assert "--out" in capsys.readouterr().err
