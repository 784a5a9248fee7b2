"""Blocks by path, the scanner, and a SoC with the test double of the licensed processor."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_chip import DOUBLE as PLACE
from tiny_chip import write_chip, write_double

from asicflow.config import SocConfig
from asicflow.errors import StageError, UserError
from asicflow.soc import chip as chip_module
from asicflow.soc.check import Verdict, check_external, check_own
from asicflow.soc.external import EXTERNAL_SCHEMA, load_external, locate, manifests
from asicflow.soc.ip import IP_SCHEMA, load_ip
from asicflow.soc.scan import judge, scan


@pytest.fixture
def double(tmp_path: Path) -> Path:
    """A folder laid out like a deliverable, with the test double."""
    return write_double(tmp_path / "licensed")


# -- blocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(manifests(IP_SCHEMA)))
def test_own_blocks_pass(name: str) -> None:
    result = check_own(name)
    assert result.verdict is Verdict.PASS, result.text


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("// SPDX-License-Identifier: Apache-2.0", "// nothing", "no licence header"),
        ("output logic        irq_o ", "output logic [1:0]  irq_o ", "port irq_o is output of 2"),
        ("input  logic        psel_i,", "output logic        psel_i,", "port psel_i is output"),
        ("  output logic        pready_o,   // Always 1\n", "", "port pready_o is missing"),
        ("  output logic        irq_o ", "  input logic more_i, output logic irq_o ", "more_i is not in the manifest"),
        ("endmodule", "", "syntax error"),
    ],
)
def test_a_block_that_differs_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, message: str
) -> None:
    real = load_ip("apb_timer")
    path = tmp_path / "rtl" / "apb_timer.sv"
    path.parent.mkdir()
    text = real.path(real.rtl[0]).read_text()
    assert text.count(right) == 1
    path.write_text(text.replace(right, wrong))
    fake = real.model_copy(update={"rtl": [path]})
    monkeypatch.setattr("asicflow.soc.check.load_ip", lambda _: fake)
    result = check_own("apb_timer")
    assert result.verdict is Verdict.FAIL and message in result.text, result.text


def test_every_external_block_has_a_face_and_layouts() -> None:
    names = list(manifests(EXTERNAL_SCHEMA))
    assert names == ["arm_cortex_m0", "cf_sram_1024x32"]
    for name in names:
        external = load_external(name)
        assert external.ports and external.layouts and all(layout.files for layout in external.layouts.values())
        assert [r.verdict for r in check_external(name, None)] == [Verdict.UNVERIFIED]
    with pytest.raises(UserError, match="no IP named"):
        load_external("nothing")


def test_the_double_has_the_documented_ports(double: Path) -> None:
    (result,) = check_external("arm_cortex_m0", double)
    assert result.verdict is Verdict.PASS and "DesignStart" in result.text, result.text
    layout, files = locate(load_external("arm_cortex_m0"), double)
    assert layout == "DesignStart" and files[-1].stem == "CORTEXM0INTEGRATION"


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("[25:0] STCALIB", "[23:0] STCALIB", "STCALIB is input of 24 bit(s), expected input of 26"),
        ("  input  logic        SE,", "  input  logic        SCANEN, SE,", "SCANEN is not in the manifest"),
        ("module CORTEXM0INTEGRATION", "module CORTEXM0", "no module CORTEXM0INTEGRATION"),
    ],
)
def test_other_files_fail(double: Path, right: str, wrong: str, message: str) -> None:
    path = double / PLACE / "CORTEXM0INTEGRATION.v"
    assert path.read_text().count(right) == 1
    path.write_text(path.read_text().replace(right, wrong))
    results = check_external("arm_cortex_m0", double)
    assert any(r.verdict is Verdict.FAIL and message in r.text for r in results), results


def test_a_folder_that_is_no_deliverable_fails(tmp_path: Path) -> None:
    (result,) = check_external("arm_cortex_m0", tmp_path)
    assert result.verdict is Verdict.FAIL and "no deliverable" in result.text
    (result,) = check_external("arm_cortex_m0", tmp_path / "nowhere")
    assert result.verdict is Verdict.FAIL and "does not exist" in result.text


# -- a chip with the licensed processor ------------------------------------------------------------


def test_the_licensed_files_are_used_in_place(double: Path, tmp_path: Path) -> None:
    ws = write_chip(tmp_path / "run", SocConfig(cpu="arm-cortex-m0", cpu_path=double))
    data = json.loads((ws.soc / "soc.json").read_text())
    assert [Path(name).name for name in data["external_files"]] == ["core.v", "CORTEXM0INTEGRATION.v"]
    assert not list(ws.root.rglob("CORTEXM0INTEGRATION*")) and not list(ws.root.rglob("cpu_armv6m.sv"))
    assert "cpu_cortex_m0 #(" in (ws.soc / "rtl" / "soc.sv").read_text()
    table = json.loads((ws.soc / "map.json").read_text())["blocks"][-1]["registers"]["registers"]
    assert table[-1]["name"] == "CPU" and table[-1]["fields"][0]["reset"] == 1


def test_a_licensed_processor_without_its_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs its licensed files"):
        write_chip(tmp_path, SocConfig(cpu="arm-cortex-m0"))


def test_a_licensed_file_in_the_output_stops_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bundle(system: object, out: Path) -> None:
        (out / "stray.v").write_text(SPECIMEN)

    monkeypatch.setattr(chip_module, "_write_documents", bundle)
    with pytest.raises(StageError, match=r"stray\.v may not be copied"):
        write_chip(tmp_path)


# -- scanner ---------------------------------------------------------------------------------------

# Made up, in the manner of such heads; split so that this file's own head stays clean
SPECIMEN = (
    "//----------------------------------------------------------------\n"
    "// The confi" + "dential and propri" + "etary information contained in this file may\n"
    "// only be used by a person auth" + "orised under and to the extent permitted\n"
    "// by a licensing agreement.\n"
    "// (C) COPY" + "RIGHT 2009 Some Company. ALL RIGHTS RES" + "ERVED\n"
    "module m; endmodule\n"
)
REFUSED = {
    "the specimen": SPECIMEN,
    "a copyright notice alone": "/* Copy" + "right (c) 2014 Some Company */\nmodule m; endmodule\n",
    "all rights res" + "erved": "# All rights res" + "erved.\n",
    "broken over lines": "// This is confi" + "dential\n// and propri" + "etary.\nmodule m; endmodule\n",
    "open licence but confi" + "dential": "// SPDX-License-Identifier: Apache-2.0\n// CONFI"
    + "DENTIAL AND PROPRI"
    + "ETARY\n",
}
PASSED = {
    "own": "// SPDX-License-Identifier: Apache-2.0\n//\n// Not a product of Arm and not certified by Arm.\nmodule m;\n",
    "open, with a notice": "/* Copy"
    + "right 2020 The PDK Authors\n * Licensed under the Apache License, Version 2.0 */\n",
    "no head": "module m; endmodule\n",
    "about secrets": "// The key is confidential.\nmodule key; endmodule\n",
    "about rights": "// Priority: the right operand is reserved for immediate values.\n",
    "a year": "// Measured in 2024 with version (c) of the script\nmodule m; endmodule\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_specimens_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file.v"
    path.write_text(REFUSED[name])
    assert judge(path) is not None
    packed = tmp_path / "file.v.gz"
    packed.write_bytes(gzip.compress(REFUSED[name].encode()))
    assert len(scan([tmp_path])) == 2


@pytest.mark.parametrize("name", PASSED)
def test_near_misses_pass(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file.v"
    path.write_text(PASSED[name])
    assert judge(path) is None


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(b"not an archive")
    assert judge(path) is not None


def test_the_repository_holds_no_such_file(project_root: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=project_root, capture_output=True, text=True, check=True)
    files = [project_root / name for name in listed.stdout.split("\0") if name]
    assert len(files) > 100
    assert [(r.path.name, r.reason) for r in scan(p for p in files if p.is_file())] == []


def test_the_commands(project_root: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = "from asicflow.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, "ip", *arguments], cwd=project_root, capture_output=True, text=True
        )

    listed = run("list")
    assert listed.returncode == 0 and "cpu_armv6m" in listed.stdout and "by path" in listed.stdout
    checked = run("check")
    assert checked.returncode == 0 and checked.stdout.count("UNVERIFIED") == 2 and "FAIL" not in checked.stdout
    assert run("check", "arm_cortex_m0", "--path", str(tmp_path)).returncode == 1
    assert run("check", "--path", str(tmp_path)).returncode == 2
    (tmp_path / "stray.v").write_text(SPECIMEN)
    assert run("scan", str(tmp_path)).returncode == 1
    assert run("scan", "ip/adp").returncode == 0
