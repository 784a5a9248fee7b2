"""Run accel_engine in Icarus Verilog: four-valued, so that a register read before it is written shows."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from asicflow.hls.memory import memories
from asicflow.hls.plan import EnginePlan
from asicflow.hls.rtl import engine_rtl
from asicflow.hls.verilog import index_bits
from asicflow.model.fixed import FixedType, IntArray, overflow
from asicflow.model.image import Image
from asicflow.model.spec import Spec

_BENCH = """
module bench;
  logic clk = 0, rst_n = 1, we = 0, start = 0;
  logic [{in_addr}-1:0] in_addr = 0; logic [{in_bits}-1:0] in_data = 0;
  logic [{out_addr}-1:0] out_addr = 0; wire [{out_bits}-1:0] out_data; wire busy, done;
  {load_ports}
  accel_engine i_dut ({load_pins}.clk_i(clk), .rst_ni(rst_n), .in_we_i(we), .in_addr_i(in_addr), .in_data_i(in_data),
    .start_i(start), .busy_o(busy), .done_o(done), .out_addr_i(out_addr), .out_data_o(out_data));
  logic [{in_bits}-1:0] inputs [0:{total}-1];
  integer n, i, cycles, file;
  always #5 clk = ~clk;
  task automatic tick; begin @(posedge clk); #1; end endtask
  initial begin
    $readmemh("{folder}/input.hex", inputs);
    file = $fopen("{folder}/output.txt", "w");
    #1 rst_n = 0; tick; rst_n = 1; tick;
    {load}
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


_LOAD_PORTS = """logic clear = 0, load = 0; logic [{bits}-1:0] word = 0; wire loaded;
  logic [31:0] image [0:{words}-1];"""
_LOAD = """$readmemh("{folder}/image.hex", image);
    if (loaded !== 1'b0) begin $display("loaded after reset"); $finish(1); end
    load = 1;
    for (i = 0; i < {words}; i = i + 1) begin
      word = image[i][{bits}-1:0]; if (loaded !== 1'b0) begin $display("loaded too early"); $finish(1); end tick;
    end
    load = 0; if (loaded !== 1'b1) begin $display("not loaded"); $finish(1); end"""


def run_icarus(plan: EnginePlan, x_int: IntArray, folder: Path, image: Image | None = None) -> tuple[IntArray, int]:
    """Outputs (N, n_out) of a plan's engine and the cycles of the last inference; reloadable weights from ``image``."""
    load = {"load_ports": "", "load_pins": "", "load": ""}
    if plan.reloadable:
        assert image is not None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "image.hex").write_text("\n".join(f"{word:08x}" for word in image.words) + "\n")
        values = {"bits": memories(plan).data_bits, "words": len(image.words), "folder": folder}
        load = {
            "load_ports": _LOAD_PORTS.format(**values),
            "load_pins": ".load_clear_i(clear), .load_we_i(load), .load_data_i(word), .loaded_o(loaded), ",
            "load": _LOAD.format(**values),
        }
    return run_texts(plan.spec, engine_rtl(plan), x_int, folder, load)


def run_texts(
    spec: Spec, texts: dict[str, str], x_int: IntArray, folder: Path, load: dict[str, str] | None = None
) -> tuple[IntArray, int]:
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
        folder=folder, **(load or {"load_ports": "", "load_pins": "", "load": ""}),
    )  # fmt: skip
    (folder / "bench.sv").write_text(bench)
    files = [str(p) for p in sorted(folder.glob("*.sv"))]
    subprocess.run(["iverilog", "-g2012", "-s", "bench", "-o", str(folder / "bench.vvp"), *files], check=True,
                   capture_output=True)  # fmt: skip
    done = subprocess.run(["vvp", str(folder / "bench.vvp")], check=True, capture_output=True, text=True)
    assert "loaded" not in done.stdout, done.stdout
    rows = [line.split() for line in (folder / "output.txt").read_text().splitlines()]
    assert all(set(word) <= {"0", "1"} for row in rows for word in row[:-1]), "unknown bits at the output"
    raw = np.array([[int(word, 2) for word in row[:-1]] for row in rows], dtype=np.int64)
    plain = FixedType(width=sink.type.width, frac=0, signed=sink.type.signed)
    return overflow(raw, plain), int(rows[-1][-1])
