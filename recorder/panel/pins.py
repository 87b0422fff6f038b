"""Opens what is wired to GPIO pins, or says why not. Only button and light import from here."""

from collections.abc import Callable
from typing import Literal, TypeVar

from recorder.errors import RecorderError

Part = TypeVar("Part")


def wired(what: Literal["button", "light"], pin: object, make: Callable[[], Part]) -> Part:
    """``make()``. RecorderError, with what the voice says, where its pins cannot be had."""
    try:
        return make()
    except Exception as error:  # gpiozero raises whatever its pin factories do
        raise RecorderError(
            f"{what}-broken", f"{type(error).__name__}: {error}",
            where=f"{what}.pin {pin}", phrase=f"{what}_fault",
            remedy="Check the pin and that the recorder's user may open /dev/gpiochip*",
        ) from error  # fmt: skip
