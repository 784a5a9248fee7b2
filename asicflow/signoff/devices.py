"""Extract transistors from a layout with KLayout, by a process' device file ``signoff/devices/<pdk>.yaml``."""

from __future__ import annotations

from typing import Annotated, Literal

import klayout.db as kdb
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicflow.errors import UserError
from asicflow.resources import resource
from asicflow.signoff.deck import derive


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Mos(_Data):
    """A transistor: channel, source and drain, the wire that gates it, and its bulk."""

    kind: Literal["mos"]
    model: str
    gate: str
    source_drain: str
    wire: str
    bulk: str


class Diode(_Data):
    """A diode between two layers that overlap; ``junction`` is where they do."""

    kind: Literal["diode"]
    model: str
    junction: str
    anode: str
    cathode: str


class Short(_Data):
    """A piece of wire that counts as a resistor of no resistance between its ends."""

    kind: Literal["short"]
    model: str
    body: str
    ends: str


Device = Annotated[Mos | Diode | Short, Field(discriminator="kind")]


class DeviceFile(_Data):
    """Layers, their connections and the devices of a process.

    ``layers`` and ``labels`` map names to GDS layer/datatype; ``derived`` names to layer expressions;
    ``connect`` lists pairs that touch electrically; ``substrate`` is the bulk outside wells, one net of a
    layout.
    """

    schema_: Literal["asicflow.devices/1"] = Field(alias="schema")
    process: str
    layers: dict[str, str]
    labels: dict[str, str]
    derived: dict[str, str]
    substrate: str
    connect: list[tuple[str, str]]
    devices: list[Device]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """GDS (layer, datatype) of the drawn layers."""
        return [_pair(text) for text in self.layers.values()]

    @property
    def models(self) -> set[str]:
        """Names of the device models."""
        return {device.model for device in self.devices}


def load_devices(process: str) -> DeviceFile:
    """Read ``signoff/devices/<process>.yaml``.

    Raises
    ------
    FileNotFoundError
        If no device file is shipped for the process.
    UserError
        If the file is not valid.
    """
    path = resource(f"signoff/devices/{process}.yaml")
    try:
        return DeviceFile.model_validate(yaml.safe_load(path.read_text()))
    except ValidationError as error:
        raise UserError(f"the device file is not valid: {error.errors()[0]['msg']}", where=str(path)) from error


SUBSTRATE_NET = "substrate"


class Extractor:
    """The devices and connections of one cell of a layout, with its subcells.

    Parameters
    ----------
    db : klayout.db.Layout
        The layout.
    cell : klayout.db.Cell
        The cell; subcells stay circuits of their own.
    file : DeviceFile
        Layers and devices.
    """

    def __init__(self, db: kdb.Layout, cell: kdb.Cell, file: DeviceFile) -> None:
        self.file = file
        self.l2n = kdb.LayoutToNetlist(kdb.RecursiveShapeIterator(db, cell, []))
        self._drawn: dict[str, kdb.Region] = {}
        self._db = db
        self._source = derive(self._layer, file.derived)
        self._registered: dict[str, kdb.Region] = {}
        for device in file.devices:
            self._extract(device)
        self._connect()
        self.l2n.extract_netlist()
        self.netlist: kdb.Netlist = self.l2n.netlist()

    def _layer(self, name: str) -> kdb.Region:
        if name not in self._drawn:
            if name == self.file.substrate:
                self._drawn[name] = self.l2n.make_layer(name)
            else:
                index = self._db.layer(*_pair(self.file.layers[name]))
                self._drawn[name] = self.l2n.make_polygon_layer(index, name)
        return self._drawn[name]

    def _region(self, name: str) -> kdb.Region:
        """A layer that the extraction knows by name."""
        region = self._source(name)
        if name in self.file.derived and name not in self._registered:
            self.l2n.register(region, name)
            self._registered[name] = region
        return region

    def _extract(self, device: Mos | Diode | Short) -> None:
        r = self._region
        match device:
            case Mos():
                layers = {"SD": r(device.source_drain), "G": r(device.gate), "P": r(device.wire), "W": r(device.bulk)}
                self.l2n.extract_devices(kdb.DeviceExtractorMOS4Transistor(device.model), layers)
            case Diode():
                # both sides are the smaller layer: a well reaches beyond the cell, the junction does not
                junction = r(device.junction)
                layers = {"P": junction, "N": junction, "tA": r(device.anode), "tC": r(device.cathode)}
                self.l2n.extract_devices(kdb.DeviceExtractorDiode(device.model), layers)
            case Short():
                layers = {"R": r(device.body), "C": r(device.ends), "tA": r(device.ends), "tB": r(device.ends)}
                self.l2n.extract_devices(kdb.DeviceExtractorResistor(device.model, 0.0), layers)

    def _connect(self) -> None:
        l2n, r = self.l2n, self._region
        names = dict.fromkeys(n for pair in self.file.connect for n in pair)
        for name in names:
            l2n.connect(r(name))
        for one, two in self.file.connect:
            l2n.connect(r(one), r(two))
        for name, pair in self.file.labels.items():
            texts = l2n.make_text_layer(self._db.layer(*_pair(pair)), f"{name}.labels")
            if name == self.file.substrate:
                l2n.connect_global(texts, SUBSTRATE_NET)
            else:
                l2n.connect(r(name), texts)
        l2n.connect_global(r(self.file.substrate), SUBSTRATE_NET)
        for one, two in self.file.connect:
            if self.file.substrate in (one, two):
                l2n.connect_global(r(two if one == self.file.substrate else one), SUBSTRATE_NET)


def _pair(text: str) -> tuple[int, int]:
    layer, _, datatype = text.partition("/")
    return int(layer), int(datatype)
