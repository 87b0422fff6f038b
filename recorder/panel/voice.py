"""The voice, seen from the supervisor: renders and plays in children that can be killed.

``say`` and ``cancel`` return at once; what became of a sentence is told by events. One worker
thread; a child that does not answer in time is killed, reported and replaced.
"""

import contextlib
import hashlib
import os
import queue
import select
import subprocess
import sys
import threading
import wave
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from recorder.config import Voice as Settings
from recorder.panel.player import Heard, Play
from recorder.shapes import UNREADABLE

_START_S = 3.0
_SLACK_S = 2.0


class Sentence(msgspec.Struct, frozen=True):
    """What to say. ``key`` names a fixed sentence, for which a clip may exist; any other is
    not kept once it was said."""

    id: int
    key: str | None
    text: str


class Started(msgspec.Struct, frozen=True):
    """The sentence is heard from ``at_ns`` (boot clock) on."""

    id: int
    at_ns: int


class Ended(msgspec.Struct, frozen=True):
    """The sentence was heard to its end."""

    id: int
    at_ns: int


class Failed(msgspec.Struct, frozen=True):
    """Not (wholly) heard: ``no-voice``, ``no-sound``, ``render``, ``hung`` or ``cancelled``."""

    id: int
    code: str
    detail: str


VoiceEvent = Started | Ended | Failed


class NoVoice:
    """Lights and journal only: every sentence fails at once, and the journal says so."""

    def __init__(self, emit: Callable[[VoiceEvent], None]) -> None:
        self._emit = emit

    def say(self, sentence: Sentence) -> None:
        """Report that nothing is said."""
        self._emit(Failed(sentence.id, "no-voice", "no voice is configured"))

    def cancel(self) -> None:
        """Nothing to stop."""

    def file(self, key: str, text: str) -> None:
        """No sentence has one."""

    def warm(self, sentences: Mapping[str, str]) -> None:
        """Nothing to render."""

    def close(self) -> None:
        """Nothing to end."""


