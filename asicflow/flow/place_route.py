"""Place and route with the engine that comes with asicflow, as one node of the flow."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

from asicflow.flow.settings import FlowSettings
from asicflow.flow.task import FlowTask

LAYOUT_FILES = ("def", "gds", "spef", "v", "pg.v")
"""Endings of what every engine leaves: ``<top>.<ending>``."""


class PlaceRouteTask(FlowTask):
    """Mapped netlist in; DEF, GDS, SPEF, netlists and ``layout.json`` out."""

    def task(self) -> str:
        """Name of the task."""
        return "place_route"

    def declare(self) -> None:
        """One netlist in, the layout out."""
        self.add_input_file(ext="vg")
        for ending in (*LAYOUT_FILES, "lef", "mapped.v"):
            self.add_output_file(ext=ending)
        settings = FlowSettings.load(Path(self.find_files("var", "settings")))
        for corner in settings.load_library().parasitics:
            self.add_output_file(ext=f"{corner}.spef")
        self.add_output_file("layout.json")

    def execute(self, settings: FlowSettings) -> None:
        """Run the engine in ``outputs/``."""
        from asicflow.flow.pnr import PnrOptions, implement

        netlist = Path("inputs") / f"{settings.top}.vg"
        outputs = Path("outputs")
        shutil.copyfile(netlist, outputs / f"{settings.top}.mapped.v")
        options = PnrOptions(
            clock_port=settings.clock_port,
            clock_period_ns=settings.clock_period_ns,
            utilization=settings.utilization,
            aspect=settings.aspect,
            die_area=settings.die_um,
            seed=settings.seed,
            hold_margin_ns=settings.hold_margin_ns,
            rings=settings.rings,
            fill=settings.fill,
            blocks=settings.blocks,
            pad_ring=settings.pad_ring,
            frame=settings.frame,
        )
        if slew := input_slew_ns(settings.sdc.read_text()):
            options = replace(options, input_slew_ns=slew)
        result = implement(netlist, settings.top, settings.load_library(), options, outputs, self.progress)
        self.record_layout(result.metrics)

    def record_layout(self, metrics: dict[str, object]) -> None:
        """Copy the figures that SiliconCompiler has a name for."""
        names = {
            "cells": ("cells", None),
            "area_um2": ("cellarea", "um^2"),
            "wirelength_um": ("wirelength", "um"),
            "vias": ("vias", None),
            "buffers": ("buffers", None),
        }
        found = {}
        for key, (metric, unit) in names.items():
            value = metrics.get(key)
            if isinstance(value, int | float):
                found[metric] = (float(value), unit)
        self.record(Path("outputs/layout.json"), found)


def input_slew_ns(sdc: str) -> float | None:
    """The transition that constraints state for the inputs, None where cells drive them: it is short then."""
    stated = re.search(r"^set_input_transition\s+(\S+)", sdc, re.MULTILINE)
    return float(stated[1]) if stated else None
