"""SystemVerilog of the unrolled engine, from its plan.

One module per file: ``accel_engine`` (ports, inputs, sequence, outputs) and ``accel_engine_layer_K`` for
every stage K, a graph of adders that stands once at every position of its window.  Synthesis maps such a
module by itself, once for all positions.
"""

from __future__ import annotations

from collections.abc import Iterator

from asicflow.hls.adder_graph import Node
from asicflow.hls.ranges import Interval
from asicflow.hls.rtl import engine_ports
from asicflow.hls.stages import Element
from asicflow.hls.unroll import Place, Time, UnrolledPlan, UnrolledStage
from asicflow.hls.verilog import (
    TEMPLATES,
    Port,
    extend,
    function,
    hexadecimal,
    index_bits,
    module,
    port_list,
    shifted,
    wrap_words,
)
from asicflow.hls.weights import KEEP
from asicflow.model.spec import NETWORK_INPUT

_UNUSED = """// Copies of a sign, and what a rounding drops, are not read.
// verilator lint_off UNUSEDSIGNAL
"""


def unrolled_rtl(plan: UnrolledPlan) -> dict[str, str]:
    """The engine's source: file name to text."""
    layers = [_LayerWriter(plan, number) for number in range(len(plan.stages))]
    texts = {"accel_engine.sv": _top(plan, layers)}
    return texts | {f"{layer.name}.sv": layer.text() for layer in layers}


