"""Finish: check that the layout is complete, bring every engine's files to the same names, draw it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import klayout.db as db

from asicflow.errors import StageError
from asicflow.flow.files import copy_plain
from asicflow.flow.picture import draw
from asicflow.flow.place_route import LAYOUT_FILES
from asicflow.flow.settings import FlowSettings
from asicflow.flow.task import FlowTask


class FinishTask(FlowTask):
    """Layout files in, the same files checked and under their final names out, with two pictures."""

    def task(self) -> str:
        """Name of the task."""
        return "finish"

    def declare(self) -> None:
        """Whatever the engine left in, the agreed set out."""
        available = self.get_files_from_input_nodes()
        for name in available:
            if name.startswith(f"{self.design_topmodule}.") or name == "layout.json":
                self.add_input_file(name)
        for ending in (*LAYOUT_FILES, "mapped.v"):
            self.add_output_file(ext=ending)
        for name in ("layout.json", "layout.png", "detail.png"):
            self.add_output_file(name)

    def execute(self, settings: FlowSettings) -> None:
        """Collect, check, draw."""
        inputs, outputs = Path("inputs"), Path("outputs")
        collect(inputs, outputs, settings.top)
        check_files(outputs, settings.top)
        layout = check_gds(outputs / f"{settings.top}.gds", settings.top)
        library = settings.load_library()
        self.progress("drawing the layout")
        draw(layout, library, outputs / "layout.png")
        draw(layout, library, outputs / "detail.png", zoom=12.0)


SOURCES = {
    "def": ("def", "def.gz"),
    "gds": ("gds", "gds.gz"),
    "spef": ("spef", "typical.spef"),
    "v": ("v", "vg"),
    "pg.v": ("pg.v", "lvs.vg"),
    "mapped.v": ("mapped.v",),
}
"""Final ending -> endings under which an engine may leave the file, in order of preference."""


def collect(inputs: Path, outputs: Path, top: str) -> None:
    """Copy each file of the layout to its final name, unpacking where needed.

    Raises
    ------
    StageError
        If a file is missing.
    """
    for ending, candidates in SOURCES.items():
        found = [inputs / f"{top}.{c}" for c in candidates if (inputs / f"{top}.{c}").is_file()]
        if not found:
            raise StageError(f"the place-and-route engine left no {ending} file", where=str(inputs.resolve()))
        copy_plain(found[0], outputs / f"{top}.{ending}")
    copy_plain(inputs / "layout.json", outputs / "layout.json")
    for extra in inputs.glob(f"{top}.*.spef"):
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
        raise StageError(
            f"the GDS must have the one top cell {top}, it has {', '.join(tops) or 'none'}", where=str(path)
        )
    if layout.top_cell().bbox().empty():
        raise StageError("the GDS holds no shapes", where=str(path))
    return layout
