"""Rules as the checker takes them, and those of metals and cuts derived from a technology LEF.

Nothing here knows a process: widths, spacings, areas and enclosures are what the LEF states, bound to the
GDS layers of the PDK file. Rules that a LEF cannot state (wells, implants, taps) come from the rule files,
``deck.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from asicflow.errors import UserError
from asicflow.pdk.config import GdsLayer
from asicflow.pdk.lef import Layer, TechLef

AREA_KINDS = ("area", "enclosed_area")
"""Kinds whose limit is an area."""


@dataclass(frozen=True)
class Rule:
    """One rule.

    ``kind`` names the check; ``layer`` is the layer whose shapes are judged and ``others`` are the metals of
    an enclosure or an array of cuts, or the second layer. ``value`` is in nm (nm2 for areas), ``extra`` what
    the kind needs besides: the width above which a wide spacing holds, the cuts per side of an array.
    ``extent`` is the least side of such an array in nm. ``pairs`` are the overhangs that an enclosure allows.
    ``spare`` is a layer whose coincident edges are not judged.
    """

    id: str
    kind: str
    layer: str
    value: int
    text: str
    others: tuple[str, ...] = ()
    extra: int = 0
    extent: int = 0
    pairs: tuple[tuple[int, int], ...] = ()
    spare: str = ""

    @property
    def value_um(self) -> float:
        """The limit in um, or um2 for areas."""
        return self.value / (1e6 if self.kind in AREA_KINDS else 1e3)


@dataclass(frozen=True)
class RuleSet:
    """All rules, the layers they judge, and LEF layers that no GDS layer is known for.

    ``layers`` binds drawn layers to GDS, ``derived`` holds the expressions of the others.
    """

    rules: list[Rule]
    stack: list[str]
    unmapped: list[str]
    layers: dict[str, GdsLayer]
    derived: dict[str, str] = field(default_factory=dict)


def derive_rules(tech: TechLef, layers: dict[str, GdsLayer]) -> RuleSet:
    """Derive the rules of every metal and cut layer that the PDK maps to GDS.

    Raises
    ------
    UserError
        If the LEF and the PDK file share no routing layer, or a metal has no width or spacing.
    """
    kinds = [layer for layer in tech.layers.values() if layer.kind in ("ROUTING", "CUT")]
    mapped = [layer for layer in kinds if layer.name in layers]
    if not any(layer.kind == "ROUTING" for layer in mapped):
        raise UserError("the technology LEF and the PDK file share no routing layer")
    rules: list[Rule] = []
    for index, layer in enumerate(mapped):
        if layer.kind == "ROUTING":
            rules += _metal_rules(layer)
        elif 0 < index < len(mapped) - 1:
            rules += _cut_rules(layer, mapped[index - 1].name, mapped[index + 1].name)
        rules.append(Rule(f"{layer.name}.grid", "grid", layer.name, tech.grid, f"on the {tech.grid} nm grid"))
    unmapped = [layer.name for layer in kinds if layer.name not in layers]
    return RuleSet(rules, [layer.name for layer in mapped], unmapped, layers)


def _metal_rules(layer: Layer) -> list[Rule]:
    name = layer.name
    width, spacing = layer.min_width or layer.width, layer.spacing
    if not width or not spacing:
        raise UserError(f"the technology LEF states no width or spacing for {name}")
    rules = [
        Rule(f"{name}.width", "width", name, width, "minimum width"),
        Rule(f"{name}.space", "space", name, spacing, "minimum spacing and notch"),
        Rule(f"{name}.angle", "angle", name, 45, "edges at multiples of 45 degrees"),
    ]
    for over, wide in layer.spacing_table:
        if over > 0 and wide > spacing:
            text = f"spacing of metal wider than {over / 1000:g} um"
            rules.append(Rule(f"{name}.wide_space", "wide_space", name, wide, text, extra=over))
    if layer.area_nm2:
        rules.append(Rule(f"{name}.area", "area", name, layer.area_nm2, "minimum area"))
    if layer.min_enclosed_area_nm2:
        value = layer.min_enclosed_area_nm2
        rules.append(Rule(f"{name}.hole", "enclosed_area", name, value, "minimum enclosed area"))
    return rules


def _cut_rules(layer: Layer, below: str, above: str) -> list[Rule]:
    name = layer.name
    spacing = layer.spacing
    if not layer.width or not spacing:
        raise UserError(f"the technology LEF states no width or spacing for {name}")
    rules = [
        Rule(f"{name}.size", "cut_size", name, layer.width, "exact size of the square cut"),
        Rule(f"{name}.space", "space", name, spacing, "minimum spacing"),
    ]
    for array in layer.array_spacing:
        text = f"spacing in arrays of {array.cuts} x {array.cuts} or more on the same metals"
        least = array.cuts * layer.width + (array.cuts - 1) * spacing
        metals = (below, above)
        rules.append(Rule(f"{name}.array", "cut_array", name, array.spacing, text, metals, array.cuts, least))
    for metal, pairs in ((below, layer.enclosure_below), (above, layer.enclosure_above)):
        found = tuple(pairs) or ((0, 0),)
        limits = " or ".join(f"{min(p) / 1000:g}/{max(p) / 1000:g}" for p in found)
        text = f"enclosure by {metal}: {limits} um on opposite sides"
        largest = max(max(p) for p in found)
        rules.append(Rule(f"{name}.in_{metal}", "enclosure", name, largest, text, (metal,), pairs=found))
    return rules
