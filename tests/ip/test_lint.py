"""Every IP and the assembled top pass four front ends without a message."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyslang
import pytest
from pyslang.driver import Driver

from asicflow.errors import StageError
from asicflow.flow.yosys import run_yosys
from asicflow.soc.external import manifests
from asicflow.soc.ip import IP_SCHEMA, IpManifest, load_ip
from asicflow.soc.testbench import rtl_sources

sys.path.insert(0, str(Path(__file__).parents[1] / "soc"))
from tiny import Tiny, write_tiny

IPS = list(manifests(IP_SCHEMA))


@dataclass(frozen=True)
class Design:
    top: str
    files: list[Path]


def block(manifest: IpManifest, folder: Path) -> Design:
    """Return the RTL of one IP with its registers, if any, generated for default parameters.

    A wrapper of an external block gets the test double, which has the own core inside.
    """
    files = [*manifest.write_generated(folder), *(manifest.path(f) for f in manifest.rtl)]
    if manifest.external:
        core = load_ip("cpu_armv6m")
        files = [*map(core.path, core.rtl), *(manifest.path(f) for f in manifest.testbench), *files]
    return Design(manifest.top, files)


@pytest.fixture(params=[*IPS, "accel", "accel reloadable"])
def design(request: pytest.FixtureRequest, tmp_path: Path) -> Design:
    if request.param.startswith("accel") and request.param not in IPS:
        tiny = Tiny(n_weights=3 if "reloadable" in request.param else 0)
        return Design("accel", rtl_sources(write_tiny(tmp_path, tiny, count=1)))
    return block(load_ip(request.param), tmp_path)


def verilator(design: Design) -> str:
    command = ["verilator", "--lint-only", "-Wall", "--top-module", design.top, *map(str, design.files)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout + done.stderr


def icarus(design: Design) -> str:
    """A part select in always_comb makes Icarus 11 wake the process more often, which changes no result."""
    command = ["iverilog", "-g2012", "-Wall", "-t", "null", "-s", design.top, *map(str, design.files)]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = (done.stdout + done.stderr).splitlines(True)
    return "".join(line for line in lines if "sorry: constant selects in always_*" not in line)


def slang(design: Design) -> str:
    driver = Driver()
    driver.addStandardArgs()
    driver.parseCommandLine(f"slang -Wextra -Wconversion --top {design.top} {' '.join(map(str, design.files))}")
    driver.processOptions()
    driver.parseAllSources()
    compilation = driver.createCompilation()
    diagnostics = compilation.getAllDiagnostics()
    return str(pyslang.DiagnosticEngine.reportAll(driver.sourceManager, diagnostics))


def yosys(design: Design, log: Path) -> str:
    files = " ".join(map(str, design.files))
    run_yosys(f"read_verilog -sv {files}\nhierarchy -check -top {design.top}\nproc\ncheck -assert\n", log)
    return "".join(line for line in log.read_text().splitlines(True) if line.startswith("Warning"))


def test_four_front_ends_accept_it(design: Design, tmp_path: Path) -> None:
    assert verilator(design) == ""
    assert icarus(design) == ""
    assert slang(design) == ""
    assert yosys(design, tmp_path / "yosys.log") == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("= done & irq_enable;", "= irq_enable;"),
        ("  logic        done;", "  logic [1:0]  done;"),
    ],
)
def test_the_lint_sees_planted_errors(tmp_path: Path, right: str, wrong: str) -> None:
    design = block(load_ip("accel_socket"), tmp_path)
    *others, socket = design.files
    text = socket.read_text()
    assert right in text
    bad = tmp_path / "accel_socket.sv"
    bad.write_text(text.replace(right, wrong))
    assert "Warning" in verilator(Design(design.top, [*others, bad]))


def test_each_front_end_sees_a_missing_module(tmp_path: Path) -> None:
    alone = Design("accel_socket", block(load_ip("accel_socket"), tmp_path).files[1:])
    assert "accel_socket_regs" in verilator(alone)
    assert "accel_socket_regs" in icarus(alone)
    assert "accel_socket_regs" in slang(alone)
    with pytest.raises(StageError):
        yosys(alone, tmp_path / "log")


def test_a_latch_or_loop_stops_yosys(tmp_path: Path) -> None:
    loop = tmp_path / "loop.sv"
    loop.write_text("module loop (input logic a_i, output logic y_o); assign y_o = y_o ^ a_i; endmodule\n")
    with pytest.raises(StageError):
        yosys(Design("loop", [loop]), tmp_path / "log")
