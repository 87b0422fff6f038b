"""Is every instant from start to end covered, degraded or interrupted? (Art. 14, 15, promise 3)

Fed with a journal's lines in order, it keeps only what is not plain coverage, so its memory does
not grow with the recording. It reads no file and judges no signature.
"""

import msgspec

from recorder.capture.messages import TrackRun, TrackState
from recorder.clock import NS
from recorder.evidence import lines
from recorder.evidence.instants import Boot, Where, instant_utc
from recorder.evidence.verification_report import Findings, Gap, Level, Stretch

_PERIODS = 1.5
_SOUND_PERIOD_NS = 1024 * NS // 48_000
_GRID_NS = 50_000_000
_WORD = {"video": "picture", "audio": "sound"}


class _Interruption(msgspec.Struct):
    line: lines.Interruption
    from_utc: str
    to_ns: int | None = None
    reason: lines.Reason | None = None
    due: bool = False


class _Hole(msgspec.Struct, frozen=True):
    from_ns: int
    to_ns: int
    where: Where
    limit_ns: int


class Continuity:
    """``feed`` every line, then ``finish``; what is wrong goes into ``findings``."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._start: lines.Start | None = None
        self.boot = Boot()
        self.last_end_ns: int | None = None
        self.last_where: Where | None = None
        self._segment: lines.Segment | None = None
        self._stream: tuple[str, int] | None = None
        self._fragment: tuple[int, int] | None = None
        self._next_tick: dict[str, int] = {}
        self._last_tick: dict[str, int] = {}
        """Where each track ended, also before fragments without it: what came a second late goes on
        there."""
        self._began_ns = 0
        self._track_end_ns: dict[str, int] = {}
        self._holes: list[_Hole] = []
        self._interruptions: dict[int, _Interruption] = {}
        self._end: tuple[Where, lines.End] | None = None
        self._stretches: dict[str, list[Stretch]] = {}
        self.frames = 0
        self.samples = 0

    def into_s(self, at_ns: int | None) -> float | None:
        """Seconds into the media: what a player shows for this instant."""
        if at_ns is None or self._start is None:
            return None
        return round((at_ns - self._start.zero_ns) / NS, 3)

    def feed(self, where: Where, body: lines.Journal) -> None:
        """Take the next line."""
        self.boot.feed(where, body)
        match body:
            case lines.Start():
                self._start = body
            case lines.Segment():
                self._segment = body
            case lines.Fragment():
                self._take(where, body)
            case lines.Interruption():
                self._interruptions[body.interruption] = _Interruption(
                    body, instant_utc(self.boot.of(where, body), body.from_ns)
                )
            case lines.Resumed() | lines.Reason():
                self._about(where, body)
            case lines.StatementDue(interruption=number) if number in self._interruptions:
                self._interruptions[number].due = True
            case lines.End():
                self._end = (self.boot.of(where, body), body)
            case _:
                return

    def finish(self) -> None:
        """Weigh the holes against the interruptions, once all lines were fed."""
        if self._start is not None and self.last_end_ns is None:
            self._wrong("no-fragment", "the recording has a start but no fragment", None)
        if self._end is not None and self.last_end_ns is not None and self.last_where is not None:
            where, end = self._end
            limit_ns = self._limit_ns()
            if end.end_ns - self.last_end_ns > limit_ns:
                self._holes.append(_Hole(self.last_end_ns, end.end_ns, where, limit_ns))
        for hole in self._holes:
            if not any(self._covers(i, hole) for i in self._interruptions.values()):
                seconds = (hole.to_ns - hole.from_ns) / NS
                self._wrong(
                    "uncovered",
                    f"{seconds:.3f} s are covered by no fragment, and no interruption says why",
                    hole.where,
                    hole.from_ns,
                )

    def degraded(self) -> tuple[Stretch, ...]:
        """What was covered badly, in order."""
        return tuple(
            sorted((s for each in self._stretches.values() for s in each), key=lambda s: s.from_ns)
        )

    def interruptions(self) -> tuple[Gap, ...]:
        """All interruptions, in order."""
        return tuple(self._gap(i) for _, i in sorted(self._interruptions.items()))

    def _gap(self, found: _Interruption) -> Gap:
        reason = found.reason
        return Gap(
            number=found.line.interruption,
            from_ns=found.line.from_ns,
            to_ns=found.to_ns,
            from_s=self.into_s(found.line.from_ns),
            to_s=self.into_s(found.to_ns),
            from_utc=found.from_utc,
            cause=found.line.cause,
            detail=found.line.detail,
            category=reason.category if reason else None,
            reason_heard=bool(reason and reason.heard),
            reason_from_s=self.into_s(reason.from_ns) if reason else None,
            statement_due=found.due,
        )

    def _about(self, where: Where, body: lines.Resumed | lines.Reason) -> None:
        found = self._interruptions.get(body.interruption)
        if found is None:
            self._wrong(
                "interruption-unknown",
                f"line speaks of interruption {body.interruption}, which never began",
                where,
            )
        elif isinstance(body, lines.Resumed):
            found.to_ns = body.to_ns
        else:
            found.reason = body

    def _covers(self, found: _Interruption, hole: _Hole) -> bool:
        begins = found.line.from_ns <= hole.from_ns + hole.limit_ns
        ends = found.to_ns is None or found.to_ns >= hole.to_ns - hole.limit_ns
        return begins and ends and (found.to_ns is None or found.to_ns > hole.from_ns)

    def _limit_ns(self) -> int:
        period_ns = self._segment.period_ns if self._segment else 0
        return int(_PERIODS * (period_ns or _SOUND_PERIOD_NS))

    def _take(self, where: Where, body: lines.Fragment) -> None:
        if self._start is None or self._segment is None:
            self._wrong("order", "a fragment before the start or its segment's line", where)
            return
        if body.segment != self._segment.segment:
            self._wrong("order", f"fragment of segment {body.segment} in another segment", where)
        self._in_sequence(where, body)
        stream = (where.boot_id, self._segment.stream)
        limit_ns = self._limit_ns()
        last_ns = self._start.start_ns if self.last_end_ns is None else self.last_end_ns
        hole_ns = body.start_ns - last_ns
        if hole_ns > limit_ns:
            self._holes.append(_Hole(last_ns, body.start_ns, where, limit_ns))
        elif body.end_ns <= body.start_ns or (
            hole_ns < -max(limit_ns, _GRID_NS) and self._twice(body, max(limit_ns, _GRID_NS))
        ):
            self._wrong(
                "overlap", "a fragment begins before the last one ended", where, body.start_ns
            )
        if stream != self._stream or hole_ns > limit_ns:
            self._next_tick.clear()
            self._last_tick.clear()
            self._began_ns = body.start_ns - (body.end_ns - body.start_ns)
        self._stream = stream
        scales = {track.kind: track.timescale for track in self._segment.tracks}
        self._track(where, body, "video", body.video, scales.get("video"), limit_ns)
        self._track(
            where, body, "audio", body.audio, scales.get("audio"), int(_PERIODS * _SOUND_PERIOD_NS)
        )
        self.last_end_ns = max(body.end_ns, last_ns)
        self.last_where = where

    def _from_ns(self, run: TrackRun, timescale: int) -> int:
        assert self._start is not None
        return self._start.zero_ns + run.first_tick * NS // timescale

    def _twice(self, body: lines.Fragment, limit_ns: int) -> bool:
        """A track begins before the same track of the fragments before it ended. Where a part fails
        or comes back, the other track goes on alone, without a hole: its stream begins where it
        stopped, which may lie before the end of the track that was lost, and so may its next
        fragments."""
        assert self._segment is not None
        scales: dict[str, int] = {t.kind: t.timescale for t in self._segment.tracks}
        runs: dict[str, TrackRun | None] = {"video": body.video, "audio": body.audio}
        begins = {
            kind: self._from_ns(run, scales[kind])
            for kind, run in runs.items()
            if run is not None and run.units and scales.get(kind, 0) > 0
        }
        ended = self._track_end_ns
        return not begins or any(at < ended.get(kind, at) - limit_ns for kind, at in begins.items())

    def _in_sequence(self, where: Where, body: lines.Fragment) -> None:
        here = (body.segment, body.fragment)
        if self._fragment is not None:
            segment, fragment = self._fragment
            follows = here == (segment, fragment + 1)
            begins = body.segment > segment and body.fragment == 1
            if not (follows or begins):
                self._wrong("sequence", f"fragment {here} follows {self._fragment}", where)
        self._fragment = here

    def _track(
        self,
        where: Where,
        body: lines.Fragment,
        kind: str,
        run: TrackRun | None,
        timescale: int | None,
        gap_limit_ns: int,
    ) -> None:
        """The ticks must tell the times that the line tells, within the AAC grid. Sound with a hole
        in it may end later by that: what came behind the hole was still taken with it. Sound that
        was there before a late picture ended the fragment is in it, too: until the line was
        written. A track that goes on where it ended may begin earlier (what came too late for its
        own fragment) or later (what came before); one that only begins may do so up to a fragment
        before the stream: what waited for the picture."""
        word = _WORD[kind]
        if timescale is not None and timescale <= 0:
            self._wrong("time", f"the {word} has no time scale", where)
            return
        if run is None or timescale is None or run.state is TrackState.ABSENT or not run.units:
            self._next_tick.pop(kind, None)
            self._degrade(where, body, f"{word} absent")
            return
        expected = self._next_tick.get(kind)
        if expected is not None and run.first_tick != expected:
            self._wrong(
                "tick-gap",
                f"{word} goes on at tick {run.first_tick}, {expected} was expected",
                where,
                body.start_ns,
            )
        last = self._last_tick.get(kind)
        self._next_tick[kind] = self._last_tick[kind] = run.first_tick + run.ticks
        from_ns = self._from_ns(run, timescale)
        to_ns = from_ns + run.ticks * NS // timescale
        self._track_end_ns[kind] = max(self._track_end_ns.get(kind, to_ns), to_ns)
        hole_ns = self._hole_ns(run, timescale) if kind == "audio" else 0
        goes_on = run.first_tick == last
        begins_ns = self._began_ns if last is None else from_ns if goes_on else body.start_ns
        ends_ns = body.end_ns + _GRID_NS + hole_ns
        if kind == "audio":
            ends_ns = max(ends_ns, where.boot_ns)
        if from_ns < begins_ns - _GRID_NS or to_ns > ends_ns:
            text = f"the ticks of the {word} lie outside of the fragment's times"
            self._wrong("time", text, where, body.start_ns)
        elif to_ns < body.end_ns - _GRID_NS or (from_ns > body.start_ns + _GRID_NS and not goes_on):
            self._degrade(where, body, f"{word} incomplete")
        if kind == "video":
            self.frames += run.units
        else:
            self.samples += run.units
        if run.state is not TrackState.OK:
            self._degrade(where, body, f"{word} {run.state.value}")
        if max(run.gap_ns, hole_ns) > gap_limit_ns:
            self._degrade(where, body, f"{word} gap")

    @staticmethod
    def _hole_ns(run: TrackRun, timescale: int) -> int:
        """Sound's units are samples: where there are fewer than ticks, something is missing."""
        return max(0, run.ticks - run.units) * NS // timescale

    def _degrade(self, where: Where, body: lines.Fragment, what: str) -> None:
        known = self._stretches.setdefault(what, [])
        from_ns, to_ns = body.start_ns, body.end_ns
        from_utc = instant_utc(where, from_ns)
        if known and from_ns - known[-1].to_ns <= self._limit_ns():
            from_ns, from_utc = known[-1].from_ns, known[-1].from_utc
            known.pop()
        from_s, to_s = self.into_s(from_ns) or 0.0, self.into_s(to_ns) or 0.0
        known.append(Stretch(from_ns, to_ns, from_s, to_s, from_utc, what))

    def _wrong(self, code: str, text: str, where: Where | None, at_ns: int | None = None) -> None:
        self._findings.add(
            Level.INCOMPLETE,
            code,
            text,
            file=where.file if where else "",
            line=where.line if where else None,
            at_ns=at_ns,
            utc=instant_utc(where, at_ns) if where and at_ns is not None else "",
            into_s=self.into_s(at_ns),
        )
