"""The XLS route: the whole integer network as one function in XLS's intermediate representation, compiled by XLS.

hls4ml has a backend for XLS in its development branch, none in the released 1.3.0. It unrolls every layer into
plain products with constants and leaves the rest to the compiler; this does the same with the integer network that
asicflow's own engines compute, so that all of them can be compared bit for bit. XLS cuts the function into
pipeline stages for the clock period with its delay model for SKY130.

XLS comes as the package xls-python, in an environment of its own: ``ASICFLOW_XLS_PYTHON`` names its Python.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from asicflow.errors import StageError, ToolMissing, UserError
from asicflow.hls.ranges import Clip, Fit, Interval, Relu, Shift, Step
from asicflow.hls.rtl import engine_ports
from asicflow.hls.stage import TOP
from asicflow.hls.stages import MatrixStage, StageList, build_stages
from asicflow.hls.unroll import exact_weights, input_shifts, window_places
from asicflow.hls.verilog import index_bits, port_list
from asicflow.model.spec import NETWORK_INPUT, Spec

PYTHON = "ASICFLOW_XLS_PYTHON"
INSTALL = f"python3 -m venv xls && xls/bin/pip install xls-python, and {PYTHON}=xls/bin/python"

_COMPILE = """
import sys
from xls import Package, optimize_ir
ir, verilog, period = sys.argv[1:]
package = Package.parse_ir(optimize_ir(open(ir).read(), "network"))
made = package.schedule_and_codegen(
    with_delay_model=True, generator="pipeline", clock_period_ps=int(period), delay_model="sky130",
    module_name="xls_network", flop_inputs=False, flop_outputs=False, use_system_verilog=False)
