"""What a gate may read: the run directory, the configuration and the PDK, opened once for all gates."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from asicflow.config import Config
from asicflow.flow.stage import design_files, hard_macros
from asicflow.pdk.block import BOXES, Block
from asicflow.pdk.config import Library, Pdk, load_pdk, missing_files
from asicflow.pdk.frame import Frame, chip_frame
from asicflow.pdk.lef import Macro, TechLef, read_lef, read_tech_lef
from asicflow.pdk.liberty import read_liberty
from asicflow.pdk.pads import pad_block
from asicflow.signoff.blocks import blocks_of, read_blocks
from asicflow.signoff.drc import DrcResult
from asicflow.signoff.elaborate import Elaboration
from asicflow.signoff.extract import Extraction
from asicflow.signoff.formal import Network
from asicflow.signoff.inner import without_inner_metal
from asicflow.signoff.layout import Layout
from asicflow.signoff.lvs import Comparison, compare
from asicflow.signoff.netlist import Module, read_netlist
from asicflow.signoff.rules import RuleSet
from asicflow.signoff.verdict import UnverifiedError, Verdict
from asicflow.signoff.waivers import Waivers

WRITERS = {
    "model": "model",
    "accel": "hls",
    "soc": "soc",
    "firmware": "firmware",
    "sim": "sim",
    "layout": "flow",
    "signoff": "signoff",
}
"""Folder of the run directory to the stage that writes it."""


@dataclass
class GateContext:
    """Paths and shared readings for the gates of one run.

    Parameters
    ----------
    root : Path
        The run directory.
    config : Config
        Its configuration.
    pdk, library : Pdk, Library or None
        The process and cell library; None when the PDK root is not known.
    manifest : dict
        The run's manifest; empty when there is none.
    waivers : Waivers or None
        Findings that someone accepts; None when the run names no file.
    foreign_top : str
        Top cell of a layout that asicflow did not make; then only gates of a layout apply.
    verdicts : dict
        Verdicts of the gates that ran before the last ones, by id.
    networks : dict
        Netlists cut at their registers, each elaborated once.
    rule_checks : dict
        Results of rule sets by the gate's id, each checked once.
    """

    root: Path
    config: Config
    pdk: Pdk | None = None
    maybe_library: Library | None = None
    manifest: dict[str, Any] = field(default_factory=dict)
    waivers: Waivers | None = None
    foreign_top: str = ""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)
    rule_checks: dict[str, tuple[RuleSet, DrcResult]] = field(default_factory=dict)

    @cached_property
    def frame(self) -> Frame | None:
        """The shuttle's frame around the design, if it is made for one."""
        if self.foreign_top or self.config.top != "chip":
            return None
        pdk = self.pdk or load_pdk(self.config.pdk.name, Path("."))
        return chip_frame(pdk, self.config.top, self.config.layout.slot)

    @property
    def top(self) -> str:
        """Name of the top module."""
        return self.foreign_top or (self.frame.name if self.frame else self.config.top)

    @property
    def out(self) -> Path:
        """The folder that sign-off writes."""
        return self.root / "signoff"

    def path(self, name: str) -> Path:
        """A file of the run directory; ``{top}`` in the name stands for the top module."""
        return self.root / name.format(top=self.top)

    def relative(self, path: Path) -> str:
        """The path relative to the run directory where it lies inside, else the whole path."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def how_to_get(self, name: str) -> str:
        """The step that writes a file of the run directory."""
        if self.foreign_top:
            return f"{name} is not among the files given"
        stage = WRITERS.get(Path(name).parts[0])
        if stage is None:
            return f"`asicflow run` writes {name}"
        return f"finish the {stage} stage of `asicflow run` (it writes {Path(name).parts[0]}/)"

    @property
    def library(self) -> Library:
        """The cell library with its process; UNVERIFIED when a PDK file is missing."""
        if self.maybe_library is None:
            raise UnverifiedError("the PDK root is not known", "set ASICFLOW_PDK_ROOT or give --pdk-root")
        missing = missing_files(self.maybe_library)
        if missing:
            raise UnverifiedError(
                f"PDK file missing: {missing[0].name}" + (f" and {len(missing) - 1} more" if missing[1:] else ""),
                "complete the PDK root; `asicflow doctor` lists every file",
            )
        return self.maybe_library

    def json(self, name: str) -> dict[str, Any]:
        """A JSON object of the run directory."""
        data = json.loads(self.path(name).read_text())
        if not isinstance(data, dict):
            raise ValueError(f"{name} holds no JSON object")
        return data

    @cached_property
    def tech(self) -> TechLef:
        """The technology LEF."""
        return read_tech_lef(self.library.tech_lef)

    @cached_property
    def macros(self) -> dict[str, Macro]:
        """The cells' abstract views."""
        return read_lef([*self.library.lefs, *(block.lef for block in self.blocks)])

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The hard macros of the design, pads included."""
        if self.foreign_top or self.pdk is None:
            return ()
        return hard_macros(self.config, self.pdk, self.library)

    @cached_property
    def block_names(self) -> frozenset[str]:
        """The macro cells of :attr:`blocks`."""
        return frozenset(name for block in self.blocks for name in read_lef(block.lef))

    @cached_property
    def pad_names(self) -> frozenset[str]:
        """The cells of the ring of pads of a chip."""
        if self.foreign_top or self.pdk is None or self.top != "chip":
            return frozenset()
        return frozenset(read_lef(pad_block(self.pdk, ()).lef))

    @cached_property
    def rtl(self) -> list[Path]:
        """The RTL as the flow reads it; hard macros are modules without contents."""
        pdk = self.pdk or load_pdk(self.config.pdk.name, Path("."))
        return design_files(self.root, pdk, self.boxes)

    @property
    def boxes(self) -> Path:
        """The file with the hard macros as modules without contents, once :attr:`rtl` was asked for."""
        return self.out / "build" / BOXES

    @property
    def engine_dir(self) -> Path:
        """The folder that describes the accelerator and its socket."""
        soc = self.root / "soc"
        return soc if self.top == "accel" else soc / "accel"

    @cached_property
    def layout(self) -> Layout:
        """The GDS of the top cell."""
        return Layout(self.path("layout/{top}.gds"), self.top, self.library.layers, self.fill_layers)

    @property
    def fill_layers(self) -> dict[str, tuple[int, int]]:
        """Metal layer to the GDS layer and datatype of its dummy metal."""
        layers = self.library.route.get("fill", {}).get("layers", {})
        return {name: (pair[0], pair[1]) for name, pair in layers.items()}

    @cached_property
    def netlist(self) -> Module:
        """The post-route netlist with power pins."""
        return read_netlist(self.path("layout/{top}.pg.v"), self.top)

    @cached_property
    def block_of(self) -> dict[str, str]:
        """Block of the design by instance; place and route makes names plain, the netlist before it tells it."""
        mapped, routed = self.path("layout/{top}.mapped.v"), self.path("layout/{top}.v")
        cells = read_liberty(self.library.typical.liberty).cells
        outputs = {name: {pin.name for pin in cell.outputs()} for name, cell in cells.items()}
        return blocks_of(self.netlist, outputs, read_blocks(mapped if mapped.is_file() else routed))

    @cached_property
    def extraction(self) -> Extraction:
        """The connectivity extracted from the GDS."""
        layout = self.layout
        stack = [n for n, x in self.tech.layers.items() if n in layout.layers and x.kind in ("ROUTING", "CUT")]
        if self.pad_names:
            layout = layout.with_joined_cuts(self.pad_names, stack)
        layout = without_inner_metal(layout, self.block_names - self.pad_names, self.macros, stack)
        return Extraction.of(layout, self.macros, self.tech, self.path("layout/{top}.def"))

    @cached_property
    def elaboration(self) -> Elaboration:
        """The RTL as Yosys elaborates it."""
        return Elaboration.of(self.rtl, self.top, self.out / "logs")

    @cached_property
    def comparison(self) -> Comparison:
        """The layout compared with the netlist, signals and supplies."""
        return compare(self.netlist, self.extraction, self.macros, self.library.power)
