"""The simulated board: the Verilated SoC with a serial host and a flash, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from asicflow.board.transport import BITS_PER_CHARACTER
from asicflow.errors import StageError
from asicflow.resources import resource
from asicflow.simulate import build_verilator
from asicflow.soc.pads import SOCKET_FILE

BIT_CYCLES = 8  # clock cycles of a bit: the fastest that the port takes
RESET_CYCLES = 20
ACK_CYCLES = 5000  # clock cycles without an acknowledgement that end a Wishbone access
Waveforms = Literal["vcd", "fst"]
WAVEFORMS = {"vcd": ("--trace",), "fst": ("--trace-fst",)}


MAIN = "ip/soc/tb/main.cpp"


def build_netlist_board(sources: Sequence[Path], build_dir: Path, *, host: bool = False) -> Path:
    """Build the simulator of a SoC that is a flat netlist; no faults can be planted inside it."""
    defines = {"FLAT": 1} | ({"HOST": 1} if host else {})
    return build_verilator("soc", sources, resource(MAIN), build_dir, defines=defines, optimise="-O1")


def build_board(
    sources: Sequence[Path],
    build_dir: Path,
    *,
    checks: Sequence[Path] = (),
    waveforms: Waveforms | None = None,
    host: bool = False,
) -> Path:
    """Build the simulator of a SoC and return the executable.

    ``checks`` are further files of simulation only, for example protocol checks that bind themselves;
    ``waveforms`` makes one that can write them, slower; ``host`` is for a SoC in a frame that has a processor.
    """
    faults = resource("ip/soc/tb/faults.vlt")
    arguments = WAVEFORMS[waveforms] if waveforms else ()
    in_shell = any(path.name == SOCKET_FILE for path in sources)
    path = ("soc", "i_chip", "i_inside", "i_reset") if in_shell else ("soc", "i_reset")
    defines = {"RESET_BLOCK": "__PVT__" + "__DOT__".join(path)} | ({"HOST": "1"} if host else {})
    return build_verilator(
        "soc", [faults, *sources, *checks], resource(MAIN), build_dir,
        defines=defines, args=arguments,
    )  # fmt: skip


class SimulatedBoard:
    """A board in simulation; a :class:`~asicflow.board.transport.Transport` with knobs.

    Simulated time passes only while the host reads, so every run can be repeated exactly.

    Parameters
    ----------
    executable : Path
        From :func:`build_board`.
    bit_cycles : float
        Clock cycles of a bit of the line, in steps of an eighth.
    activity : Path, optional
        A folder that gets what pins and memories do, cycle by cycle (see ``ip/soc/tb/main.cpp``).
    """

    def __init__(self, executable: Path, bit_cycles: float = BIT_CYCLES, activity: Path | None = None) -> None:
        self._messages = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the board)
        self._process = subprocess.Popen(
            [str(executable.resolve()), *([f"+activity={activity.resolve()}"] if activity else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            text=True,
            bufsize=1,
            start_new_session=True,  # Ctrl-C is for the host
        )
        self._unread = b""
        self._now = 0
        self._dip: int | None = None
        self.bit_cycles(bit_cycles)

    def __enter__(self) -> SimulatedBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- knobs ----------------------------------------------------------------------------------
    def reset(self, boot_mode: int = 0) -> None:
        """Press the reset button with these boot configuration pins."""
        self._unread = b""
        self._ask(f"boot {boot_mode}")
        self._ask(f"reset {RESET_CYCLES}")

    def bit_cycles(self, cycles: float) -> None:
        """Set the clock cycles of a bit of the line: another oscillator, or another bit rate."""
        self._bit_cycles = cycles
        self._ask(f"bit {round(8 * cycles)}")

    @property
    def bit_time(self) -> float:
        """Clock cycles of a bit of the line."""
        return self._bit_cycles

    def fault(self, name: str) -> None:
        """Let the chip or the flash have a fault from now on (see ``ip/soc/tb/main.cpp``)."""
        self._ask(f"fault {name}")

    def brown_out(self, after: int) -> None:
        """Let the supply dip after so many cycles: the supervisor resets the chip."""
        self._dip = self._now + after

    def trace(self, path: Path | None) -> None:
        """Write waveforms into a file from now on; None ends it (StageError without ``waveforms`` in the build)."""
        self._ask(f"trace {path.resolve()}" if path else "trace")

    def flash(self, contents: Path | None) -> None:
        """Program the flash; None erases it."""
        self._ask(f"flash {contents.resolve()}" if contents else "flash")

    def run(self, cycles: int) -> None:
        """Let time pass; what the chip sends meanwhile is kept for :meth:`read`."""
        self._unread += self._run(cycles, 1 << 30)

    @property
    def cycles(self) -> int:
        """Clock cycles simulated so far."""
        return int(self._ask("status")["cycles"])

    @property
    def seconds(self) -> float:
        """Processor time of the simulation so far, without the host's."""
        return float(self._ask("status")["seconds"])

    def gpio_in(self, pins: int) -> None:
        """Set the input pins."""
        self._ask(f"gpio {pins}")

    def gpio(self) -> int:
        """Return the output pins."""
        return int(self._ask("status")["gpio"])

    # -- frame ----------------------------------------------------------------------------------
    def wishbone(self, address: int, lanes: int = 15, data: int | None = None) -> int | None:
        """One Wishbone access of the frame's processor, a write when ``data`` is given.

        Returns the data lines at the acknowledgement, None when there was none for :data:`ACK_CYCLES`. Needs ``host``
        in the build.
        """
        answer = self._ask(f"wishbone {ACK_CYCLES} {address} {lanes}" + ("" if data is None else f" {data}"))
        return int(answer["data"]) if answer["ack"] else None

    def hold(self, on: bool) -> None:
        """Let the frame's processor hold the system's in reset."""
        self._ask(f"hold {int(on)}")

    def frame_status(self) -> tuple[int, int]:
        """Return the lowest word of the logic analyser's outputs, and the interrupts."""
        answer = self._ask("frame")
        return int(answer["la"]), int(answer["irq"])

    def messages(self) -> list[str]:
        """Return what the simulation had to say, for example breaches of the bus protocol."""
        self._messages.seek(0)
        return self._messages.read().splitlines()

    # -- transport ------------------------------------------------------------------------------
    def write(self, data: bytes) -> None:
        """Queue bytes for the line."""
        if data:
            self._ask(f"send {data.hex()}")

    def read(self, count: int, characters: int) -> bytes:
        """Return ``count`` bytes, fewer after the time of so many characters."""
        if len(self._unread) < count:
            cycles = round(characters * BITS_PER_CHARACTER * self._bit_cycles)
            self._unread += self._run(cycles, count - len(self._unread))
        data, self._unread = self._unread[:count], self._unread[count:]
        return data

    def close(self) -> None:
        """End the simulation."""
        if self._process.poll() is None:
            assert self._process.stdin is not None
            try:
                self._process.stdin.write("quit\n")
                self._process.stdin.close()
                self._process.wait(10)
            except (OSError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()

    def _run(self, cycles: int, count: int) -> bytes:
        if self._dip is None or self._now + cycles < self._dip:
            return self._run_on(cycles, count)
        before = self._run_on(self._dip - self._now, count)
        if self._now < self._dip:  # the bytes came first
            return before
        self._dip = None
        self._ask(f"reset {RESET_CYCLES}")
        return before

    def _run_on(self, cycles: int, count: int) -> bytes:
        answer = self._ask(f"run {cycles} {count}")
        self._now = answer["cycles"]
        return bytes.fromhex(answer["received"])

    def _ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(command + "\n")
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            raise StageError(f"the simulation stopped with code {self._process.wait(10)}", where=command[:60])
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise StageError(f"the simulation does not know '{command[:60]}'")
        return answer
