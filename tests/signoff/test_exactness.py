"""The exactness chain on a real, small accelerator: clean it passes, with one wrong constant it fails."""

from __future__ import annotations

import gzip
import re
import shutil
import sys
from pathlib import Path

import pytest

from asicflow.flow.yosys import run_yosys
from asicflow.model.image import Image
from asicflow.pdk import load_pdk
from asicflow.signoff.gate import Gate, run_gate
from asicflow.signoff.gates.exactness import (
    MappedExactnessGate,
    RoutedExactnessGate,
    RtlExactnessGate,
    physical_cells,
)
from asicflow.signoff.gates.formal import RoutedFormalGate, RtlFormalGate
from asicflow.signoff.gates.power import InferenceEnergyGate
from asicflow.signoff.gates.powerup import PowerUpGate
from asicflow.signoff.verdict import GateResult, Verdict

from . import made_run

sys.path.insert(0, str(Path(__file__).parent.parent / "soc"))

from tiny import Tiny, sources, write_tiny

pytestmark = pytest.mark.slow

SPEF = "*C_UNIT 1 PF\n*NAME_MAP\n*1 hrdata_o\\[0\\]\n*D_NET *1 {farads}\n*END\n"


@pytest.fixture(scope="module")
def accelerator(tmp_path_factory: pytest.TempPathFactory, pdk_root: Path) -> Path:
    """A run directory with RTL and its mapped netlist, which also stands for the routed one."""
    return made_run_of(Tiny(), tmp_path_factory.mktemp("exact") / "run", pdk_root)


@pytest.fixture(scope="module")
def reloadable(tmp_path_factory: pytest.TempPathFactory, pdk_root: Path) -> Path:
    """The same with weights that have to be loaded."""
    return made_run_of(Tiny(n_weights=4), tmp_path_factory.mktemp("loaded") / "run", pdk_root)


def made_run_of(tiny: Tiny, root: Path, pdk_root: Path) -> Path:
    soc = write_tiny(root, tiny, count=60)
    layout = root / "layout"
    layout.mkdir()
    liberty = layout / "cells.lib"
    source = load_pdk("sky130", pdk_root).library().typical.liberty
    liberty.write_bytes(gzip.decompress(source.read_bytes()))
    files = " ".join(f'"{p}"' for p in sources(soc))
    netlist = layout / "accel.mapped.v"
    run_yosys(
        f"read_verilog -sv {files}\nhierarchy -top accel\nproc\nflatten\nmemory -nordff\n"
        f"synth -flatten -top accel\ndfflibmap -liberty {liberty}\n"
        f"abc -liberty {liberty}\nopt_clean -purge\nwrite_verilog -noattr {netlist}\n",
        layout / "synth.log",
    )
    shutil.copyfile(netlist, layout / "accel.v")
    shutil.copyfile(netlist, layout / "accel.pg.v")
    (layout / "accel.spef").write_text(SPEF.format(farads=0.0))
    return root


def judge(gate: type[Gate], root: Path, pdk_root: Path) -> GateResult:
    context = made_run.open_run(root, pdk_root)
    context.config.signoff.vectors = 80
    record = run_gate(gate(), context)
    assert not isinstance(record, str)
    return record.result


@pytest.mark.parametrize("gate", [RtlExactnessGate, MappedExactnessGate], ids=lambda g: g.id)
def test_clean_chain_passes(gate: type[Gate], accelerator: Path, pdk_root: Path) -> None:
    result = judge(gate, accelerator, pdk_root)
    assert result.verdict is Verdict.PASS, result.findings
    assert result.figures["vectors_exact"] == 80 and result.figures["cycles"] == Tiny().cycles
    assert any(p.suffix == ".log" and "vectors exact: 80" in p.read_text() for p in result.evidence)


