"""What becomes of real models: ``python -m benchmarks.models FOLDER [-o docs/models.md]``.

Takes the shipped example and every model file of a folder (a ``NAME.json`` with its ``NAME_weights.h5``) through
the front end, hls4ml, the C simulation, the engine in Verilator and synthesis for SKY130, and writes the table. The
mapped engine is simulated too: its outputs must be the integer network's, and its activity gives the energy of an
inference. Where a model stops, the reason is the first line of the error.

Needs ASICFLOW_PDK_ROOT, g++, Yosys and Verilator.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from asicflow.config import HlsConfig, parse_config
from asicflow.errors import AsicflowError
from asicflow.explore.area import MAPPED, cell_area, typical_liberty
from asicflow.explore.energy import MappedEngine, inference_energy
from asicflow.hls.choose import Budget
from asicflow.hls.simulate import run_engine
from asicflow.hls.stage import TOP, write_chosen
from asicflow.model.frontend import load_network
from asicflow.model.spec import Spec
from asicflow.model.stage import run_model
from asicflow.pdk import load_pdk
from asicflow.pdk.area import nand2_um2
from asicflow.pdk.root import resolve
from asicflow.workspace import Workspace

COLUMNS = (
    "model",
    "loads",
    "lowers, exact in C simulation",
    "exact in RTL",
    "engine",
    "cycles",
    "area um2",
    "predicted",
    "nJ",
    "why not",
)
EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "digits" / "model.h5"
PERIOD_NS = 40.0
_VECTORS = 100


@dataclass
class Result:
    """How far a model came: a cell per column."""

    model: str
    cells: dict[str, str] = field(default_factory=dict)

    def row(self) -> str:
        """The row of the table."""
        return "| " + " | ".join([self.model, *(self.cells.get(column, "") for column in COLUMNS[1:])]) + " |"


def follow(file: Path, weights: Path | None, folder: Path) -> Result:
    """Take a model as far as it goes."""
    found = Result(label(file))
    cells = found.cells
    try:
        load_network(file, weights)
        cells["loads"] = "yes"
        ws = Workspace(folder / "run")
        model = {"file": str(file), "weights": weights and str(weights)}
        run_model(parse_config({"name": "model", "model": model}), ws, lambda text: None)
        cells["lowers, exact in C simulation"] = "yes"
        spec, vectors = Spec.load(ws.model / "spec.json"), np.load(ws.model / "vectors.npz")
        library = load_pdk("sky130", resolve(parse_config({}))).library()
        nand2 = nand2_um2(library)
        report, _ = write_chosen(spec, HlsConfig(), None, folder / "accel", Budget(HlsConfig().budget_mm2, nand2))
        sources = [folder / "accel" / name for name in report["files"]]
        run = run_engine(spec, sources, vectors["x_int"][:_VECTORS], folder / "sim")
        exact = bool(np.array_equal(run.y_int, vectors["y_int"][:_VECTORS]))
        cells |= {
            "exact in RTL": "yes" if exact else "NO",
            "cycles": str(run.cycles),
            "engine": "{no} x {ni}".format(**report["macs"]) if "macs" in report else "adder graph",
        }
        area = cell_area(sources, TOP, typical_liberty(library, folder), folder)
        cells["area um2"] = f"{area:,.0f}"
        cells["predicted"] = f"{report['area_nand2'] * nand2 / area - 1:+.0%}"
        engine = MappedEngine(spec, folder / MAPPED, TOP, report["cycles"], library)
        x_int, y_int = (vectors[name].astype(np.int64) for name in ("x_int", "y_int"))
        cells["nJ"] = f"{inference_energy(engine, x_int, y_int, PERIOD_NS).energy.total * 1e9:.1f}"
    except AsicflowError as error:
        cells["why not"] = error.what.splitlines()[0].replace("|", "/")
    return found


def label(file: Path) -> str:
    """A model's name in the table."""
    return f"{file.parent.name}/{file.name}" if file == EXAMPLE else file.name


def models(folder: Path) -> list[tuple[Path, Path | None]]:
    """The model files of a folder with their weights."""
    found: list[tuple[Path, Path | None]] = []
    for path in sorted(folder.iterdir()):
        weights = path.with_name(f"{path.stem}_weights.h5")
        if path.suffix == ".json" and weights.is_file():
            found.append((path, weights))
        elif path.suffix in (".onnx", ".keras") or (path.suffix == ".h5" and "weights" not in path.stem):
            found.append((path, None))
    return found


def main() -> None:
    """Follow every model and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with model files")
    parser.add_argument("-o", "--output", type=Path, help="Markdown file to write (default: print)")
    parser.add_argument("--only", help="names that contain this")
    args = parser.parse_args()
    lines = ["| " + " | ".join(COLUMNS) + " |", "| " + " | ".join("---" for _ in COLUMNS) + " |"]
    for file, weights in [(EXAMPLE, None), *models(args.folder)]:
        if args.only and args.only not in label(file):
            continue
        with tempfile.TemporaryDirectory() as name:
            lines.append(follow(file, weights, Path(name)).row())
        print(lines[-1], flush=True)
    if args.output:
        text = args.output.read_text() if args.output.is_file() else f"# Models\n\n{lines[0]}\n"
        head, _, rest = text.partition(lines[0].split(COLUMNS[1])[0])
        tail = rest.partition("\n\n")[2]
        args.output.write_text(head + "\n".join(lines) + "\n" + (f"\n{tail}" if tail else ""))


if __name__ == "__main__":
    main()
