"""Time-multiplexed engines against unrolled ones: ``python -m benchmarks.engines [--only NAME]``.

The same integer network, the same cells (sky130_fd_sc_hd, typical corner), the same Yosys passes
(`asicflow.explore.area`); every mapped netlist is simulated and must give the integer golden's outputs in the
stated cycle. Without ``--model`` the
models are examples/digits and those of a folder given by ``--models`` (hls4ml's examples: a jet tagger, a CNN on
8 x 8 digits, a 1-D CNN). Engines: time-multiplexed at each reuse factor, adder graph, and the whole network
compiled by XLS (`benchmarks.xls_route`). One line appears per engine as soon as it is measured:

- area in um2 and as a ratio to that of the first engine, and how far the prediction is off;
- cycles from start to done, and the fewest cycles from one inference to the next (inputs are written one a
  cycle before each);
- area x cycles as a ratio to the first engine's, for both counts of cycles;
- energy of an inference in nJ, of settled values and with the glitches of equal cell delays (simulated activity,
  Liberty, no wires, a clock of 40 ns);
- delay of the longest path as abc sees it, without wires; seconds of processor time to generate and synthesise.

Needs ASICFLOW_PDK_ROOT, Yosys, da4ml; for the last engine XLS.
"""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from asicflow.config import parse_config
from asicflow.errors import AsicflowError, StageError, ToolMissing
from asicflow.explore.area import MAPPED, cell_area, typical_liberty
from asicflow.explore.energy import MappedEngine, inference_energy
from asicflow.hls.choose import Budget
from asicflow.hls.stage import TOP, write_engine, write_unrolled
from asicflow.model import golden
from asicflow.model.spec import Spec
from asicflow.model.stage import run_model
from asicflow.pdk import load_pdk
from asicflow.pdk.area import nand2_um2
from asicflow.pdk.config import Library
from asicflow.pdk.root import resolve
from asicflow.workspace import Workspace
from benchmarks.xls_route import write_xls

DIGITS = Path(__file__).resolve().parent.parent / "examples" / "digits"
NAMES = ("KERAS_3layer.json", "KERAS_conv2d_model.json", "KERAS_conv1d_small.json")
COLUMNS = (
    "engine", "area um2", "/ first", "predicted", "cycles", "to the next", "area x cycles / first",
    "area x to the next / first", "nJ settled", "nJ", "delay ns", "build s",
)  # fmt: skip
PERIOD_NS = 40.0
_VECTORS = 128

Kind = int | Literal["adder graph", "XLS"]
"""A reuse factor, or an unrolled engine."""


@dataclass(frozen=True)
class Setting:
    """What all engines share: library, its unpacked typical corner, the area of a NAND2 in um2, levels of an adder
    graph."""

    library: Library
    liberty: Path
    nand2: float
    levels: int | None = None


@dataclass(frozen=True)
class Result:
    """An engine: cell area and its prediction in um2 (None: none), cycles, nJ, ns, seconds."""

    name: str
    area: float
    predicted: float | None
    cycles: int
    interval: int
    settled: float
    energy: float
    delay: float
    seconds: float

    def row(self, first: Result) -> str:
        """Its line of the table."""
        cells = [
            self.name, f"{self.area:,.0f}", f"{self.area / first.area:.2f}",
            "" if self.predicted is None else f"{self.predicted / self.area - 1:+.0%}",
            str(self.cycles), str(self.interval),
            f"{self.area * self.cycles / (first.area * first.cycles):.3f}",
            f"{self.area * self.interval / (first.area * first.interval):.3f}",
            f"{self.settled:.1f}", f"{self.energy:.1f}", f"{self.delay:.1f}", f"{self.seconds:.0f}",
        ]  # fmt: skip
        return "| " + " | ".join(cells) + " |"


def measure(spec: Spec, kind: Kind, setting: Setting, folder: Path) -> Result:
    """Generate, synthesise and simulate an engine."""
    begin = cpu_seconds()
    predicted = None
    if kind == "XLS":
        sources, cycles = write_xls(spec, PERIOD_NS, folder)
        name = "XLS"
    else:
        if kind == "adder graph":
            report = write_unrolled(spec, setting.levels, folder, Budget(1e9, setting.nand2))
            name = kind + ("" if setting.levels is None else f", {setting.levels} levels")
        else:
            report = write_engine(spec, kind, folder)
            name = f"reuse {kind}: {report['macs']['no']} x {report['macs']['ni']}"
        sources, cycles = [folder / file for file in report["files"]], report["cycles"]
        predicted = report["area_nand2"] * setting.nand2
    area = cell_area(sources, TOP, setting.liberty, folder)
    seconds = cpu_seconds() - begin
    kind_in = spec.input.type
    x_int = np.random.default_rng(1).integers(kind_in.low, kind_in.high, (_VECTORS, spec.input.size), endpoint=True)
    engine = MappedEngine(spec, folder / MAPPED, TOP, cycles, setting.library)
    spent = inference_energy(engine, x_int, golden.run(spec, x_int), PERIOD_NS).energy
    return Result(
        name, area, predicted, cycles, cycles + spec.input.size, spent.settled * 1e9, spent.total * 1e9,
        longest_delay(folder), seconds,
    )  # fmt: skip


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


def compare(file: Path, kinds: list[Kind], setting: Setting, folder: Path) -> bool:
    """Print the table of a model; True when an engine is not exact."""
    weights = file.with_name(f"{file.stem}_weights.h5")
    spec = load_spec(file, weights if weights.is_file() else None, folder)
    print(f"\n{file.stem}: {spec.multiplications} multiplications, {spec.input.size} inputs\n")
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS), flush=True)
    first: Result | None = None
    wrong = False
    for kind in kinds:
        mine = folder / f"engine_{kind}".replace(" ", "_")
        mine.mkdir(parents=True)
        try:
            found = measure(spec, kind, setting, mine)
        except ToolMissing as error:
            print(f"| {kind} | UNVERIFIED: {error.what}; {error.hint} |", flush=True)
            continue
        except StageError as error:
            print(f"| {kind} | WRONG: {error.what} |", flush=True)
            wrong = True
            continue
        except AsicflowError as error:
            print(f"| {kind} | {error.what} |", flush=True)
            continue
        first = first or found
        print(found.row(first), flush=True)
    return wrong


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append", help="Keras file, .json (NAME_weights.h5), spec.json")
    parser.add_argument("--models", type=Path, help="folder with " + " and ".join(NAMES))
    parser.add_argument("--only", help="models whose path contains this")
    parser.add_argument("--reuse", type=int, nargs="*", default=[256, 64, 16], help="reuse factors (256 64 16)")
    parser.add_argument("--levels", type=int, help="adder levels between registers (default: registers per layer)")
    parser.add_argument("--no-unrolled", action="store_true", help="time-multiplexed engines only")
    args = parser.parse_args()
    files: list[Path] = args.model or [DIGITS / "model.h5", *(args.models / n for n in NAMES if args.models)]
    kinds: list[Kind] = [*args.reuse, *(() if args.no_unrolled else ("adder graph", "XLS"))]
    library = load_pdk("sky130", resolve(parse_config({}))).library()
    wrong = False
    with tempfile.TemporaryDirectory() as name:
        liberty = typical_liberty(library, Path(name))
        setting = Setting(library, liberty, nand2_um2(library), args.levels)
        for number, file in enumerate(files):
            if not args.only or args.only in str(file):
                wrong |= compare(file, kinds, setting, Path(name) / str(number))
    raise SystemExit(wrong)


if __name__ == "__main__":
    main()
