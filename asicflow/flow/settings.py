"""What the tasks of the flow need to know, as one small file beside SiliconCompiler's build tree.

SiliconCompiler runs every node in a process of its own and decides from the
declared files whether a node is current.  The tasks of asicflow therefore get
their settings as a file: it is rewritten only when something in it changes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from asicflow.config import Config
from asicflow.pdk.block import Block
from asicflow.pdk.config import Library, Pdk, load_pdk
from asicflow.pdk.frame import FixedFrame
from asicflow.pdk.pads import PadRing


def wants_clock_gates(config: Config) -> bool:
    """Whether synthesis is to use clock gates: as configured, or by the kind of design."""
    asked = config.layout.clock_gates
    return config.top != "accel" if asked is None else asked


def code_digest() -> str:
    """Return a hash of the flow's own sources: a changed engine must not be taken for a finished run."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for folder in (package / "flow", package / "pdk"):
        for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.tcl"))):
            digest.update(path.read_bytes())
    return digest.hexdigest()


class FlowSettings(BaseModel):
    """Settings of one layout run; lengths in um, times in ns.

    ``code`` identifies the version of the flow that is to run; ``blocks`` are the hard macros of the design,
    ``pad_ring`` the pads of a chip, ``frame`` the frame around it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    top: str
    pdk: str
    pdk_root: Path
    library: str
    supply: float
    clock_port: str
    clock_period_ns: float
    sdc: Path
    utilization: float
    aspect: float
    die_um: tuple[float, float] | None
    seed: int
    clock_gates: bool = False
    hold_margin_ns: float = 0.1
    rings: bool = False
    fill: bool = False
    blocks: tuple[Block, ...] = ()
    pad_ring: PadRing | None = None
    frame: FixedFrame | None = None

    @classmethod
    def create(
        cls,
        config: Config,
        pdk: Pdk,
        library: Library,
        *,
        top: str,
        sdc: Path,
        clock_port: str,
        period_ns: float,
        blocks: tuple[Block, ...] = (),
        pad_ring: PadRing | None = None,
        frame: FixedFrame | None = None,
    ) -> FlowSettings:
        """Collect the settings of a run from the configuration and the design's description."""
        return cls(
            code=code_digest(),
            top=top,
            pdk=pdk.name,
            pdk_root=pdk.root,
            library=library.name,
            supply=library.supply,
            clock_port=clock_port,
            clock_period_ns=period_ns,
            sdc=sdc,
            utilization=config.layout.utilization or library.utilization[config.top],
            aspect=config.layout.aspect,
            die_um=config.layout.die_um,
            seed=config.layout.seed,
            rings=config.layout.rings,
            fill=pad_ring is not None if config.layout.fill is None else config.layout.fill,
            blocks=blocks,
            pad_ring=pad_ring,
            frame=frame,
            clock_gates=wants_clock_gates(config),
        )

    @property
    def hard_macros(self) -> tuple[Block, ...]:
        """Files of everything in the netlist that is not of the cell library."""
        return (*self.blocks, self.pad_ring.block) if self.pad_ring else self.blocks

    @classmethod
    def load(cls, path: Path) -> FlowSettings:
        """Read the file that :meth:`save` wrote."""
        return cls.model_validate_json(path.read_text())

    def save(self, path: Path) -> Path:
        """Write the settings unless the file already holds them; returns the path."""
        text = self.model_dump_json(indent=2) + "\n"
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return path

    def load_pdk(self) -> Pdk:
        """Return the process."""
        return load_pdk(self.pdk, self.pdk_root)

    def load_library(self) -> Library:
        """Return the cell library with the corners of the supply, its nets named as in the frame if there is one."""
        library = self.load_pdk().library(self.library, self.supply)
        return library.with_supplies(self.frame.power, self.frame.ground) if self.frame else library
