"""A picture of where routing got stuck: clashes per square of the die, over the cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.netlist import Netlist
from asicflow.flow.pnr.orientation import outline
from asicflow.pdk.lef import Macro


def draw_hotspots(
    path: Path,
    spots: NDArray[np.int64],
    square_um: tuple[float, float],
    netlist: Netlist,
    macros: dict[str, Macro],
    plan: Floorplan,
    title: str,
) -> None:
    """Write a PNG.

    Parameters
    ----------
    spots : array of shape (rows, columns)
        Clashes per square, the lowest row first.
    square_um : (width, height)
        Size of a square.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    width, height = plan.width / 1e3, plan.height / 1e3
    figure, axis = plt.subplots(figsize=(7, 7 * height / width + 0.6), constrained_layout=True)
    outlines = [outline(i, macros[i.cell]) for i in netlist.instances.values()]
    cells = [Rectangle((a / 1e3, b / 1e3), (c - a) / 1e3, (d - b) / 1e3) for a, b, c, d in outlines]
    axis.add_collection(PatchCollection(cells, facecolor="#d5dae1", edgecolor="none"))
    rows, columns = spots.shape
    extent = (0.0, columns * square_um[0], 0.0, rows * square_um[1])
    shown = np.ma.masked_equal(spots, 0)
    image = axis.imshow(shown, origin="lower", extent=extent, cmap="inferno_r", alpha=0.8, interpolation="nearest")
    figure.colorbar(image, ax=axis, label="clashes", shrink=0.8)
    axis.set(xlim=(0, width), ylim=(0, height), xlabel="um", ylabel="um", title=title)
    axis.set_aspect("equal")
    figure.savefig(path, dpi=110)
    plt.close(figure)
