"""Formal comparison of designs whose outputs share nets: constants, and one signal on several ports."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicflow.signoff.formal import Proof, network, prove

TEXT = """module m (input a, input b, output [69:0] y, output z, output w);
  assign y = {68'd0, a & b, 1'b1};
  assign z = a ^ b;
  assign w = z;
endmodule
"""


def compare(one: str, two: str, folder: Path) -> Proof:
    sides = []
    for name, text in (("one", one), ("two", two)):
        path = folder / f"{name}.v"
        path.write_text(text)
        sides.append(network(f'read_verilog "{path}"', "m", folder / name, name))
    return prove(*sides, folder, limit=0.0)  # decided at once


def test_outputs_on_one_net_are_proven(tmp_path: Path) -> None:
    result = compare(TEXT, TEXT.replace("a ^ b", "(a & ~b) | (~a & b)"), tmp_path)
    assert result.equal and result.outputs == 72


@pytest.mark.parametrize(
    ("right", "wrong", "differing"), [("1'b1}", "1'b0}", "y_0"), ("w = z", "w = ~z", "w"), ("68'd0", "68'd8", "y_5")]
)
def test_one_wrong_output_is_disproved(tmp_path: Path, right: str, wrong: str, differing: str) -> None:
    result = compare(TEXT, TEXT.replace(right, wrong), tmp_path)
    assert differing in result.differing and not result.equal
