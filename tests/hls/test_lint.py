"""Every tool of the flow accepts the engine's RTL, without a word."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyslang
import pytest

from asicflow.flow.yosys import run_yosys
from asicflow.hls.plan import choose_split, plan_engine
from asicflow.hls.rtl import engine_rtl
from asicflow.hls.stage import write_engine
from asicflow.hls.unroll import plan_unrolled
from asicflow.hls.unroll_rtl import unrolled_rtl
from asicflow.model.fixed import FixedType
from asicflow.model.spec import Quantize, Spec

from .test_plan import dense_network


def elementwise_network() -> Spec:
    """A stage that walks through the rows group by group, between two that walk pixel by pixel."""
    spec = dense_network(10, 9, 4, accum="fixed<24,12>")
    kind = FixedType(width=8, frac=4, rounding="TRN")
    widths, fracs = [8, 7, 6, 5, 4, 3, 2, 1, 0], [4, 3, 4, 2, 3, 0, 1, 0, 0]
    middle = Quantize(name="q", n_in=9, widths=widths, fracs=fracs, signs=[True] * 9, result=kind)
    return spec.model_copy(update={"layers": [*spec.layers[:2], middle, *spec.layers[2:]]})


NETWORKS = {
    "elementwise": elementwise_network(),
    "lossless": dense_network(10, 9, 4),
    "trimmed": dense_network(10, 9, 4, accum="fixed<9,5>"),
    "saturating": dense_network(10, 9, 4, accum="fixed<9,5,RND_CONV,SAT>"),
}


ENGINES = [
    *((name + kind, count) for name in NETWORKS for count in (1, 8) for kind in ("", " reloadable")),
    ("unrolled", 1), ("unrolled", 0), ("unrolled elementwise", 0),
]  # fmt: skip
"""Networks and multipliers; of an unrolled one the adder levels between registers, 0 for any number."""


@pytest.fixture(params=ENGINES, ids=lambda p: f"{p[0]}-{p[1]}")
def sources(request: pytest.FixtureRequest, tmp_path: Path) -> list[Path]:
    """RTL of a network with one and with eight multipliers, and unrolled with few and many registers."""
    name, count = request.param
    if name.startswith("unrolled"):
        spec = elementwise_network() if "elementwise" in name else dense_network(10, 9, 4, accum="fixed<24,12>")
        texts = unrolled_rtl(plan_unrolled(spec, count or None))
    else:
        spec, reloadable = NETWORKS[name.removesuffix(" reloadable")], name.endswith("reloadable")
        texts = engine_rtl(plan_engine(spec, *choose_split(spec, count, reloadable), reloadable))
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return sorted(tmp_path.glob("*.sv"))


def test_verilator(sources: list[Path]) -> None:
    command = ["verilator", "--lint-only", "-Wall", "--top-module", "accel_engine", *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_slang(sources: list[Path]) -> None:
    assert slang_problems(sources) == ""


def test_slang_finds_an_error(sources: list[Path], tmp_path: Path) -> None:
    """Negative control: a name that is not declared."""
    top = tmp_path / "accel_engine.sv"
    top.write_text(top.read_text().replace("case (in_addr_i)", "case (in_adr_i)", 1))
    assert "in_adr_i" in slang_problems(sources)


def slang_problems(sources: list[Path]) -> str:
    """What slang says about the sources, with the warnings its command line gives by default and more."""
    compilation = pyslang.ast.Compilation()
    for path in sources:
        compilation.addSyntaxTree(pyslang.syntax.SyntaxTree.fromFile(str(path)))
    engine = pyslang.DiagnosticEngine(pyslang.syntax.SyntaxTree.getDefaultSourceManager())
    client = pyslang.TextDiagnosticClient()
    engine.addClient(client)
    engine.setWarningOptions(["none", "default", "extra"])
    for diagnostic in compilation.getAllDiagnostics():
        engine.issue(diagnostic)
    return str(client.getString())


def test_yosys(sources: list[Path], tmp_path: Path) -> None:
    log = tmp_path / "yosys.log"
    files = " ".join(map(str, sources))
    run_yosys(f"read_verilog -sv {files}\nhierarchy -check -top accel_engine\nproc\ncheck -assert\n", log)
    assert "Warning" not in log.read_text()


def test_no_latch(sources: list[Path], tmp_path: Path) -> None:
    log = tmp_path / "yosys.log"
    files = " ".join(map(str, sources))
    run_yosys(f"read_verilog -sv {files}\nhierarchy -top accel_engine\nproc\nselect -assert-none t:$dlatch\n", log)


def test_ports_are_the_documented_ones(tmp_path: Path) -> None:
    report = write_engine(NETWORKS["lossless"], None, tmp_path)
    text = (tmp_path / "rtl" / "accel_engine.sv").read_text()
    names = "in_we_i in_addr_i in_data_i start_i busy_o done_o out_addr_i out_data_o"
    ports = ["clk_i", "rst_ni", *names.split()]
    header = text[text.index("module accel_engine (") : text.index(");")]
    found = [line.split("//")[0].split()[-1].rstrip(",") for line in header.splitlines()[1:] if line.strip()]
    assert found == ports
    assert all("//" in line for line in header.splitlines()[1:] if line.strip()), "every port is documented"
    assert report["in_addr_width"] == 4 and report["out_addr_width"] == 2
    assert all((tmp_path / name).is_file() for name in report["files"])
