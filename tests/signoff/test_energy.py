"""Gate-level activity and the energy that follows from it, on netlists small enough to count by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from asicflow.errors import StageError, UserError
from asicflow.pdk import load_pdk
from asicflow.pdk.config import Library
from asicflow.pdk.liberty import InternalPower, LibertyCell, LibertyPin, Table, read_liberty
from asicflow.signoff.activity import LANES, GateNetlist, lanes_of, values_of
from asicflow.signoff.energy import EnergyModel
from asicflow.signoff.netlist import read_netlist

EVERY = np.uint64(np.iinfo(np.uint64).max)


def pin(name: str, direction: str, function: str = "", power: list[InternalPower] | None = None) -> LibertyPin:
    return LibertyPin(name, direction, function, capacitance=0.002 * (direction == "input"), power=power or [])


def constant(picojoule: float, when: str = "") -> InternalPower:
    return InternalPower(when=when, tables={"power": Table([0.1], [], [[picojoule]])})


CELLS = {
    "inv": LibertyCell(
        "inv", leakage=1.0, pins={"A": pin("A", "input"), "Y": pin("Y", "output", "!A", [constant(3.0)])}
    ),
    "xor": LibertyCell(
        "xor",
        pins={
            "A": pin("A", "input", power=[constant(8.0, "B"), constant(0.0, "!B")]),
            "B": pin("B", "input"),
            "Y": pin("Y", "output", "A^B"),
        },
    ),
    "ff": LibertyCell(
        "ff",
        sequential="ff",
        state={"clocked_on": "CK", "next_state": "D"},
        state_names=("IQ", "IQN"),
        pins={
            "CK": pin("CK", "input", power=[constant(5.0)]),
            "D": pin("D", "input"),
            "Q": pin("Q", "output", "IQ"),
            "QN": pin("QN", "output", "IQN"),
        },
    ),
}


@pytest.fixture(scope="module")
def library(pdk_root: Path) -> Library:
    return load_pdk("sky130", pdk_root).library()


def compile_netlist(text: str, library: Library, tmp_path: Path) -> GateNetlist:
    path = tmp_path / "net.v"
    path.write_text(text)
    return GateNetlist(read_netlist(path, "top"), CELLS, library, "clk")


TOGGLE = """module top (clk, en, q);
  input clk, en; output q; wire d;
  xor x (.A(en), .B(q), .Y(d));
  ff f (.CK(clk), .D(d), .Q(q));
endmodule
"""


MUXED = TOGGLE.replace(".CK(clk)", ".CK(c)").replace("wire d;", "wire d, c; xor z (.A(clk), .B(en), .Y(c));")


def words(*bits: int) -> NDArray[np.uint64]:
    return np.array([EVERY if bit else 0 for bit in bits], np.uint64)


def test_toggle_flip_flop(library: Library, tmp_path: Path) -> None:
    netlist = compile_netlist(TOGGLE, library, tmp_path)
    run = netlist.simulate({"en": words(1, 1, 1, 0, 0, 1)}, start=0)
    assert [int(word & np.uint64(1)) for word in netlist.port(run, "q")] == [0, 1, 0, 1, 1, 1]
    count = {name: int(run.settled[number]) // LANES for name, number in netlist.nets.items()}
    assert count["q"] == 3 and count["en"] == 3
    assert count["d"] == 4, "1 0 1 1 1 0 from 0"
    assert run.cycles == 6 and run.clocked.tolist() == [6 * LANES]


def test_lanes_are_apart(library: Library, tmp_path: Path) -> None:
    netlist = compile_netlist(TOGGLE, library, tmp_path)
    enable = np.array([1, 2, 3], np.uint64)
    run = netlist.simulate({"en": enable}, start=1)
    assert netlist.port(run, "q").tolist() == [0, 1, 3]
    assert int(run.settled[netlist.net("q")]) == 2, "one lane each in the second and the third cycle"


GLITCH = """module top (clk, a, y);
  input clk, a; output y; wire n;
  inv i (.A(a), .Y(n));
  xor x (.A(a), .B(n), .Y(y));
