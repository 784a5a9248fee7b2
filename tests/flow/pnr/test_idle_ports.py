"""Ports that nothing inside is connected to: drawn, so wires keep clear of them, and a wire that does not is found."""

from __future__ import annotations

import klayout.db as kdb
import pytest
from beol import violations
from kits import Kit, random_netlist

from asicflow.flow.pnr import Design, PnrOptions
from asicflow.flow.pnr.access import access_tables
from asicflow.flow.pnr.checks import check_layout
from asicflow.flow.pnr.grid import build_problem
from asicflow.flow.pnr.kernel import BLOCKED


@pytest.fixture(scope="module")
def design(sky: Kit, tmp_path_factory: pytest.TempPathFactory) -> Design:
    """A design with many idle inputs on all sides."""
    source = tmp_path_factory.mktemp("idle") / "dut.v"
    text = random_netlist(sky, flops=24, gates=60)
    head, _, rest = text.partition(");")
    source.write_text(f"{head}, idle);\n  input [39:0] idle;{rest}")
    made = Design(source, "dut", sky.library, PnrOptions("clk", 40.0, utilization=0.4), lambda line: None)
    made.place()
    made.route()
    return made


def test_wires_keep_clear_of_idle_ports(sky: Kit, design: Design) -> None:
    assert design.connectivity.clean and violations(design.layout, sky.library) == {}
    used = {i.cell for i in design.netlist.instances.values()}
    tables = access_tables(sky.library, design.macros, design.technology, used)
    problem = build_problem(design.netlist, design.plan, design.macros, design.technology, tables)
    lines, columns = design.plan.lines, design.plan.columns
    access = problem.grid.access.reshape(-1, lines, columns)
    idle = [p for name, p in design.plan.pins.items() if name.startswith("idle")]
    assert len(idle) == 40
    for place in idle:  # the node that a wire from inside would end at
        line = min(max(place.line, 1), lines - 2)
        column = min(max(place.column, 1), columns - 2)
        assert access[place.layer, line, column] == BLOCKED


def test_a_wire_on_an_idle_port_is_a_short(design: Design) -> None:
    """Negative control: metal from an idle port to that of a used one."""
    layout = kdb.Layout()
    layout.assign(design.layout)
    pins = design.plan.pins
    used = [(n, p) for n, p in pins.items() if not n.startswith("idle")]
    _, (a, b) = min(
        ((abs(p.rect[0] - q.rect[0]) + abs(p.rect[1] - q.rect[1])), (n, m))
        for n, p in pins.items() if n.startswith("idle") for m, q in used if p.layer == q.layer
    )  # fmt: skip
    box = kdb.Box(*pins[a].rect) + kdb.Box(*pins[b].rect)
    name = design.technology.layers[pins[a].layer].name
    layout.top_cell().shapes(layout.layer(*design.library.layers[name].drawing)).insert(box)
    found = check_layout(
        layout, design.netlist, design.plan, design.geometries, design.technology, design.library, design.macros
    )
    assert any(a in text for text in found.shorts)
