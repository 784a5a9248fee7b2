"""What stands around a chip on the bench: line, reset button, boot straps, flash programmer, clock, supply, LEDs.

A :class:`SimulatedBench` has them all; at a :class:`ManualBench` the person is asked to do what no wire does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from asicflow.board.chip import Description, describe
from asicflow.board.faults import Fault
from asicflow.board.noise import DeadLine, NoisyLine
from asicflow.board.pty import PtyTransport
from asicflow.board.simulated import BIT_CYCLES, SimulatedBoard, Waveforms
from asicflow.board.stage import board_of
from asicflow.board.transport import BITS_PER_CHARACTER, SerialTransport, Transport
from asicflow.firmware.image import BootMode
from asicflow.workspace import Workspace

BYTE_ERROR_RATE = 1 / 2000
WRONG_CLOCK = 1.5
SILICON_LIMIT = 1.25  # of the nominal clock, at nominal supply, with the fault slow-silicon
POWER_ON_CYCLES = 2000
_SLOWEST_BIT = 10_000  # clock cycles
_DIP_AFTER = 1_500_000  # cycles: the ladder is at work with the memories
_THRESHOLD = 0.4  # of the nominal supply: the fault's limit falls linearly to 0 there


class Bench(Protocol):
    """A bench with one board."""

    nominal_hz: int
    baud: float

    def line(self) -> Transport:
        """Return the line to the debug port."""

    def reset(self, boot: BootMode) -> None:
        """Reset the chip with these boot straps; returns when it has had time to start."""

    def program_flash(self, image: Path | None) -> None:
        """Program the flash; None erases it."""

    def set_clock(self, hz: float, supply: float) -> None:
        """Set the oscillator, and the core supply as a share of the nominal one."""

    def leds(self) -> int | None:
        """Return what the output pins show; None when nobody can tell."""

    def set_pins(self, pins: int) -> bool:
        """Drive the input pins; False when nobody can."""

    def wait(self, cycles: int) -> None:
        """Let the chip work for so many nominal clock cycles."""

    def ask(self, question: str) -> str | None:
        """Ask the person; None when there is none."""

    def close(self) -> None:
        """Switch off."""


def simulator(ws: Workspace, waveforms: Waveforms | None = None) -> tuple[Description, Path]:
    """Return a run's chip and the executable that simulates it, built when it is not there (UserError, ToolMissing)."""
    described = describe(ws.soc, ws.firmware)
    ws.sim.mkdir(exist_ok=True)
    return described, board_of(ws, described, waveforms)


