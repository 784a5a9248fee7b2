"""The place-and-route engine on generated designs: ``python -m benchmarks.pnr``.

Prints a row per design: the utilisation asked and reached, CPU seconds of the engine, peak memory, routed wire
over half perimeter, vias, opens and shorts by extraction, violations of the metal and cut rules, and what the
engine's own timing finds. Every run is a process of its own.

    python -m benchmarks.pnr                       all rows of the table
    python -m benchmarks.pnr --only mac8           rows of one design
    python -m benchmarks.pnr --scaling out.png     time and memory from 1k to 40k cells, with the exponents
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from asicflow.config import parse_config
from asicflow.errors import UserError
from asicflow.flow.pnr import PnrOptions, implement
from asicflow.pdk.config import Library, load_pdk
from asicflow.pdk.lef import read_tech_lef
from asicflow.pdk.root import resolve
from asicflow.signoff.drc import check_layout
from asicflow.signoff.layout import Layout
from asicflow.signoff.rules import derive_rules
from benchmarks.pnr.designs import synthesise

PERIOD_NS = 50.0


@dataclass(frozen=True)
class Row:
    """One line of the table: what to run, and the figures to stay below."""

    design: str
    pdk: str
    utilization: float
    seconds: float
    megabytes: float = math.inf


ROWS = (
    Row("mac8", "sky130", 0.65, 30),
    Row("mac8", "gf180", 0.70, 30),
    Row("control", "sky130", 0.55, 180),
    Row("cipher", "sky130", 0.45, 300),
    Row("mac20k", "gf180", 0.60, 600, 1536),
    Row("mac20k", "sky130", 0.55, 600, 1536),
)
LADDER = ("mac2", "mac4", "mac8", "mac16", "mac20k", "mac64")
"""Designs of the scaling plot, about 1k to 40k cells."""


def library(pdk: str) -> Library:
    """The default library of a process."""
    return load_pdk(pdk, resolve(parse_config({}))).library()


def run(row: Row, netlists: Path, out: Path, seed: int, progress: Any) -> dict[str, Any]:
    """Implement and judge one design in this process; the figures of its row."""
    lib = library(row.pdk)
    netlist = synthesise(row.design, lib, netlists)
    options = PnrOptions("clk_i", PERIOD_NS, utilization=row.utilization, seed=seed)
    start = cpu_seconds()
    try:
        result = implement(netlist, row.design, lib, options, out, progress)
    except UserError as error:
        return {"error": str(error), "cpu": cpu_seconds() - start}
    found = dict(result.metrics)
    found["cpu"] = cpu_seconds() - start
    rules = derive_rules(read_tech_lef(lib.tech_lef), lib.layers)
    drc = check_layout(Layout(result.files["gds"], row.design, lib.layers), rules)
    found["violations"] = sorted(m.rule.id for m in drc.markers)
    return found


def cpu_seconds() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def in_process(row: Row, netlists: Path, seed: int, verbose: bool) -> dict[str, Any]:
    """`run` in a process of its own, so that memory and compiled code are its own."""
    with tempfile.TemporaryDirectory() as name:
        figures = Path(name) / "figures.json"
        job = {"row": vars(row), "netlists": str(netlists), "out": name, "seed": seed, "figures": str(figures)}
        command = [sys.executable, "-m", "benchmarks.pnr", "--job", json.dumps(job)]
        done = subprocess.run(command, stderr=subprocess.PIPE, stdout=None if verbose else subprocess.DEVNULL)
        if done.returncode:
            raise SystemExit(f"{row.design} on {row.pdk}: {done.stderr.decode()[-2000:]}")
        found: dict[str, Any] = json.loads(figures.read_text())
        return found


def cells(row: Row, found: dict[str, Any]) -> list[str]:
    """The row's texts; figures that miss their bar are marked."""
    if "error" in found:
        return [row.design, row.pdk, f"{row.utilization:.2f}", "", "-", f"{found['cpu']:.0f} / {row.seconds:.0f}",
                "", "", "", found["error"].splitlines()[0], ""]  # fmt: skip
    timing = found["timing_estimate"]
    worst_skew = max(t["skew_ns"] for t in timing if t["corner"].startswith("typical"))
    hold = min(t["hold_slack_ns"] for t in timing)
    loads = sum(t["slew_violations"] + t["capacitance_violations"] for t in timing)

    def marked(value: float, bar: float, text: str) -> str:
        return text if value <= bar else f"[red]{text}[/red]"

    faults = found["opens"] + found["shorts"] + len(found["violations"])
    return [
        row.design,
        row.pdk,
        f"{row.utilization:.2f} / {found['utilization']:.2f}",
        str(found["mapped_cells"]),
        marked(faults, 0, f"{found['opens']} {found['shorts']} {len(found['violations'])}"),
        marked(found["cpu"], row.seconds, f"{found['cpu']:.0f} / {row.seconds:.0f}"),
        marked(found["peak_memory_mb"], row.megabytes, f"{found['peak_memory_mb']:.0f}"),
        f"{found['wirelength_um'] / found['hpwl_um']:.3f}",
        str(found["vias"]),
        f"{worst_skew:.2f} / {hold:.2f} / {loads}",
        str(found["antenna"]["gates_above_limit"]),
    ]


