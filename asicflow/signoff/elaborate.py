"""The RTL as Yosys elaborates it: registers with their clocks and resets, latches, loops."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from asicflow.flow.yosys import run_yosys

_PROBLEM = re.compile(r"^Warning: (.*(?:loop|multiple|conflicting|undriven|no driver).*)$", re.MULTILINE)
_RESET_PORTS = ("ARST", "SRST", "ALOAD", "CLR", "SET")


@dataclass(frozen=True)
class Register:
    """One register of ``width`` bits; ``clock`` and ``reset`` are net bits, ``reset`` empty without one."""

    name: str
    width: int
    clock: str
    reset: str


@dataclass(frozen=True)
class Elaboration:
    """A flat design: the log, the JSON netlist, and what it holds."""

    log: Path
    netlist: Path
    module: dict[str, Any]

    @staticmethod
    def of(sources: list[Path], top: str, folder: Path) -> Elaboration:
        """Elaborate the RTL into ``folder``.

        Raises
        ------
        StageError
            If Yosys cannot read the files.
        """
        folder.mkdir(parents=True, exist_ok=True)
        log, netlist = folder / "elaborate.log", folder / "elaborate.json"
        files = " ".join(f'"{path}"' for path in sources)
        run_yosys(
            f"read_verilog -sv {files}\nhierarchy -check -top {top}\nproc\n"
            "setattr -mod -unset keep_hierarchy\nflatten\ncheck\n"
            f'opt_clean\nwrite_json "{netlist}"\n',
            log,
        )
        return Elaboration(log, netlist, json.loads(netlist.read_text())["modules"][top])

    @property
    def cells(self) -> dict[str, Any]:
        """Cells by name."""
        return dict(self.module["cells"])

    @cached_property
    def registers(self) -> list[Register]:
        """Every register; memories that are written count as registers without reset, ROMs do not."""
        found = [_register(n, c) for n, c in self.cells.items() if re.match(r"\$_?[a-z]*dff", c["type"].lower())]
        cells = self.cells.values()
        written = {c["parameters"]["MEMID"].lstrip("\\") for c in cells if c["type"].startswith("$memwr")}
        for name, memory in self.module.get("memories", {}).items():
            if name in written:
                found.append(Register(name, int(memory["width"]) * int(memory["size"]), "", ""))
        return found

    @property
    def clocks(self) -> set[str]:
        """Net bits that clock a register."""
        return {r.clock for r in self.registers if r.clock}

    @property
    def latches(self) -> list[str]:
        """Names of latches."""
        return [n for n, c in self.cells.items() if "latch" in c["type"].lower()]

    @property
    def problems(self) -> list[str]:
        """Loops and conflicting drivers that Yosys' ``check`` reported."""
        return _PROBLEM.findall(self.log.read_text())

    def inputs(self) -> dict[str, list[str]]:
        """Net bits of every input port."""
        ports = self.module["ports"].items()
        return {n: [str(b) for b in p["bits"]] for n, p in ports if p["direction"] == "input"}


def _register(name: str, cell: dict[str, Any]) -> Register:
    bits = {port: [str(b) for b in net] for port, net in cell["connections"].items()}
    reset = next((bits[p][0] for p in _RESET_PORTS if p in bits), "")
    clock = (bits.get("CLK") or bits.get("C") or [""])[0]
    return Register(name, len(bits["Q"]), clock, reset)