class _LayerWriter:
    """The module of one stage; ``in_bits`` and ``out_bits`` are those of one input and of one result."""

    def __init__(self, plan: UnrolledPlan, number: int) -> None:
        self.made: UnrolledStage = plan.stages[number]
        self.number, self.name = number, f"accel_engine_layer_{number}"
        self.elements = self.made.elements
        inputs = zip(self.made.graph.inputs, self.made.shifts, strict=True)
        self.in_bits = max(seen.signed_bits + shift for seen, shift in inputs)
        self.out_bits = max([self.made.stage.result.signed_bits, *(e.seen.signed_bits for e in self.elements or [])])
        self.clocked = self.made.registered or bool(self.made.kept)

    def text(self) -> str:
        """The module."""
        made, graph = self.made, self.made.graph
        ports: list[Port] = [("input", None, "clk_i", "Clock")] if self.clocked else []
        ports += [
            ("input", len(graph.inputs) * self.in_bits, "x_i", f"Inputs, {self.in_bits} bits each, the first lowest"),
            ("output", len(graph.outputs) * self.out_bits, "y_o", f"Results, {self.out_bits} bits each, signed"),
        ]
        about = [
            f"Layer '{made.stage.name}' for one position: {len(graph.inputs)} inputs, {len(graph.outputs)} results, "
            f"{len(graph.nodes)} adders.",
            f"Results are valid {made.cycles} cycles after the inputs.",
        ]
        body = [*self._inputs(), *self._nodes(), *self._results(), "", "  // verilator lint_on UNUSEDSIGNAL"]
        return module(self.name, about, ports, body, _UNUSED + KEEP)

    def _inputs(self) -> Iterator[str]:
        """Values of the inputs without low bits that are 0; of one that is never negative the sign is known."""
        for index, (seen, shift) in enumerate(zip(self.made.graph.inputs, self.made.shifts, strict=True)):
            bits, low = seen.signed_bits, index * self.in_bits + shift
            text = f"x_i[{low + bits - 1}:{low}]"
            if seen.low >= 0:
                text = f"{{1'b0, x_i[{low + bits - 2}:{low}]}}" if bits > 1 else "1'b0"
            yield f"  logic signed [{bits - 1}:0] n{index};"
            yield f"  assign n{index} = $signed({text});"

    def _nodes(self) -> Iterator[str]:
        first = len(self.made.graph.inputs)
        for value, node in enumerate(self.made.graph.nodes, first):
            bits = node.seen.signed_bits
            yield f"  logic signed [{bits - 1}:0] n{value};"
            yield f"  assign n{value} = {self._operation(node, self.made.times[value])};"
            if value in self.made.kept:
                yield f"  logic signed [{bits - 1}:0] n{value}_q;"
                yield f"  always_ff @(posedge clk_i) n{value}_q <= n{value};"

    def _operation(self, node: Node, time: Time) -> str:
        left, right = self._read(node.left, time), self._read(node.right, time)
        ends = self.made.graph.seen(node.left), self.made.graph.seen(node.right)
        widths = ends[0].signed_bits + node.left_shift, ends[1].signed_bits + node.right_shift
        if node.operation in ("maximum", "minimum"):
            bits = max(*widths, node.seen.signed_bits)
            a = shifted(left, ends[0].signed_bits, node.left_shift, bits)
            b = shifted(right, ends[1].signed_bits, node.right_shift, bits)
            compare = ">" if node.operation == "maximum" else "<"
            return f"$signed($signed({a}) {compare} $signed({b}) ? {a} : {b})"
        bits = node.seen.signed_bits
        a = shifted(left, ends[0].signed_bits, node.left_shift, bits)
        b = shifted(right, ends[1].signed_bits, node.right_shift, bits)
        return f"$signed({a} {'+' if node.operation == 'add' else '-'} {b})"

    def _read(self, value: int, time: Time) -> str:
        """A value as one that is valid at ``time`` reads it."""
        late = value in self.made.kept and self.made.times[value].cycle < time.cycle
        return f"n{value}_q" if late else f"n{value}"

    def _results(self) -> Iterator[str]:
        made = self.made
        ends = [made.total(i) for i in range(len(made.graph.outputs))]
        for number, seen in enumerate(dict.fromkeys(ends)):
            yield ""
            yield f"  // {made.stage.name}: sums from {seen.low} to {seen.high}"
            yield from function(f"finish_{number}", seen.signed_bits, seen, made.stage.finish, self.out_bits)
        numbers = {seen: number for number, seen in enumerate(dict.fromkeys(ends))}
        yield ""
        yield "  // verilator lint_off UNUSEDSIGNAL"
        yield f"  logic [{len(ends) * self.out_bits - 1}:0] y;"
        for index, seen in enumerate(ends):
            yield from self._dropped(index)
            low = index * self.out_bits
            total = f"finish_{numbers[seen]}({self._total(index, seen.signed_bits)})"
            if self.elements is not None:
                yield f"  logic [{self.out_bits - 1}:0] r{index};"
                yield f"  assign r{index} = {total};"
                total = self._without_unread(index)
            yield f"  assign y[{low + self.out_bits - 1}:{low}] = {total};"
        if made.registered:
            yield "  always_ff @(posedge clk_i) y_o <= y;"
        else:
            yield "  assign y_o = y;"

    def _without_unread(self, index: int) -> str:
        """A result with 0 for the bits that no element of the target keeps."""
        low, high = self.made.kept_bits(index)
        high = min(high, self.out_bits)
        if high <= low:
            return f"{self.out_bits}'b0"
        parts = [f"{self.out_bits - high}'b0"] if high < self.out_bits else []
        parts.append(f"r{index}[{high - 1}:{low}]")
        parts += [f"{low}'b0"] if low else []
        return parts[0] if len(parts) == 1 else "{" + ", ".join(parts) + "}"

    def _dropped(self, index: int) -> Iterator[str]:
        """A sum without the low bits that are always 0, where there are any."""
        made, output = self.made, self.made.graph.outputs[index]
        if output.value is not None and output.shift < 0:
            have = made.graph.seen(output.value).signed_bits
            name = self._read(output.value, made.results[index])
            yield f"  logic signed [{have + output.shift - 1}:0] sum_{index};"
            yield f"  assign sum_{index} = $signed({name}[{have - 1}:{-output.shift}]);"

    def _total(self, index: int, bits: int) -> str:
        """The sum of a result with its bias."""
        made, output = self.made, self.made.graph.outputs[index]
        bias = int(made.stage.bias[index])
        constant = hexadecimal(bias, bits, signed=True)
        if output.value is None:
            return constant
        have = made.graph.seen(output.value).signed_bits
        name = self._read(output.value, made.results[index]) if output.shift >= 0 else f"sum_{index}"
        have, shift = have + min(output.shift, 0), max(output.shift, 0)
        total = shifted(name, have, shift + made.stage.sum_shift, bits)
        if output.negative:
            return f"$signed({constant} - {total})"
        return f"$signed({total} + {constant})" if bias else f"$signed({total})"

    def instances(self, names: dict[str, str], bits: dict[str, int]) -> Iterator[str]:
        """A copy for every position, and where its results go; ``names`` and ``bits`` of every tensor."""
        made = self.made
        target = made.stage.target
        for position, places in enumerate(made.positions):
            y = f"y_{self.number}_{position}"
            yield f"  logic [{len(made.graph.outputs) * self.out_bits - 1}:0] {y};"
            yield f"  {self.name} i_layer_{self.number}_{position} ("
            if self.clocked:
                yield "    .clk_i ( clk_i ),"
            yield "    .x_i   ( {"
            yield from wrap_words([self._input(place, names, bits) for place in reversed(places)], 6)
            yield "    } ),"
            yield f"    .y_o   ( {y} )"
            yield "  );"
            for index in range(made.stage.filters):
                element = made.stage.place.of(position * made.stage.filters + index)
                yield f"  assign {names[target]}[{element}] = {self._kept(y, index, element, bits[target])};"

    def _input(self, place: Place | None, names: dict[str, str], bits: dict[str, int]) -> str:
        if place is None:
            return hexadecimal(self.made.padding, self.in_bits)
        tensor, element = place
        return extend(f"{names[tensor]}[{element}]", bits[tensor], self.in_bits)

    def _kept(self, y: str, index: int, element: int, bits: int) -> str:
        """A result as ``bits`` bits: all of it, or what its element keeps."""
        low = index * self.out_bits
        kept = self.elements[element] if self.elements else Element(self.made.stage.result)
        if kept.seen == Interval(0, 0):
            return f"{bits}'b0"
        width = min(kept.seen.bits - kept.shift, self.out_bits - kept.shift)
        above = bits - kept.shift - width
        fill = f"{y}[{low + kept.shift + width - 1}]" if kept.seen.low < 0 else "1'b0"
        parts = [f"{{{above}{{{fill}}}}}"] if above else []
        parts.append(f"{y}[{low + kept.shift + width - 1}:{low + kept.shift}]")
        parts += [f"{kept.shift}'b0"] if kept.shift else []
        return parts[0] if len(parts) == 1 else "{" + ", ".join(parts) + "}"