@pytest.mark.parametrize(
    "gate", [RtlExactnessGate, MappedExactnessGate, PowerUpGate, InferenceEnergyGate], ids=lambda g: g.id
)
def test_reloadable_weights_are_loaded_first(
    gate: type[Gate], reloadable: Path, pdk_root: Path, tmp_path: Path
) -> None:
    """Clean it passes; with one bit of the image another one it fails."""
    result = judge(gate, reloadable, pdk_root)
    assert result.verdict is Verdict.PASS, result.findings
    root = Path(shutil.copytree(reloadable, tmp_path / "run"))
    image = Image.load(root / "soc" / "weights.json")
    image.model_copy(update={"words": [image.words[0] ^ 1, *image.words[1:]]}).save(root / "soc" / "weights.json")
    result = judge(gate, root, pdk_root)
    assert result.verdict is Verdict.FAIL and result.findings, result.summary


def test_wrong_weight_in_rtl_fails(accelerator: Path, pdk_root: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(accelerator, tmp_path / "run"))
    path = root / "soc" / "rtl" / "accel_engine.sv"
    text = path.read_text()
    assert "64'd1)" in text
    path.write_text(text.replace("64'd1)", "64'd2)"))
    result = judge(RtlExactnessGate, root, pdk_root)
    assert result.verdict is Verdict.FAIL


def test_wrong_gate_in_the_routed_netlist_fails(accelerator: Path, pdk_root: Path, tmp_path: Path) -> None:
    """One AND turned into an OR between place and route and the netlist."""
    root = Path(shutil.copytree(accelerator, tmp_path / "run"))
    path = root / "layout" / "accel.v"
    text = path.read_text()
    changed = text
    for old, new in (("nand2_1", "nor2_1"), ("nand3_1", "nor3_1")):
        changed = changed.replace(f"sky130_fd_sc_hd__{old} ", f"sky130_fd_sc_hd__{new} ", 3)
    assert changed != text
    path.write_text(changed)
    result = judge(RoutedExactnessGate, root, pdk_root)
    assert result.verdict is Verdict.FAIL and result.findings, result.summary


def test_golden_that_is_wrong_fails(accelerator: Path, pdk_root: Path, tmp_path: Path) -> None:
    import numpy as np

    root = Path(shutil.copytree(accelerator, tmp_path / "run"))
    path = root / "model" / "vectors.npz"
    with np.load(path) as data:
        x, y = data["x_int"], data["y_int"].copy()
    y[17, 2] += 1
    np.savez(path, x_int=x, y_int=y)
    result = judge(RtlExactnessGate, root, pdk_root)
    assert result.verdict is Verdict.FAIL and "vector 17, output 2" in result.findings[0].text


def test_physical_cells_have_no_function(pdk_root: Path) -> None:
    cells = physical_cells(load_pdk("sky130", pdk_root).library())
    assert "sky130_fd_sc_hd__fill_1" in cells and "sky130_fd_sc_hd__diode_2" in cells


# -- formal -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", [RoutedFormalGate, RtlFormalGate], ids=lambda g: g.id)
def test_equal_sides_are_proven(gate: type[Gate], accelerator: Path, pdk_root: Path) -> None:
    result = judge(gate, accelerator, pdk_root)
    assert result.verdict is Verdict.PASS, result.summary
    assert result.figures["cones_proven"] == result.figures["cones"] > 50
    assert result.figures["registers"]


def test_one_wrong_gate_is_disproved(accelerator: Path, pdk_root: Path, tmp_path: Path) -> None:
    """A single gate, which a thousand vectors may or may not reach."""
    root = Path(shutil.copytree(accelerator, tmp_path / "run"))
    path = root / "layout" / "accel.v"
    text = path.read_text()
    changed = text.replace("sky130_fd_sc_hd__nand2_1 ", "sky130_fd_sc_hd__nor2_1 ", 1)
    assert changed != text
    path.write_text(changed)
    result = judge(RoutedFormalGate, root, pdk_root)
    assert result.verdict is Verdict.FAIL and "differs between" in result.findings[0].text


def test_wrong_constant_in_the_rtl_is_disproved(accelerator: Path, pdk_root: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(accelerator, tmp_path / "run"))
    path = root / "soc" / "rtl" / "accel_engine.sv"
    path.write_text(path.read_text().replace("64'd1)", "64'd2)"))
    assert judge(RtlFormalGate, root, pdk_root).verdict is Verdict.FAIL


