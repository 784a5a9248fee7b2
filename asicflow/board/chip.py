"""A chip behind its debug port: identification, memories, inferences by debug port or by program."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicflow.board.adp import Adp, LinkError
from asicflow.errors import UserError
from asicflow.soc.rdl import RegisterMap
from asicflow.soc.system import System, load_system

BANNER = "asicflow boot ROM"
_POLLS = 1 << 16


@dataclass(frozen=True)
class Description:
    """What a run directory says of its chip: address map, ``soc.json``, ``firmware.json`` and its folder."""

    system: System
    soc: dict[str, Any]
    programs: dict[str, Any]
    firmware: Path


def describe(soc_dir: Path, firmware_dir: Path) -> Description:
    """Read the files of the soc and firmware stages (UserError when one is missing)."""
    try:
        soc = json.loads((soc_dir / "soc.json").read_text())
        programs = json.loads((firmware_dir / "firmware.json").read_text())["programs"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"the description of the chip cannot be read: {error}", where=str(soc_dir)) from error
    return Description(load_system(soc_dir / "map.json"), soc, programs, firmware_dir)


class Chip:
    """One chip.

    Parameters
    ----------
    port : Adp
        Its debug port, connected.
    description : Description
        What it should be.
    """

    def __init__(self, port: Adp, description: Description) -> None:
        self.port = port
        self._d = description
        self._engine = description.soc["engine"]
        self._serial = 0

    def register(self, block: str, name: str) -> int:
        """Return the address of a register."""
        found = self._d.system.block(block)
        return found.base + found.registers.register(name).offset

    def identify(self) -> None:
        """Compare the system table with the run directory (LinkError when the chip is another one)."""
        table = self._d.system.block("table")
        for register in table.registers.registers:
            expected = sum((field.reset or 0) << field.lsb for field in register.fields)
            (found,) = self.port.read(table.base + register.offset)
            if found != expected:
                raise LinkError(
                    f"{register.name} in the system table is {found:#010x}, not {expected:#010x} as in the run",
                    where=f"{table.base + register.offset:#010x}",
                    hint="use the run directory that the chip was made from",
                )

    def boot_banner(self, patience: int = 2000) -> str:
        """Start the processor in the boot ROM and return what it prints (LinkError without its banner)."""
        self.port.hold_cpu()
        self.port.write(self.register("sysctrl", "REMAP"), 0)
        self.port.console()
        self.port.release_cpu()
        text = self.port.listen(patience)
        build = f"{int(self._d.soc['build_sha256'][:8], 16):08X}"
        if BANNER not in text or build not in text:
            raise LinkError(f"no banner with build {build} from the boot ROM, but {text!r}", where="processor")
        return text

    # -- debug path -----------------------------------------------------------------------------
    def infer(self, x: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """One inference by the debug port alone.

        Parameters
        ----------
        x : (n_in,) int64
            Elements in the model's input format.

        Returns
        -------
        y : (n_out,) int64
        cycles : int
            Clock cycles of the engine.
        """
        accel = self._d.system.block("accel")
        mask = (1 << self._engine["in_width"]) - 1
        self.port.write(accel.base + accel.registers.window("input_buffer").offset, [int(v) & mask for v in x])
        self.port.write(self.register("accel", "CTRL"), _bit(accel.registers, "CTRL", "start"))
        done = _bit(accel.registers, "STATUS", "done")
        self.port.poll(self.register("accel", "STATUS"), done, done, _POLLS)
        words = self.port.read(
            accel.base + accel.registers.window("output_buffer").offset, accel.registers.window("output_buffer").entries
        )
        (cycles,) = self.port.read(self.register("accel", "CYCLES"))
        return self._signed(words), cycles

    # -- firmware path --------------------------------------------------------------------------
    def load(self, program: str, patience: int = 2000) -> str:
        """Load a program into IMEM, let the processor run it, return what it prints first."""
        binary = (self._d.firmware / self._d.programs[program]["binary"]).read_bytes()
        self.port.hold_cpu()
        self.port.upload(self._d.programs[program]["load"], binary)
        self.port.write(self.register("sysctrl", "REMAP"), 1)
        self.port.console()
        self.port.release_cpu()
        self._serial = 0
        return self.port.listen(patience)

    def infer_by_program(self, x: NDArray[np.int64]) -> tuple[NDArray[np.int64], int, int]:
        """One inference by the program ``infer``; returns y (n_out,), the engine's and the processor's cycles."""
        box = self._d.programs["infer"]["symbols"]
        self._serial += 1
        self.port.upload(box["mailbox_x"], self._packed(x))
        self.port.write(box["mailbox_request"], self._serial)
        self.port.poll(box["mailbox_reply"], 0xFFFFFFFF, self._serial, _POLLS)
        words = self.port.read(box["mailbox_y"], self._engine["n_out"])
        (cycles,) = self.port.read(box["mailbox_cycles"])
        (elapsed,) = self.port.read(box["mailbox_elapsed"])
        return self._signed(words), cycles, elapsed

    def _packed(self, x: NDArray[np.int64]) -> bytes:
        """The elements in the smallest type of the program's mailbox, little endian."""
        width = self._engine["in_width"]
        size = 1 if width <= 8 else 2 if width <= 16 else 4
        return b"".join((int(v) & ((1 << 8 * size) - 1)).to_bytes(size, "little") for v in x)

    def _signed(self, words: list[int]) -> NDArray[np.int64]:
        y = np.array(words, np.int64)
        return y - ((y >> 31) << 32) if self._engine["out_signed"] else y


def _bit(registers: RegisterMap, register: str, field: str) -> int:
    (found,) = (f for f in registers.register(register).fields if f.name == field)
    return found.mask
