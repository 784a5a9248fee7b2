"""The routing model against the technology's rules: every pair of shapes it allows is far enough apart."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from kits import Kit

from asicflow.errors import UserError
from asicflow.flow.pnr.access import around, distance2, union
from asicflow.flow.pnr.technology import LayerModel, Technology, load_technology
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Rect


@dataclass(frozen=True)
class Shape:
    """A shape around node (0, 0): rectangle, nodes it occupies, and whether it is a pad or a single pad."""

    rect: Rect
    nodes: tuple[tuple[int, int], ...]
    pad: bool = False
    single: bool = False


def shapes(layer: LayerModel, technology: Technology) -> list[Shape]:
    """All shapes the router may draw at a node of a layer."""
    half = (layer.width // 2, layer.width // 2)
    found = [Shape(around(0, 0, pad), ((0, 0),), pad=True) for pad in layer.pads]
    if layer.wires:
        di, dj = (1, 0) if layer.horizontal else (0, 1)
        x, y = technology.dx * di, technology.dy * dj
        found.append(Shape(union(around(0, 0, half), around(x, y, half)), ((0, 0), (di, dj))))
    if layer.single:
        found.append(Shape(around(0, 0, layer.single), ((0, 0),), pad=True, single=True))
    return found


def allowed(layer: LayerModel, a: Shape, b: Shape, di: int, dj: int) -> bool:
    """Does the model let two nets use `a` at node (0, 0) and `b` at node (di, dj)?"""
    along, across = (0, 1) if layer.horizontal else (1, 0)
    for p in a.nodes:
        for q in ((i + di, j + dj) for i, j in b.nodes):
            step, tracks = abs(p[along] - q[along]), abs(p[across] - q[across])
            if tracks == 0 and step <= (1 if layer.apart else 0):
                return False
            if tracks == layer.every and step == 0 and layer.pads_apart and a.pad and b.pad:
                return False
            if tracks == 0 and step <= 2 and layer.singles_apart and a.single and b.single:
                return False
    return True


def moved(rect: Rect, x: int, y: int) -> Rect:
    return rect[0] + x, rect[1] + y, rect[2] + x, rect[3] + y


def test_every_allowed_pair_keeps_the_spacing(kit: Kit) -> None:
    technology = load_technology(kit.library)
    pairs = 0
    for layer in technology.layers:
        if not layer.wires:
            continue
        for a in shapes(layer, technology):
            for b in shapes(layer, technology):
                for di in range(-4, 5):
                    for dj in range(-4, 5):
                        across = dj if layer.horizontal else di
                        if across % layer.every or not allowed(layer, a, b, di, dj):
                            continue
                        pairs += 1
                        other = moved(b.rect, technology.dx * di, technology.dy * dj)
                        assert distance2(a.rect, other) >= layer.spacing**2, (layer.name, a, b, di, dj)
    assert pairs > 500


def test_cuts_of_neighbouring_vias_keep_their_spacing(kit: Kit) -> None:
    technology = load_technology(kit.library)
    for k, via in enumerate(technology.vias):
        cut = technology.cut(k)
        lower, upper = technology.layers[k], technology.layers[k + 1]
        every_x = max(via.every[0], 1 if lower.horizontal else lower.every, 1 if upper.horizontal else upper.every)
        every_y = max(via.every[1], lower.every if lower.horizontal else 1, upper.every if upper.horizontal else 1)
        assert technology.dx * every_x - cut.width >= cut.spacing
        assert technology.dy * every_y - cut.width >= cut.spacing


def test_pads_enclose_their_cuts_and_meet_the_area(kit: Kit) -> None:
    technology = load_technology(kit.library)
    for k, via in enumerate(technology.vias):
        cut = technology.cut(k)
        half = cut.width // 2
        for pad, rules in ((via.lower, cut.enclosure_below), (via.upper, cut.enclosure_above)):
            over = sorted((pad[0] - half, pad[1] - half))
            assert any(over[0] >= min(r) and over[1] >= max(r) for r in rules), (cut.name, pad)
    for layer in technology.layers[1:-1]:
        single = layer.single or max(layer.pads, key=lambda p: p[0] * p[1])
        area = technology.lef.layers[layer.name].area_nm2
        assert 4 * single[0] * single[1] >= area, layer.name


def test_derived_flags_of_sky130(sky: Kit) -> None:
    layers = {x.name: x for x in load_technology(sky.library).layers}
    assert layers["met1"].pads_apart and not layers["met1"].apart
    assert layers["met2"].apart and layers["met3"].singles_apart


def broken(library: Library, **changes: object) -> Library:
    return library.model_copy(update={"route": {**library.route, **changes}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": {"x": 450, "y": 340}}, "no multiple of the routing grid"),
        ({"pin_layer": "li9"}, "unknown layer li9"),
        ({"vias": []}, "one via between"),
        ({"tap_pitch": "wide"}, "not valid"),
        ({"speed": 1}, "not valid"),
    ],
)
def test_bad_route_sections_are_refused(sky: Kit, changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_technology(broken(sky.library, **changes))
    with pytest.raises(UserError, match="no route section"):
        load_technology(sky.library.model_copy(update={"route": {}}))


def test_tracks_too_close_for_their_pads_are_refused(sky: Kit) -> None:
    layers = [dict(x) for x in sky.library.route["layers"]]
    layers[2]["every"] = 1
    with pytest.raises(UserError, match="tracks of met3 are too close"):
        load_technology(broken(sky.library, layers=layers))
