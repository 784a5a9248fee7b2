"""Generate and synthesise the designs that the place-and-route benchmark and tests run on.

Every design is written by this script as plain Verilog and mapped with Yosys, so no foreign RTL is kept.
"""

from __future__ import annotations

import gzip
import random
from pathlib import Path

from asicflow.flow.yosys import run_yosys
from asicflow.pdk.config import Library

DESIGNS = ("counter", "rom", "mac8", "control", "cipher", "mac20k")
"""And `mac<n>` with n lanes of 8 bits: mac20k is mac40, which has about 20,000 cells."""


def verilog(design: str, seed: int = 1) -> str:
    """Verilog text of one of `DESIGNS`; its top module carries the design's name."""
    rng = random.Random(seed)
    if design == "counter":
        return _counter()
    if design == "rom":
        return _rom(rng, words=256, width=16)
    if design == "mac20k":
        return _mac_array("mac20k", lanes=40, width=8)
    if design.startswith("mac"):
        return _mac_array(design, lanes=int(design[3:]), width=8)
    if design == "control":
        return _control(rng, registers=32, width=32, operations=32)
    if design == "cipher":
        return _cipher(rng, rounds=1, width=168)
    raise ValueError(f"unknown design {design}")


def synthesise(design: str, library: Library, cache: Path) -> Path:
    """Mapped netlist of a design in `library`, kept under `cache` between runs."""
    out = cache / f"{design}.{library.name}.v"
    if out.exists():
        return out
    cache.mkdir(parents=True, exist_ok=True)
    source = cache / f"{design}.v"
    source.write_text(verilog(design))
    liberty = cache / library.typical.liberty.name.removesuffix(".gz")
    if not liberty.exists():
        liberty.write_bytes(gzip.decompress(library.typical.liberty.read_bytes()))
    unused = " ".join(f"-dont_use {pattern}" for pattern in library.cells.dont_use)
    script = [
        f"read_verilog {source}",
        f"synth -flatten -top {design}",
        f"dfflibmap -liberty {liberty}",
        f"abc -D 10000 {unused} -liberty {liberty}",
        "opt_clean -purge",
        f"write_verilog -noattr {out}.tmp",
    ]
    run_yosys("\n".join(script), cache / f"{design}.{library.name}.log")
    Path(f"{out}.tmp").rename(out)
    return out


def _counter() -> str:
    return """
module counter (input clk_i, input rst_ni, input en_i, input [3:0] step_i, output reg [11:0] count_o,
                output zero_o, output one_o, output en_o);
  always @(posedge clk_i or negedge rst_ni)
    if (!rst_ni) count_o <= 12'd0;
    else if (en_i) count_o <= count_o + step_i;
  assign zero_o = 1'b0;
  assign one_o = 1'b1;
  assign en_o = en_i;
endmodule
"""


def _rom(rng: random.Random, words: int, width: int) -> str:
    bits = (words - 1).bit_length()
    rows = "\n".join(f"      {bits}'d{i}: data = {width}'d{rng.getrandbits(width)};" for i in range(words))
    return f"""
module rom (input clk_i, input rst_ni, output reg [{width - 1}:0] data_o);
  reg [{bits - 1}:0] address;
  reg [{width - 1}:0] data;
  always @* begin
    case (address)
{rows}
    endcase
  end
  always @(posedge clk_i or negedge rst_ni)
    if (!rst_ni) begin address <= 0; data_o <= 0; end
    else begin address <= address + 1'b1; data_o <= data; end
endmodule
"""


def _mac_array(name: str, lanes: int, width: int) -> str:
    lane = "\n".join(
        f"""
  reg signed [{width - 1}:0] w{i}; reg signed [{2 * width + 3}:0] acc{i};
  always @(posedge clk_i or negedge rst_ni)
    if (!rst_ni) begin w{i} <= 0; acc{i} <= 0; end
    else begin
      if (load_i[{i}]) w{i} <= data_i;
      if (clear_i) acc{i} <= 0; else acc{i} <= acc{i} + data_i * w{i};
    end"""
        for i in range(lanes)
    )
    select = "\n".join(f"      {i}: sum_o <= acc{i};" for i in range(lanes))
    return f"""
module {name} (input clk_i, input rst_ni, input clear_i, input [{lanes - 1}:0] load_i,
  input signed [{width - 1}:0] data_i, input [7:0] select_i, output reg signed [{2 * width + 3}:0] sum_o);
{lane}
  always @(posedge clk_i or negedge rst_ni)
    if (!rst_ni) sum_o <= 0;
    else case (select_i)
{select}
      default: sum_o <= 0;
    endcase
endmodule
"""


