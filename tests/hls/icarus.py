"""Run accel_engine in Icarus Verilog: four-valued, so that a register read before it is written shows."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from asicflow.hls.plan import EnginePlan
from asicflow.hls.rtl import engine_rtl
from asicflow.hls.verilog import index_bits
from asicflow.model.fixed import FixedType, IntArray, overflow
from asicflow.model.spec import Spec

_BENCH = """
module bench;
  logic clk = 0, rst_n = 1, we = 0, start = 0;
  logic [{in_addr}-1:0] in_addr = 0; logic [{in_bits}-1:0] in_data = 0;
  logic [{out_addr}-1:0] out_addr = 0; wire [{out_bits}-1:0] out_data; wire busy, done;
  accel_engine i_dut (.clk_i(clk), .rst_ni(rst_n), .in_we_i(we), .in_addr_i(in_addr), .in_data_i(in_data),
    .start_i(start), .busy_o(busy), .done_o(done), .out_addr_i(out_addr), .out_data_o(out_data));
  logic [{in_bits}-1:0] inputs [0:{total}-1];
  integer n, i, cycles, file;
  always #5 clk = ~clk;
  task automatic tick; begin @(posedge clk); #1; end endtask
  initial begin
    $readmemh("{folder}/input.hex", inputs);
    file = $fopen("{folder}/output.txt", "w");
    #1 rst_n = 0; tick; rst_n = 1; tick;
    for (n = 0; n < {count}; n = n + 1) begin
      we = 1;
      for (i = 0; i < {n_in}; i = i + 1) begin in_addr = i; in_data = inputs[n * {n_in} + i]; tick; end
      we = 0; start = 1; tick; start = 0; cycles = 1;
      while (done !== 1'b1 && cycles < 100000) begin tick; cycles = cycles + 1; end
      for (i = 0; i < {n_out}; i = i + 1) begin out_addr = i; #1 $fwrite(file, "%b ", out_data); end
      $fwrite(file, "%0d\\n", cycles);
    end
    $fclose(file);
    $finish;
  end
endmodule
"""


def run_icarus(plan: EnginePlan, x_int: IntArray, folder: Path) -> tuple[IntArray, int]:
    """Outputs (N, n_out) of a plan's engine and the cycles of the last inference."""
    return run_texts(plan.spec, engine_rtl(plan), x_int, folder)


def run_texts(spec: Spec, texts: dict[str, str], x_int: IntArray, folder: Path) -> tuple[IntArray, int]:
    """The same of an engine's source, file name to text; an unknown bit fails the test."""
    folder.mkdir(parents=True, exist_ok=True)
    source, sink = spec.input, spec.output
    for name, text in texts.items():
        (folder / name).write_text(text)
    values = x_int & ((1 << source.type.width) - 1)
    (folder / "input.hex").write_text("\n".join(f"{v:x}" for v in values.ravel().tolist()) + "\n")
    bench = _BENCH.format(
        in_addr=index_bits(source.size), in_bits=source.type.width, out_addr=index_bits(sink.size),
        out_bits=sink.type.width, total=values.size, count=len(values), n_in=source.size, n_out=sink.size,
        folder=folder,
    )  # fmt: skip
    (folder / "bench.sv").write_text(bench)
    files = [str(p) for p in sorted(folder.glob("*.sv"))]
    subprocess.run(["iverilog", "-g2012", "-s", "bench", "-o", str(folder / "bench.vvp"), *files], check=True,
                   capture_output=True)  # fmt: skip
    subprocess.run(["vvp", str(folder / "bench.vvp")], check=True, capture_output=True)
    rows = [line.split() for line in (folder / "output.txt").read_text().splitlines()]
    assert all(set(word) <= {"0", "1"} for row in rows for word in row[:-1]), "unknown bits at the output"
    raw = np.array([[int(word, 2) for word in row[:-1]] for row in rows], dtype=np.int64)
    plain = FixedType(width=sink.type.width, frac=0, signed=sink.type.signed)
    return overflow(raw, plain), int(rows[-1][-1])