class SimulatedBench:
    """A board in simulation.

    Parameters
    ----------
    executable : Path
        From :func:`simulator`.
    nominal_hz : int
        What the chip's oscillator should have.
    fault : Fault, optional
        What is wrong with it.
    bit_cycles : float
        Nominal clock cycles of a bit of the line.
    """

    def __init__(
        self, executable: Path, nominal_hz: int, fault: Fault | None = None, bit_cycles: float = BIT_CYCLES
    ) -> None:
        self.nominal_hz = nominal_hz
        self.baud = nominal_hz / bit_cycles
        self.board = SimulatedBoard(executable, bit_cycles)
        self._fault = fault
        self._folder: Path | None = None
        self._bits = bit_cycles
        self._ratio = 1.0
        if fault in (Fault.DEAD_FLASH, Fault.STUCK_CPU):
            self.board.fault(fault)
        self.far_end = self._faulty_line()
        self._line = PtyTransport(self.far_end)
        self.set_clock(nominal_hz, 1)
        if fault is Fault.BROWN_OUT:
            self.board.brown_out(_DIP_AFTER)

    def _faulty_line(self) -> Transport:
        match self._fault:
            case Fault.DEAD_HOST:
                return DeadLine(self.board)
            case Fault.BYTE_ERRORS:
                return NoisyLine(self.board, BYTE_ERROR_RATE)
        return self.board

    def line(self) -> Transport:
        """See :class:`Bench`."""
        return self._line

    def reset(self, boot: BootMode) -> None:
        """See :class:`Bench`."""
        self.board.reset(boot)
        self.board.run(POWER_ON_CYCLES)

    def program_flash(self, image: Path | None) -> None:
        """See :class:`Bench`."""
        if image is not None and self._fault is Fault.CORRUPT_IMAGE:
            contents = bytearray(image.read_bytes())
            contents[len(contents) // 2] ^= 0x10
            image = image.with_suffix(".corrupt.bin")
            image.write_bytes(contents)
        self.board.flash(image)

    def set_clock(self, hz: float, supply: float) -> None:
        """See :class:`Bench`."""
        self._ratio = hz / self.nominal_hz * (WRONG_CLOCK if self._fault is Fault.WRONG_CLOCK else 1)
        self.board.bit_cycles(self._bits * self._ratio)
        if self._fault is Fault.SLOW_SILICON:
            limit = SILICON_LIMIT * max(0.0, (supply - _THRESHOLD) / (1 - _THRESHOLD))
            self.board.fault("slow" if self._ratio > limit else "none")

    def set_baud(self, baud: float) -> None:
        """Set the bit rate of the host's end, within what the chip can learn."""
        bits = min(max(self.nominal_hz / baud, BIT_CYCLES), _SLOWEST_BIT)
        self.baud, self._bits = self.nominal_hz / bits, bits
        self.board.bit_cycles(bits * self._ratio)

    def leds(self) -> int | None:
        """See :class:`Bench`."""
        return self.board.gpio()

    def set_pins(self, pins: int) -> bool:
        """See :class:`Bench`."""
        self.board.gpio_in(pins)
        return True

    def wait(self, cycles: int) -> None:
        """See :class:`Bench`."""
        self.board.run(cycles)

    def ask(self, question: str) -> str | None:
        """See :class:`Bench`."""
        return None

    def close(self) -> None:
        """See :class:`Bench`."""
        self._line.close()


class ManualBench:
    """A fabricated chip on a serial device, and a person.

    Parameters
    ----------
    device : str
        Serial device.
    baud : int
        Its bit rate.
    nominal_hz : int
        What the chip's oscillator should have.
    ask : callable
        Shows a text and returns what the person types.
    """

    def __init__(self, device: str, baud: int, nominal_hz: int, ask: Callable[[str], str]) -> None:
        self.nominal_hz = nominal_hz
        self.baud: float = baud
        self._line = SerialTransport(device, baud)
        self._ask = ask

    def line(self) -> Transport:
        """See :class:`Bench`."""
        return self._line

    def reset(self, boot: BootMode) -> None:
        """See :class:`Bench`."""
        self._ask(f"set the boot straps to {boot.value} ({boot.name.lower()}), press reset, then Enter")

    def program_flash(self, image: Path | None) -> None:
        """See :class:`Bench`."""
        self._ask(f"program {image} into the flash, then Enter" if image else "erase the flash, then Enter")

    def set_clock(self, hz: float, supply: float) -> None:
        """See :class:`Bench`."""
        self._ask(f"set the clock to {hz / 1e6:.3f} MHz and the core supply to {supply:.0%}, press reset, then Enter")

    def leds(self) -> int | None:
        """See :class:`Bench`."""
        answer = self._ask("the output pins 15 to 0 as a hexadecimal number (empty: cannot tell)").strip()
        return int(answer, 16) if answer else None

    def set_pins(self, pins: int) -> bool:
        """See :class:`Bench`."""
        return self._ask(f"drive the input pins with {pins:#06x} and type y, or only Enter to leave it out") == "y"

    def wait(self, cycles: int) -> None:
        """See :class:`Bench`."""
        characters = cycles / self.nominal_hz * self.baud / BITS_PER_CHARACTER
        self._line.read(1 << 20, round(characters) + 1)

    def ask(self, question: str) -> str | None:
        """See :class:`Bench`."""
        return self._ask(question)

    def close(self) -> None:
        """See :class:`Bench`."""
        self._line.close()


def open_simulated(ws: Workspace) -> Transport:
    """Return the line to a simulated board without faults, switched on, waiting for the host."""
    described, executable = simulator(ws)
    bench = SimulatedBench(executable, described.soc["clock"]["hz"])
    bench.reset(BootMode.HOST)
    return bench.line()
