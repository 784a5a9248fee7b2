"""Finish: check that the layout is complete, bring every engine's files to the same names, draw it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import klayout.db as db

from asicflow.errors import StageError
from asicflow.flow.files import copy_plain
from asicflow.flow.picture import draw
from asicflow.flow.place_route import LAYOUT_FILES
from asicflow.flow.settings import FlowSettings
from asicflow.flow.stream import def_to_gds
from asicflow.flow.task import FlowTask

DETAIL_UM = 40.0
"""Width of the part of the layout in ``detail.png``."""

SOURCES = {
    "def": ("def", "def.gz"),
    "gds": ("gds",),
    "spef": ("spef", "typical.spef"),
    "v": ("v", "write.views0.vg"),
    "pg.v": ("pg.v", "lvs.vg"),
    "mapped.v": ("mapped.v", "synthesis0.vg"),
}
"""Final ending -> endings under which an engine may leave the file, in order of preference."""


class FinishTask(FlowTask):
    """Layout files in, the same files checked and under their final names out, with two pictures."""

    def task(self) -> str:
        """Name of the task."""
        return "finish"

    def declare(self) -> None:
        """Whatever the engine left in, the agreed set out."""
        for name in self._inputs():
            self.add_input_file(name)
            if name.endswith(".lef") or (name.count(".") > 1 and name.endswith(".spef")):
                self.add_output_file(name)
        for ending in (*LAYOUT_FILES, "mapped.v"):
            self.add_output_file(ext=ending)
        for name in ("layout.json", "layout.png", "detail.png"):
            self.add_output_file(name)

    def _inputs(self) -> list[str]:
        """Names of the layout files that the nodes before leave; equal names get the node's name."""
        top = self.design_topmodule
        known = {f"{top}.{ending}" for endings in SOURCES.values() for ending in endings}
        found = []
        for name, nodes in self.get_files_from_input_nodes().items():
            if len(nodes) > 1:
                found += [self.compute_input_file_node_name(name, *node) for node in nodes]
            elif name in known or name == "layout.json" or name.endswith((".spef", ".lef")):
                found.append(name)
        return found

    def execute(self, settings: FlowSettings) -> None:
        """Collect, check, draw."""
        inputs, outputs, top = Path("inputs"), Path("outputs"), settings.top
        library = settings.load_library()
        collect(inputs, outputs, top)
        if not (outputs / f"{top}.gds").exists():
            def_to_gds(outputs / f"{top}.def", library, outputs / f"{top}.gds")
        layout = check_gds(outputs / f"{top}.gds", top)
        if not (outputs / "layout.json").exists():
            (outputs / "layout.json").write_text(json.dumps(self._figures(layout), indent=2) + "\n")
        check_files(outputs, top)
        self.progress("drawing the layout")
        draw(layout, library, outputs / "layout.png")
        draw(layout, library, outputs / "detail.png", window_um=DETAIL_UM)

    def _figures(self, layout: db.Layout) -> dict[str, Any]:
        """Figures of the stock steps, under the names that the engine ``open`` uses."""
        box = layout.top_cell().dbbox()
        figures: dict[str, Any] = {"engine": "openroad", "die_um": [box.width(), box.height()]}
        for key, metric, step in (
            ("cells", "cells", "write.views"),
            ("area_um2", "cellarea", "write.views"),
            ("utilization", "utilization", "write.views"),
            ("buffers", "buffers", "write.views"),
            ("wirelength_um", "wirelength", "route.detailed"),
            ("vias", "vias", "route.detailed"),
            ("conflicts", "drcs", "route.detailed"),
        ):
            figures[key] = self.project.get("metric", metric, step=step, index="0")
        return figures


def collect(inputs: Path, outputs: Path, top: str) -> None:
    """Copy each file of the layout to its final name, unpacking where needed.

    A GDS and ``layout.json`` may be absent: the caller makes them; so may the LEF abstract.

    Raises
    ------
    StageError
        If another file is missing.
    """
    for ending, candidates in SOURCES.items():
        found = [inputs / f"{top}.{c}" for c in candidates if (inputs / f"{top}.{c}").is_file()]
        if found:
            copy_plain(found[0], outputs / f"{top}.{ending}")
        elif ending != "gds":
            raise StageError(f"the place-and-route engine left no {ending} file", where=str(inputs.resolve()))
    for extra in (*inputs.glob(f"{top}.*.spef"), *inputs.glob(f"{top}.lef"), *inputs.glob("layout.json")):
        shutil.copyfile(extra, outputs / extra.name)


def check_files(folder: Path, top: str) -> None:
    """Every file must be there with something in it.

    Raises
    ------
    StageError
        If a file is missing or empty, or ``layout.json`` is no JSON object.
    """
    for name in (*(f"{top}.{ending}" for ending in SOURCES), "layout.json"):
        path = folder / name
        if not path.is_file() or path.stat().st_size == 0:
            raise StageError(f"{name} is missing or empty", where=str(folder.resolve()))
    if not isinstance(json.loads((folder / "layout.json").read_text()), dict):
        raise StageError("layout.json holds no figures", where=str(folder.resolve()))


def check_gds(path: Path, top: str) -> db.Layout:
    """Read the GDS; it must hold one top cell of the right name, and shapes.

    Raises
    ------
    StageError
        If it does not.
    """
    layout = db.Layout()
    layout.read(str(path))
    tops = [cell.name for cell in layout.top_cells()]
    if tops != [top]:
        names = ", ".join(tops) or "none"
        raise StageError(f"the GDS must have the one top cell {top}, it has {names}", where=str(path))
    if layout.top_cell().bbox().empty():
        raise StageError("the GDS holds no shapes", where=str(path))
    return layout
