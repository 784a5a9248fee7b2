"""The prefix adder of the fast strategy: it adds, and has fewer levels than Yosys' own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asicflow.errors import StageError
from asicflow.flow.synthesis import PREFIX_ADDER
from asicflow.flow.yosys import run_yosys

ADDER = """
module adder (input [{high}:0] a, input [{high}:0] b, input sub, output [{bits}:0] y, output [{high}:0] n);
  assign y = {{1'b0, a}} + ({{1'b0, b}} ^ {{{bits}+1{{sub}}}}) + sub;
  assign n = a + 1'b1;
endmodule
"""


def design(folder: Path, bits: int) -> Path:
    path = folder / "adder.v"
    path.write_text(ADDER.format(high=bits - 1, bits=bits))
    return path


def mapped(source: Path, maps: str) -> str:
    """Commands that leave the adder in simple gates."""
    return f"read_verilog {source}\nhierarchy -top adder\nproc\nopt\nalumacc\nopt\ntechmap {maps}\nopt\n"


def check(folder: Path, bits: int, adder_map: Path) -> None:
    """Prove that the mapped adder is the adder; StageError if it is not."""
    script = mapped(design(folder, bits), f"-map {adder_map} -map +/techmap.v")
    run_yosys(
        f"""{script}rename adder mapped
read_verilog {folder / "adder.v"}
miter -equiv -flatten -make_outputs adder mapped both
hierarchy -top both
proc
sat -verify -prove trigger 0 both
""",
        folder / "proof.log",
    )


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8, 17, 32])
def test_it_adds(bits: int, tmp_path: Path) -> None:
    check(tmp_path, bits, PREFIX_ADDER)


def test_a_wrong_map_is_found(tmp_path: Path) -> None:
    right, wrong = "(p[k] & g[(k / half) * half - 1])", "(p[k] & g[k - half])"
    text = PREFIX_ADDER.read_text()
    assert text.count(right) == 1
    broken = tmp_path / "broken.v"
    broken.write_text(text.replace(right, wrong))
    with pytest.raises(StageError, match="proof did fail"):
        check(tmp_path, 8, broken)


def test_it_has_fewer_levels_than_the_stock_adder(tmp_path: Path) -> None:
    levels = []
    for maps in (f"-map {PREFIX_ADDER} -map +/techmap.v", "-map +/techmap.v"):
        run_yosys(f"{mapped(design(tmp_path, 32), maps)}simplemap\nopt\nltp\n", tmp_path / "levels.log")
        levels += map(
            int,
            re.findall(r"Longest topological path in adder \(length=(\d+)\)", (tmp_path / "levels.log").read_text()),
        )
    assert len(levels) == 2 and levels[0] < levels[1]