endmodule
"""


def test_glitches(library: Library, tmp_path: Path) -> None:
    netlist = compile_netlist(GLITCH, library, tmp_path)
    run = netlist.simulate({"a": words(0, 1)}, start=1)
    y = netlist.net("y")
    assert run.settled[y] == 0 and run.glitching[y] == 2 * LANES
    found = EnergyModel(netlist, volts=2.0, period_ns=10.0).of(run)
    per_lane = found.per(LANES)
    assert per_lane.loads == pytest.approx(0.5 * 4 * (0.004 + 0.002) * 1e-12), "net a loads two pins, net n one"
    assert per_lane.cells == pytest.approx((3.0 + 8.0 / 2) * 1e-12), "the inverter; half of the states of B"
    assert per_lane.leakage == pytest.approx(1e-9 * 10e-9)
    assert per_lane.glitches == 0, "net y has no load and no power table"
    wired = EnergyModel(netlist, 2.0, 10.0, {"y": 0.1}).of(run).per(LANES)
    assert wired.glitches == pytest.approx(2 * 0.5 * 4 * 0.1e-12) and wired.loads == per_lane.loads
    assert wired.total == pytest.approx(wired.settled + wired.glitches)


def test_clock(library: Library, tmp_path: Path) -> None:
    netlist = compile_netlist(TOGGLE, library, tmp_path)
    found = EnergyModel(netlist, 1.0, 1.0).of(netlist.simulate({"en": words(0, 0, 0)}, 0)).per(LANES)
    assert found.clock == pytest.approx(6 * (0.5 * 0.002 + 5.0) * 1e-12)
    assert found.loads == found.cells == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TOGGLE.replace(".CK(clk)", ".CK(en)"), "register f"),
        (TOGGLE.replace("xor x (.A(en), ", "xor x ("), "pin A is not connected"),
        (TOGGLE.replace(".A(en)", ".A(open)").replace("wire d", "wire d, open"), "no driver"),
        (MUXED, "no buffer"),
    ],
)
def test_what_cannot_be_simulated(text: str, message: str, library: Library, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        compile_netlist(text, library, tmp_path)


def test_loop(library: Library, tmp_path: Path) -> None:
    text = "module top (clk, a); input clk, a; wire n; inv i (.A(n), .Y(n)); endmodule"
    netlist = compile_netlist(text, library, tmp_path)
    with pytest.raises(StageError, match="does not settle"):
        netlist.simulate({"a": words(0)}, 0)
    with pytest.raises(StageError, match="does not settle"):
        netlist.settle(netlist.begin(), {"a": words(0)})


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1))
def test_settled_values_alone_are_those_behind_the_glitches(library: Library, tmp_path: Path, seed: int) -> None:
    """Random logic with registers, another run in every lane, cut at a random cycle: every count and value agrees."""
    draw = np.random.default_rng(seed)
    nets, lines = ["a", "b", "q0", "q1"], []
    for k in range(int(draw.integers(4, 30))):
        first, second = draw.choice(nets, 2)
        lines.append(
            f"inv g{k} (.A({first}), .Y(n{k}));" if k % 3 else f"xor g{k} (.A({first}), .B({second}), .Y(n{k}));"
        )
        nets.append(f"n{k}")
    lines += [f"ff f{k} (.CK(clk), .D({nets[-1 - k]}), .Q(q{k}));" for k in range(2)]
    text = f"module top (clk, a, b, y); input clk, a, b; output y; {' '.join(lines)} inv o (.A(q1), .Y(y)); endmodule"
    netlist = compile_netlist(text, library, tmp_path)
    stimuli = {port: draw.integers(0, 2**64, 20, np.uint64) for port in ("a", "b")}
    cut, slow, fast = int(draw.integers(1, 20)), netlist.begin(), netlist.begin()
    for part in (slice(0, cut), slice(cut, 20)):
        words_in = {port: values[part] for port, values in stimuli.items()}
        one, other = netlist.go_on(slow, words_in), netlist.settle(fast, words_in)
        for name in ("settled", "clocked", "outputs"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
        assert np.array_equal(slow.values, fast.values) and np.array_equal(slow.following, fast.following)


def test_lanes_and_back() -> None:
    values = np.arange(3 * LANES).reshape(3, LANES) % 200
    assert np.array_equal(values_of(lanes_of(values, 8)), values)


def test_clock_gate(library: Library, tmp_path: Path) -> None:
    gate = library.cells.clock_gate
    assert gate is not None
    cells = CELLS | {
        "gate": LibertyCell("gate", sequential="gate", pins={
            gate.clock: pin(gate.clock, "input"), gate.enable: pin(gate.enable, "input"),
            gate.output: pin(gate.output, "output"),
        })
    }  # fmt: skip
    path = tmp_path / "net.v"
    path.write_text(
        "module top (clk, d, en, q); input clk, d, en; output q; wire g;\n"
        f"gate c (.{gate.clock}(clk), .{gate.enable}(en), .{gate.output}(g));\n"
        "ff f (.CK(g), .D(d), .Q(q));\nendmodule\n"
    )
    netlist = GateNetlist(read_netlist(path, "top"), cells, library, "clk")
    run = netlist.simulate({"d": words(1, 1, 0, 0), "en": words(0, 1, 0, 0)}, 0)
    assert [int(word & np.uint64(1)) for word in netlist.port(run, "q")] == [0, 0, 1, 1]
    found = EnergyModel(netlist, 1.0, 1.0).of(run).per(LANES)
    assert found.clock == pytest.approx((8 * 0.5 * 0.002 + 2 * (0.5 * 0.002 + 5.0)) * 1e-12), "one edge passes"


def test_power_tables_of_the_pdk(library: Library) -> None:
    cells = read_liberty(library.typical.liberty, power=True).cells
    flipflop = next(c for n, c in cells.items() if n.endswith("dfxtp_1"))
    edge = flipflop.pins["CLK"].power[0].mean(0.2, 0.0)
    assert 0.015 < edge < 0.025, "pJ: the mean of rise and fall"
    assert not read_liberty(library.typical.liberty).cells[flipflop.name].pins["CLK"].power
