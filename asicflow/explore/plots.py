"""Pictures and pages of sweeps and profiles."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asicflow.explore.sweep import Point, best

if TYPE_CHECKING:
    from asicflow.explore.profile import TensorRange

COLUMNS = (
    "point", "bits", "reuse", "multipliers", "quality", "area um2", "predicted", "cycles", "latency us", "nJ settled",
    "nJ", "best",
)  # fmt: skip
"""Columns of a sweep's page."""
_NARROW = {
    "bits": "bits", "reuse": "reuse", "multipliers": "mult.", "quality": "quality", "area um2": "area um2",
    "predicted": "model", "cycles": "cycles", "latency us": "us", "nJ": "nJ", "best": "best",
}  # fmt: skip


def narrow_table(points: list[Point], pdk: str) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the points of a PDK for a terminal of 80 columns."""
    front, at = best(points), [COLUMNS.index(column) for column in _NARROW]
    rows = [row_of(point, front) for point in points if point.choice.pdk == pdk]
    return list(_NARROW.values()), [[row[k].replace("adder graph", "graph") for k in at] for row in rows]


def _figure(width: float, height: float, columns: int = 1) -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt.subplots(1, columns, figsize=(width, height), layout="constrained", squeeze=False)


def row_of(point: Point, front: list[Point]) -> list[str]:
    """Cells of a point in the table, in the order of the page's columns."""
    choice = point.choice
    return [
        choice.name, str(choice.width), str(choice.reuse), str(point.multipliers or "adder graph"),
        f"{point.quality:.4f}", f"{point.area_um2:,.0f}",
        f"{point.predicted_um2 / point.area_um2 - 1:+.0%}", str(point.cycles),
        f"{point.latency_us:,.1f}", f"{point.settled_nj:,.1f}", f"{point.energy_nj:,.1f}",
        "yes" if point in front else "",
    ]  # fmt: skip


def draw_sweep(points: list[Point], path: Path) -> None:
    """Area over latency, one panel per PDK; colour is the quality, size the energy, a ring marks points that none
    beats."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    pdks = list(dict.fromkeys(point.choice.pdk for point in points))
    front = best(points)
    figure, axes = _figure(6.4 * len(pdks), 4.8, len(pdks))
    low, high = min(p.quality for p in points), max(p.quality for p in points)
    least = min(p.energy_nj for p in points)
    for axis, pdk in zip(axes[0], pdks, strict=True):
        mine = [point for point in points if point.choice.pdk == pdk]
        dots = axis.scatter(
            [p.latency_us for p in mine], [p.area_um2 / 1e6 for p in mine], c=[p.quality for p in mine],
            vmin=low, vmax=high, cmap="viridis", s=[55 * p.energy_nj / least for p in mine], zorder=3,
        )  # fmt: skip
        ring = [p for p in mine if p in front]
        axis.scatter(
            [p.latency_us for p in ring], [p.area_um2 / 1e6 for p in ring],
            s=[55 * p.energy_nj / least + 95 for p in ring],
            facecolors="none", edgecolors="crimson", zorder=4, label="none is better in everything",
        )  # fmt: skip
        for p in mine:
            axis.annotate(
                f"{p.choice.width} b, r{p.choice.reuse}, {p.energy_nj:.3g} nJ", (p.latency_us, p.area_um2 / 1e6),
                xytext=(6, 5), textcoords="offset points", fontsize=7,
            )  # fmt: skip
        axis.set(xscale="log", yscale="log", xlabel="latency of an inference, us", ylabel="cell area, mm2", title=pdk)
        for ticks in (axis.xaxis, axis.yaxis):
            ticks.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ticks.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            ticks.set_minor_formatter(NullFormatter())
        axis.margins(x=0.2)
        axis.grid(True, which="both", alpha=0.25)
        axis.legend(fontsize=8)
    figure.colorbar(dots, ax=list(axes[0]), label=points[0].measure)
    figure.savefig(path, dpi=130)


def write_sweep_page(points: list[Point], name: str, picture: Path, path: Path) -> None:
    """A page of one file: picture and table."""
    front = best(points)
    data = base64.b64encode(picture.read_bytes()).decode()
    page = io.StringIO()
    page.write(
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(name)}: sweep</title>"
        "<style>body{font-family:system-ui;margin:2em;max-width:70em}table{border-collapse:collapse}"
        "td,th{padding:.3em .8em;text-align:right;border-bottom:1px solid #8884}"
        "td:first-child,th:first-child{text-align:left}.best{font-weight:600}img{max-width:100%}</style>"
        f"<h1>{html.escape(name)}: {len(points)} points</h1>"
        f"<p>Quality: {html.escape(points[0].measure)}. Area: cells of the engine after synthesis, typical corner. "
        "Predicted: error of the cost model. Latency: cycles at the configured clock. Energy of an inference with the "
        "writing of its inputs and the reading of its outputs, from simulated activity and Liberty, without wires: of "
        "settled values, and with the glitches of equal cell delays.</p>"
        f"<img alt='area over latency' src='data:image/png;base64,{data}'>"
        f"<table><tr>{''.join(f'<th>{column}</th>' for column in COLUMNS)}</tr>"
    )
    for point in points:
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row_of(point, front))
        page.write(f"<tr{' class=best' if point in front else ''}>{cells}</tr>")
    page.write("</table></html>\n")
    path.write_text(page.getvalue())


def draw_profile(ranges: list[TensorRange], path: Path) -> None:
    """Magnitudes of every tensor (quartiles, 1 % to 99 %, largest) over the bits of its suggested type."""
    figure, axes = _figure(8, 1.2 + 0.36 * len(ranges))
    axis = axes[0][0]
    for y, tensor in enumerate(reversed(ranges)):
        axis.barh(y, tensor.top_bit - tensor.low_bit, left=tensor.low_bit, height=0.7, color="#9ecae1", zorder=1)
        if tensor.percentiles:
            p1, p25, p50, p75, p99, most = tensor.percentiles
            axis.plot([p1, p99], [y, y], color="#333", lw=1, zorder=2)
            axis.plot([p25, p75], [y, y], color="#333", lw=5, zorder=3)
            axis.plot([p50], [y], "o", color="white", ms=3, zorder=4)
            axis.plot([most], [y], "|", color="crimson", ms=10, zorder=4)
    axis.set_yticks(range(len(ranges)), [f"{t.name} {t.tensor}" for t in reversed(ranges)], fontsize=8)
    axis.set_xlabel("log2 of the magnitude; blue: bits of the suggested type; red: largest value")
    axis.grid(True, axis="x", alpha=0.25)
    figure.savefig(path, dpi=130)
