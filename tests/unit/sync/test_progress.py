"""What people and programs see of a run."""

import io
import json

from recorder.clock import ManualClock
from recorder.sync.progress import Bar, Lines, size
from recorder.sync.summary import Finding, Summary

FINDING = Finding("store-conflict", "r", "store: k", "differs", "Compare")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_programs_get_one_object_a_line_and_bytes_once_a_second() -> None:
    stream, clock = io.StringIO(), ManualClock()
    lines = Lines(stream, clock)
    lines.begin("township", 1, 2, 3000)
    lines.recording("r", 2, 3000)
    for _ in range(30):
        clock.advance(0.1)
        lines.moved(100)
    lines.file()
    lines.found(FINDING)
    lines.note("n")
    lines.stored("r")
    lines.end(Summary(store="township", stored=("r",), findings=(FINDING,)))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    names = [event["event"] for event in events]
    assert names == ["begin", "recording", *["progress"] * 3, "finding", "note", "stored", "end"]
    assert events[4]["bytes"] == 3000 and events[4]["bytes_per_s"] == 1000
    assert events[-1]["findings"][0]["code"] == "store-conflict"


def test_people_at_a_terminal_see_a_bar_with_rate_and_rest() -> None:
    stream, clock = Terminal(), ManualClock()
    bar = Bar(stream, clock)
    bar.begin("township", 1, 4, 4_000_000)
    clock.advance(1)
    bar.moved(1_000_000)
    bar.file()
    assert bar.text() == "[######..................] 1/4 files  1.0 MB/4.0 MB  1.0 MB/s  3 s left"
    assert stream.getvalue().startswith("\r[######")
    bar.stored("r")
    assert stream.getvalue().endswith("\rr  stored\n")


def test_a_log_gets_no_bar_but_every_finding() -> None:
    stream, clock = io.StringIO(), ManualClock()
    bar = Bar(stream, clock)
    bar.begin("township", 1, 4, 4_000_000)
    clock.advance(1)
    bar.moved(1_000_000)
    bar.found(FINDING)
    bar.end(Summary(store="township", sent_bytes=12_345))
    text = stream.getvalue()
    assert "\r" not in text and "store: k: differs. Compare" in text and "12.3 kB sent" in text


def test_nothing_to_do_divides_by_nothing() -> None:
    bar = Bar(Terminal(), ManualClock())
    bar.begin("township", 0, 0, 0)
    assert "0/0 files" in bar.text()


def test_sizes_are_short() -> None:
    assert [size(n) for n in (0, 999, 1000, 123_456, 5_500_000, 2_000_000_000_000)] == [
        "0 B", "999 B", "1.0 kB", "123 kB", "5.5 MB", "2000 GB",
    ]  # fmt: skip
