"""Does what was encrypted say what the journal says? For those who hold a custodian's key.

Each fragment is opened, its plaintext held against its digest, and its ``moof`` against the ticks,
frames and gaps of its line. Nothing is decoded and nothing is written.
"""

import hashlib
from collections.abc import Sequence

from recorder import boxes
from recorder.capture.messages import Track, TrackRun, TrackState
from recorder.clock import NS
from recorder.errors import RecorderError
from recorder.evidence import lines, plaintext
from recorder.evidence.age import Identity
from recorder.evidence.instants import instant_utc
from recorder.evidence.places import Place
from recorder.evidence.verification_report import Findings, Level
from recorder.evidence.verification_segments import Piece, Written

_PERIODS = 1.5


class Picture:
    """``feed`` every segment whose file is as signed for."""

    def __init__(self, root: Place, keys: Sequence[Identity], findings: Findings) -> None:
        self._root = root
        self._keys = keys
        self._findings = findings
        self.foreign_identity = False
        self.fragments = 0
        self._last: tuple[int, int, int] | None = None
        """Stream, end and length of the last frame of the fragment before, in ticks."""

    def feed(self, written: Written) -> None:
        """Open one segment and compare. A key that is not one of its custodians' opens nothing."""
        if self.foreign_identity or not written.pieces:
            return
        opened = plaintext.fragments(
            self._root / written.line.file, [piece.line for piece in written.pieces], self._keys
        )
        piece = written.pieces[0]
        try:
            for number, piece in enumerate(written.pieces):
                _, data = next(opened)
                self._fragment(written, piece, data, first=number == 0)
                self.fragments += 1
        except RecorderError as error:
            if error.code == "age-identity":
                self.foreign_identity = True
            else:
                self._wrong(written, piece, error.problem)

    def _fragment(self, written: Written, piece: Piece, data: bytes, *, first: bool) -> None:
        line = piece.line
        if hashlib.sha256(data).hexdigest() != line.sha256:
            self._wrong(written, piece, "the plaintext differs from its digest in the journal")
            return
        view = memoryview(data)
        if first:
            self._init(written, piece, view[: written.line.init_bytes])
            view = view[written.line.init_bytes :]
        kinds = [box.type for box in boxes.iterate(view)]
        if kinds[:2] != [b"moof", b"mdat"] or any(kind != b"free" for kind in kinds[2:]):
            self._wrong(written, piece, "not one moof, its mdat and padding")
            return
        runs = {run.track_id: run for run in boxes.parse_fragment(view)}
        for track in written.line.tracks:
            said = line.video if track.kind == "video" else line.audio
            self._track(written, piece, track, said, runs.pop(track.track_id, None))
        if runs:
            self._wrong(written, piece, "holds a track that its segment's line does not have")

    def _init(self, written: Written, piece: Piece, init: memoryview) -> None:
        if hashlib.sha256(init).hexdigest() != written.line.init_sha256:
            self._wrong(written, piece, "the segment's init differs from its digest")
            return
        found = {(t.kind, t.track_id, t.timescale) for t in boxes.parse_init(init)}
        if found != {(t.kind, t.track_id, t.timescale) for t in written.line.tracks}:
            self._wrong(written, piece, "the segment's init has other tracks than its line")

    def _track(
        self,
        written: Written,
        piece: Piece,
        track: Track,
        said: TrackRun | None,
        run: boxes.Run | None,
    ) -> None:
        absent = said is None or said.state is TrackState.ABSENT or not said.units
        if run is None or absent or said is None:
            if (run is None) != absent:
                self._wrong(
                    written, piece, f"{track.kind} is there where the line has none, or not"
                )
            return
        if (run.tfdt, run.ticks) != (said.first_tick, said.ticks):
            self._wrong(
                written,
                piece,
                f"{track.kind} starts at tick {run.tfdt} and lasts {run.ticks}, "
                f"the line says {said.first_tick} and {said.ticks}",
            )
        if track.kind != "video":
            return
        if len(run.durations) != said.units:
            self._wrong(written, piece, f"{len(run.durations)} frames, the line says {said.units}")
        # The distance to the first frame counts here, that to the next fragment's first one there.
        distances = list(run.durations[:-1])
        if self._last is not None and self._last[:2] == (written.line.stream, run.tfdt):
            distances.append(self._last[2])
        self._last = (written.line.stream, run.tfdt + run.ticks, run.durations[-1])
        longest_ns = max(distances, default=0) * NS // max(1, track.timescale)
        limit_ns = int(_PERIODS * written.line.period_ns)
        if longest_ns > limit_ns >= said.gap_ns:
            self._wrong(
                written, piece, f"a frame gap of {longest_ns / 1e6:.1f} ms is not on record"
            )

    def _wrong(self, written: Written, piece: Piece, text: str) -> None:
        line: lines.Fragment = piece.line
        self._findings.add(
            Level.TAMPERED,
            "picture",
            f"segment {line.segment}, fragment {line.fragment}: {text} "
            f"({piece.where.file}:{piece.where.line})",
            file=written.line.file,
            at_ns=line.start_ns,
            utc=instant_utc(piece.where, line.start_ns),
        )
