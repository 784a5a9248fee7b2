"""A recorded simulation run again on a netlist: what the memory answered goes in, what comes out is compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asicflow.board.activity import Recording, load_activity
from asicflow.config import Config
from asicflow.errors import UserError
from asicflow.pdk import load_pdk
from asicflow.pdk.config import Library
from asicflow.signoff import replay as replay_module
from asicflow.signoff.activity import LANES
from asicflow.signoff.context import GateContext
from asicflow.signoff.energy import Energy
from asicflow.signoff.gates.power import ActivityPowerGate, Span, with_glitches
from asicflow.signoff.netlist import read_netlist
from asicflow.signoff.replay import Replay, Window
from asicflow.signoff.runner import run_gate
from asicflow.signoff.verdict import GateResult, Verdict
from tests.signoff.test_energy import CELLS

MARKS = [0, 4, 6, 12]

NETLIST = """module soc (clk_i, rst_ni, gpio_i, gpio_o);
  input clk_i, rst_ni; input [1:0] gpio_i; output [1:0] gpio_o; wire m0, m1;
  ram i_ram_gen_bank_0__i_macro (.CLK(clk_i), .A(gpio_o), .Q({m1, m0}));
  xor x (.A(m0), .B(gpio_i[1]), .Y(d));
  ff f (.CK(clk_i), .D(d), .Q(gpio_o[0]));
  inv n (.A(m1), .Y(gpio_o[1]));
endmodule
"""


@pytest.fixture
def library(pdk_root: Path) -> Library:
    return load_pdk("sky130", pdk_root).library()


def record() -> Recording:
    """Made by hand: gpio_o[0] is m0 xor gpio_i[1] a cycle later, gpio_o[1] is not m1; cycle 0 is reset."""
    memory = np.array([0, 1, 2, 3, 1, 0, 3, 2, 2, 1, 0, 1], np.uint32)
    gpio = np.array([0, 0, 2, 2, 0, 3, 0, 2, 2, 0, 2, 0], np.uint32)
    low = np.concatenate([[0], ((memory & 1) ^ (gpio >> 1))[:-1]]).astype(np.uint32)
    reset = np.array([0] + [1] * 11, np.uint32)
    pins = {"rst_ni": reset, "gpio_i": gpio, "gpio_o": low | (memory >> 1 ^ 1) << 1}
    return Recording(pins, {("i_ram.gen_bank[0].i_macro", "Q"): memory}, MARKS)


def replayed(library: Library, folder: Path, activity: Recording, text: str = NETLIST) -> tuple[Replay, list[Window]]:
    path = folder / "soc.v"
    path.write_text(text)
    replay = Replay(read_netlist(path, "soc"), CELLS, library, "clk_i", activity)
    return replay, list(replay.windows())


@pytest.mark.parametrize("followed", [1, 2, 100])
@pytest.mark.parametrize("window", [1, 3, 1000])
def test_the_netlist_does_what_was_recorded(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int, followed: int
) -> None:
    monkeypatch.setattr(replay_module, "WINDOW", window)
    monkeypatch.setattr(replay_module, "FOLLOWED", followed)
    replay, windows = replayed(library, tmp_path, record())
    assert replay.differences == {}
    assert [w.phase for w in windows if w.first in MARKS] == ["boot", "loading", "inference"]
    assert sum(w.activity.cycles for w in windows) == 12
    low = record().pins["gpio_o"] & 1
    toggles = sum(int(w.activity.settled[replay.netlist.net("gpio_o[0]")]) for w in windows)
    assert toggles == LANES * int((np.diff(low.astype(int)) != 0).sum()), "however the cycles are cut into windows"


@pytest.mark.parametrize("kind", ["memory", "pin", "netlist"])
def test_another_behaviour_is_told_with_its_place(library: Library, tmp_path: Path, kind: str) -> None:
    activity, text = record(), NETLIST
    if kind == "memory":
        activity.memories["i_ram.gen_bank[0].i_macro", "Q"][7] ^= 2
    elif kind == "pin":
        activity.pins["gpio_o"][7] ^= 2
    else:
        text = NETLIST.replace("inv n (.A(m1), .Y(gpio_o[1]))", "xor n (.A(m1), .B(m0), .Y(gpio_o[1]))")
    replay, _ = replayed(library, tmp_path, activity, text)
    (found,) = replay.differences.values()
    assert found.output == "gpio_o[1]"
    assert found.cycle == (7 if kind != "netlist" else 2)


def test_the_record_of_another_system_is_refused(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no memory i_ram"):
        replayed(library, tmp_path, record(), NETLIST.replace("gen_bank_0_", "gen_bank_7_"))
    activity = record()
    del activity.pins["gpio_i"]
    with pytest.raises(UserError, match="no pin gpio_i"):
        replayed(library, tmp_path, activity)


def test_glitches_of_the_windows_between() -> None:
    """As many for the transitions of a window as where they were followed, each phase by itself."""
    still = Energy(loads=0.0, cells=0.0, clock=7.0, leakage=1.0, glitches=0.0)
    spans = [
        Span("boot", 0, 10, True, replace(still, loads=1.0, cells=3.0, glitches=2.0)),
        Span("boot", 10, 10, False, replace(still, loads=5.0, cells=1.0)),
        Span("loading", 20, 10, True, still),
        Span("loading", 30, 10, False, replace(still, loads=4.0)),
        Span("inference", 40, 10, True, replace(still, cells=2.0, glitches=3.0)),
    ]
    assert [span.energy.glitches for span in with_glitches(spans)] == [2.0, 3.0, 0.0, 0.0, 3.0]
    assert [span[:4] for span in with_glitches(spans)] == [span[:4] for span in spans]


# -- the gate -----------------------------------------------------------------------------------------

ROUTED = """module soc (clk_i, rst_ni, gpio_i, gpio_o);
  input clk_i, rst_ni; input [1:0] gpio_i; output [1:0] gpio_o; wire m0, m1, d;
  ram i_ram_gen_bank_0__i_macro (.CLK(clk_i), .A(gpio_o), .Q({m1, m0}));
  sky130_fd_sc_hd__xor2_1 x (.A(m0), .B(gpio_i[1]), .X(d));
  sky130_fd_sc_hd__dfxtp_1 f (.CLK(clk_i), .D(d), .Q(gpio_o[0]));
  sky130_fd_sc_hd__inv_1 n (.A(m1), .Y(gpio_o[1]));
