"""SystemVerilog of the time-multiplexed engine, from its plan.

One module per file:

=========================  =========================================================
``accel_engine``           sequencer, operand slots, ports
``accel_engine_weights``   weights of every step, from blocks of constants (`asicflow.hls.weights`)
``accel_engine_bias``      biases of every group of results (a constant table)
``accel_engine_lane``      multipliers, adder and accumulator of one result
``accel_engine_multiply``  one multiplier
``accel_engine_finish``    rounding, overflow and activation of one result
=========================  =========================================================
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import jinja2

from asicflow.hls.plan import EnginePlan, MatrixStage
from asicflow.hls.ranges import Fit, Interval
from asicflow.hls.verilog import (
    Port,
    extend,
    function,
    hexadecimal,
    index_bits,
    module,
    pack,
    port_list,
    table,
    wrap_words,
)
from asicflow.hls.weights import weights_rtl

K = TypeVar("K", bound=Hashable)

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
)


def engine_rtl(plan: EnginePlan) -> dict[str, str]:
    """The engine's source: file name to text."""
    writer = _EngineWriter(plan)
    texts = {
        "accel_engine": writer.top(),
        "accel_engine_bias": writer.biases(),
        "accel_engine_lane": writer.lane(),
        "accel_engine_multiply": writer.multiply(),
        "accel_engine_finish": writer.finish(),
    }
    texts |= weights_rtl(plan)
    return {f"{name}.sv": text for name, text in texts.items()}


