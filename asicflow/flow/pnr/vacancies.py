"""Free places in the rows of a placed design, for cells that come after legalisation."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection

from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.netlist import Instance, Netlist, PnrError
from asicflow.flow.pnr.placement import row_gaps
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.lef import Macro


class Vacancies:
    """The gaps between the cells of one placement, and the places of `fillers`, which are to go."""

    def __init__(
        self,
        netlist: Netlist,
        plan: Floorplan,
        macros: dict[str, Macro],
        technology: Technology,
        fillers: Collection[Instance],
    ) -> None:
        self.plan = plan
        self.macros = macros
        self.technology = technology
        self.free = row_gaps(netlist, plan, macros, fillers)

    def put(self, instance: Instance, at: tuple[int, int]) -> None:
        """Put a cell with its corner into the gap nearest to a point, nm.

        Raises
        ------
        PnrError
            If no gap is wide enough.
        """
        row, x = self._take(instance, at)
        instance.x, instance.row, instance.y = x, row, self.plan.row_y(row, self.technology.row_height)
        instance.flipped = row % 2 == 1

    def _take(self, instance: Instance, at: tuple[int, int]) -> tuple[int, int]:
        """Cut the nearest span for a cell out of the gaps; its row and left edge."""
        width = self.macros[instance.cell].width
        height, site = self.technology.row_height, self.technology.site_width
        best: tuple[int, int, int, int] | None = None
        at_row = (at[1] - self.plan.core[1]) // height
        for row, gaps in self.free.items():
            away = abs(row - at_row) * height
            if best is not None and away >= best[0]:
                continue
            for k, (left, right) in enumerate(gaps):
                if right - left < width:
                    continue
                x = min(max(at[0], left), right - width)
                x = left + (x - left) // site * site
                far = away + abs(x - at[0])
                if best is None or far < best[0]:
                    best = (far, row, k, x)
        if best is None:
            raise PnrError(f"no room for a cell {instance.cell}", where=instance.name, hint="lower the utilisation")
        _, row, k, x = best
        left, right = self.free[row].pop(k)
        for span in ((left, x), (x + width, right)):
            if span[1] > span[0]:
                self.free[row].insert(bisect_left(self.free[row], span), span)
        return row, x
