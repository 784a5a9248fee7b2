"""Cell area of an engine, by the mapping that `asicflow run` uses, without constraints or layout."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from pathlib import Path

from asicflow.flow.synthesis import STRATEGIES
from asicflow.flow.yosys import run_yosys
from asicflow.pdk.config import Library


def typical_liberty(library: Library, folder: Path) -> Path:
    """The typical corner's Liberty file, unpacked into ``folder`` if it is packed."""
    source = library.typical.liberty
    if source.suffix != ".gz":
        return source
    path = folder / source.with_suffix("").name
    if not path.exists():
        path.write_bytes(gzip.decompress(source.read_bytes()))
    return path


MAPPED = "mapped.v"
"""The mapped netlist, in the folder of the log."""


def cell_area(sources: Sequence[Path], top: str, liberty: Path, folder: Path, launcher: Sequence[str] = ()) -> float:
    """Map RTL to cells; ``folder`` keeps the log and the mapped netlist, a ``launcher`` runs Yosys elsewhere.

    Returns
    -------
    float
        Area of all cells in um2, without wires and whitespace.

    Raises
    ------
    ToolMissing
        If there is no Yosys.
    StageError
        If Yosys stops.
    """
    log = folder / "yosys.log"
    run_yosys(
        f"""read_verilog -sv {" ".join(str(path) for path in sources)}
synth -flatten -top {top}
dfflibmap -liberty {liberty}
abc -D 20000 -liberty {liberty} -script {STRATEGIES["area"]}
setattr -mod -unset keep_hierarchy
flatten
opt_clean -purge
stat -liberty {liberty}
splitnets -ports
write_verilog -noattr -noexpr -nodec {folder / MAPPED}
""",
        log,
        launcher,
    )
    return float(re.findall(r"Chip area for .*?: ([\d.]+)", log.read_text())[-1])
