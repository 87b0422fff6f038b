"""The supervisor's parts that may be missing: catalogue, sentences, light, voice, button.

What cannot be had is told, and the recorder works without it: evidence first.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from recorder.at_work import at_work
from recorder.clock import Clock
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.panel import button, light, voice
from recorder.session import catalogue, phrases
from recorder.session.phrases import Phrase

T = TypeVar("T")


class Parts:
    """Makes each of them once, at the start."""

    def __init__(
        self, settings: Settings, run_folder: Path, left_out: Sequence[RecorderError]
    ) -> None:
        self._settings = settings
        self._run_folder = run_folder
        self.broken: list[RecorderError] = []
        """What was to be had and could not, in the order in which it was asked for."""
        self.catalogue_error: RecorderError | None = None
        for error in left_out:
            self._tell(error)

    def make_catalogue(self) -> catalogue.Catalogue:
        """The acts; none where the file is broken, which ``catalogue_error`` then tells."""
        return self._part(self._load_catalogue, catalogue.NONE)

    def make_speaker(self) -> phrases.Speaker:
        """The sentences: the township's own over those of the package."""
        device, own = self._settings.device, self._settings.paths.phrases
        packaged = phrases.load(device.language, None, device.utc_offset_min)

        def townships() -> phrases.Speaker:
            try:
                return phrases.load(device.language, Path(own), device.utc_offset_min)
            except RecorderError as error:
                error.phrase = Phrase.PHRASES_FAULT
                raise

        return self._part(townships, packaged) if own else packaged

    def make_light(self, put: Callable[[Any], None]) -> light.Light:
        """The light, as far as it can be had."""
        return light.make(self._settings.light, self._run_folder, self._tell, put)

    def make_voice(
        self, speaker: phrases.Speaker, put: Callable[[Any], None]
    ) -> voice.SpokenVoice | voice.NoVoice:
        """The voice, which begins to render the sentences that never change."""
        settings = self._settings
        if settings.voice.kind == "none":
            return voice.NoVoice(put)
        with at_work("voice"):
            spoken = voice.SpokenVoice(
                settings.voice, settings.device.language, self._run_folder,
                Path(settings.paths.clips), put,
            )  # fmt: skip
            spoken.warm({phrase.value: text for phrase, text in speaker.fixed().items()})
        return spoken

    def make_button(self, clock: Clock, put: Callable[[Any], None]) -> button.Button:
        """The button, as far as it can be had."""
        settings = self._settings
        long_ms = settings.recording.long_press_ms
        return button.make(settings.button, clock, put, self._run_folder, long_ms, self._tell)

    def _tell(self, error: RecorderError) -> None:
        print(f"recorder: {error}", file=sys.stderr, flush=True)
        self.broken.append(error)

    def _part(self, make: Callable[[], T], without: T) -> T:
        try:
            return make()
        except RecorderError as error:
            error.remedy += "; then `systemctl restart recorder`, which takes it up"
            self._tell(error)
            return without

    def _load_catalogue(self) -> catalogue.Catalogue:
        try:
            return catalogue.load(Path(self._settings.paths.catalogue))
        except RecorderError as error:
            error.phrase = Phrase.CATALOGUE_FAULT
            self.catalogue_error = error
            raise