class _EngineWriter:
    """Holds the widths that the modules share."""

    def __init__(self, plan: EnginePlan) -> None:
        self.plan = plan
        stages, spec = plan.stages, plan.spec
        self.step_bits = index_bits(sum(plan.steps(stage) for stage in stages))
        self.group_bits = index_bits(sum(plan.groups(stage) for stage in stages))
        self.stage_bits = index_bits(len(stages) + 1)
        self.word_bits = plan.multipliers * plan.weight_bits
        self.bias_bits = max(Interval(int(s.bias.min()), int(s.bias.max())).signed_bits for s in stages)
        trims = any(stage.product_steps for stage in stages)
        self.product_bits = plan.operand_bits + plan.weight_bits if trims else plan.sum_bits
        self.digits = -(-plan.weight_bits // 2)
        self.data_bits = max(slot.width for slot in plan.slots)
        self.in_addr_bits = index_bits(spec.input.size)
        self.out_addr_bits = index_bits(spec.output.size)
        self.blocks, self.first_blocks = operand_blocks(plan)
        self.block_bits = index_bits(len(self.blocks))
        self.lane_stage = len({(tuple(s.product_steps), s.sum_shift, s.saturate and s.accum) for s in stages}) > 1
        self.finishes = _distinct([(tuple(s.finish), s.total) for s in stages])

    # -- constant table -------------------------------------------------------------------------
    def biases(self) -> str:
        lines, group = [], 0
        for stage in self.plan.stages:
            lines.append(f"      // {stage.name}")
            for start in range(0, stage.n_out, self.plan.outputs):
                word = pack(stage.bias[start : start + self.plan.outputs].tolist(), self.bias_bits)
                constant = hexadecimal(word, self.plan.outputs * self.bias_bits)
                lines.append(f"      {self.group_bits}'d{group}: bias_o = {constant};")
                group += 1
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
        trims = self._trim_functions()
        terms = [self._term(f"product_{i}") for i in range(plan.inputs)]
        return _TEMPLATES.get_template("accel_engine_lane.sv.j2").render(
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
        )

    def multiply(self) -> str:
        plan, digits, bits = self.plan, self.digits, self.product_bits
        row_bits = plan.operand_bits + 1
        correction = -sum(4**d for d in range(digits)) << plan.operand_bits
        return _TEMPLATES.get_template("accel_engine_multiply.sv.j2").render(
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
                seen = _every_product(plan) if len(kinds) == 1 else _stage_products(stage)
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
        texts = [_shifted("sum_q", plan.sum_bits, stage.sum_shift, plan.accum_bits) for stage in plan.stages]
        if len(set(texts)) == 1:
            return [f"  assign addend = {texts[0]};"]
        return [
            "  // Align the products with the binary point of the stage's accumulator",
            *self._by_stage("addend", texts),
        ]

    def _saturation(self) -> list[str]:
        plan = self.plan
        if not any(stage.saturate for stage in plan.stages):
            return ["  assign accum_d = total;"]
        half = 1 << (plan.accum_bits - 1)
        lines, texts = ["  // Saturate after every product"], []
        for index, stage in enumerate(plan.stages):
            texts.append("total")
            if stage.saturate and stage.accum is not None:
                steps = [Fit(stage.accum)]
                lines += function(f"fit_{index}", plan.accum_bits, Interval(-half, half - 1), steps, plan.accum_bits)
                texts[-1] = f"fit_{index}(total)"
        if not self.lane_stage:
            return [*lines, "", "  assign accum_d = fit_0(total);"]
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
        skips = any(plan.skips(stage) for stage in plan.stages)
        in_bits, out_bits = spec.input.type.width, spec.output.type.width
        fill = f"in_data_i[{in_bits - 1}]" if spec.input.type.signed else "1'b0"
        wider = self.data_bits - in_bits
        return _TEMPLATES.get_template("accel_engine.sv.j2").render(
            name=spec.name,
            shapes=" - ".join(str(n) for n in [spec.input.size, *(s.n_out for s in plan.stages)]),
            ports=port_list(engine_ports(plan)),
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
            step_bits=self.step_bits,
            block_bits=self.block_bits,
            group_bits=self.group_bits,
            share_bits=index_bits(max(plan.inputs // plan.outputs, 1)),
            skips=skips,
            stages=list(self._stagetable()),
            blocks=[self._block_text(block) for block in self.blocks],
            lane_stage=self.lane_stage,
            finish_stage=len(self.finishes) > 1,
            input_data=f"{{{{{wider}{{{fill}}}}}, in_data_i}}" if wider > 0 else f"in_data_i[{self.data_bits - 1}:0]",
            targets=list(self._targets()),
            input_writes=[self._write(slot) for slot in range(spec.input.size)],
            in_addr_bits=self.in_addr_bits,
            output_values=[self._value(plan.output_base + i, out_bits) for i in range(spec.output.size)],
            out_addr_bits=self.out_addr_bits,
            out_bits=out_bits,
        )

    def _stagetable(self) -> Iterator[dict[str, Any]]:
        last_step = -1
        for stage, first in zip(self.plan.stages, self.first_blocks, strict=True):
            last_step += self.plan.steps(stage)
            yield {
                "name": stage.name,
                "n_in": stage.n_in,
                "n_out": stage.n_out,
                "first_block": first,
                "last_block": first + -(-stage.n_in // self.plan.inputs) - 1,
                "last_step": last_step,
                "diagonal": int(self.plan.skips(stage)),
            }

    def _write(self, slot: int) -> str:
        """Statement that writes the data of a slot's lane into the slot."""
        width, lane = self.plan.slots[slot].width, self.plan.slots[slot].lane
        return f"slot_{slot}_q <= {extend(f'data_{lane}', self.data_bits, width)};"

    def _targets(self) -> Iterator[str]:
        """Statements that write every group of results."""
        for stage in self.plan.stages:
            for start in range(0, stage.n_out, self.plan.outputs):
                last = min(start + self.plan.outputs, stage.n_out)
                writes = [self._write(stage.target + i) for i in range(start, last)]
                yield writes[0] if len(writes) == 1 else " ".join(["begin", *writes, "end"])

    def _value(self, slot: int, bits: int) -> str:
        """The value of a slot as ``bits`` bits of two's complement."""
        width, name = self.plan.slots[slot].width, f"slot_{slot}_q"
        if self.plan.slots[slot].signed or bits <= width:
            return extend(name, width, bits)
        return f"{{{bits - width}'b0, {name}}}"

    def _block_text(self, block: tuple[int | None, ...]) -> str:
        bits = self.plan.operand_bits
        items = [self._value(slot, bits) if slot is not None else f"{bits}'b0" for slot in reversed(block)]
        return "\n".join(wrap_words(items, 8))


def engine_ports(plan: EnginePlan) -> list[Port]:
    """Ports of ``accel_engine``."""
    source, sink = plan.spec.input, plan.spec.output
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


def operand_blocks(plan: EnginePlan) -> tuple[list[tuple[int | None, ...]], list[int]]:
    """Blocks of operands (slot indices, None for padding), and every stage's first block.

    Stages that read the same slots share their blocks.
    """
    blocks: list[tuple[int | None, ...]] = []
    firsts: list[int] = []
    known: dict[tuple[int, int], int] = {}
    for stage in plan.stages:
        key = (stage.source, stage.n_in)
        if key not in known:
            known[key] = len(blocks)
            for start in range(0, stage.n_in, plan.inputs):
                lanes = [start + i for i in range(plan.inputs)]
                blocks.append(tuple(stage.source + i if i < stage.n_in else None for i in lanes))
        firsts.append(known[key])
    return blocks, firsts


def _stage_products(stage: MatrixStage) -> Interval:
    ends = [
        int(w) * v for w in (stage.weight.min(), stage.weight.max()) for v in (stage.operand.low, stage.operand.high)
    ]
    return Interval(min(0, *ends), max(0, *ends))


def _every_product(plan: EnginePlan) -> Interval:
    seen = Interval(0, 0)
    for stage in plan.stages:
        seen = seen | _stage_products(stage)
    return seen


def _shifted(name: str, bits: int, shift: int, target: int) -> str:
    """``name`` times ``2**shift`` as ``target`` bits."""
    if shift == 0:
        return extend(name, bits, target)
    if shift >= target:
        return "'0"
    return f"{{{extend(name, bits, target - shift)}, {shift}'b0}}"


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
