"""The planner: macros as the wrapper really has them, areas, places, what stays unverified."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyslang
import pytest

from asicflow.config import SocConfig
from asicflow.errors import UserError
from asicflow.pdk import Library, Pdk, load_pdk
from asicflow.pdk.memory import compose, macros, memory_rtl
from asicflow.pdk.pads import slots
from asicflow.soc.plan import (
    HALO_UM,
    MemoryPlan,
    Plan,
    check_memories,
    draw,
    pack,
    plan_json,
    plan_soc,
    smallest_square,
)

SIZES = {"gf180": [256, 512, 1024, 2048, 4096, 16384], "sky130": [1024, 2048, 4096, 16384]}


def load(name: str, root: Path) -> tuple[Pdk, Library]:
    pdk = load_pdk(name, root)
    return pdk, pdk.library()


def instances(body: pyslang.ast.Symbol) -> list[str]:
    """Return the definitions of all instances below, generate blocks included."""
    found = []
    for member in body:
        inner = member.kind in (pyslang.ast.SymbolKind.GenerateBlock, pyslang.ast.SymbolKind.GenerateBlockArray)
        if member.kind == pyslang.ast.SymbolKind.Instance:
            found.append(member.definition.name)
        elif inner and not getattr(member, "isUninstantiated", False):
            found += instances(member)
    return found


@pytest.mark.parametrize(("name", "size"), [(name, size) for name, sizes in SIZES.items() for size in sizes])
def test_the_wrapper_has_the_macros_of_the_plan(name: str, size: int, pdk_root: Path, tmp_path: Path) -> None:
    made, files = compose(load_pdk(name, pdk_root), size), memory_rtl(name)
    bits = (size // 4 - 1).bit_length()
    text = files.wrapper.read_text().split("parameter int AddrWidth = ")
    top = tmp_path / "soc_ram.sv"
    top.write_text(f"{text[0]}parameter int AddrWidth = {bits}  //{text[1].split('//', 1)[1]}")
    compilation = pyslang.ast.Compilation()
    for path in (top, *files.models):
        compilation.addSyntaxTree(pyslang.syntax.SyntaxTree.fromFile(str(path)))
    (body,) = [i.body for i in compilation.getRoot().topInstances if i.name == "soc_ram"]
    assert instances(body) == [made.macro.name] * made.count
    assert made.banks * made.macro.words * 4 == size and made.lanes * made.macro.bits == 32


@pytest.mark.parametrize(("name", "size"), [("gf180", 128), ("sky130", 512)])
def test_a_memory_below_the_smallest_macro_is_refused(name: str, size: int, pdk_root: Path) -> None:
    with pytest.raises(UserError, match="smaller than the smallest macro"):
        compose(load_pdk(name, pdk_root), size)


def test_the_check_before_a_run_needs_no_data() -> None:
    pdk = load_pdk("sky130", Path("nowhere"))
    check_memories(pdk, SocConfig())
    bare = pdk.model_copy(update={"raw": {**pdk.raw, "memories": None}})
    with pytest.raises(UserError, match="no memory macros"):
        check_memories(bare, SocConfig())
    check_memories(bare, SocConfig(ram="flipflops"))


def test_gf180_has_macros_for_every_corner_and_sky130_for_one(pdk_root: Path) -> None:
    gf180, sky130 = (plan_soc(*load(name, pdk_root), SocConfig()) for name in ("gf180", "sky130"))
    assert gf180.unverified == [] and [m.count for m in gf180.memories] == [8, 8]
    assert {(m.width_um, m.height_um) for m in gf180.memories} == {(431.86, 484.88)}
    assert [m.count for m in sky130.memories] == [2, 2]
    lines = "\n".join(sky130.unverified)
    assert "slow, fast" in lines and "no GDS" in lines and len(sky130.unverified) == 4


def test_areas_add_up(pdk_root: Path) -> None:
    pdk, library = load("gf180", pdk_root)
    found = plan_soc(pdk, library, SocConfig())
    more = plan_soc(pdk, library, SocConfig(), engine_nand2=10_000)
    flipflops = plan_soc(pdk, library, SocConfig(ram="flipflops"))
    assert found.memories[0].area_um2 == pytest.approx(8 * 431.86 * 484.88)
    assert found.logic_um2 == pytest.approx(found.cells_um2 / library.utilization["soc"])
    assert found.cells_um2 < more.cells_um2 < flipflops.cells_um2
    assert flipflops.memories[0].macro == "" and flipflops.slots[0].macros == []


@pytest.mark.parametrize("name", ["gf180", "sky130"])
def test_the_smallest_die_holds_macros_and_logic(name: str, pdk_root: Path) -> None:
    pdk, library = load(name, pdk_root)
    found = plan_soc(pdk, library, SocConfig())
    side = smallest_square(found.memories, found.logic_um2)
    boxes = pack(found.memories, side, side)
    assert boxes is not None
    taken = sum((b.width + 2 * HALO_UM) * (b.height + 2 * HALO_UM) for b in boxes)
    assert side**2 >= taken + found.logic_um2
    assert (side - 1) ** 2 < taken + found.logic_um2 or pack(found.memories, side - 1, side - 1) is None
    assert side < found.die_um < side + 50
    more = plan_soc(pdk, library, SocConfig(), engine_nand2=400_000)
    assert more.die_um > found.die_um and more.logic_nand2 == found.logic_nand2 + 400_000


@pytest.mark.parametrize("name", ["gf180", "sky130"])
@pytest.mark.parametrize("size", [1024, 2048, 4096])
def test_macros_lie_apart_and_inside(name: str, size: int, pdk_root: Path) -> None:
    found = plan_soc(*load(name, pdk_root), SocConfig(imem_bytes=size, dmem_bytes=size))
    placed = 0
    for slot in found.slots:
        placed += len(slot.macros)
        for box in slot.macros:
            assert box.x >= HALO_UM and box.x + box.width <= slot.width_um - HALO_UM + 1e-6
            assert box.y >= HALO_UM and box.y + box.height <= slot.height_um - HALO_UM + 1e-6
        for a, b in itertools.combinations(slot.macros, 2):
            apart_x = a.x + a.width + HALO_UM <= b.x + 1e-6 or b.x + b.width + HALO_UM <= a.x + 1e-6
            apart_y = a.y + a.height + HALO_UM <= b.y + 1e-6 or b.y + b.height + HALO_UM <= a.y + 1e-6
            assert apart_x or apart_y
    assert placed


def test_what_is_too_large_does_not_fit(pdk_root: Path) -> None:
    pdk, library = load("gf180", pdk_root)
    memory = MemoryPlan("imem", 4, "m", 1, 1, 100.0, 50.0, 5000.0, {}, True)
    assert pack([memory], 120.0, 70.0) is not None and pack([memory], 119.0, 70.0) is None
    assert pack([replace(memory, banks=2)], 120.0, 139.0) is None
    large = plan_soc(pdk, library, SocConfig(imem_bytes=65536))
    assert not any(slot.fits for slot in large.slots)
    crowded = plan_soc(pdk, library, SocConfig(), engine_nand2=600_000)
    assert any(slot.macros for slot in crowded.slots) and not any(slot.fits for slot in crowded.slots)


def test_a_missing_macro_file_is_named(pdk_root: Path, tmp_path: Path) -> None:
    pdk, library = load("gf180", pdk_root)
    elsewhere = pdk.model_copy(update={"root": tmp_path})
    with pytest.raises(UserError, match="LEF file of gf180mcu_fd_ip_sram__sram512x8m8wm1 is missing"):
        plan_soc(elsewhere, library, SocConfig())
    assert not macros(elsewhere)[0].gds.is_file()


def test_the_sketch_and_the_data(pdk_root: Path, tmp_path: Path) -> None:
    found: Plan = plan_soc(*load("gf180", pdk_root), SocConfig())
    png, svg = tmp_path / "slot.png", tmp_path / "slot.svg"
    draw(found, found.slots[0], [png, svg])
    assert png.read_bytes().startswith(b"\x89PNG") and svg.read_text().count("<path") > 32
    data = json.loads(plan_json(found))
    assert data["schema"] == "asicflow.plan/1" and {s["name"] for s in data["slots"]} == {
        s.name for s in slots(load_pdk("gf180", pdk_root))
    }


def test_the_command(pdk_root: Path, project_root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from asicflow.cli import main; main()", "plan", "--pdk"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *arguments], cwd=project_root, capture_output=True, text=True)

    done = run("sky130", "-o", str(tmp_path))
    assert "smallest square die: " in done.stdout
    assert done.returncode == 0 and "UNVERIFIED" in done.stdout and (tmp_path / "user_project_wrapper.png").is_file()
    assert run("gf180", "--imem", "65536", "-o", str(tmp_path)).returncode == 1
    wrong = run("gf180", "--imem", "3000", "-o", str(tmp_path))
    assert wrong.returncode == 2 and "power of two" in wrong.stderr
