"""A chip behind its debug port: identification, memories, inferences by debug port or by program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicflow.board.adp import Adp, ChipError, LinkError
from asicflow.board.link import Link, Mailbox
from asicflow.errors import StageError, UserError
from asicflow.model.image import Image
from asicflow.soc.rdl import RegisterMap
from asicflow.soc.system import System, load_system
from asicflow.soc.testbench import load_weights

BANNER = "asicflow boot ROM"
WAITING = "boot: waiting for the host"
READY = "infer: ready"
_MARK = 0x80  # an output of the debug port that drives nothing
_POLLS = 1 << 16


@dataclass(frozen=True)
class Description:
    """What a run directory says of its chip: address map, ``soc.json``, ``firmware.json`` and its folder.

    ``weights`` are the model's own where they are reloadable, else None.
    """

    system: System
    soc: dict[str, Any]
    programs: dict[str, Any]
    firmware: Path
    weights: Image | None = None


def describe(soc_dir: Path, firmware_dir: Path) -> Description:
    """Read the files of the soc and firmware stages (UserError when one is missing)."""
    try:
        soc = json.loads((soc_dir / "soc.json").read_text())
        programs = json.loads((firmware_dir / "firmware.json").read_text())["programs"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"the description of the chip cannot be read: {error}", where=str(soc_dir)) from error
    weights = load_weights(soc_dir / "accel") if soc["engine"].get("weights") else None
    return Description(load_system(soc_dir / "map.json"), soc, programs, firmware_dir, weights)


def expected_banner(soc: Mapping[str, Any]) -> list[str]:
    """Return the lines that the boot ROM of a chip prints when it waits for the host, from ``soc.json``."""
    build, model = (soc[f"{name}_sha256"][:8].upper() for name in ("build", "model"))
    return [BANNER, f"build {build} model {model}", WAITING]


class Chip:
    """One chip.

    Parameters
    ----------
    port : Link
        Its debug port, connected.
    description : Description
        What it should be.

    Attributes
    ----------
    resets : int
        How often it was found to have been reset from outside (supply or reset pin) since :meth:`mark`.
    """

    def __init__(self, port: Link, description: Description) -> None:
        self.port = port
        self.resets = 0
        self.resets_told = 0  # of those, how many somebody has been told of
        self._d = description
        self._engine = description.soc["engine"]
        self._weights = description.weights  # those that the chip is to have

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
                raise ChipError(
                    f"{register.name} in the system table is {found:#010x}, not {expected:#010x} as in the run",
                    where=f"{table.base + register.offset:#010x}",
                    hint="use the run directory that the chip was made from",
                )

    def table(self, register: str) -> int:
        """Return a word of the system table."""
        return self.port.read(self.register("table", register))[0]

    def expected_build(self) -> int:
        """Return the build's number that the run has."""
        return int(self._d.soc["build_sha256"][:8], 16)

    def mark(self) -> None:
        """Set the mark that only a reset of the whole chip clears."""
        self.port.outputs(set_bits=_MARK)

    def was_reset(self) -> bool:
        """True when the mark is gone; counts in :attr:`resets` and sets it again."""
        if self.port.outputs() & _MARK:
            return False
        self.resets += 1
        self.mark()
        return True

    def boot_banner(self, patience: int = 2000) -> str:
        """Start the processor in the boot ROM and return what it prints (ChipError without its banner)."""
        self.start_rom(wait=False)
        text = self.port.listen(patience)
        build = f"{self.expected_build():08X}"
        if BANNER not in text or build not in text:
            raise ChipError(f"no banner with build {build} from the boot ROM, but {text!r}", where="processor")
        return text

    def start_rom(self, wait: bool = True) -> None:
        """Start the processor in the boot ROM; ``wait`` until it takes requests (LinkError when it does not)."""
        rom = self.mailbox("bootrom")
        self.port.hold_cpu()
        self.port.write(self.register("sysctrl", "REMAP"), 0)
        self.port.forget_answer(rom)
        self.port.console()
        self.port.release_cpu()
        if wait:
            self.port.await_program(rom)

    def mailbox(self, program: str) -> Mailbox:
        """Return where a program takes requests."""
        symbols, sizes = (self._d.programs[program][key] for key in ("symbols", "sizes"))
        return Mailbox(symbols["mailbox_request"], symbols["mailbox_answer"], sizes["mailbox_answer"] // 4)

    # -- weights --------------------------------------------------------------------------------
    def load_weights(self, image: Image, where: str = "weights") -> None:
        """Give the chip other weights, by the debug port; it gets them again when it has lost them in a reset.

        Raises
        ------
        UserError
            If the chip's weights are constants, or the image is for another architecture.
        LinkError
            If they do not arrive intact.
        """
        weights = self._engine.get("weights")
        if weights is None:
            raise UserError("the chip's weights are constants", where=where, hint="hls.weights: reloadable")
        image.check(weights["architecture"], where)
        self._weights = image
        self.port.persist(self._ensure_weights, self.was_reset)

    def _ensure_weights(self) -> None:
        """Load the weights unless the chip has them (nothing to do where they are constants)."""
        if self._weights is None or self._has_weights():
            return
        accel = self._d.system.block("accel")
        window = accel.registers.window("weight_port")
        self.port.write(self.register("accel", "CTRL"), _bit(accel.registers, "CTRL", "load"))
        words = self._weights.words
        for start in range(0, len(words), window.entries):  # a word that is repeated would be one too many
            Adp.write(self.port, accel.base + window.offset, words[start : start + window.entries])
        if not self._has_weights():
            raise LinkError("the weights did not arrive intact", where="WEIGHTS_CRC")

    def _has_weights(self) -> bool:
        assert self._weights is not None
        loaded = _bit(self._d.system.block("accel").registers, "STATUS", "loaded")
        (status,) = self.port.read(self.register("accel", "STATUS"))
        return bool(status & loaded) and self.port.read(self.register("accel", "WEIGHTS_CRC"))[0] == self._weights.crc32

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
        return self.port.persist(lambda: self._infer(x), self._hold)

    def infer_same(self, value: int) -> tuple[NDArray[np.int64], int]:
        """One inference by the debug port with ``value`` for every element: few characters on the line."""

        def attempt() -> tuple[NDArray[np.int64], int]:
            self._ensure_weights()
            self.port.fill(self._inputs(), self._masked(value), self._engine["n_in"])
            return self._start()

        return self.port.persist(attempt, self._hold)

    def _hold(self) -> None:
        self.was_reset()
        self.port.hold_cpu()

    def _infer(self, x: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        self._ensure_weights()
        self.port.write(self._inputs(), [self._masked(v) for v in x])
        return self._start()

    def _inputs(self) -> int:
        accel = self._d.system.block("accel")
        return accel.base + accel.registers.window("input_buffer").offset

    def _masked(self, value: int) -> int:
        width: int = self._engine["in_width"]
        return int(value) & ((1 << width) - 1)

    def _start(self) -> tuple[NDArray[np.int64], int]:
        """Start the engine on what its input buffer holds; its outputs and cycles."""
        accel = self._d.system.block("accel")
        self.port.write(self.register("accel", "CTRL"), _bit(accel.registers, "CTRL", "start"))
        done, status = _bit(accel.registers, "STATUS", "done"), self.register("accel", "STATUS")
        self.port.poll(status, done, done, _POLLS)
        if not self.port.read(status)[0] & done:
            raise LinkError("the engine had not finished when the port said so", where=f"{status:#010x}")
        outputs = accel.registers.window("output_buffer")
        words = self.port.read(accel.base + outputs.offset, outputs.entries)
        (cycles,) = self.port.read(self.register("accel", "CYCLES"))
        return self._signed(words), cycles

    # -- firmware path --------------------------------------------------------------------------
    def load(self, program: str) -> None:
        """Load a program into IMEM, checked by the boot ROM, and start it; returns when it takes requests."""
        self.port.persist(lambda: self._load(program), self.was_reset)

    def _load(self, program: str) -> None:
        described = self._d.programs[program]
        binary = (self._d.firmware / described["binary"]).read_bytes()
        self.start_rom()
        self.port.load(described["load"], binary, self.mailbox("bootrom"))
        self.port.hold_cpu()
        if self._weights is not self._d.weights:  # the model's own weights are the program's to load
            self._ensure_weights()
        box = self.mailbox(program)
        self.port.forget_answer(box)
        self.port.write(self.register("sysctrl", "REMAP"), 1)
        self.port.console()
        self.port.release_cpu()
        self.port.await_program(box)

    def ask(self, program: str, payload: bytes) -> list[int]:
        """Return the words of a running program's answer; it is loaded again when the chip lost its way."""
        box = self.mailbox(program)

        def repair() -> None:
            self.was_reset()
            self._load(program)

        return self.port.persist(lambda: self.port.request(box, payload), repair)

    def infer_by_program(self, x: NDArray[np.int64]) -> tuple[NDArray[np.int64], int, int]:
        """One inference by the program ``infer``; returns y (n_out,), the engine's and the processor's cycles."""
        self.port.persist(self._ensure_weights, self.was_reset)
        cycles, elapsed, *words = self.ask("infer", self._packed(x))
        return self._signed(words), cycles, elapsed

    def _packed(self, x: NDArray[np.int64]) -> bytes:
        """The elements in the smallest type of the program's mailbox, little endian."""
        width = self._engine["in_width"]
        size = 1 if width <= 8 else 2 if width <= 16 else 4
        return b"".join((int(v) & ((1 << 8 * size) - 1)).to_bytes(size, "little") for v in x)

    def _signed(self, words: list[int]) -> NDArray[np.int64]:
        y = np.array(words, np.int64)
        return y - ((y >> 31) << 32) if self._engine["out_signed"] else y


def exact(path: str, answer: tuple[NDArray[np.int64], int], y: NDArray[np.int64]) -> int:
    """Cycles of an answer (outputs, cycles) whose outputs are the golden ones y; StageError names the first other."""
    got, cycles = answer
    if not np.array_equal(got, y):
        j = int(np.flatnonzero(got != y)[0])
        raise StageError(f"{path}: output {j} is {got[j]}, the golden model has {y[j]}")
    return cycles


def _bit(registers: RegisterMap, register: str, field: str) -> int:
    (found,) = (f for f in registers.register(register).fields if f.name == field)
    return found.mask