def _control(rng: random.Random, registers: int, width: int, operations: int) -> str:
    """A register file, an ALU of random operations and a random state machine around them."""
    bits = (registers - 1).bit_length()
    forms = [
        "a + b", "a - b", "a & b", "a | b", "a ^ b", "a << b[4:0]", "a >> b[4:0]", "$signed(a) >>> b[4:0]",
        "{{31{1'b0}}, a < b}", "{a[7:0], a[15:8], a[23:16], a[31:24]}", "~a + {b[15:0], b[31:16]}",
        "(a & {b[3:0], b[31:4]}) | (~a & c)", "(a ^ c) + b", "a + {c[30:0], 1'b0}",
    ]  # fmt: skip
    alu = "\n".join(
        f"      {i}: result = {forms[i]};"
        if i < len(forms)
        else f"      {i}: result = (a {rng.choice('+&|^')} b) {rng.choice('+^')} {width}'d{rng.getrandbits(width)};"
        for i in range(operations)
    )
    states = "\n".join(
        f"      6'd{i}: next = (word_i[{rng.randrange(width)}] ^ flag) ? 6'd{rng.randrange(64)}"
        f" : 6'd{rng.randrange(64)};"
        for i in range(64)
    )
    return f"""
module control (input clk_i, input rst_ni, input [{width - 1}:0] word_i, output reg [{width - 1}:0] result_o,
                output [5:0] state_o);
  reg [{width - 1}:0] file [0:{registers - 1}];
  reg [5:0] state, next; reg flag; reg [{width - 1}:0] c, result;
  wire [{bits - 1}:0] ra = word_i[4:0], rb = word_i[9:5], rd = word_i[14:10];
  wire [{width - 1}:0] a = file[ra], b = file[rb];
  assign state_o = state;
  always @* begin
    case (word_i[19:15] ^ state[4:0])
{alu}
      default: result = a + c;
    endcase
  end
  always @* begin
    case (state)
{states}
    endcase
  end
  always @(posedge clk_i or negedge rst_ni)
    if (!rst_ni) begin state <= 0; flag <= 0; c <= 0; result_o <= 0; end
    else begin state <= next; flag <= ^result; c <= result; result_o <= result; end
  always @(posedge clk_i) if (!state[5]) file[rd] <= result;
endmodule
"""


def _cipher(rng: random.Random, rounds: int, width: int) -> str:
    """Substitution boxes of random permutations and wide XOR mixing, `rounds` of them in a pipeline."""
    table = list(range(256))
    rng.shuffle(table)
    rows = "\n".join(f"      8'd{i}: y = 8'd{v};" for i, v in enumerate(table))
    order = list(range(width))
    rng.shuffle(order)
    mix = ", ".join(f"s[{i}] ^ s[{(i + 17) % width}] ^ s[{(i + 61) % width}]" for i in order)
    boxes = "\n".join(
        f"  sbox i_box{i} (.x(d_i[{8 * i + 7}:{8 * i}]), .y(s[{8 * i + 7}:{8 * i}]));" for i in range(width // 8)
    )
    chain = "\n".join(
        f"  wire [{width - 1}:0] d{r + 1}; reg [{width - 1}:0] q{r + 1};\n"
        f"  stage i_stage{r} (.d_i(q{r} ^ key), .q_o(d{r + 1}));\n"
        f"  always @(posedge clk_i) q{r + 1} <= d{r + 1};"
        for r in range(rounds)
    )
    return f"""
module sbox (input [7:0] x, output reg [7:0] y);
  always @* case (x)
{rows}
  endcase
endmodule
module stage (input [{width - 1}:0] d_i, output [{width - 1}:0] q_o);
  wire [{width - 1}:0] s;
{boxes}
  assign q_o = {{{mix}}};
endmodule
module cipher (input clk_i, input [31:0] data_i, input load_i, output [31:0] data_o);
  reg [{width - 1}:0] q0, key;
{chain}
  assign data_o = q{rounds}[31:0] ^ q{rounds}[63:32] ^ q{rounds}[95:64] ^ q{rounds}[127:96];
  always @(posedge clk_i)
    if (load_i) begin
      q0 <= {{q0[{width - 33}:0], data_i}};
      key <= {{key[{width - 33}:0], q0[{width - 1}-:32]}};
    end
    else q0 <= q{rounds};
endmodule
"""
