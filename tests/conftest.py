"""Fixtures that several folders share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.rigs.daemon import Daemon

settings.register_profile("recorder", deadline=None)  # a busy machine is no failure
settings.load_profile("recorder")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with demo camera and microphone, started and ready."""
    made = Daemon(tmp_path)
    made.start()
    made.until("ready")
    yield made
    made.stop()
