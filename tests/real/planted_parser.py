"""A parser that crashes, hangs and lies: what the fuzzer has to find."""

from collections.abc import Sequence

from tests.fuzz.targets import Broken


def seeds() -> Sequence[bytes]:
    """Nothing is wrong with these."""
    return [b"fine", b"good"]


_HUNG: list[bytes] = []


def check(data: bytes) -> None:
    """Three broken promises, one bit or byte away."""
    if len(_HUNG) == 1:
        _HUNG.append(data)
    match data[:1]:
        case b"g" if len(data) > 4:
            raise KeyError("a crash")
        case b"f" if len(data) < 4:
            _HUNG.append(data)
            while len(_HUNG) == 1:  # once is enough, and takes its time
                pass
        case b"d" | b"e" | b"n":
            raise Broken("a lie")
