"""Wall time per stage of ``asicflow run`` on the shipped example: ``python -m benchmarks.stages``.

Runs each process in a fresh directory and prints seconds per stage and each
stage's share of the total, with the number of cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "digits"


def measure(pdk: str, out: Path) -> dict[str, float]:
    """Run the example and return wall seconds per stage from the manifest."""
    command = [
        sys.executable, "-c", "from asicflow.cli import main; main()", "run", "--pdk", pdk,
        "--model", str(EXAMPLE / "model.h5"), "--data", str(EXAMPLE / "test.npz"), "-o", str(out),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"the run on {pdk} stopped:\n{done.stdout}{done.stderr}")
    stages = json.loads((out / "manifest.json").read_text())["stages"]
    return {name: stage["seconds"] for name, stage in stages.items()}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pdk", nargs="+", default=["sky130", "gf180"])
    args = parser.parse_args()
    table = Table(title=f"asicflow run on examples/digits, wall seconds, {os.cpu_count()} cores")
    table.add_column("stage")
    results = {}
    for pdk in args.pdk:
        with tempfile.TemporaryDirectory() as folder:
            results[pdk] = measure(pdk, Path(folder) / "run")
        table.add_column(pdk, justify="right")
        table.add_column("share", justify="right")
    for stage in results[args.pdk[0]]:
        cells = []
        for seconds in results.values():
            cells += [f"{seconds[stage]:.1f}", f"{seconds[stage] / sum(seconds.values()):.0%}"]
        table.add_row(stage, *cells)
    totals = [cell for s in results.values() for cell in (f"{sum(s.values()):.1f}", "100%")]
    table.add_row("total", *totals, style="bold")
    Console().print(table)


if __name__ == "__main__":
    main()
