"""Which file a journal line vouches for as complete: a private record, or a segment that ended."""

import msgspec

from recorder.evidence import lines


class Named(msgspec.Struct, frozen=True):
    """``file`` is its path in the bag; size and digest are those of the encrypted file."""

    file: str
    size_bytes: int
    sha256: str


def named(body: lines.Journal) -> Named | None:
    """None for lines that vouch for none. A segment's number is its file's name."""
    if isinstance(body, lines.SegmentEnd):
        file = f"data/segments/{body.segment:04d}.mp4.age"
        return Named(file, body.age_bytes, body.age_sha256)
    private: lines.Private | None = getattr(body, "private", None)
    return None if private is None else Named(private.file, private.bytes, private.sha256)