def test_register_without_partner_is_unverified(accelerator: Path, pdk_root: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(accelerator, tmp_path / "run"))
    path = root / "layout" / "accel.v"
    text = path.read_text()
    gate = re.search(r"nand2_1 \S+ \(\s*\.A\((.*?)\)", text)
    assert gate
    extra = f"sky130_fd_sc_hd__dfxtp_1 late (.CLK(hclk_i), .D({gate[1]}), .Q(late_q));\nwire late_q;\nendmodule"
    text = text[: gate.start(1)] + "late_q" + text[gate.end(1) :]
    path.write_text(text.replace("endmodule", extra))
    result = judge(RoutedFormalGate, root, pdk_root)
    assert result.verdict is Verdict.UNVERIFIED and "without partner" in result.summary and result.close


# -- from power-up ------------------------------------------------------------------------------------


def test_unknown_registers_do_not_reach_the_outputs(accelerator: Path, pdk_root: Path) -> None:
    result = judge(PowerUpGate, accelerator, pdk_root)
    assert result.verdict is Verdict.PASS, result.findings
    assert result.figures == {"inferences": 3, "inferences_exact": 3, "unknown_outputs": 0}


def test_a_lost_reset_shows_as_unknown(accelerator: Path, pdk_root: Path, tmp_path: Path) -> None:
    """The running flag keeps its power-up value: two-state simulation may not see it, four-state does."""
    root = Path(shutil.copytree(accelerator, tmp_path / "run"))
    path = root / "soc" / "rtl" / "accel_socket.sv"
    changed = path.read_text().replace("running_q <= 1'b0;", "", 1)
    assert changed != path.read_text()
    path.write_text(changed)
    result = judge(PowerUpGate, root, pdk_root)
    assert result.verdict is Verdict.FAIL and any(f.rule == "unknown" for f in result.findings)


def test_wrong_result_from_power_up_fails(accelerator: Path, pdk_root: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(accelerator, tmp_path / "run"))
    path = root / "soc" / "rtl" / "accel_engine.sv"
    path.write_text(path.read_text().replace("64'd1)", "64'd2)"))
    assert judge(PowerUpGate, root, pdk_root).verdict is Verdict.FAIL


def test_energy_of_an_inference(accelerator: Path, pdk_root: Path) -> None:
    result = judge(InferenceEnergyGate, accelerator, pdk_root)
    assert result.verdict is Verdict.PASS
    before = float(result.figures["settled_nj"])  # type: ignore[arg-type]
    parts = {str(row["part"]): float(row["energy_nj"]) for row in result.tables["parts"]}  # type: ignore[arg-type]
    assert before > 0 and sum(parts.values()) == pytest.approx(float(result.figures["energy_nj"]), rel=1e-3)  # type: ignore[arg-type]
    spef = accelerator / "layout" / "accel.spef"
    spef.write_text(SPEF.format(farads=10.0))
    try:
        after = judge(InferenceEnergyGate, accelerator, pdk_root)
    finally:
        spef.write_text(SPEF.format(farads=0.0))
    reads = (float(after.figures["settled_nj"]) - before) / (0.5 * 10e-3 * 1.8**2)  # type: ignore[arg-type]
    assert 0 < reads < float(after.figures["cycles"]), "transitions of hrdata_o[0], which carries 10 pF"  # type: ignore[arg-type]


def test_energy_of_another_network_fails(accelerator: Path, pdk_root: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(accelerator, root)
    netlist = root / "layout" / "accel.pg.v"
    text = netlist.read_text()
    swapped = re.sub(r"sky130_fd_sc_hd__nand2_1 ", "sky130_fd_sc_hd__nor2_1 ", text, count=20)
    assert swapped != text
    netlist.write_text(swapped)
    result = judge(InferenceEnergyGate, root, pdk_root)
    assert result.verdict is Verdict.FAIL and "vector" in result.findings[0].text
