"""Time-multiplexed engines against an adder graph: ``python -m benchmarks.engines [--only NAME]``.

The same integer network, the same cells (sky130_fd_sc_hd, typical corner), the same Yosys passes
(`asicflow.explore.area`), and every engine in Verilator against the integer golden.  Without ``--model`` the
models are those of a folder given by ``--models`` (hls4ml's examples: a jet tagger and a small 1-D CNN) and
examples/digits.  One line appears per engine as soon as it is measured:

- area in um2 and as a ratio to that of the first engine, and how far the prediction is off;
- cycles from start to done, and the fewest cycles from one inference to the next (inputs are written one a
  cycle before each);
- area x latency as a ratio to the first engine's, latency in cycles;
- delay of the longest path as abc sees it, without wires; seconds of processor time to generate and synthesise.

Needs ASICFLOW_PDK_ROOT, Yosys, Verilator, da4ml.
"""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asicflow.config import parse_config
from asicflow.errors import AsicflowError
from asicflow.explore.area import cell_area, typical_liberty
from asicflow.hls.simulate import run_engine
from asicflow.hls.stage import TOP, Budget, write_engine, write_unrolled
from asicflow.model import golden
from asicflow.model.spec import Spec
from asicflow.model.stage import run_model
from asicflow.pdk import load_pdk
from asicflow.pdk.area import nand2_um2
from asicflow.pdk.root import resolve
from asicflow.workspace import Workspace

DIGITS = Path(__file__).resolve().parent.parent / "examples" / "digits"
NAMES = ("KERAS_3layer.json", "KERAS_conv1d_small.json")
COLUMNS = (
    "engine", "area um2", "/ first", "predicted", "cycles", "to the next", "area x cycles / first", "delay ns",
    "build s", "exact",
)  # fmt: skip
_VECTORS = 200


@dataclass(frozen=True)
class Result:
    """An engine: cell area and its prediction in um2, cycles, ns, seconds."""

    name: str
    area: float
    predicted: float
    cycles: int
    interval: int
    delay: float
    seconds: float
    exact: str

    def row(self, first: Result) -> str:
        """Its line of the table."""
        cells = [
            self.name, f"{self.area:,.0f}", f"{self.area / first.area:.2f}", f"{self.predicted / self.area - 1:+.0%}",
            str(self.cycles), str(self.interval),
            f"{self.area * self.cycles / (first.area * first.cycles):.3f}", f"{self.delay:.1f}",
            f"{self.seconds:.0f}", self.exact,
        ]  # fmt: skip
        return "| " + " | ".join(cells) + " |"


def measure(
    spec: Spec, reuse: int | None, levels: int | None, lib: Path, nand2: float, folder: Path, sim: bool
) -> Result:
    """Generate, synthesise and simulate an engine; ``reuse`` None is the adder graph."""
    begin = cpu_seconds()
    if reuse is None:
        report = write_unrolled(spec, levels, folder, Budget(1e9, nand2))
        name = "adder graph" + ("" if levels is None else f", {levels} levels")
    else:
        report = write_engine(spec, reuse, folder)
        name = f"reuse {reuse}: {report['macs']['no']} x {report['macs']['ni']}"
    sources = [folder / file for file in report["files"]]
    area = cell_area(sources, TOP, lib, folder)
    seconds = cpu_seconds() - begin
    cycles, exact = simulate(spec, sources, folder) if sim else (report["cycles"], "not run")
    interval, predicted = cycles + spec.input.size, report["area_nand2"] * nand2
    return Result(name, area, predicted, cycles, interval, longest_delay(folder), seconds, exact)


def simulate(spec: Spec, sources: list[Path], folder: Path) -> tuple[int, str]:
    """Cycles, and whether every output equals the golden's."""
    kind = spec.input.type
    x_int = np.random.default_rng(1).integers(kind.low, kind.high, (_VECTORS, spec.input.size), endpoint=True)
    run = run_engine(spec, sources, x_int, folder / "sim")
    return run.cycles, "yes" if np.array_equal(run.y_int, golden.run(spec, x_int)) else "NO"


def longest_delay(folder: Path) -> float:
    """The largest delay that abc reports for a module, in ns."""
    found = re.findall(r"Delay = *([\d.]+) ps", (folder / "yosys.log").read_text())
    return max(map(float, found)) / 1000 if found else float("nan")


def cpu_seconds() -> float:
    """Processor time of this process and of those that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def load_spec(file: Path, weights: Path | None, folder: Path) -> Spec:
    """The integer network of a model file and the test.npz beside it, if any; or a ``spec.json`` as it is."""
    if file.name == "spec.json":
        return Spec.load(file)
    data = file.with_name("test.npz")
    model: dict[str, Any] = {
        "file": str(file), "weights": weights and str(weights), "data": str(data) if data.is_file() else None,
    }  # fmt: skip
    ws = Workspace(folder / "run")
    run_model(parse_config({"name": "bench", "model": model}), ws, lambda text: None)
    return Spec.load(ws.model / "spec.json")


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append", help="Keras file, .json (NAME_weights.h5), spec.json")
    parser.add_argument("--models", type=Path, help="folder with " + " and ".join(NAMES))
    parser.add_argument("--only", help="models whose path contains this")
    parser.add_argument(
        "--reuse", type=int, nargs="*", default=[512, 128, 32], help="reuse factors (default: 512 128 32)"
    )
    parser.add_argument(
        "--levels", type=int, nargs="*", default=[0], help="adder levels between registers; 0: per layer"
    )
    parser.add_argument("--no-simulation", action="store_true", help="take the stated cycles; do not check exactness")
    args = parser.parse_args()
    files: list[Path] = args.model or [DIGITS / "model.h5", *(args.models / n for n in NAMES if args.models)]
    wrong = False
    library = load_pdk("sky130", resolve(parse_config({}))).library()
    nand2 = nand2_um2(library)
    for file in files:
        if args.only and args.only not in str(file):
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            weights = file.with_name(f"{file.stem}_weights.h5")
            spec = load_spec(file, weights if weights.is_file() else None, folder)
            print(f"\n{spec.name}: {spec.multiplications} multiplications, {spec.input.size} inputs\n")
            print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS), flush=True)
            choices = [(reuse, None) for reuse in args.reuse] + [(None, levels or None) for levels in args.levels]
            first: Result | None = None
            for reuse, levels in choices:
                mine = folder / f"engine_{reuse}_{levels}"
                mine.mkdir()
                lib = typical_liberty(library, folder)
                try:
                    found = measure(spec, reuse, levels, lib, nand2, mine, not args.no_simulation)
                except AsicflowError as error:
                    print(f"| {reuse or 'adder graph'} | {error.what} |", flush=True)
                    continue
                first = first or found
                wrong |= found.exact == "NO"
                print(found.row(first), flush=True)
    raise SystemExit(wrong)


if __name__ == "__main__":
    main()
