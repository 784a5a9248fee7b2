"""``pdk_configs/*.yaml`` as typed objects: everything asicflow knows of a process.

A PDK is one YAML file.  Nothing outside ``asicflow.pdk`` asks for a PDK by name.
"""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicflow.config import nearest
from asicflow.errors import UserError
from asicflow.resources import resource

PDK_SCHEMA = "asicflow.pdk/1"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GdsLayer(_Data):
    """GDS (layer, datatype) pairs of one mask layer; pin and label may be absent."""

    name: str
    drawing: tuple[int, int]
    pin: tuple[int, int] | None = None
    label: tuple[int, int] | None = None


class Parasitics(_Data):
    """Wire and via parasitics of one extraction corner.

    ``wires`` maps a layer to (ohm per um, pF per um) of minimum-width wire;
    ``vias`` maps a cut layer to ohm per cut.
    """

    wires: dict[str, tuple[float, float]]
    vias: dict[str, float]


class Power(_Data):
    """Names of the supply nets, and the cell pins that belong to each."""

    power_net: str
    ground_net: str
    power_pins: list[str]
    ground_pins: list[str]


class Corner(_Data):
    """One timing corner: process letters, volts, degrees Celsius, Liberty file, extraction corner."""

    process: str
    voltage: float
    temperature: float
    parasitics: str
    liberty: Path


class ClockGate(_Data):
    """Integrated clock gates, weakest first, and the names of their pins; ``low`` are inputs that are tied to 0."""

    cells: list[str]
    clock: str
    enable: str
    output: str
    low: list[str] = Field(default_factory=list)


class Cells(_Data):
    """The library's special cells; pairs are (cell, pin)."""

    tap: str
    tie_high: tuple[str, str]
    tie_low: tuple[str, str]
    fillers: list[str]
    decaps: list[str]
    clock_buffers: list[str]
    buffers: list[str]
    hold_buffers: list[str]
    antenna_diode: tuple[str, str]
    buffer_pins: tuple[str, str]
    driving_cell: str
    clock_gate: ClockGate | None = None
    dont_use: list[str] = Field(default_factory=list)

    def usable(self, cell: str) -> bool:
        """True unless a ``dont_use`` pattern names the cell."""
        return not any(fnmatch.fnmatchcase(cell, pattern) for pattern in self.dont_use)


class Library(_Data):
    """A standard-cell library with its process: all that synthesis, layout and checks need.

    Paths are absolute.  ``corners`` holds only the corners of the chosen supply,
    ``clock_period_ns`` the period that a run takes by default, per top, ``utilization`` the cell area over the core's.
    """

    pdk: str
    name: str
    site: str
    supply: float
    utilization: dict[str, float]
    clock_period_ns: dict[str, float]
    grid_nm: int
    tech_lef: Path
    lefs: list[Path]
    gds: list[Path]
    cdl: list[Path]
    power: Power
    corners: dict[str, Corner]
    cells: Cells
    layers: dict[str, GdsLayer]
    boundary: tuple[int, int]
    parasitics: dict[str, Parasitics]
    route: dict[str, Any] = Field(default_factory=dict)

    def with_supplies(self, power: str, ground: str) -> Library:
        """Return the library for a design whose supplies have these names."""
        renamed = self.power.model_copy(update={"power_net": power, "ground_net": ground})
        return self.model_copy(update={"power": renamed})

    @property
    def slowest(self) -> Corner:
        """The corner with the lowest voltage of the slow process."""
        return min(self.corners.values(), key=lambda c: (c.process != "ss", c.voltage))

    @property
    def typical(self) -> Corner:
        """The typical corner."""
        return next((c for c in self.corners.values() if c.process == "tt"), self.slowest)

    def files(self) -> list[Path]:
        """Every file that a run reads."""
        return [
            self.tech_lef, *self.lefs, *self.gds, *self.cdl, *(c.liberty for c in self.corners.values())
        ]  # fmt: skip