open(verilog, "w").write(made.get_verilog_text())
"""


def xls_python() -> str:
    """The Python that has XLS.

    Raises
    ------
    ToolMissing
        If none is known.
    """
    found = os.environ.get(PYTHON) or (sys.executable if importlib.util.find_spec("xls") else "")
    usable = bool(found) and shutil.which(found) is not None
    if not usable or subprocess.run([found, "-c", "import xls"], capture_output=True, check=False).returncode:
        raise ToolMissing("XLS", INSTALL)
    return found


def write_xls(spec: Spec, period_ns: float, folder: Path) -> tuple[list[Path], int]:
    """Compile the network with XLS into an engine with asicflow's ports; its sources and cycles from start to done.

    Raises
    ------
    ToolMissing
        If XLS is not installed.
    UserError
        If the network has a layer that this does not write.
    StageError
        If XLS stops.
    """
    python = xls_python()
    folder.mkdir(parents=True, exist_ok=True)
    ir, verilog = folder / "network.ir", folder / "xls_network.v"
    ir.write_text(network_ir(spec))
    command = [python, "-c", _COMPILE, str(ir), str(verilog), str(round(1000 * period_ns))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StageError(f"XLS stopped: {done.stderr.strip().splitlines()[-1][:300]}", where=str(ir))
    stages = 1 + max((int(n) for n in re.findall(r"\bp(\d+)_", verilog.read_text())), default=-1)
    top = folder / f"{TOP}.sv"
    top.write_text(wrapper(spec, stages))
    return [top, verilog], stages + 2


def network_ir(spec: Spec) -> str:
    """The network as a function of all input bits to all output bits, the first element in the lowest bits."""
    network = build_stages(spec)
    writer = _Writer(spec, network)
    for stage in network.stages:
        writer.stage(stage)
    width = spec.output.type.width
    values = [writer.fit_bits(*writer.values[network.output][k], width) for k in range(spec.output.size)]
    lines = [*writer.lines, f"  ret y: bits[{len(values) * width}] = concat({', '.join(reversed(values))})"]
    bits = spec.input.size * spec.input.type.width
    head = f"package network\n\ntop fn network(x: bits[{bits}]) -> bits[{len(values) * width}] {{"
    return "\n".join([head, *lines, "}", ""])


class _Writer:
    """Writes one node per line; a value is a name and its bits, two's complement."""

    def __init__(self, spec: Spec, network: StageList) -> None:
        self.network = network
        self.lines: list[str] = []
        self.values: dict[str, dict[int, tuple[str, int]]] = {NETWORK_INPUT: {}}
        kind = spec.input.type
        for element in range(spec.input.size):
            name = self.node(kind.width, f"bit_slice(x, start={element * kind.width}, width={kind.width})")
            bits = kind.width + int(not kind.signed)
            if not kind.signed:
                name = self.node(bits, f"zero_ext({name}, new_bit_count={bits})")
            self.values[NETWORK_INPUT][element] = (name, bits)

    def node(self, bits: int, expression: str) -> str:
        name = f"v{len(self.lines)}"
        self.lines.append(f"  {name}: bits[{bits}] = {expression}")
        return name

    def literal(self, value: int, bits: int) -> str:
        return self.node(bits, f"literal(value={value & ((1 << bits) - 1)})")

    def fit_bits(self, name: str, bits: int, wanted: int) -> str:
        """The same value with more bits, or its low bits."""
        if wanted > bits:
            return self.node(wanted, f"sign_ext({name}, new_bit_count={wanted})")
        return name if wanted == bits else self.node(wanted, f"bit_slice({name}, start=0, width={wanted})")

    def stage(self, stage: MatrixStage) -> None:
        if stage.maximum:
            raise UserError(f"layer '{stage.name}': a maximum is not written for XLS")
        shifts = input_shifts(self.network, stage)
        weight = exact_weights(stage, shifts).reshape(-1, stage.filters)
        target = self.values.setdefault(stage.target, {})
        for position, places in enumerate(window_places(stage)):
            for column in range(stage.filters):
                rows = range(column, len(places), stage.filters) if stage.depthwise else range(len(places))
                terms = []
                for k, row in enumerate(rows):
                    factor, place = int(weight[k if stage.depthwise else row, column]), places[row]
                    if factor and place is not None:
                        terms.append((factor, self._without(shifts[row], *self.values[place[0]][place[1]])))
                value = self._sum(stage, terms, int(stage.bias[column]))
                element = stage.place.of(position * stage.filters + column)
                target[element] = self._finish(stage.finish, stage.total, *value)

    def _without(self, shift: int, name: str, bits: int) -> tuple[str, int]:
        """A value without its low bits, which are 0."""
        if not shift:
            return name, bits
        name, bits = self.fit_bits(name, bits, max(bits, shift + 1)), max(bits, shift + 1)
        return self.node(bits - shift, f"bit_slice({name}, start={shift}, width={bits - shift})"), bits - shift

    def _sum(self, stage: MatrixStage, terms: list[tuple[int, tuple[str, int]]], bias: int) -> tuple[str, int]:
        """Bias and products, added in a tree."""
        bits = stage.total.signed_bits
        sums = [self.literal(bias, bits)]
        for factor, (name, width) in terms:
            factor <<= stage.sum_shift
            own = Interval(min(factor, 0), max(factor, 0)).signed_bits
            product = self.node(width + own, f"smul({name}, {self.literal(factor, own)})")
            sums.append(self.fit_bits(product, width + own, bits))
        while len(sums) > 1:
            pairs = zip(sums[::2], sums[1::2], strict=False)
            sums = [self.node(bits, f"add({a}, {b})") for a, b in pairs] + sums[len(sums) & ~1 :]
        return sums[0], bits

    def _finish(self, steps: list[Step], seen: Interval, name: str, bits: int) -> tuple[str, int]:
        for step in steps:
            after = step.apply(seen)
            wanted = after.signed_bits
            match step:
                case Shift(right=right) if right <= 0:
                    zeros = self.literal(0, -right)
                    name, bits = self.node(bits - right, f"concat({name}, {zeros})"), bits - right
                case Shift(right=right, rounding="TRN" | "RND" as rounding):
                    if rounding == "RND":
                        bits += 1
                        half = self.literal(1 << (right - 1), bits)
                        name = self.node(bits, f"add({self.fit_bits(name, bits - 1, bits)}, {half})")
                    wide = max(bits, right + wanted)
                    name = self.fit_bits(name, bits, wide)
                    name = self.node(wide - right, f"bit_slice({name}, start={right}, width={wide - right})")
                    bits = wide - right
                case Relu():
                    name = self._limit(name, bits, 0, None)
                case Fit(kind=kind) if kind.saturation == "WRAP":
                    name, bits = self.fit_bits(name, bits, kind.width), kind.width
                    if not kind.signed:
                        name, bits = self.node(bits + 1, f"zero_ext({name}, new_bit_count={bits + 1})"), bits + 1
                case Fit(kind=kind) if kind.saturation == "SAT":
                    name = self._limit(name, bits, kind.low if seen.low < kind.low else None, kind.high)
                case Clip(low=low, high=high):
                    name = self._limit(name, bits, low if seen.low < low else None, high)
                case _:
                    raise UserError(f"{type(step).__name__} is not written for XLS")
            name, bits, seen = self.fit_bits(name, bits, wanted), wanted, after
        return name, bits

    def _limit(self, name: str, bits: int, low: int | None, high: int | None) -> str:
        half = 1 << (bits - 1)
        for bound, compare in ((low, "slt"), (high, "sgt")):
            if bound is None or not -half <= bound < half:
                continue
            constant = self.literal(bound, bits)
            beyond = self.node(1, f"{compare}({name}, {constant})")
            name = self.node(bits, f"sel({beyond}, cases=[{name}, {constant}])")
        return name


def wrapper(spec: Spec, stages: int) -> str:
    """The engine around XLS's module: registers of inputs and outputs, and a counter of its pipeline stages."""
    n_in, n_out = spec.input.size, spec.output.size
    w_in, w_out = spec.input.type.width, spec.output.type.width
    count = index_bits(stages + 1)
    clock = ".clk ( clk_i ), " if stages else ""
    return f"""// SPDX-License-Identifier: Apache-2.0
module {TOP} (
{port_list(engine_ports(spec))}
);
  logic busy_q, done_q, last;
  logic [{count - 1}:0] count_q;
  logic [{n_in - 1}:0][{w_in - 1}:0] in_q;
  logic [{n_out - 1}:0][{w_out - 1}:0] out_d, out_q;

  assign last = busy_q & (count_q == {count}'d{stages});
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      done_q <= 1'b0;
    end else begin
      busy_q <= busy_q ? ~last : start_i;
      done_q <= last;
    end
  end
  always_ff @(posedge clk_i) begin
    count_q <= busy_q ? count_q + 1'b1 : '0;
    if (in_we_i & ~busy_q) in_q[in_addr_i] <= in_data_i;
    if (last) out_q <= out_d;
  end
  xls_network i_network ( {clock}.x ( in_q ), .out ( out_d ) );
  assign busy_o = busy_q;
  assign done_o = done_q;
  assign out_data_o = out_q[out_addr_i];
endmodule
"""