def _top(plan: UnrolledPlan, layers: list[_LayerWriter]) -> str:
    spec, network = plan.spec, plan.network
    names = {name: f"t{number}" for number, name in enumerate(network.tensors)}
    bits = {name: tensor.seen.signed_bits for name, tensor in network.tensors.items()}
    in_bits, out_bits = spec.input.type.width, spec.output.type.width
    values = [f"in_q[{i}]" if spec.input.type.signed else f"{{1'b0, in_q[{i}]}}" for i in range(spec.input.size)]
    return TEMPLATES.get_template("accel_engine_unrolled.sv.j2").render(
        name=spec.name,
        shapes=" - ".join(str(n) for n in [spec.input.size, *(layer.made.stage.n_out for layer in layers)]),
        ports=port_list(engine_ports(spec)),
        cycles=plan.cycles,
        last=plan.ready,
        count_bits=index_bits(plan.ready + 1),
        n_in=spec.input.size,
        n_out=spec.output.size,
        in_bits=in_bits,
        out_bits=out_bits,
        in_addr_bits=index_bits(spec.input.size),
        out_addr_bits=index_bits(spec.output.size),
        tensors=[(names[name], bits[name], tensor.size, name) for name, tensor in network.tensors.items()],
        inputs=[f"{names[NETWORK_INPUT]}[{i}] = {value}" for i, value in enumerate(values)],
        layers=[(layer, list(layer.instances(names, bits))) for layer in layers],
        outputs=[extend(f"{names[network.output]}[{i}]", bits[network.output], out_bits)
                 for i in range(spec.output.size)],
    )  # fmt: skip
