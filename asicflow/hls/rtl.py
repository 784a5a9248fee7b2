"""SystemVerilog of the time-multiplexed engine, from its plan.

One module per file:

=========================  =========================================================
``accel_engine``           sequence of stages, operand slots, ports
``accel_engine_walk``      rows and words of a stage's steps (`asicflow.hls.walk`)
``accel_engine_weights``   weights, from blocks of constants (`asicflow.hls.weights`)
``accel_engine_bias``      biases of every group of results (a constant table)
``accel_engine_load``      with reloadable weights: fills them (`asicflow.hls.memory`)
``accel_engine_lane``      multipliers, adder and accumulator of one result
``accel_engine_multiply``  one multiplier
``accel_engine_finish``    rounding, overflow and activation of one result
=========================  =========================================================
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TypeVar

from asicflow.hls.memory import memories, memory_rtl
from asicflow.hls.plan import EnginePlan, network_input
from asicflow.hls.ranges import Fit, Interval
from asicflow.hls.stages import Element, MatrixStage
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
    table,
    wrap_words,
)
from asicflow.hls.walk import WalkWriter
from asicflow.hls.weights import bias_words, weights_rtl
from asicflow.model.spec import Spec

K = TypeVar("K", bound=Hashable)


def engine_rtl(plan: EnginePlan) -> dict[str, str]:
    """The engine's source: file name to text."""
    writer = _EngineWriter(plan)
    texts = {
        "accel_engine": writer.top(),
        "accel_engine_walk": writer.walk.text(),
        "accel_engine_lane": writer.lane(),
        "accel_engine_multiply": writer.multiply(),
        "accel_engine_finish": writer.finish(),
    }
    texts |= memory_rtl(plan) if plan.reloadable else {"accel_engine_bias": writer.biases(), **weights_rtl(plan)}
    return {f"{name}.sv": text for name, text in texts.items()}


