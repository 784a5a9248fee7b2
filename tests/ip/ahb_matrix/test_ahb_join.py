"""Two masters in front of one port: a random bus, masters that keep their address, planted errors."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest

from asicflow.resources import resource

RTL = resource("ip/ahb_matrix/rtl/ahb_join.sv")
CYCLES = 20_000
_SWITCH = re.compile("«(.*?) → (.*?)»")

MUTANTS = {
    "two at once": "assign grant    = «request & ~(request - 1'b1) → request»;",
    "the last goes first": "assign grant    = «request & ~(request - 1'b1) → (request == '1) ? 2'b10 : request»;",
    "no wait for another": "~(request & («{NumMasters{busy}} → '0» | ~grant)));",
    "no wait for the first": "({NumMasters{busy}} | «~grant → '0»)));",
    "an address phase in a data phase": "assign htrans_o = {«~busy → 1'b1» & (request != '0), 1'b0};",
    "the address of the next": "assign shown    = «busy → 1'b0» ?",
    "wait states are not seen": "(owner_q & «{NumMasters{hready_i}} → '1»)",
    "an error for everyone": "assign m_hresp_o  = «owner_q → '1» &",
    "the data phase has no end": "end else if («hready_i → 1'b0») begin",
}

BENCH = """
module bench;
  logic clk_i = 0;
  logic rst_ni;
  logic [63:0] m_haddr_i, m_hwdata_i, m_hrdata_o;
  logic [3:0] m_htrans_i;
  logic [5:0] m_hsize_i;
  logic [7:0] m_hprot_i;
  logic [1:0] m_hwrite_i, m_hready_o, m_hresp_o;
  logic [31:0] haddr_o, hwdata_o, hrdata_i;
  logic [1:0] htrans_o;
  logic [2:0] hsize_o;
  logic [3:0] hprot_o;
  logic hwrite_o, hready_i, hresp_i;
  logic [%(high)d:0] stimulus [0:%(last)d];
  ahb_join dut (.*);
  initial begin
    $readmemh("stimulus.hex", stimulus);
    for (integer k = 0; k <= %(last)d; k = k + 1) begin
      {rst_ni, m_haddr_i, m_hwdata_i, m_htrans_i, m_hsize_i, m_hprot_i, m_hwrite_i, hrdata_i, hready_i, hresp_i} =
        stimulus[k];
      #1 $display("%%h %%h %%h %%h %%h %%h %%h %%h %%h", m_hrdata_o, m_hready_o, m_hresp_o, haddr_o, htrans_o, hsize_o,
                  hprot_o, hwrite_o, hwdata_o);
      clk_i = 1; #1 clk_i = 0; #1;
    end
  end
endmodule
"""


class Master:
    """A transfer now and then; its address stays until the data phase ends."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.state, self.pause = rng, "idle", 1
        self.new()

    def new(self) -> None:
        self.address, self.data = self.rng.getrandbits(32), self.rng.getrandbits(32)
        self.size, self.prot, self.write = self.rng.randrange(3), self.rng.getrandbits(4), self.rng.getrandbits(1)

    def clock(self, ready: int) -> None:
        if self.state == "idle":
            self.pause -= 1
            if self.pause <= 0:
                self.new()
                self.state = "address"
        elif ready:
            self.state = "data" if self.state == "address" else "idle"
            self.pause = self.rng.randrange(1, 5)


def traffic(seed: int) -> tuple[list[str], list[list[int | None]], int]:
    """Return stimulus, expected outputs (None: anything), and how often a master waited for the other."""
    rng = random.Random(seed)
    masters = [Master(rng), Master(rng)]
    owner: int | None = None
    error, waits, stimulus, expected = 0, 0, ["0" * 48], [[None] * 9]
    for _ in range(CYCLES):
        asking = [m for m in (0, 1) if masters[m].state == "address"]
        ready = resp = 1
        if owner is None:
            resp = 0
        elif not error:
            ready, resp = (0, 1) if rng.random() < 0.1 else (int(rng.random() < 0.5), 0)
        read = rng.getrandbits(32)
        fields = [(1, 1), *((m.address, 32) for m in masters[::-1]), *((m.data, 32) for m in masters[::-1])]
        fields += [(2 * (m.state == "address"), 2) for m in masters[::-1]]
        fields += [(m.size, 3) for m in masters[::-1]] + [(m.prot, 4) for m in masters[::-1]]
        fields += [(m.write, 1) for m in masters[::-1]] + [(read, 32), (ready, 1), (resp, 1)]
        word = 0
        for value, bits in fields:
            word = word << bits | value
        stimulus.append(f"{word:x}")
        taken = asking[0] if owner is None and asking else None
        shown = owner if owner is not None else taken
        hready = [ready if owner == m else int(m not in asking or m == taken) for m in (0, 1)]
        waits += sum(m in asking and m != taken for m in (0, 1))
        front = None if shown is None else masters[shown]
        expected.append(
            [read << 32 | read, hready[0] | hready[1] << 1, resp << owner if owner is not None else 0]
            + ([None] if front is None else [front.address])
            + [2 * (taken is not None)]
            + ([None] * 4 if front is None else [front.size, front.prot, front.write, front.data])
        )
        for m in (0, 1):
            masters[m].clock(hready[m])
        error = int(owner is not None and resp and not ready)
        owner = taken if owner is None else None if ready else owner
    return stimulus, expected, waits


def difference(rtl: str, work: Path, seed: int) -> str:
    """Return the first output that is not as expected, "" if there is none."""
    stimulus, expected, waits = traffic(seed)
    assert waits > CYCLES / 20
    (work / "bench.sv").write_text(rtl + BENCH % {"high": 188, "last": len(stimulus) - 1})
    (work / "stimulus.hex").write_text("\n".join(stimulus))
    subprocess.run(["iverilog", "-g2012", "-s", "bench", "-o", "sim", "bench.sv"], cwd=work, check=True)
    done = subprocess.run(["vvp", "-n", "sim"], cwd=work, capture_output=True, text=True, check=True)
    for cycle, (line, want) in enumerate(zip(done.stdout.splitlines(), expected, strict=True)):
        for port, (word, value) in enumerate(zip(line.split(), want, strict=True)):
            if value is not None and word != f"{value:0{len(word)}x}":
                return f"cycle {cycle}: output {port} is {word}, expected {value:x}"
    return ""


@pytest.mark.parametrize("seed", [1, 2])
def test_every_master_has_its_transfers(seed: int, tmp_path: Path) -> None:
    assert difference(RTL.read_text(), tmp_path, seed) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(name: str, tmp_path: Path) -> None:
    switch = _SWITCH.search(MUTANTS[name])
    assert switch
    right, wrong = (MUTANTS[name].replace(switch[0], switch[k]) for k in (1, 2))
    text = RTL.read_text()
    assert text.count(right) == 1
    assert difference(text.replace(right, wrong), tmp_path, 1) != ""
