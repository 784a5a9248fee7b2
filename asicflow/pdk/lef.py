"""Read LEF: the technology's layers, vias and sites, and the cells' abstract views.

All lengths are integers in nanometres, all areas integers in square nanometres. Electrical values keep
the units in which LEF states them: ohms per square (routing) or per cut, pF per square micron, pF per
micron of edge. Keywords follow the LEF/DEF 5.8 language reference; constructs this package does not use
are skipped, unbalanced or misplaced ones raise `UserError` with file and line.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import klayout.db as kdb
import numpy as np
import numpy.typing as npt

from asicflow.errors import UserError

log = logging.getLogger(__name__)

Rect = tuple[int, int, int, int]
"""Lower left x, y and upper right x, y in nm."""

Shapes = dict[str, list[Rect]]
"""Rectangles per layer name."""

Pwl = list[tuple[float, float]]
"""A piecewise linear function as (x, y) points with rising x."""


@dataclass
class Antenna:
    """Limits of one layer's ANTENNAMODEL OXIDE1; None where the file states no limit.

    `area` and `side_area` hold for nets without diffusion, the `diff_` forms are functions of the net's
    diffusion area in square microns. `gate_plus_diff` is the share of the diffusion that counts as gate.
    """

    area: float | None = None
    diff_area: Pwl | None = None
    side_area: float | None = None
    diff_side_area: Pwl | None = None
    cum_area: float | None = None
    cum_diff_area: Pwl | None = None
    cum_side_area: float | None = None
    cum_diff_side_area: Pwl | None = None
    gate_plus_diff: float = 0.0

    @property
    def by_side(self) -> bool:
        """True when the file limits side walls; then these count, else the area."""
        return self.side_area is not None or self.diff_side_area is not None

    def limit(self, diffusion: float) -> float | None:
        """The largest ratio of a piece with `diffusion` um2, None without a limit.

        Without diffusion the plain limit holds, else the drained one, which stands in where there is no plain one.
        """
        (limit,) = self.limits(np.array([diffusion]))
        return None if np.isnan(limit) else float(limit)

    def limits(self, diffusion: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """As :meth:`limit` for many pieces: (N,) um2 to (N,) ratios, NaN without a limit."""
        plain, drained = (self.side_area, self.diff_side_area) if self.by_side else (self.area, self.diff_area)
        found = np.full(len(diffusion), np.nan)
        if drained is not None:
            at, limits = np.array(drained).T
            found = np.interp(diffusion, at, limits)
        if plain is not None:
            found = np.where(diffusion <= 0, plain, found)
        return found


@dataclass
class ArraySpacing:
    """Cut spacing that holds in arrays of `cuts` or more cuts per side."""

    cuts: int
    spacing: int


@dataclass
class Layer:
    """One LEF layer.

    `direction` is "HORIZONTAL", "VERTICAL" or "". `pitch` and `offset` are (x, y). `spacing_table` rows are
    (width above which the row holds, spacing), rising. Enclosures are (overhang on one pair of sides,
    overhang on the other), as the file gives them; a shape may be turned by 90 degrees. `resistance` is in
    ohms per square on routing layers and in ohms per cut on cut layers.
    """

    name: str
    kind: str
    direction: str = ""
    pitch: tuple[int, int] = (0, 0)
    offset: tuple[int, int] = (0, 0)
    width: int = 0
    min_width: int = 0
    spacing_table: list[tuple[int, int]] = field(default_factory=list)
    area_nm2: int = 0
    min_enclosed_area_nm2: int = 0
    enclosure_below: list[tuple[int, int]] = field(default_factory=list)
    enclosure_above: list[tuple[int, int]] = field(default_factory=list)
    array_spacing: list[ArraySpacing] = field(default_factory=list)
    resistance: float = 0.0
    cap_area: float = 0.0
    cap_edge: float = 0.0
    thickness: int = 0
    antenna: Antenna = field(default_factory=Antenna)

    @property
    def spacing(self) -> int:
        """Smallest spacing in nm, for shapes of the narrowest width class."""
        return self.spacing_table[0][1] if self.spacing_table else 0

    def spacing_for(self, width: int) -> int:
        """Spacing in nm that a shape of `width` nm demands (long parallel run)."""
        return max((s for over, s in self.spacing_table if over == 0 or width > over), default=0)


@dataclass
class Via:
    """A named via of the technology: rectangles per layer, around its origin."""

    name: str
    shapes: Shapes
    default: bool = False
    resistance: float = 0.0


@dataclass
class Site:
    """A placement site."""

    name: str
    width: int
    height: int
    symmetry: tuple[str, ...] = ()


@dataclass
class TechLef:
    """What a technology LEF states, layers in stack order."""

    dbu_per_micron: int
    grid: int
    layers: dict[str, Layer]
    vias: dict[str, Via]
    sites: dict[str, Site]

    def routing_layers(self) -> list[Layer]:
        """Routing layers from the lowest up."""
        return [layer for layer in self.layers.values() if layer.kind == "ROUTING"]

    def cut_between(self, lower: str, upper: str) -> Layer:
        """The cut layer between two neighbouring routing layers; UserError when there is none."""
        names = list(self.layers)
        for missing in (n for n in (lower, upper) if n not in self.layers):
            raise UserError(f"unknown layer {missing}", hint=f"the technology has {', '.join(names)}")
        for name in names[names.index(lower) + 1 : names.index(upper)]:
            if self.layers[name].kind == "CUT":
                return self.layers[name]
        raise UserError(f"no cut layer between {lower} and {upper}")


@dataclass
class Pin:
    """One pin of a cell; areas in square microns (0 where the file states none). A gate area that the file
    states per layer is the smallest: what the lowest metal alone could charge."""

    name: str
    direction: str = ""
    use: str = "SIGNAL"
    shapes: Shapes = field(default_factory=dict)
    gate_area: float = 0.0
    diff_area: float = 0.0

    @property
    def is_power(self) -> bool:
        """True for supply pins."""
        return self.use in ("POWER", "GROUND")


@dataclass
class Macro:
    """The abstract view of one cell, its lower left corner at (0, 0)."""

    name: str
    width: int = 0
    height: int = 0
    cls: str = ""
    site: str = ""
    symmetry: tuple[str, ...] = ()
    pins: dict[str, Pin] = field(default_factory=dict)
    obs: Shapes = field(default_factory=dict)


def read_tech_lef(path: Path | str) -> TechLef:
    """Read a technology LEF; UserError when it is missing, unreadable or holds no routing layer."""
    reader = _Reader(Path(path))
    tech = TechLef(dbu_per_micron=1000, grid=5, layers={}, vias={}, sites={})
    while (key := reader.next()) is not None:
        if key == "UNITS":
            _read_units(reader, tech)
        elif key == "MANUFACTURINGGRID":
            tech.grid = reader.nm(reader.rest()[0])
        elif key == "LAYER":
            layer = _read_layer(reader)
            tech.layers[layer.name] = layer
        elif key == "VIA":
            via = _read_via(reader)
            tech.vias[via.name] = via
        elif key == "VIARULE":
            reader.skip_block(reader.need())
        elif key == "SITE":
            site = _read_site(reader)
            tech.sites[site.name] = site
        elif key == "MACRO":
            _read_macro(reader)
        elif not _skip_top_level(reader, key):
            break
    if not tech.routing_layers():
        raise UserError("no routing layer in the technology LEF", where=str(path))
    _cut_resistance_from_vias(tech)
    return tech


def _cut_resistance_from_vias(tech: TechLef) -> None:
    """Some files state a cut's resistance in its single-cut vias instead of the cut layer."""
    for via in tech.vias.values():
        for name, rects in via.shapes.items():
            layer = tech.layers.get(name)
            if layer and layer.kind == "CUT" and not layer.resistance and len(rects) == 1:
                layer.resistance = via.resistance