class _EngineWriter:
    """Holds the widths that the modules share."""

    def __init__(self, plan: EnginePlan) -> None:
        self.plan = plan
        stages, spec = plan.stages, plan.spec
        self.walk = WalkWriter(plan)
        self.word_bits = self.walk.word_bits
        self.stage_bits = self.walk.stage_bits
        self.group_bits = index_bits(plan.groups)
        self.target_bits = index_bits(
            sum(len(walk.members) * s.window.pixels for s, walk in zip(stages, plan.walks, strict=True))
        )
        self.bias_bits = plan.bias_bits
        trims = any(stage.product_steps for stage in stages)
        self.product_bits = plan.operand_bits + plan.weight_bits if trims else plan.sum_bits
        self.digits = -(-plan.weight_bits // 2)
        self.data_bits = max(*(s.result.signed_bits for s in stages), *(s.width + s.shift for s in plan.slots))
        self.maximum = any(stage.maximum for stage in stages)
        self.in_addr_bits = index_bits(spec.input.size)
        self.out_addr_bits = index_bits(spec.output.size)
        self.lane_stage = (
            len({(tuple(s.product_steps), s.sum_shift, s.maximum, s.saturate and s.accum) for s in stages}) > 1
        )
        self.finishes = _distinct([(tuple(s.finish), s.total) for s in stages])

    @property
    def takes_valid(self) -> bool:
        """A maximum must know what is padding."""
        return self.maximum and self.walk.padded

    # -- constant table -------------------------------------------------------------------------
    def biases(self) -> str:
        lines = []
        first_groups = dict(zip(self._first_groups(), self.plan.stages, strict=True))
        for group, word in enumerate(bias_words(self.plan)):
            if group in first_groups:
                lines.append(f"      // {first_groups[group].name}")
            constant = hexadecimal(word, self.plan.outputs * self.bias_bits)
            lines.append(f"      {self.group_bits}'d{group}: bias_o = {constant};")
        ports: list[Port] = [
            ("input", self.group_bits, "group_i", "Group of results"),
            ("output", self.plan.outputs * self.bias_bits, "bias_o", "Biases: lane 0 in the lowest bits"),
        ]
        about = [
            f"Biases of every group of results, {self.bias_bits} bits each, signed, with the binary point of",
            "the stage's accumulator. Where a result is rounded half up, the half is part of its bias.",
        ]
        return module("accel_engine_bias", about, ports, table("group_i", "bias_o", lines))

    # -- one lane -------------------------------------------------------------------------------
    def lane(self) -> str:
        plan = self.plan
        ports: list[Port] = [("input", None, "clk_i", "Clock")]
        if self.lane_stage:
            ports.append(("input", self.stage_bits, "stage_i", "Stage of the network"))
        ports += [
            ("input", plan.inputs * plan.operand_bits, "operands_i", "Operands, two's complement"),
            ("input", plan.inputs * plan.weight_bits, "weights_i", "Weights, two's complement"),
            ("input", None, "first_i", "First sum of a result, one cycle after its operands"),
            ("input", self.bias_bits, "bias_i", "Bias, read with first_i"),
            ("output", plan.accum_bits, "accum_o", "Sum so far, two cycles after the operands"),
        ]
        if self.takes_valid:
            ports.append(("input", None, "valid_i", "The operands are no padding"))
        trims = self._trim_functions()
        terms = [self._term(f"product_{i}") for i in range(plan.inputs)]
        return TEMPLATES.get_template("accel_engine_lane.sv.j2").render(
            ports=port_list(ports),
            inputs=plan.inputs,
            operand_bits=plan.operand_bits,
            weight_bits=plan.weight_bits,
            product_bits=self.product_bits,
            sum_bits=plan.sum_bits,
            accum_bits=plan.accum_bits,
            trims="\n".join(trims),
            sum=" +\n                 ".join(terms),
            addend="\n".join(self._addend()),
            bias=extend("bias_i", self.bias_bits, plan.accum_bits),
            saturate="\n".join(self._saturation()),
            maximum=self.maximum,
            takes_valid=self.takes_valid,
        )

    def multiply(self) -> str:
        plan, digits, bits = self.plan, self.digits, self.product_bits
        row_bits = plan.operand_bits + 1
        correction = -sum(4**d for d in range(digits)) << plan.operand_bits
        return TEMPLATES.get_template("accel_engine_multiply.sv.j2").render(
            operand_bits=plan.operand_bits,
            weight_bits=plan.weight_bits,
            result_bits=bits,
            digits=digits,
            weight=extend("weight_i", plan.weight_bits, 2 * digits),
            correction=hexadecimal(correction, bits),
            rows=[_placed(f"row_{d}", row_bits, 2 * d, bits) for d in range(digits)],
            negates=[_placed(f"weight[{2 * d + 2}]", 1, 2 * d, bits) for d in range(digits)],
        )

    def _trim_functions(self) -> list[str]:
        plan, lines = self.plan, []
        kinds = {tuple(s.product_steps) for s in plan.stages}
        if kinds == {()}:
            return []
        for index, stage in enumerate(plan.stages):
            if len(kinds) > 1 or index == 0:
                seen = _every_product(plan) if len(kinds) == 1 else stage.products
                lines.append(f"  // {stage.name if len(kinds) > 1 else 'every stage'}")
                lines += function(f"trim_{index}", self.product_bits, seen, stage.product_steps, plan.sum_bits)
        if len(kinds) > 1:
            lines += [
                "",
                "  function automatic logic signed [SumBits-1:0] trim(",
                f"    input logic [{self.stage_bits - 1}:0] stage,",
                "    input logic signed [ProductBits-1:0] value",
                "  );",
                "    case (stage)",
                *(f"      {self.stage_bits}'d{i}: trim = trim_{i}(value);" for i in range(1, len(plan.stages))),
                "      default: trim = trim_0(value);",
                "    endcase",
                "  endfunction",
            ]
        return lines

    def _term(self, product: str) -> str:
        kinds = {tuple(s.product_steps) for s in self.plan.stages}
        if kinds == {()}:
            return f"$signed({product})"
        return f"trim(stage_i, {product})" if len(kinds) > 1 else f"trim_0({product})"

    def _addend(self) -> list[str]:
        plan = self.plan
        texts = [shifted("sum_q", plan.sum_bits, stage.sum_shift, plan.accum_bits) for stage in plan.stages]
        if len(set(texts)) == 1:
            return [f"  assign addend = {texts[0]};"]
        return [
            "  // Align the products with the binary point of the stage's accumulator",
            *self._by_stage("addend", texts),
        ]

    def _saturation(self) -> list[str]:
        plan = self.plan
        if not any(stage.saturate or stage.maximum for stage in plan.stages):
            return ["  assign accum_d = total;"]
        half = 1 << (plan.accum_bits - 1)
        lines, texts = ["  // Saturate after every product"] if any(s.saturate for s in plan.stages) else [], []
        for index, stage in enumerate(plan.stages):
            texts.append("largest" if stage.maximum else "total")
            if stage.saturate and stage.accum is not None:
                steps = [Fit(stage.accum)]
                lines += function(f"fit_{index}", plan.accum_bits, Interval(-half, half - 1), steps, plan.accum_bits)
                texts[-1] = f"fit_{index}(total)"
        if not self.lane_stage:
            return [*lines, "", f"  assign accum_d = {texts[0]};"]
        return [*lines, "", *self._by_stage("accum_d", texts)]

    def _by_stage(self, target: str, texts: list[str]) -> list[str]:
        return [
            "  always_comb begin",
            "    case (stage_i)",
            *(f"      {self.stage_bits}'d{i}: {target} = {text};" for i, text in enumerate(texts) if i),
            f"      default: {target} = {texts[0]};",
            "    endcase",
            "  end",
        ]

    # -- rounding -------------------------------------------------------------------------------
    def finish(self) -> str:
        plan, body = self.plan, []
        for number, (steps, seen) in enumerate(self.finishes):
            names = [s.name for s in plan.stages if (tuple(s.finish), s.total) == (steps, seen)]
            body.append(f"  // {', '.join(names)}: sums from {seen.low} to {seen.high}")
            body += [*function(f"finish_{number}", plan.accum_bits, seen, steps, self.data_bits), ""]
        ports: list[Port] = [
            ("input", plan.accum_bits, "accum_i", "Sum of products and bias, two's complement"),
            ("output", self.data_bits, "result_o", "Result, as stored"),
        ]
        if len(self.finishes) == 1:
            body.append("  assign result_o = finish_0(accum_i);")
        else:
            ports.insert(0, ("input", self.stage_bits, "stage_i", "Stage of the network"))
            numbers = [self.finishes.index((tuple(s.finish), s.total)) for s in plan.stages]
            body += self._by_stage("result_o", [f"finish_{number}(accum_i)" for number in numbers])
        about = [
            "Rounding, overflow and activation of one result; combinational.",
            "",
            "Each function is the exact chain of casts of its stages, without those that change no value.",
        ]
        return module("accel_engine_finish", about, ports, body)

    # -- top ------------------------------------------------------------------------------------
    def top(self) -> str:
        plan, spec = self.plan, self.plan.spec
        in_bits, out_bits = spec.input.type.width, spec.output.type.width
        fill = f"in_data_i[{in_bits - 1}]" if spec.input.type.signed else "1'b0"
        wider = self.data_bits - in_bits
        return TEMPLATES.get_template("accel_engine.sv.j2").render(
            name=spec.name,
            shapes=" - ".join(str(n) for n in [spec.input.size, *(s.n_out for s in plan.stages)]),
            ports=port_list(engine_ports(spec) + (load_ports(plan) if plan.reloadable else [])),
            memories=memories(plan) if plan.reloadable else None,
            outputs=plan.outputs,
            inputs=plan.inputs,
            cycles=plan.cycles,
            slots=plan.slots,
            operand_bits=plan.operand_bits,
            weight_bits=plan.weight_bits,
            bias_bits=self.bias_bits,
            accum_bits=plan.accum_bits,
            data_bits=self.data_bits,
            stage_bits=self.stage_bits,
            word_bits=self.word_bits,
            row_bits=self.walk.row_bits,
            group_bits=self.group_bits,
            target_bits=self.target_bits,
            moves=self.walk.moves,
            first_groups=self._first_groups(),
            stages=plan.stages,
            rows=list(self._rows()),
            lane_stage=self.lane_stage,
            finish_stage=len(self.finishes) > 1,
            keep_stage=self.lane_stage or len(self.finishes) > 1 or self.walk.moves,
            takes_valid=self.takes_valid,
            input_data=f"{{{{{wider}{{{fill}}}}}, in_data_i}}" if wider > 0 else f"in_data_i[{self.data_bits - 1}:0]",
            targets=list(self._targets()),
            input_writes=list(self._input_writes()),
            in_addr_bits=self.in_addr_bits,
            output_values=[self._output(i, out_bits) for i in range(spec.output.size)],
            out_addr_bits=self.out_addr_bits,
            out_bits=out_bits,
        )

    def _first_groups(self) -> list[int]:
        """Index of every stage's first group."""
        counts = [len(walk.members) for walk in self.plan.walks]
        return [sum(counts[:i]) for i in range(len(counts))]

    def _rows(self) -> Iterator[str]:
        """The operands of every row of the store."""
        layout, bits = self.plan.layout, self.plan.operand_bits
        for row in range(layout.rows):
            items = []
            for column in reversed(range(layout.columns)):
                number = self.plan.slot_numbers.get((row, column))
                items.append(f"{bits}'b0" if number is None else self._value(number, bits))
            yield "\n".join(wrap_words(items, 8))

    def _write(self, number: int, lane: int, element: Element | None = None) -> str:
        """Statement that writes a lane's data into a slot: all bits, or those that ``element`` keeps."""
        slot, data = self.plan.slots[number], f"data_{lane}"
        if element is None:
            low, width, fill = slot.shift, slot.width, ""
        elif element.seen == Interval(0, 0):
            return f"slot_{number}_q <= '0;"
        else:
            low, width = element.shift, element.seen.bits - element.shift
            fill = f"{data}[{low + width - 1}]" if element.seen.low < 0 else "1'b0"
        parts = [f"{data}[{low + width - 1}:{low}]"]
        above = slot.shift + slot.width - low - width
        if above:
            parts.insert(0, f"{{{above}{{{fill}}}}}")
        if low > slot.shift:
            parts.append(f"{low - slot.shift}'b0")
        return f"slot_{number}_q <= {parts[0] if len(parts) == 1 else '{' + ', '.join(parts) + '}'};"

    def _input_writes(self) -> Iterator[str]:
        for element, number in network_input(self.plan):
            yield self._write(number, element % self.plan.outputs)

    def _targets(self) -> Iterator[str]:
        """Statements that write every group of results."""
        for index, stage in enumerate(self.plan.stages):
            for group in self.plan.writes(index):
                writes = [self._write_element(stage, *write) for write in group]
                yield writes[0] if len(writes) == 1 else " ".join(["begin", *writes, "end"])

    def _write_element(self, stage: MatrixStage, element: int, lane: int, number: int) -> str:
        kept = self.plan.network.tensors[stage.target].elements[element] if stage.elementwise else None
        return self._write(number, lane, kept)

    def _output(self, element: int, bits: int) -> str:
        return self._value(self.plan.slot(self.plan.network.output, element), bits)

    def _value(self, number: int, bits: int) -> str:
        """The value of a slot as ``bits`` bits of two's complement."""
        slot, name = self.plan.slots[number], f"slot_{number}_q"
        low = min(slot.shift, bits)
        kept = min(slot.width, bits - low)
        above = bits - low - kept
        parts = []
        if above:
            parts.append(f"{{{above}{{{name}[{slot.width - 1}]}}}}" if slot.signed else f"{above}'b0")
        if kept:
            parts.append(name if kept == slot.width else f"{name}[{kept - 1}:0]")
        if low:
            parts.append(f"{low}'b0")
        return parts[0] if len(parts) == 1 else "{" + ", ".join(parts) + "}"


def engine_ports(spec: Spec) -> list[Port]:
    """Ports of ``accel_engine``."""
    source, sink = spec.input, spec.output
    return [
        ("input", None, "clk_i", "Clock; all inputs and outputs are synchronous to it"),
        ("input", None, "rst_ni", "Reset, active low, asynchronous; resets control state only"),
        ("input", None, "in_we_i", "Write one input element; ignored while busy_o"),
        ("input", index_bits(source.size), "in_addr_i", f"Its index, 0 to {source.size - 1}"),
        ("input", source.type.width, "in_data_i", f"Its value, {source.type}"),
        ("input", None, "start_i", "One-cycle pulse: start an inference; ignored while busy_o"),
        ("output", None, "busy_o", "An inference runs"),
        ("output", None, "done_o", "One-cycle pulse: the result became readable"),
        ("input", index_bits(sink.size), "out_addr_i", f"Index of an output element, 0 to {sink.size - 1}"),
        (
            "output",
            sink.type.width,
            "out_data_o",
            f"The element, {sink.type}; valid while !busy_o after a done_o",
        ),
    ]


def load_ports(plan: EnginePlan) -> list[Port]:
    """More ports, of an engine with reloadable weights."""
    return [
        ("input", None, "load_clear_i", "One-cycle pulse: the next word is the first of the weights' image"),
        ("input", None, "load_we_i", "Write the next word; ignored while busy_o and while loaded_o"),
        ("input", memories(plan).data_bits, "load_data_i", "The word"),
        ("output", None, "loaded_o", "The whole image is in place; without it no result means anything"),
    ]


def _every_product(plan: EnginePlan) -> Interval:
    seen = Interval(0, 0)
    for stage in plan.stages:
        seen = seen | stage.products
    return seen


def _placed(name: str, bits: int, shift: int, target: int) -> str:
    """``name``, unsigned, times ``2**shift`` as ``target`` bits."""
    kept = min(bits, target - shift)
    if kept <= 0:
        return "'0"
    parts = [f"{target - shift - kept}'b0"] if target - shift - kept else []
    parts.append(name if kept == bits else f"{name}[{kept - 1}:0]")
    parts += [f"{shift}'b0"] if shift else []
    return "{" + ", ".join(parts) + "}"


def _distinct(items: list[K]) -> list[K]:
    return list(dict.fromkeys(items))
