"""The debug port against its reference model, over its serial line and its bus."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench import Bench, build

MUTANTS = {
    "fill one more": "assign last        = arg_q == «32'd1 → 32'd0»;",
    "no step after a write": """addr_step = ~(«cmd_q == "P" → (cmd_q == "P") | (cmd_q == "W")»);""",
    "poll ignores the mask": "value_q) & «mask_q → 32'hFFFF_FFFF»",
    "poll compares too many bits": "& «size_mask → 32'hFFFF_FFFF») == 32'd0",
    "bus errors are not seen": "= (state_q == Access) | «error_i → 1'b0»;",
    "no time limit": "= Guard & wait_q & «(left_q == '0) → 1'b0»;",
    "misaligned accesses reach the bus": "(size_q[0] & «addr_q[0] → 1'b0»);",
    "three digits are a byte": "(digits_q <= «4'd2 → 4'd3»)",
    "an argument of nine digits": "& «(digits_q != 4'd8) → 1'b1») begin",
    "lower-case digits are letters": "hold_q[5] & «~hold_q[6] → 1'b1»,",
    "ESC does not end a command": """= «is_esc & (cmd_q != "U") → 1'b0»;""",
    "ESC waits behind another byte": "| take | «(rx_data_i == Esc) → 1'b0»)",
    "a failed upload is reported as good": "if («failed → failed & (cmd_q != \"U\")») begin",
    "a silent host is waited for": "& ~hold_valid_q & «(&waited_q[IdleBits-1:0]) → 1'b0»",
    "bytes do not restart the silence": "assign waits     = ((state_q == Upload) & «~hold_valid_q → 1'b1»)",
    "a full stdin is waited for": "«(waited_q[TimeBits-1:0] == $unsigned(TimeBits'(Timeout - 1))) → 1'b0»",
    "stdout is not wrapped": "| («(state_q == Line) & stdout_valid_i → 1'b0»);",
    "stdout loses a byte": "(wrapping ? «wrap_q == 2'd1 → wrap_q != 2'd0» :",
    "GPO is set for clear": "? «gpo_q & ~arg_q[7:0] → gpo_q | arg_q[7:0]» :",
    "reset hold on another bit": "assign cpu_hold_o  = «gpo_o[0] → gpo_o[1]»;",
    "byte lanes swapped": "octet   = «addr_q[0] → ~addr_q[0]» ?",
    "half not repeated": "«{2{wdata_q[15:0]}} → {16'h0, wdata_q[15:0]}»",
    "address given up while it waits": "| («address_q & ~hready_i → 1'b0»);",
    "any run tells the bit time": ": «halves_q[3:1] == bits → 1'b1»;",
    "bit time an eighth too long": "period_o = «total_q → total_q + (total_q >> 3)»;",
    "break keeps the bit time": "locked_q <= «~break_i → 1'b1»;",
    "a bad line spoils the next": "bad_d    = «1'b0 → bad_q»;\n              lone_d",
}  # fmt: skip


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return build("adp", tmp_path_factory.mktemp("bench"), MUTANTS, {"IdleBits": 6})


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return build("adp", tmp_path_factory.mktemp("unguarded"), parameters={"IdleBits": 6, "Guard": 0})


# The bit time in clock cycles: the shortest, fractions, and 115200 baud at 50 MHz.
@pytest.mark.parametrize(("bit_time", "count"), [(8, 20_000), (8.68, 4000), (10.4, 4000), (434.03, 300)])
def test_commands_do_what_the_model_says(bench: Bench, bit_time: float, count: int) -> None:
    answer = bench.run(1, bit_time, "paced", count)
    assert answer["failure"] == "" and answer["bytes"] >= count


@pytest.mark.parametrize("seed", [1, 2])
def test_the_prompt_comes_back_after_a_storm(bench: Bench, seed: int) -> None:
    answer = bench.run(seed, 8, "storm", 20_000)
    assert answer["failure"] == "" and answer["writes"] > 0


@pytest.mark.parametrize(("kind", "count"), [("paced", 20_000), ("storm", 20_000)])
def test_a_bus_that_ends_every_access_needs_no_guard(unguarded: Bench, kind: str, count: int) -> None:
    answer = unguarded.run(3, 8, kind, count, "bounded")
    assert answer["failure"] == "" and answer["writes"] > 0
    if kind == "paced":
        assert unguarded.run(3, 8, kind, count)["failure"], "it trusts a bus that does not deserve it"


@pytest.mark.parametrize(("number", "name"), list(enumerate(MUTANTS, start=1)))
def test_planted_error_is_found(bench: Bench, number: int, name: str) -> None:
    assert bench.run(1, 8, "paced", 20_000, mutant=number)["failure"], name


@pytest.mark.slow
def test_a_million_random_bytes(tmp_path: Path) -> None:
    bench = build("adp", tmp_path, parameters={"IdleBits": 6})
    for kind, count in (("paced", 200_000), ("storm", 800_000)):
        answer = bench.run(7, 8, kind, count)
        assert answer["failure"] == "" and answer["bytes"] >= count
