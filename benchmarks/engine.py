"""Area, cycles and simulation speed of the engine: ``python -m benchmarks.engine [MODEL [WEIGHTS]]``.

Synthesises the engine alone for SKY130 (sky130_fd_sc_hd, typical corner) with
plain Yosys passes (`asicflow.explore.area`) and runs it in Verilator
against the integer golden.  For hls4ml's jet tagger (16-64-32-32-5, see
examples/jet_tagger) the table gives the ratios to the figures that the engine
must not exceed.

Needs ASICFLOW_PDK_ROOT, Yosys and Verilator.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from asicflow.config import parse_config
from asicflow.explore.area import cell_area, typical_liberty
from asicflow.hls.plan import choose_split, plan_engine
from asicflow.hls.simulate import run_engine
from asicflow.hls.stage import write_plan
from asicflow.model import golden
from asicflow.model.spec import Dense, Spec
from asicflow.model.stage import run_model
from asicflow.pdk import load_pdk
from asicflow.pdk.root import resolve
from asicflow.workspace import Workspace

JET_TAGGER = [16, 64, 32, 32, 5]
FIGURES = {16: (110_000.0, 300), 4: (65_000.0, 1100)}
"""Multipliers to (um2, cycles): what the jet tagger with 8 bits must not exceed."""
DIGITS = Path(__file__).resolve().parent.parent / "examples" / "digits"

VECTORS = 5000


@dataclass
class Result:
    """One engine."""

    split: tuple[int, int]
    area: float
    cycles: int
    per_second: float
    exact: bool


def measure(spec: Spec, multipliers: int, lib: Path, folder: Path) -> Result:
    """Generate, synthesise and simulate the engine with so many multipliers."""
    plan = plan_engine(spec, *choose_split(spec, multipliers))
    report = write_plan(plan, None, folder)
    sources = [folder / name for name in report["files"]]
    kind = spec.input.type
    x_int = np.random.default_rng(1).integers(kind.low, kind.high, (VECTORS, spec.input.size), endpoint=True)
    run = run_engine(spec, sources, x_int, folder / "sim")
    exact = bool(np.array_equal(run.y_int, golden.run(spec, x_int)))
    split = (plan.outputs, plan.inputs)
    return Result(split, cell_area(sources, "accel_engine", lib, folder), run.cycles, run.per_second, exact)


def row(found: Result, figure: tuple[float, int] | None) -> list[str]:
    """Cells of the table; ratios only where there is a figure."""
    ratios = ["", ""]
    if figure is not None:
        ratios = [f"{found.area / figure[0]:.2f}", f"{found.cycles / figure[1]:.2f}"]
    split, exact = f"{found.split[0]} x {found.split[1]}", "yes" if found.exact else "NO"
    speed = f"{found.per_second:,.0f}"
    return [split, f"{found.area:,.0f}", ratios[0], str(found.cycles), ratios[1], speed, exact]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", default=DIGITS / "model.h5", help="Keras .h5, or .json")
    parser.add_argument("weights", type=Path, nargs="?", help=".h5 weights of a .json")
    parser.add_argument("--data", type=Path, help=".npz with x (and y), for the number formats")
    parser.add_argument("--multipliers", type=int, nargs="+", default=[16, 4])
    args = parser.parse_args()
    table = Table(title=f"{args.model.name}, engine alone, sky130_fd_sc_hd typical, Yosys")
    columns = ("outputs x inputs", "area um2", "/ figure", "cycles", "/ figure", "inferences/s", "exact")
    for column in columns:
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {"file": str(args.model), "weights": args.weights and str(args.weights)}
        config = parse_config({"name": "bench", "model": {**files, "data": args.data and str(args.data)}})
        ws = Workspace(folder / "run")
        run_model(config, ws, lambda text: None)
        library = load_pdk("sky130", resolve(parse_config({}))).library()
        spec, lib = Spec.load(ws.model / "spec.json"), typical_liberty(library, folder)
        shape = [spec.input.size, *(layer.n_out for layer in spec.layers if isinstance(layer, Dense))]
        figures = FIGURES if shape == JET_TAGGER else {}
        for count in args.multipliers:
            found = measure(spec, count, lib, folder / f"engine{count}")
            table.add_row(*row(found, figures.get(count)))
    Console().print(table)


if __name__ == "__main__":
    main()
