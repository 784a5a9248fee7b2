"""What can be wrong with a simulated board, on request."""

from __future__ import annotations

from enum import StrEnum

from asicflow.errors import UserError


class Fault(StrEnum):
    """One fault of the board or the chip."""

    DEAD_HOST = "dead-host"
    DEAD_FLASH = "dead-flash"
    CORRUPT_IMAGE = "corrupt-image"
    BROWN_OUT = "brown-out"
    WRONG_CLOCK = "wrong-clock"
    BYTE_ERRORS = "byte-errors"
    STUCK_CPU = "stuck-cpu"
    SLOW_SILICON = "slow-silicon"


DESCRIPTIONS = {
    Fault.DEAD_HOST: "nothing arrives on the debug port's line, in either direction",
    Fault.DEAD_FLASH: "the flash drives nothing; its line is pulled up",
    Fault.CORRUPT_IMAGE: "one bit of what is programmed into the flash is wrong",
    Fault.BROWN_OUT: "the supply dips once and the supervisor resets the chip while it works",
    Fault.WRONG_CLOCK: "the oscillator runs at one and a half times its frequency",
    Fault.BYTE_ERRORS: "one byte in two thousand changes, vanishes or appears, in both directions",
    Fault.STUCK_CPU: "the processor never reaches the bus",
    Fault.SLOW_SILICON: "above 1.25 times the nominal clock, at nominal supply, answers of the bus come too late",
}


def parse_fault(name: str | None) -> Fault | None:
    """Return the fault of this name (UserError lists those there are)."""
    if name is None:
        return None
    try:
        return Fault(name)
    except ValueError:
        listed = "; ".join(f"{fault}: {text}" for fault, text in DESCRIPTIONS.items())
        raise UserError(f"there is no fault '{name}'", where="--fault", hint=f"choose one of: {listed}") from None
