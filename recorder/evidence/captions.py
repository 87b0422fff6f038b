"""The timeline as subtitles: what is on the screen, from when to when. Pure."""

import itertools
from collections.abc import Sequence

import msgspec

from recorder.evidence.timeline import Event

_SHOWN_S = 4.0
_WATERMARK_S = 6.0
_ROWS = 4
_SHORTEST_S = 0.05
_STEP_S = 0.25


class Caption(msgspec.Struct, frozen=True):
    """Text on the screen; captions never overlap."""

    from_s: float
    to_s: float
    text: str


def captions(events: Sequence[Event], watermark: str, *, length_s: float) -> tuple[Caption, ...]:
    """What to show over ``length_s`` of media: the watermark first, each event from its place on,
    an interruption until it is over, the newest lines where there are too many."""
    shown = [(0.0, _WATERMARK_S, watermark)]
    for index, event in enumerate(events):
        if event.into_s is None:
            continue
        from_s = max(0.0, event.into_s // _STEP_S * _STEP_S)
        to_s = max(from_s + _SHOWN_S, event.to_s or 0.0)
        if event.kind == "interruption":
            over = next(
                (e.into_s for e in events[index:] if e.kind == "resumed" and e.into_s), None
            )
            to_s = length_s if over is None else over
        shown.append((from_s, max(to_s, from_s + 1.0), event.text))
    limit_s = length_s or max(to_s for _, to_s, _ in shown)
    edges = sorted({min(edge, limit_s) for from_s, to_s, _ in shown for edge in (from_s, to_s)})
    out: list[Caption] = []
    for from_s, to_s in itertools.pairwise(edges):
        if to_s - from_s < _SHORTEST_S:
            continue
        rows = [text for begins, ends, text in shown if begins <= from_s and ends >= to_s]
        if rows[:1] == [watermark]:
            rows = [watermark, *rows[1:][-_ROWS:]]
        text = "\n".join(rows[-_ROWS - 1 :])
        if out and out[-1].text == text and out[-1].to_s >= from_s - _SHORTEST_S:
            out[-1] = Caption(out[-1].from_s, to_s, text)
        elif text:
            out.append(Caption(from_s, to_s, text))
    return tuple(out)
