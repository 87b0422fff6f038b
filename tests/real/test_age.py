"""The age tool itself, on our files."""

import subprocess
from pathlib import Path

from recorder.evidence.age import CHUNK, Encryptor, Identity, Recipient


def test_the_age_tool_opens_it_and_refuses_it_without_its_end(tmp_path: Path) -> None:
    identity, text = Identity.generate()
    key = tmp_path / "key"
    key.write_text(text + "\n")
    encryptor = Encryptor([Recipient(identity.recipient)])
    body = encryptor.header + encryptor.chunks(bytes(2 * CHUNK))

    def age(data: bytes) -> int:
        path = tmp_path / "x.age"
        path.write_bytes(data)
        words = ["age", "-d", "-i", str(key), "-o", str(tmp_path / "out"), str(path)]
        return subprocess.run(words, capture_output=True, check=False).returncode

    assert age(body + encryptor.tail()) == 0
    assert age(body) != 0
