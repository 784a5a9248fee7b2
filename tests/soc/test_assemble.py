"""The soc stage: what it writes, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tiny import Tiny, write_tiny

from asicflow.config import Config
from asicflow.errors import UserError
from asicflow.soc.mapdocs import load_map
from asicflow.soc.stage import run_soc
from asicflow.workspace import Workspace, sha256


@pytest.mark.parametrize(("pdk", "cell"), [("sky130", "sky130_fd_sc_hd__"), ("gf180", "gf180mcu_fd_sc_mcu")])
def test_stage_writes_a_complete_folder(tiny_run: Path, tmp_path: Path, pdk: str, cell: str) -> None:
    shutil.copytree(tiny_run, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "soc")
    config = Config.model_validate({"name": "demo", "pdk": {"name": pdk}, "clock": {"period_ns": 12.5}})
    messages: list[str] = []
    run_soc(config, Workspace(tmp_path), messages.append)
    soc = tmp_path / "soc"
    description = json.loads((soc / "soc.json").read_text())
    assert description["top"] == "accel" and messages
    assert all((soc / name).is_file() for name in description["files"])
    assert all((soc / description[key]).is_file() for key in ("sdc", "map", "header", "registers"))
    sdc = (soc / "accel.sdc").read_text()
    assert "create_clock -name clk -period 12.5000 [get_ports hclk_i]" in sdc
    assert f"-lib_cell {cell}" in sdc and "-max 5.0000" in sdc
    digest = sha256(tmp_path / "model" / "spec.json")
    regmap = load_map(soc / "map.json")
    assert regmap.register("MODEL_HASH").fields[0].reset == int(digest[:8], 16)
    assert description["model_sha256"] == digest
    assert f"32'h{int(digest[:8], 16):x}" in (soc / "rtl" / "accel_socket_regs.sv").read_text()


def test_clock_period_defaults_to_the_pdk_file(tiny_run: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_run, tmp_path, dirs_exist_ok=True)
    run_soc(Config(), Workspace(tmp_path), lambda _: None)
    assert json.loads((tmp_path / "soc" / "soc.json").read_text())["clock"]["period_ns"] > 0


def test_negative_fraction_bits_are_twos_complement(tiny_run: Path) -> None:
    fields = {f.name: f.reset for f in load_map(tiny_run / "soc" / "map.json").register("OUT_FORMAT").fields}
    assert fields == {"width": 12, "frac": 0xFF, "is_signed": 1}


@pytest.mark.parametrize(
    ("tiny", "message"),
    [
        (Tiny(n_in=8193, n_out=1), "InAddrWidth"),
        (Tiny(n_in=1, n_out=4097), "OutAddrWidth"),
        (Tiny(in_width=33), "InWidth"),
    ],
)
def test_an_engine_that_does_not_fit_is_refused(tmp_path: Path, tiny: Tiny, message: str) -> None:
    with pytest.raises(UserError, match=message):
        write_tiny(tmp_path, tiny, count=1)


def test_missing_and_damaged_engine_descriptions(tiny_run: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_run, tmp_path, dirs_exist_ok=True)
    (tmp_path / "accel" / "rtl" / "accel_engine.sv").unlink()
    with pytest.raises(UserError, match="missing"):
        run_soc(Config(), Workspace(tmp_path), lambda _: None)
    (tmp_path / "accel" / "accel.json").write_text('{"module": "accel_engine"}')
    with pytest.raises(UserError, match=r"accel\.json|cannot be read"):
        run_soc(Config(), Workspace(tmp_path), lambda _: None)
