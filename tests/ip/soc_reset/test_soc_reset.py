"""The reset controller in lockstep with its model."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from asicflow.soc.ip import load_ip

sys.path.insert(0, str(Path(__file__).parents[1]))
from lockstep import Pins, difference, model_of, simulate

MUTANTS = {
    "no synchroniser": "      debug_rst_nq <= «meta_q → 1'b1»;",
    "a reset of one cycle": "left_q     <= sys_on_q ? «4'd15 → 4'd0» :",
    "watchdog ignored": "assign request = «watchdog_i | software_i → software_i»;",
    "software ignored": "assign request = «watchdog_i | software_i → watchdog_i»;",
    "causes swapped": "cause_q <= «watchdog_i → ~watchdog_i» ? 3'b010 : 3'b100;",
    "cause not kept": "if («sys_on_q & request → sys_on_q») cause_q",
    "the processor is cut off in a transfer": "assign run = run_q ? ~(«stop_q & cpu_hready_i → stop_q») :",
    "stopped in the middle of a wait": "| «(stop_q & run_q) → 1'b0»);",
    "stopped while an address waits": "stop_q     <= run & ((«hold_q & cpu_hready_i → hold_q»)",
    "transfers go on while it stops": "assign cpu_htrans_o = «stop_q → 1'b0» ?",
    "hold ignored": "      hold_q     <= «hold_i → 1'b0»;",
    "ready in a reset": "assign debug_hready_o = «sys_on_q → 1'b1» &",
    "the cut access ends well": "assign debug_hresp_o  = ~sys_on_q | «cut_q → 1'b0» |",
    "one copy of the reset differs": "      sys_rst_nq <= «sys_on → 1'b1»;",
}  # fmt: skip


def stimulus(seed: int, cycles: int = 6000) -> list[Pins]:
    """Return the inputs of each cycle; the processor's bus keeps the protocol."""
    rng = random.Random(seed)
    pins = {"rst_ni": 0, "watchdog_i": 0, "software_i": 0, "hold_i": 1, "cpu_htrans_i": 0, "cpu_hready_i": 1}
    pins |= {"debug_hready_i": 1, "debug_hresp_i": 0}
    steps = [dict(pins)] * 3
    for _ in range(cycles):
        pins["rst_ni"] = int(rng.random() > 0.002)
        pins["watchdog_i"], pins["software_i"] = int(rng.random() < 0.01), int(rng.random() < 0.01)
        if rng.random() < 0.1:
            pins["hold_i"] = rng.getrandbits(1)
        pins["cpu_hready_i"] = int(rng.random() < 0.6)
        pins["cpu_htrans_i"] = 2 * int(rng.random() < 0.7)
        pins["debug_hready_i"], pins["debug_hresp_i"] = rng.getrandbits(1), int(rng.random() < 0.2)
        steps.append(dict(pins))
    return steps


def compare(work: Path, seed: int, mutant: str | None = None) -> str:
    manifest, steps = load_ip("soc_reset"), stimulus(seed)
    model, expected = model_of(manifest)(), []
    for pins in steps:
        if not pins["rst_ni"]:
            model = model_of(manifest)()
        expected.append(model.outputs(pins))
        if not model.system or model.cpu == "held":
            expected[-1].pop("cpu_htrans_o")  # a processor in reset drives IDLE; here it is random
        if pins["rst_ni"]:
            model.clock(pins)
    return difference(expected, simulate(manifest, work, steps, mutant))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_does_what_the_model_does(tmp_path: Path, seed: int) -> None:
    assert compare(tmp_path, seed) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert compare(tmp_path, 1, MUTANTS[name]), name
