"""The path to Yosys: the launcher, scripts, and functional netlists from Liberty."""

import subprocess
from pathlib import Path

import pytest

from asicflow.errors import StageError, ToolMissing
from asicflow.flow import yosys

LIBERTY = """
library (toy) {
  cell (INV) {
    area : 1;
    pin (A) { direction : input; }
    pin (Y) { direction : output; function : "!A"; }
  }
  cell (DFF) {
    area : 4;
    ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; clear : "!RN"; }
    pin (CK) { direction : input; clock : true; }
    pin (D) { direction : input; }
    pin (RN) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; }
  }
  cell (ANALOG) {
    area : 4;
    pin (A) { direction : input; }
    pin (Y) { direction : output; }
  }
}
"""

NETLIST = """
module toggle (input clk, input rst_n, output q);
  wire d;
  DFF \\state.q_reg (.CK(clk), .D(d), .RN(rst_n), .Q(q));
  INV u1 (.A(q), .Y(d));
  FILL fill_1 ();
endmodule
"""


@pytest.fixture
def toy(tmp_path: Path) -> tuple[Path, Path]:
    liberty, netlist = tmp_path / "toy.lib", tmp_path / "toggle.v"
    liberty.write_text(LIBERTY)
    netlist.write_text(NETLIST)
    return liberty, netlist


@pytest.fixture
def fresh_command():
    yosys.command.cache_clear()
    yield
    yosys.command.cache_clear()


def test_version_is_new_enough() -> None:
    found = yosys.parse_version(yosys.version())
    assert found is not None and found >= yosys.MIN_VERSION


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Yosys 0.70 (git sha1 28b)", (0, 70)), ("Yosys 0.9+3672 (git)", (0, 9)), ("sh: not found", None)],
)
def test_parse_version(text: str, expected: tuple[int, int] | None) -> None:
    assert yosys.parse_version(text) == expected


def test_old_system_yosys_is_passed_over(tmp_path: Path, monkeypatch, fresh_command) -> None:
    old = tmp_path / "yosys"
    old.write_text("#!/bin/sh\necho 'Yosys 0.23 (git sha1 7ce5011c24b)'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert "asicflow.flow.yosys_shell" in yosys.command()


def test_new_system_yosys_is_taken(tmp_path: Path, monkeypatch, fresh_command) -> None:
    new = tmp_path / "yosys"
    new.write_text("#!/bin/sh\necho 'Yosys 0.55 (git)'\n")
    new.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert yosys.command() == (str(new),)


def test_missing_tcl_names_the_debian_package(monkeypatch, fresh_command) -> None:
    monkeypatch.setattr(yosys.shutil, "which", lambda name: None)
    find = yosys.importlib.util.find_spec
    monkeypatch.setattr(yosys.importlib.util, "find_spec", lambda n: None if n == "_tkinter" else find(n))
    with pytest.raises(ToolMissing, match="python3-tk"):
        yosys.command()


def test_failing_command_shows_yosys_own_error(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="nowhere"):
        yosys.run_yosys("read_verilog nowhere.v", tmp_path / "y.log")
    assert (tmp_path / "y.ys").read_text() == "read_verilog nowhere.v"


def test_launcher_is_written_once(tmp_path: Path) -> None:
    path = yosys.launcher(tmp_path / "bin")
    stamp = path.stat().st_mtime_ns
    assert yosys.launcher(tmp_path / "bin").stat().st_mtime_ns == stamp
    assert subprocess.run([path, "--version"], capture_output=True, text=True).stdout.startswith("Yosys 0.")


TCL = """
yosys -import
yosys read_rtlil design.il
puts "captured=[string trim [yosys tee -q -s result.string select -list-mod t:* %m]]"
yosys setattr -mod -set area 7 top
puts "has=[rtlil::has_attr -mod top area] none=[rtlil::has_attr -mod top nothing]"
rtlil::set_attr -mod -uint top cost 5
puts "cost=[rtlil::get_attr -mod top cost]"
rtlil::set_attr -mod -string top label hello
puts "label=[rtlil::get_attr -mod -string top label]"
yosys scratchpad -set flatten.separator "."
puts "end"
"""


def run_tcl(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "script.tcl").write_text(script)
    (folder / "design.il").write_text("module \\top\n  wire input 1 \\a\nend\n")
    return subprocess.run([yosys.launcher(folder), "-c", "script.tcl"], cwd=folder, capture_output=True, text=True)


def test_tcl_commands_of_the_launcher(tmp_path: Path) -> None:
    done = run_tcl(TCL, tmp_path)
    assert done.returncode == 0, done.stdout
    for line in ("has=1 none=0", "cost=5", "label=hello", "end"):
        assert line in done.stdout.splitlines()


@pytest.mark.parametrize(
    "script",
    ["yosys no_such_pass", "error oops", "rtlil::get_attr -mod nothing area", "yosys read_verilog gone.v"],
)
def test_tcl_errors_end_with_an_error_line(tmp_path: Path, script: str) -> None:
    done = run_tcl(script + '\nputs "not reached"\n', tmp_path)
    assert done.returncode != 0
    assert "not reached" not in done.stdout
    assert "ERROR" in done.stdout + done.stderr


def test_functional_netlist_has_no_library_cell(toy: tuple[Path, Path], tmp_path: Path) -> None:
    liberty, netlist = toy
    out = tmp_path / "flat.v"
    yosys.functional_netlist(netlist, "toggle", liberty, out, physical_cells=["FILL"])
    text = out.read_text()
    assert text.count("endmodule") == 1
    assert "DFF" not in text and "INV" not in text and "FILL" not in text
    assert "negedge rst_n" in text or "posedge" in text


def test_unknown_cell_is_an_error(toy: tuple[Path, Path], tmp_path: Path) -> None:
    liberty, netlist = toy
    with pytest.raises(StageError, match="FILL"):
        yosys.functional_netlist(netlist, "toggle", liberty, tmp_path / "flat.v")


def test_cell_without_function_is_an_error(toy: tuple[Path, Path], tmp_path: Path) -> None:
    liberty, netlist = toy
    netlist.write_text("module toggle (input a, output y); ANALOG u1 (.A(a), .Y(y)); endmodule")
    with pytest.raises(StageError, match="ANALOG"):
        yosys.functional_netlist(netlist, "toggle", liberty, tmp_path / "flat.v")


def test_liberty_models(toy: tuple[Path, Path], tmp_path: Path) -> None:
    liberty, _ = toy
    yosys.liberty_models(liberty, ["INV", "DFF"], tmp_path / "models.v")
    text = (tmp_path / "models.v").read_text()
    assert "module INV" in text and "module DFF" in text
    with pytest.raises(StageError, match="ANALOG"):
        yosys.liberty_models(liberty, ["INV", "ANALOG"], tmp_path / "models.v")


def test_a_netlist_is_flattened_in_place(tmp_path: Path) -> None:
    netlist = tmp_path / "top.vg"
    netlist.write_text(
        "(* keep_hierarchy *) module part (input a, output y); CELL i_cell (.A(a), .Y(y)); endmodule\n"
        "module CELL (input A, output Y); endmodule\n"
        "module top (input a, output y); part i_part (.a(a), .y(y)); endmodule\n"
    )
    text = netlist.read_text().replace("module CELL", "(* blackbox *) module CELL")
    netlist.write_text(text)
    yosys.flatten_netlist(netlist, "top", ".", tmp_path / "flatten.log")
    flat = netlist.read_text()
    assert "i_part.i_cell" in flat
    assert "module part" not in flat