endmodule
"""
SPEF = """*SPEF "IEEE 1481-1998"
*DESIGN "soc"
*T_UNIT 1 NS
*C_UNIT 1 PF
*R_UNIT 1 OHM
*D_NET d 0.010000
*CAP
1 x:X 0.010000
*END
"""


def judge(root: Path, pdk_root: Path, activity: Recording, top: str = "soc") -> GateResult | str:
    for name, text in {"layout/soc.pg.v": ROUTED, "layout/soc.spef": SPEF}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    (root / "sim").mkdir()
    arrays = {f"pin {name}": v for name, v in activity.pins.items()}
    arrays |= {f"memory {' '.join(key)}": v for key, v in activity.memories.items()}
    np.savez_compressed(root / "sim/activity.npz", allow_pickle=False, marks=np.array(activity.marks), **arrays)
    (root / "soc").mkdir()
    soc = {"top": "soc", "clock": {"port": "clk_i", "period_ns": 20.0}}
    (root / "soc/soc.json").write_text(json.dumps(soc))
    pdk = load_pdk("sky130", pdk_root)
    record = run_gate(ActivityPowerGate(), GateContext(root, Config(name="soc", top=top), pdk, pdk.library()))
    return record if isinstance(record, str) else record.result


def test_power_of_the_phases(tmp_path: Path, pdk_root: Path) -> None:
    result = judge(tmp_path, pdk_root, record())
    assert isinstance(result, GateResult)
    assert result.verdict is Verdict.PASS, result.findings
    rows = {row["phase"]: row for row in result.tables["phases"]}
    assert [rows[name]["cycles"] for name in ("boot", "loading", "inference")] == [4, 2, 6]
    for row in rows.values():
        assert 0 < float(row["clock_mw"]) < float(row["without_glitches_mw"]) <= float(row["power_mw"])
        seconds = float(row["cycles"]) * 20e-9
        assert float(row["energy_uj"]) == pytest.approx(float(row["power_mw"]) * 1e3 * seconds, abs=1e-4)
    assert len(result.tables["profile"]) == 3 and result.figures["cycles"] == 12


def test_power_of_a_netlist_that_does_something_else_fails(tmp_path: Path, pdk_root: Path) -> None:
    activity = record()
    activity.pins["gpio_o"][9] ^= 1
    result = judge(tmp_path, pdk_root, activity)
    assert isinstance(result, GateResult)
    assert result.verdict is Verdict.FAIL and "gpio_o[0]" in result.summary and "cycle 9" in result.summary
    assert load_activity(tmp_path / "sim/activity.npz").marks == MARKS


def test_an_accelerator_alone_does_not_boot(tmp_path: Path, pdk_root: Path) -> None:
    assert "power.inference" in str(judge(tmp_path, pdk_root, record(), top="accel"))
