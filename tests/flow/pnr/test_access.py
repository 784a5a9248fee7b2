"""Pin access: every candidate is legal metal on its pin, and whole cells are reachable at once."""

from __future__ import annotations

from pathlib import Path

import klayout.db as kdb
import pytest
from kits import Kit

from asicflow.flow.pnr import access
from asicflow.flow.pnr.access import (
    NO_METAL,
    Candidate,
    access_tables,
    around,
    cell_access,
    compatible,
    covers,
    distance2,
    jointly_accessible,
    subtract,
)
from asicflow.flow.pnr.technology import load_technology
from asicflow.pdk.lef import read_lef

SAMPLE = {
    "sky130hd": ["nand2_1", "a222oi_1", "dfrtp_1", "fa_1", "xor2_1", "mux2_1", "buf_8", "conb_1"],
    "gf180mcu7t": ["nand2_1", "dffrnq_1", "addf_1", "xor2_1", "mux2_2", "buf_8", "tieh"],
}


def cells_of(kit: Kit) -> list[str]:
    prefix = kit.flop.split("__")[0] + "__"
    return [prefix + name for name in SAMPLE[kit.library.name]]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASICFLOW_CACHE", str(tmp_path))
    return tmp_path


def test_candidates_are_on_their_pin_and_clear_of_everything_else(kit: Kit, cache: Path) -> None:
    technology = load_technology(kit.library)
    macros = read_lef(kit.library.lefs)
    layer = technology.layers[0]
    tables = access_tables(kit.library, macros, technology, cells_of(kit))
    for name, table in tables.items():
        macro = macros[name]
        for pin, candidates in table.pins.items():
            assert candidates, (name, pin)
            own = macro.pins[pin].shapes.get(layer.name, [])
            others = macro.obs.get(layer.name, []) + [
                r for p in macro.pins.values() if p.name != pin for r in p.shapes.get(layer.name, [])
            ]
            for c in candidates:
                drawn = [r for r in c.shapes if not covers(own, r)]
                assert all(distance2(r, o) >= layer.spacing**2 for r in drawn for o in others)
                if c.cut:
                    cut = technology.config.pin_cut
                    assert cut is not None
                    half = technology.lef.layers[cut.layer].width // 2
                    square = around(*c.cut, (half, half))
                    assert covers(macro.pins[pin].shapes[technology.config.pin_layer], square)
                    assert covers(c.shapes, square)
                metal = kdb.Region([kdb.Box(*r) for r in c.shapes]).merged()
                assert metal.count() == 1 and not metal.width_check(layer.width).count()


def test_all_pins_of_every_core_cell_can_be_reached_at_once(kit: Kit) -> None:
    technology = load_technology(kit.library)
    macros = read_lef(kit.library.lefs)
    names = cells_of(kit)
    tables = access_tables(kit.library, macros, technology, names)
    assert [n for n in names if not jointly_accessible(tables[n].pins)] == []


def test_rivals_are_exactly_the_patches_that_are_too_close(sky: Kit) -> None:
    technology = load_technology(sky.library)
    macros = read_lef(sky.library.lefs)
    name = "sky130_fd_sc_hd__a222oi_1"
    table = access_tables(sky.library, macros, technology, [name])[name]
    layer, pad = technology.layers[0], technology.vias[0].lower

    def beyond(c: Candidate) -> list[tuple[int, int, int, int]]:
        x, y = technology.dx * c.column + technology.dx // 2, technology.dy * c.line + technology.dy // 2
        return [piece for r in c.shapes for piece in subtract(r, around(x, y, pad))]

    pins = list(table.pins.values())
    seen = 0
    for p, first in enumerate(pins):
        for second in pins[p + 1 :]:
            for a in first:
                for b in second:
                    close = any(distance2(r, s) < layer.spacing**2 for r in beyond(a) for s in beyond(b))
                    assert close == bool(set(a.rivals) & set(b.rivals))
                    seen += close
    assert seen > 10


def test_incompatible_candidates() -> None:
    a = Candidate(2, 3, 0, [(0, 0, 10, 10)])
    assert compatible(a, Candidate(3, 3, 0, []))
    assert not compatible(a, Candidate(2, 4, 0, []))
    assert not compatible(a, Candidate(4, 3, 0, [], claims=[(-2, 0, NO_METAL)]))
    assert not jointly_accessible({"A": [a], "B": [Candidate(2, 2, 0, [])]})


def test_tables_come_from_the_cache_and_damage_is_repaired(
    sky: Kit, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    technology = load_technology(sky.library)
    macros = read_lef(sky.library.lefs)
    name = "sky130_fd_sc_hd__nand2_1"
    first = access_tables(sky.library, macros, technology, [name])
    monkeypatch.setattr(access, "cell_access", None)
    assert access_tables(sky.library, macros, technology, [name]) == first
    (stored,) = cache.rglob("*.json.gz")
    stored.write_bytes(stored.read_bytes()[:50])
    monkeypatch.setattr(access, "cell_access", cell_access)
    assert access_tables(sky.library, macros, technology, [name]) == first


def test_subtract_and_cover() -> None:
    assert covers([(0, 0, 5, 10), (5, 0, 10, 10)], (2, 2, 8, 8))
    assert not covers([(0, 0, 5, 10), (6, 0, 10, 10)], (2, 2, 8, 8))
    parts = subtract((0, 0, 10, 10), (4, 4, 6, 6))
    assert sum((r[2] - r[0]) * (r[3] - r[1]) for r in parts) == 96
