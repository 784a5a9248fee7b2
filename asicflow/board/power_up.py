"""The SoC from power-up in a four-state simulation: all registers and memories unknown, no unknown pin after reset."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asicflow.board.adp import ChipError
from asicflow.board.chip import Chip, Description
from asicflow.board.link import Link
from asicflow.board.simulated import SimulatedBoard
from asicflow.errors import AsicflowError, StageError
from asicflow.flow.yosys import run_yosys
from asicflow.resources import resource
from asicflow.soc.power_up import PowerUp, icarus_version
from asicflow.workspace import write_atomically

BENCH = "ip/soc/tb/power_up.sv"
_BOOT_CYCLES = 500


def run_power_up_soc(
    sources: Sequence[Path],
    models: Sequence[Path],
    described: Description,
    value: int,
    expected: NDArray[np.int64],
    folder: Path,
    top: str = "soc",
) -> PowerUp:
    """Boot from power-up, then one inference by the debug port.

    Yosys turns the RTL into plain assignments first, without optimising: an unknown condition then makes an
    unknown result, where a simulated ``if`` would take the ``else`` branch. The inference has the same value in
    every element, because a four-state simulation does some hundred cycles a second.

    Parameters
    ----------
    sources : sequence of Path
        The RTL with the boot ROM; memory macros as modules without contents.
    models : sequence of Path
        Models of the memory macros.
    described : Description
        The chip.
    value : int
        Every element of the input.
    expected : (n_out,) int64
        The golden model's answer.
    folder : Path
        Receives the simulator and its log.
    top : str
        Top module of the RTL; when it is another than ``soc``, a model is the socket that has it inside.

    Raises
    ------
    ToolMissing
        If Icarus Verilog is not installed.
    StageError
        If the files do not compile.
    """
    icarus_version()
    folder.mkdir(parents=True, exist_ok=True)
    simulator = _build(sources, models, folder, top, host=bool(described.soc.get("addition")))
    told: list[str] = []
    exact = 0
    with SimulatedBoard(simulator) as board:
        try:
            board.reset()
            board.run(_BOOT_CYCLES)
            port = Link(board)
            port.connect()
            banner = port.console()
            told += banner.splitlines()
            chip = Chip(port, described)
            if f"build {chip.expected_build():08X}" not in banner:  # its beginning is said before anybody listens
                raise ChipError(f"no banner of this build from the boot ROM, but {banner!r}")
            port.hold_cpu()
            got, cycles = chip.infer_same(value)
            exact = int(np.array_equal(got, expected))
            told.append(f"inference with {value} in every element: {got.tolist()}, golden {expected.tolist()}")
            told.append(f"{cycles} cycles of the engine, {board.cycles} in all")
        except AsicflowError as error:
            told.append(f"NO END {error}")
        said = tuple(board.messages())
    log = folder / "power_up.log"
    unknown = sum(line.startswith("UNKNOWN") for line in said)
    write_atomically(log, "\n".join([*told, *said, f"RESULT 1 {exact} {unknown}"]) + "\n")
    return PowerUp(1, exact, unknown, said + tuple(t for t in told if t.startswith("NO END")), log)


def _build(sources: Sequence[Path], models: Sequence[Path], folder: Path, top: str, host: bool) -> Path:
    plain, simulator = folder / "plain.v", folder / "power_up.vvp"
    names = " ".join(f'"{path.resolve()}"' for path in sources)
    run_yosys(
        f"""read_verilog -sv {names}
hierarchy -check -top {top}
proc -noopt
write_verilog -noattr "{plain.resolve()}"
""",
        folder / "plain.log",
    )
    files = [plain, *models, resource(BENCH)]
    defines = ["-DHOST"] if host else []
    command = ["iverilog", "-g2012", *defines, "-o", str(simulator), "-s", "power_up", *map(str, files)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        lines = [s for s in built.stderr.splitlines() if "error" in s.lower()]
        raise StageError(
            "Icarus cannot compile the system: " + " | ".join(lines[:3]),
            where=str(plain),
            hint="look at the line named; the file is what Yosys made of the RTL, see plain.log beside it",
        )
    return simulator
