"""`recorder selftest`: asks the daemon, tries the rest itself, shows the table."""

import argparse
import sys
import time
from pathlib import Path

import msgspec

from recorder import config, control
from recorder.control import Request
from recorder.errors import RecorderError
from recorder.selftest import judging, local
from recorder.selftest.finding import Finding, Level
from recorder.selftest.report import Phase, Report, Verdict
from recorder.selftest.words import Row, Words

_POLL_S = 0.2
_PHASE_S = 90.0
_BUSY = frozenset({Phase.LISTENING, Phase.JUDGING, Phase.PRESSING})


class BrokenOff(RecorderError):
    """The daemon ended the test: a press, mostly."""


class _Daemon:
    """The running recorder, over its socket."""

    def __init__(self, run: Path, words: Words) -> None:
        self._run = run
        self._words = words

    def ask(self, action: str, text: str = "") -> dict[str, object]:
        """One request. RecorderError where it is refused."""
        answer = control.ask(self._run, Request("selftest", action, text))
        if not answer.ok:
            raise RecorderError(answer.code, answer.problem, remedy=answer.remedy)
        if answer.data.get("phase") == Phase.BROKEN_OFF:
            why = str(answer.data["why"])
            raise BrokenOff("broken-off", self._words.said(f"{why}_broke"))
        return answer.data

    def until_done(self) -> Report:
        """Wait until the daemon has what it was asked for."""
        report = msgspec.convert(self.ask("look"), Report)
        deadline = time.monotonic() + _PHASE_S
        while report.phase in _BUSY:
            if time.monotonic() > deadline:
                raise RecorderError(
                    "selftest-hung", f"the recorder is still {report.phase}",
                    remedy="Restart it, then run the self-test again",
                )  # fmt: skip
            time.sleep(_POLL_S)
            report = msgspec.convert(self.ask("look"), Report)
        return report


class SelfTest:
    """One run; ``say`` is for the person, never part of the answer."""

    def __init__(self, settings: config.Settings, words: Words, *, hands: bool) -> None:
        self._settings = settings
        self._words = words
        self._hands = hands
        self._daemon = _Daemon(Path(settings.paths.run), words)

    def _say(self, key: str) -> None:
        print(self._words.said(key), file=sys.stderr, flush=True)

    def run(self) -> tuple[Finding, ...]:
        """All parts, in the order of the table. RecorderError where there can be no test."""
        settings = self._settings
        self._daemon.ask("begin")
        self._say("begins")
        report = self._daemon.until_done()
        seen = self._light(report)
        button = self._button(report)
        self._say("card")
        return (
            *judging.of_daemon(report, settings),
            button,
            judging.light(report, settings, seen),
            local.card(settings),
            local.key(settings, report),
            local.custodians(settings, report),
            local.store(settings),
        )

    def _light(self, report: Report) -> bool | None:
        untried = judging.light(report, self._settings, None)
        if not self._hands or untried.code != "no_hands":
            return None
        self._daemon.ask("light")
        print(self._words.said("light"), end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer:
            return None  # there is nobody
        return answer.strip().lower() in ("y", "yes", "是")

    def _button(self, report: Report) -> Finding:
        untried = judging.button(report, self._settings, hands=False)
        if not self._hands or untried.code != "no_hands":
            return untried
        self._daemon.ask("press")
        self._say("press")
        return judging.button(self._daemon.until_done(), self._settings, hands=True)

    def end(self, found: tuple[Finding, ...]) -> dict[str, object]:
        """The ledger's line."""

        def names(level: Level) -> tuple[str, ...]:
            return tuple(each.name for each in found if each.level is level)

        verdict = Verdict(names(Level.FAIL), names(Level.WARN), names(Level.LEFT_OUT))
        return self._daemon.ask("end", msgspec.json.encode(verdict).decode())


class _Answer(msgspec.Struct, frozen=True):
    """What ``--json`` prints."""

    verdict: str
    rows: tuple[Row, ...]
    ledger_line: object
    durable: object


def selftest(options: argparse.Namespace) -> int:
    """0: all that was tried works. 1: something does not. RecorderError: it could not run."""
    settings = config.load(options.config)
    words = Words(options.language or settings.device.language)
    test = SelfTest(settings, words, hands=not options.no_hands)
    found = test.run()
    rows = tuple(words.row(each) for each in found)
    noted = test.end(found)
    failures = sum(each.level is Level.FAIL for each in found)
    if options.json:
        verdict = "failed" if failures else "fine"
        answer = _Answer(verdict, rows, noted["line"], noted["durable"])
        print(msgspec.json.encode(answer).decode())
    else:
        print(words.table(rows))
        print("\n" + _summary(words, found, noted))
    return 1 if failures else 0


def _summary(words: Words, found: tuple[Finding, ...], noted: dict[str, object]) -> str:
    failures = sum(each.level is Level.FAIL for each in found)
    warnings = sum(each.level is Level.WARN for each in found)
    verdict = "failed" if failures else "warned" if warnings else "fine"
    said = [words.said(verdict, count=failures or warnings)]
    if any(each.code == "no_hands" for each in found):
        said.append(words.said("no_hands"))
    said.append(words.said("ledger", line=noted["line"]))
    if not noted["durable"]:
        said.append(words.said("not_durable"))
    return "\n".join(said)