class Pdk(_Data):
    """One process, bound to a folder that holds its data."""

    name: str
    title: str
    node_nm: int
    root: Path
    config_path: Path
    clock_period_ns: dict[str, float]
    default_library: str
    display: Path | None
    magic_tech: Path | None
    drc_decks: list[Path]
    raw: dict[str, Any]

    @property
    def library_names(self) -> list[str]:
        """Names of the libraries of this process."""
        return list(self.raw["libraries"])

    def library(self, name: str | None = None, supply: float | None = None) -> Library:
        """Return a library bound to its files.

        Parameters
        ----------
        name : str, optional
            Library name; default: the PDK file's first choice.
        supply : float, optional
            Nominal volts; default: the library's. Selects the corners.

        Raises
        ------
        UserError
            If the library or the supply is unknown.
        """
        name = name or self.default_library
        libraries = self.raw["libraries"]
        if name not in libraries:
            near = nearest(name, list(libraries))
            raise UserError(
                f"{self.name} has no library '{name}'",
                where="pdk.library",
                hint=f"did you mean '{near}'?" if near else f"choose one of: {', '.join(libraries)}",
            )
        data = dict(libraries[name])
        supplies = {float(k): v for k, v in data.pop("supplies").items()}
        volts = data["supply"] if supply is None else supply
        if volts not in supplies:
            raise UserError(
                f"{name} has no corners for a supply of {volts} V",
                where="pdk.supply",
                hint=f"choose one of: {', '.join(f'{v} V' for v in supplies)}",
            )
        base = self.root / self.raw["data"]
        corners = {
            key: data["corners"][key] | {"liberty": base / data["corners"][key]["liberty"]} for key in supplies[volts]
        }
        layers = {key: _gds_layer(key, value) for key, value in self.raw["layers"].items()}
        data.update(
            pdk=self.name,
            name=name,
            supply=volts,
            clock_period_ns=self.clock_period_ns,
            grid_nm=self.raw["grid_nm"],
            tech_lef=base / data.get("tech_lef", self.raw["tech_lef"]),
            corners=corners,
            layers=layers,
            boundary=_pair(self.raw["boundary"]),
            parasitics=self.raw["parasitics"],
            route=data.get("route", self.raw.get("route", {})),
        )
        for key in ("lefs", "gds", "cdl"):
            data[key] = [base / p for p in data[key]]
        try:
            return Library.model_validate(data)
        except ValidationError as error:
            raise UserError(f"the PDK file is not valid: {error}", where=str(self.config_path)) from error


def pdk_names() -> list[str]:
    """Return the names of all shipped PDK files."""
    return sorted(p.stem for p in resource("pdk_configs").glob("*.yaml"))


def check_name(name: str) -> None:
    """Raise a UserError with the nearest name unless there is a PDK file of this name."""
    names = pdk_names()
    if name not in names:
        near = nearest(name, names)
        raise UserError(
            f"unknown PDK '{name}'",
            where="pdk.name",
            hint=f"did you mean '{near}'?" if near else f"choose one of: {', '.join(names)}",
        )


def load_pdk(name: str, root: Path) -> Pdk:
    """Load ``pdk_configs/<name>.yaml`` and bind it to the data under ``root``.

    Parameters
    ----------
    name : str
        ``"sky130"`` or ``"gf180"``.
    root : Path
        Folder that holds ``lambdapdk/lambdapdk``.

    Raises
    ------
    UserError
        If there is no such PDK file (the nearest name is given).
    """
    check_name(name)
    path = resource(f"pdk_configs/{name}.yaml")
    raw = yaml.safe_load(path.read_text())
    if raw.get("schema") != PDK_SCHEMA:
        raise UserError(f"the PDK file has schema {raw.get('schema')!r}, not {PDK_SCHEMA}", where=str(path))
    base = root.resolve() / raw["data"]
    return Pdk(
        name=raw["name"],
        title=raw["title"],
        node_nm=raw["node_nm"],
        root=root.resolve(),
        config_path=path,
        clock_period_ns=raw["clock_period_ns"],
        default_library=raw["default_library"],
        display=base / raw["display"] if raw.get("display") else None,
        magic_tech=base / raw["magic_tech"] if raw.get("magic_tech") else None,
        drc_decks=[base / p for p in raw.get("drc_decks", [])],
        raw=raw,
    )


def missing_files(library: Library) -> list[Path]:
    """Return the files of a library that are not there, or are Git LFS pointers instead of data."""
    return [path for path in library.files() if not path.is_file() or _is_lfs_pointer(path)]


def _is_lfs_pointer(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(40).startswith(b"version https://git-lfs")


def _pair(text: str) -> tuple[int, int]:
    layer, datatype = text.split("/")
    return int(layer), int(datatype)


def _gds_layer(name: str, entry: list[str | None]) -> GdsLayer:
    drawing, pin, label = (None if e is None else _pair(e) for e in entry)
    assert drawing is not None, f"layer {name} has no drawing pair"
    return GdsLayer(name=name, drawing=drawing, pin=pin, label=label)