class SpokenVoice:
    """pyttsx3 renders, pyaudio plays, each in a child of its own."""

    def __init__(
        self,
        settings: Settings,
        language: str,
        run: Path,
        clips: Path,
        emit: Callable[[VoiceEvent], None],
    ) -> None:
        self._settings = settings
        self._language = language
        self._folder = run / "speech"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._folder.glob("*-*.wav"):  # personal or unfinished, from before a crash
            left.unlink()
        self._clips = clips
        self._emit = emit
        self._queue: queue.SimpleQueue[Sentence | None] = queue.SimpleQueue()
        self._cold: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._busy = threading.Lock()
        self._player: subprocess.Popen[bytes] | None = None
        self._closed = False
        threading.Thread(target=self._work, name="voice", daemon=True).start()
        threading.Thread(target=self._warm, name="voice-warm", daemon=True).start()

    def say(self, sentence: Sentence) -> None:
        """Queue a sentence."""
        self._queue.put(sentence)

    def cancel(self) -> None:
        """Stop the sentence that is being said, and forget those that wait."""
        self._cancelled.set()
        player = self._player
        if self._busy.locked() and player is not None:
            player.kill()

    def file(self, key: str, text: str) -> Path:
        """Where a fixed sentence lies once it was said."""
        return self._clip(key) or self._cache(text)

    def warm(self, sentences: Mapping[str, str]) -> None:
        """Render fixed sentences ahead, in the background."""
        for key, text in sentences.items():
            self._cold.put((key, text))

    def close(self) -> None:
        """End the children."""
        self._closed = True
        self._queue.put(None)
        if self._player is not None:
            self._player.kill()

    # On the threads.

    def _warm(self) -> None:
        while not self._closed:
            key, text = self._cold.get()
            if not self._clip(key) and not self._cache(text).exists():
                with contextlib.suppress(OSError):  # it is rendered when it is wanted
                    self._render(text, self._cache(text))

    def _work(self) -> None:
        while (sentence := self._queue.get()) is not None:
            self._cancelled.clear()
            with self._busy:
                try:
                    self._emit(self._one(sentence))
                except OSError as error:
                    self._emit(Failed(sentence.id, "render", str(error)))

    def _one(self, sentence: Sentence) -> VoiceEvent:
        path = self._clip(sentence.key)
        own = False
        if path is None:
            own = sentence.key is None
            path = self._cache(sentence.text, "own-" if own else "")
            if not path.exists():
                error = self._render(sentence.text, path)
                if error:
                    return Failed(sentence.id, "render", error)
        try:
            return self._play(sentence.id, path)
        finally:
            if own:
                path.unlink(missing_ok=True)  # a personal sentence is not kept

    def _clip(self, key: str | None) -> Path | None:
        """A technician's own recording of a fixed sentence."""
        if key is None:
            return None
        path = self._clips / f"{key}.wav"
        return path if path.exists() else None

    def _cache(self, text: str, prefix: str = "") -> Path:
        settings = self._settings
        what = f"{self._language}/{settings.rate_wpm}/{settings.volume}/{text}"
        return self._folder / f"{prefix}{hashlib.sha256(what.encode()).hexdigest()[:24]}.wav"

    def _render(self, text: str, out: Path) -> str:
        """Render in a child; what went wrong, or ""."""
        part = out.with_name(f"{out.stem}-{threading.get_ident():x}.wav")
        child = subprocess.Popen(
            [
                sys.executable, "-m", "recorder.panel.render", "--out", str(part),
                "--language", self._language, "--rate", str(self._settings.rate_wpm),
                "--volume", str(self._settings.volume),
            ],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            _, errors = child.communicate(text.encode(), self._settings.render_timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            part.unlink(missing_ok=True)
            return f"no answer within {self._settings.render_timeout_s} s"
        if child.returncode:
            part.unlink(missing_ok=True)
            return errors.decode(errors="replace").strip().rpartition("\n")[2] or "it failed"
        os.replace(part, out)
        return ""

    def _play(self, number: int, path: Path) -> VoiceEvent:
        try:
            with wave.open(str(path), "rb") as file:
                length_s = file.getnframes() / file.getframerate()
        except (OSError, EOFError, wave.Error) as error:
            return Failed(number, "render", f"{path.name}: {error}")
        if self._cancelled.is_set():
            return Failed(number, "cancelled", "")
        player = self._start()
        assert player.stdin is not None
        try:
            player.stdin.write(msgspec.json.encode(Play(number, str(path))) + b"\n")
            player.stdin.flush()
        except BrokenPipeError:
            return self._gone(number, "no-sound")
        limit_s = _START_S
        while True:
            heard = self._answer(player, limit_s)
            if heard is None:
                code = "cancelled" if self._cancelled.is_set() else "hung"
                return self._gone(number, code)
            if heard.event == "started":
                self._emit(Started(number, heard.at_ns))
                limit_s = length_s + _SLACK_S
            elif heard.event == "ended":
                return Ended(number, heard.at_ns)
            else:
                return Failed(number, "no-sound", heard.detail)

    def _start(self) -> subprocess.Popen[bytes]:
        if self._player is None or self._player.poll() is not None:
            self._player = subprocess.Popen(
                [sys.executable, "-m", "recorder.panel.player", self._settings.output],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        return self._player

    def _answer(self, player: subprocess.Popen[bytes], limit_s: float) -> Heard | None:
        assert player.stdout is not None
        ready, _, _ = select.select([player.stdout], [], [], limit_s)
        line = player.stdout.readline() if ready else b""
        try:
            return msgspec.json.decode(line, type=Heard) if line else None
        except UNREADABLE:
            return None  # whoever says nonsense has not spoken

    def _gone(self, number: int, code: str) -> Failed:
        player, self._player = self._player, None
        if player is not None:
            player.kill()
            player.communicate()
        return Failed(number, code, "the player was stopped")
