"""The clock tree around clock gates."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from kits import Kit

from asicflow.flow.pnr import Design, PnrError, PnrOptions
from asicflow.flow.pnr.netlist import Net


def gated_netlist(kit: Kit, groups: list[int], plain: int, nested: bool = False) -> str:
    """A module `dut`: registers behind one gate per group, and some without a gate."""
    gate, pins = kit.library.cells.clock_gate, kit.flop_pins
    assert gate is not None
    low = "".join(f", .{pin}(1'b0)" for pin in gate.low)
    total = sum(groups) + plain
    lines = [
        f"module dut (clk, rst_n, en, d, q);\n  input clk, rst_n, d;\n  input [{len(groups) - 1}:0] en;",
        f"  output [{total - 1}:0] q;\n  wire [{len(groups) - 1}:0] g;",
    ]
    clocks = ["clk"] * plain
    for k, size in enumerate(groups):
        clock = f"g[{k - 1}]" if nested and k else "clk"
        ends = f".{gate.clock}({clock}), .{gate.enable}(en[{k}]){low}, .{gate.output}(g[{k}])"
        lines.append(f"  {gate.cells[0]} gate_{k} ({ends});")
        clocks += [f"g[{k}]"] * size
    for k, clock in enumerate(clocks):
        d = f"q[{k - 1}]" if k else "d"
        ends = f".{pins['d']}({d}), .{pins['ck']}({clock}), .{pins['rn']}(rst_n), .{pins['q']}(q[{k}])"
        lines.append(f"  {kit.flop} r_{k} ({ends});")
    return "\n".join([*lines, "endmodule", ""])


class Placed(Design):
    """A design whose clock tree stays as it was built."""

    def _repair_timing(self) -> None:
        """Nothing."""


def placed(kit: Kit, folder: Path, text: str) -> Design:
    """A design up to the clock tree."""
    (folder / "dut.v").write_text(text)
    design = Placed(folder / "dut.v", "dut", kit.library, PnrOptions("clk", 40.0, utilization=0.4))
    design.place()
    return design


def levels(run: Design, kit: Kit) -> Counter[int]:
    """How many registers see how many cells between the clock's port and themselves."""
    gate = kit.library.cells.clock_gate
    assert gate is not None
    inputs = dict.fromkeys(kit.library.cells.clock_buffers, kit.library.cells.buffer_pins[0])
    inputs |= dict.fromkeys(gate.cells, gate.clock)
    drivers = {
        i.pins[p]: i for n in run.netlist.nets.values() for i, p in n.pins if i.cell in inputs and p != inputs[i.cell]
    }

    def depth(net: Net) -> int:
        return 1 + depth(drivers[net].pins[inputs[drivers[net].cell]]) if net in drivers else 0

    ends = [i.pins[kit.flop_pins["ck"]] for i in run.netlist.instances.values() if i.cell == kit.flop]
    return Counter(map(depth, ends))


@pytest.mark.parametrize(("groups", "plain"), [([12, 50], 90), ([9] * 6, 0), ([30], 5)])
def test_every_register_sees_as_many_levels(kit: Kit, tmp_path: Path, groups: list[int], plain: int) -> None:
    run = placed(kit, tmp_path, gated_netlist(kit, groups, plain))
    assert run.tree is not None and run.tree.sinks == sum(groups) + plain
    assert levels(run, kit) == {run.tree.levels: run.tree.sinks}
    assert run.tree.gates == sum(-(-size // 20) for size in groups)
    assert all(net.is_clock for net in run.tree.nets)
    assert max(timing.skew for timing in run._analyse(run.wires)) < 1.0


def test_a_copied_gate_has_the_enable_of_its_model(kit: Kit, tmp_path: Path) -> None:
    gate = kit.library.cells.clock_gate
    assert gate is not None
    run = placed(kit, tmp_path, gated_netlist(kit, [50], 5))
    gates = [i for i in run.netlist.instances.values() if i.cell in gate.cells]
    assert len(gates) == 3
    for pin in (gate.enable, *gate.low):
        assert len({i.pins[pin] for i in gates}) == 1


def test_a_gate_behind_a_gate_is_refused(kit: Kit, tmp_path: Path) -> None:
    with pytest.raises(PnrError, match="gate_1 behind gate_0"):
        placed(kit, tmp_path, gated_netlist(kit, [10, 10], 5, nested=True))