def table(rows: list[Row], netlists: Path, seed: int, verbose: bool) -> None:
    """Measure the rows and print them."""
    out = Table(title="place and route, generated designs")
    for name in ("design", "pdk", "util asked/used", "cells", "opens shorts drc", "cpu s / bar", "MB", "wire/hpwl",
                 "vias", "skew tt / hold / load", "antenna"):  # fmt: skip
        out.add_column(name, justify="right")
    for row in rows:
        found = in_process(row, netlists, seed, verbose)
        out.add_row(*cells(row, found))
        print(f"{row.design} {row.pdk}: {json.dumps(found.get('seconds') or found)}", file=sys.stderr)
    Console(width=150).print(out)


def scaling(picture: Path, netlists: Path, seed: int) -> None:
    """Time and memory over cells, drawn."""
    points = []
    for design in LADDER:
        found = in_process(Row(design, "gf180", 0.60, math.inf), netlists, seed, False)
        if "error" in found:
            raise SystemExit(f"{design}: {found['error']}")
        points.append((found["mapped_cells"], found["cpu"], found["peak_memory_mb"]))
        print(f"{design}: {points[-1][0]} cells, {points[-1][1]:.1f} s, {points[-1][2]:.0f} MB")
    plot(points, picture)


def plot(points: list[tuple[float, float, float]], picture: Path) -> None:
    """Draw (cells, CPU seconds, peak MB); the power law is that of the larger half, small designs mostly start up."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    count, seconds, megabytes = np.array(points).T
    large = slice(len(count) // 2, None)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), constrained_layout=True)
    for axis, values, label in zip(axes, (seconds, megabytes), ("CPU s", "peak MB"), strict=True):
        exponent, factor = np.polyfit(np.log(count[large]), np.log(values[large]), 1)
        axis.loglog(count, values, "o")
        axis.loglog(count[large], np.exp(factor) * count[large] ** exponent, "-", label=f"cells^{exponent:.2f}")
        axis.set(xlabel="mapped cells", ylabel=label)
        axis.set_xticks(count, [f"{n / 1000:.1f}k" for n in count])
        axis.set_yticks(
            [n for n in (10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if min(values) / 2 < n < 2 * max(values)]
        )
        axis.yaxis.set_major_formatter(ScalarFormatter())
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.legend()
        print(f"{label}: grows with cells^{exponent:.2f} from {count[large][0]:.0f} cells on")
    figure.savefig(picture, dpi=120)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", help="designs to run")
    parser.add_argument("--pdk", help="rows of one process only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--netlists", type=Path, default=Path("build/pnr-netlists"), help="kept between runs")
    parser.add_argument("--scaling", type=Path, metavar="PNG", help="plot time and memory over size instead")
    parser.add_argument("--verbose", action="store_true", help="show the engine's progress")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        job = json.loads(args.job)
        found = run(Row(**job["row"]), Path(job["netlists"]), Path(job["out"]), job["seed"], print)
        Path(job["figures"]).write_text(json.dumps(found))
    elif args.scaling:
        scaling(args.scaling, args.netlists, args.seed)
    else:
        rows = [r for r in ROWS if (not args.only or r.design in args.only) and args.pdk in (None, r.pdk)]
        table(rows, args.netlists, args.seed, args.verbose)


if __name__ == "__main__":
    main()