def read_lef(paths: Path | str | Sequence[Path | str]) -> dict[str, Macro]:
    """Read the cells of one or more LEF files; later files override earlier ones of the same name."""
    files = [paths] if isinstance(paths, (str, Path)) else list(paths)
    macros: dict[str, Macro] = {}
    for path in files:
        reader = _Reader(Path(path))
        while (key := reader.next()) is not None:
            if key == "MACRO":
                macro = _read_macro(reader)
                macros[macro.name] = macro
            elif key in ("LAYER", "VIA", "VIARULE", "SITE"):
                reader.skip_block(reader.need())
            elif key == "UNITS":
                reader.skip_block("UNITS")
            elif not _skip_top_level(reader, key):
                break
    return macros


class _Reader:
    """Tokens of one LEF file with the few reading habits of the language."""

    _token = re.compile(r'"[^"]*"|;|[^\s;"]+')

    def __init__(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise UserError("cannot read the LEF file", where=str(path), hint=str(error)) from None
        self.path = path
        self._tokens: list[str] = []
        self._lines: list[int] = []
        for number, line in enumerate(re.sub(r"#[^\n]*", "", text).split("\n"), 1):
            found = self._token.findall(line)
            self._tokens += found
            self._lines += [number] * len(found)
        self._at = 0

    def next(self) -> str | None:
        """The next token, or None at the end of the file."""
        if self._at >= len(self._tokens):
            return None
        self._at += 1
        return self._tokens[self._at - 1]

    def need(self) -> str:
        """The next token; an error at the end of the file."""
        token = self.next()
        if token is None:
            raise self.error("the file ends inside a statement")
        return token

    def rest(self) -> list[str]:
        """Tokens up to the end of the statement, without the semicolon."""
        start = self._at
        try:
            end = self._tokens.index(";", start)
        except ValueError:
            raise self.error("a statement lacks its semicolon") from None
        self._at = end + 1
        return self._tokens[start:end]

    def statements(self, name: str | None) -> Iterator[str]:
        """Keywords of a block until its END (followed by `name` unless None)."""
        while True:
            key = self.need()
            if key == "END":
                if name is not None and self.need() != name:
                    raise self.error(f"END does not close {name}")
                return
            if key != ";":
                yield key

    def skip_block(self, name: str) -> None:
        """Skip to END `name`."""
        while True:
            if self.need() == "END" and self.need() == name:
                return

    def nm(self, token: str) -> int:
        """A length in microns as nm."""
        return round(self.number(token) * 1000)

    def number(self, token: str) -> float:
        """A number; an error naming the line otherwise."""
        try:
            return float(token)
        except ValueError:
            raise self.error(f"expected a number, found {token!r}") from None

    def error(self, what: str) -> UserError:
        """An error at the present line."""
        line = self._lines[min(self._at, len(self._lines)) - 1] if self._lines else 0
        return UserError(f"LEF: {what}", where=f"{self.path}:{line}")


def _skip_top_level(reader: _Reader, key: str) -> bool:
    """Skip a top-level statement; False at the end of the library."""
    if key == "END":
        if reader.need() == "LIBRARY":
            return False
        raise reader.error("END without a block")
    if key in ("PROPERTYDEFINITIONS", "SPACING", "NONDEFAULTRULE", "BEGINEXT"):
        name = reader.need() if key == "NONDEFAULTRULE" else key
        if key == "BEGINEXT":
            while reader.need() != "ENDEXT":
                pass
        else:
            reader.skip_block(name)
    elif key != ";":
        reader.rest()
    return True


def _read_units(reader: _Reader, tech: TechLef) -> None:
    for key in reader.statements("UNITS"):
        words = reader.rest()
        if key == "DATABASE":
            tech.dbu_per_micron = int(words[1])


def _read_layer(reader: _Reader) -> Layer:
    layer = Layer(name=reader.need(), kind="")
    for key in reader.statements(layer.name):
        words = reader.rest()
        if key == "SPACINGTABLE":
            layer.spacing_table += _spacing_table(reader, words)
        elif key == "SPACING":
            layer.spacing_table.append(_simple_spacing(reader, words))
        elif key.startswith("ANTENNA"):
            _read_antenna(reader, layer.antenna, key, words)
        else:
            _read_layer_item(reader, layer, key, words)
    layer.spacing_table = sorted(set(layer.spacing_table))
    layer.min_width = layer.min_width or layer.width
    return layer


def _read_layer_item(reader: _Reader, layer: Layer, key: str, words: list[str]) -> None:
    if key == "TYPE":
        layer.kind = words[0]
    elif key == "DIRECTION":
        layer.direction = words[0]
    elif key in ("PITCH", "OFFSET"):
        values = [reader.nm(w) for w in words]
        setattr(layer, key.lower(), (values[0], values[-1]))
    elif key == "WIDTH":
        layer.width = reader.nm(words[0])
    elif key == "MINWIDTH":
        layer.min_width = reader.nm(words[0])
    elif key == "THICKNESS":
        layer.thickness = reader.nm(words[0])
    elif key == "AREA":
        layer.area_nm2 = round(reader.number(words[0]) * 1e6)
    elif key == "MINENCLOSEDAREA":
        layer.min_enclosed_area_nm2 = round(reader.number(words[0]) * 1e6)
    elif key == "ENCLOSURE":
        _read_enclosure(reader, layer, words)
    elif key == "ARRAYSPACING":
        spacings = [i for i, w in enumerate(words) if w == "ARRAYCUTS"]
        layer.array_spacing += [ArraySpacing(int(words[i + 1]), reader.nm(words[i + 3])) for i in spacings]
    elif key == "RESISTANCE":
        layer.resistance = reader.number(words[-1])
    elif key == "CAPACITANCE":
        layer.cap_area = reader.number(words[-1])
    elif key == "EDGECAPACITANCE":
        layer.cap_edge = reader.number(words[0])


def _read_enclosure(reader: _Reader, layer: Layer, words: list[str]) -> None:
    side = words[0] if words[0] in ("BELOW", "ABOVE") else ""
    values = words[1:] if side else words
    pair = (reader.nm(values[0]), reader.nm(values[1]))
    if side != "ABOVE":
        layer.enclosure_below.append(pair)
    if side != "BELOW":
        layer.enclosure_above.append(pair)


def _simple_spacing(reader: _Reader, words: list[str]) -> tuple[int, int]:
    """SPACING s, or SPACING s RANGE from to: the spacing of shapes as wide as `from` or wider."""
    over = reader.nm(words[words.index("RANGE") + 1]) - 5 if "RANGE" in words else 0
    return over, reader.nm(words[0])


def _spacing_table(reader: _Reader, words: list[str]) -> list[tuple[int, int]]:
    """Rows of a PARALLELRUNLENGTH table with the spacing of its longest run."""
    if not words or words[0] != "PARALLELRUNLENGTH":
        raise reader.error("only PARALLELRUNLENGTH spacing tables are understood")
    rows: list[tuple[int, int]] = []
    starts = [i for i, w in enumerate(words) if w == "WIDTH"]
    for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
        rows.append((reader.nm(words[start + 1]), reader.nm(words[end - 1])))
    return rows


_ANTENNA_KEYS = {
    "ANTENNAAREARATIO": "area",
    "ANTENNASIDEAREARATIO": "side_area",
    "ANTENNACUMAREARATIO": "cum_area",
    "ANTENNACUMSIDEAREARATIO": "cum_side_area",
    "ANTENNADIFFAREARATIO": "diff_area",
    "ANTENNADIFFSIDEAREARATIO": "diff_side_area",
    "ANTENNACUMDIFFAREARATIO": "cum_diff_area",
    "ANTENNACUMDIFFSIDEAREARATIO": "cum_diff_side_area",
}


def _read_antenna(reader: _Reader, antenna: Antenna, key: str, words: list[str]) -> None:
    if key == "ANTENNAGATEPLUSDIFF":
        antenna.gate_plus_diff = reader.number(words[0])
    if key not in _ANTENNA_KEYS:
        return
    name = _ANTENNA_KEYS[key]
    if words[0] == "PWL":
        numbers = [reader.number(n) for n in re.findall(r"[-+.\deE]+", " ".join(words[1:]))]
        setattr(antenna, name, list(zip(numbers[::2], numbers[1::2], strict=True)))
    elif "diff" in name:
        setattr(antenna, name, [(0.0, reader.number(words[0]))])
    else:
        setattr(antenna, name, reader.number(words[0]))


def _read_via(reader: _Reader) -> Via:
    via = Via(name=reader.need(), shapes={})
    layer = ""
    for key in reader.statements(via.name):
        if key == "DEFAULT":
            via.default = True
            continue
        words = reader.rest()
        if key == "LAYER":
            layer = words[0]
        elif key in ("RECT", "POLYGON"):
            via.shapes.setdefault(layer, []).extend(_rects(reader, key, words))
        elif key == "RESISTANCE":
            via.resistance = reader.number(words[0])
    return via


def _read_site(reader: _Reader) -> Site:
    site = Site(name=reader.need(), width=0, height=0)
    for key in reader.statements(site.name):
        words = reader.rest()
        if key == "SIZE":
            site.width, site.height = reader.nm(words[0]), reader.nm(words[2])
        elif key == "SYMMETRY":
            site.symmetry = tuple(words)
    return site


def _read_macro(reader: _Reader) -> Macro:
    macro = Macro(name=reader.need())
    for key in reader.statements(macro.name):
        if key == "PIN":
            pin = _read_pin(reader)
            macro.pins[pin.name] = pin
        elif key == "OBS":
            _read_shapes(reader, macro.obs)
        elif key in ("DENSITY", "TIMING"):
            reader.skip_block(key)
        else:
            words = reader.rest()
            if key == "CLASS":
                macro.cls = " ".join(words).upper()
            elif key == "SIZE":
                macro.width, macro.height = reader.nm(words[0]), reader.nm(words[2])
            elif key == "SITE":
                macro.site = words[0]
            elif key == "SYMMETRY":
                macro.symmetry = tuple(words)
            elif key == "ORIGIN" and any(reader.nm(w) for w in words[:2]):
                raise reader.error(f"{macro.name}: an ORIGIN other than 0 0 is not supported")
    return macro


def _read_pin(reader: _Reader) -> Pin:
    pin = Pin(name=reader.need())
    for key in reader.statements(pin.name):
        if key == "PORT":
            _read_shapes(reader, pin.shapes)
            continue
        words = reader.rest()
        if key == "DIRECTION":
            pin.direction = words[0].upper()
        elif key == "USE":
            pin.use = words[0].upper()
        elif key == "ANTENNAGATEAREA":
            pin.gate_area = min(pin.gate_area or math.inf, reader.number(words[0]))
        elif key == "ANTENNADIFFAREA":
            pin.diff_area = max(pin.diff_area, reader.number(words[0]))
    return pin


def _read_shapes(reader: _Reader, shapes: Shapes) -> None:
    """LAYER, RECT and POLYGON statements up to END."""
    layer = ""
    for key in reader.statements(None):
        words = reader.rest()
        if key == "LAYER":
            layer = words[0]
        elif key in ("RECT", "POLYGON"):
            shapes.setdefault(layer, []).extend(_rects(reader, key, words))


def _rects(reader: _Reader, key: str, words: Iterable[str]) -> list[Rect]:
    """The rectangles of a RECT or (rectilinear) POLYGON statement."""
    values = [reader.nm(w) for w in words if w not in ("MASK", "(", ")")]
    if key == "RECT":
        if len(values) != 4:
            raise reader.error("a RECT needs four numbers")
        x1, y1, x2, y2 = values
        return [(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))]
    points = [kdb.Point(x, y) for x, y in zip(values[::2], values[1::2], strict=True)]
    polygon = kdb.Polygon(points)
    if not polygon.is_rectilinear():
        raise reader.error("only rectilinear polygons are supported")
    pieces = kdb.Region(polygon).decompose_trapezoids_to_region()
    boxes = [piece.bbox() for piece in pieces.each()]
    return [(b.left, b.bottom, b.right, b.top) for b in boxes]
