"""Pieces of SystemVerilog text: modules, constants, extensions, and the steps of a cast as a function."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2

from asicflow.hls.ranges import Affine, Clip, Divide, Fit, Interval, Leak, Relu, Shift, Step, Table

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
)

Port = tuple[str, int | None, str, str]
"""Direction, bits (None for a single wire), name, meaning."""


def index_bits(count: int) -> int:
    """Bits of an index that counts from 0 to ``count - 1`` (at least 1)."""
    return max(1, (count - 1).bit_length())


def hexadecimal(value: int, bits: int, signed: bool = False) -> str:
    """A sized constant; negative values as two's complement."""
    return f"{bits}'{'s' if signed else ''}h{value & ((1 << bits) - 1):0{-(-bits // 4)}x}"


def extend(name: str, bits: int, target: int) -> str:
    """``name``, two's complement of ``bits`` bits, as ``target`` bits (dropping high bits if fewer)."""
    if target < bits:
        return f"{name}[{target - 1}:0]"
    if target == bits:
        return name
    return f"{{{{{target - bits}{{{name}[{bits - 1}]}}}}, {name}}}"


def shifted(name: str, bits: int, shift: int, target: int) -> str:
    """``name`` times ``2**shift`` as ``target`` bits."""
    if shift == 0:
        return extend(name, bits, target)
    if shift >= target:
        return "'0"
    return f"{{{extend(name, bits, target - shift)}, {shift}'b0}}"


def pack(values: Sequence[int], bits: int) -> int:
    """Integers as one word, the first in the lowest ``bits`` bits."""
    word = 0
    for i, value in enumerate(values):
        word |= (int(value) & ((1 << bits) - 1)) << (i * bits)
    return word


def wrap_words(items: Sequence[str], indent: int, width: int = 108) -> list[str]:
    """Join items with commas into lines of at most ``width`` characters."""
    lines, line = [], " " * indent
    for i, item in enumerate(items):
        word = item + (", " if i + 1 < len(items) else "")
        if len(line) + len(word.rstrip()) > width and line.strip():
            lines.append(line.rstrip())
            line = " " * indent
        line += word
    return [*lines, line.rstrip()]


class StepWriter:
    """Writes cast steps as statements on signed variables ``v0``, ``v1``, ... of exact widths."""

    def __init__(self, seen: Interval) -> None:
        self.seen = seen
        self.declarations = [(0, seen.signed_bits)]
        self.statements: list[str] = []

    @property
    def bits(self) -> int:
        """Width of the current variable."""
        return self.declarations[-1][1]

    @property
    def name(self) -> str:
        """Name of the current variable."""
        return f"v{len(self.declarations) - 1}"

    def add(self, step: Step) -> None:
        """Write one step."""
        after = step.apply(self.seen)
        match step:
            case Shift(right=right) if right <= 0:
                self._next(after, self._left(-right, after.signed_bits), f"times 2**{-right}")
            case Shift():
                self._shift_right(step, after)
            case Relu():
                self._next(after, f"{self._sign()} ? '0 : {self._resized(after.signed_bits)}", "ReLU")
            case Fit(kind=kind):
                self._fit(step, after, str(kind))
            case Clip(low=low, high=high):
                self._limit(after, low, high, low, high, f"clip to {low} ... {high}")
            case Leak(slope=slope, frac=frac):
                bits = after.signed_bits
                wide = self._resized(bits)
                negative = f"{wide} * {hexadecimal(slope, bits, signed=True)}"
                self._next(
                    after,
                    f"{self._sign()} ? {negative} : {self._left(frac, bits)}",
                    "leaky ReLU",
                )
            case Affine(factor=factor, offset=offset):
                self._affine(step, after, factor, offset)
            case Divide(by=by):
                self._divide(after, by)
            case Table():
                self._table(step, after)
        self.seen = after

    def result(self, bits: int) -> str:
        """The current value as ``bits`` bits."""
        return self._resized(bits)

    def _sign(self) -> str:
        return f"{self.name}[{self.bits - 1}]"

    def _resized(self, bits: int) -> str:
        return extend(self.name, self.bits, bits)

    def _next(self, after: Interval, expression: str, comment: str) -> None:
        index = len(self.declarations)
        self.declarations.append((index, after.signed_bits))
        self.statements.append(f"v{index} = $signed({expression});  // {comment}")

    def _left(self, shift: int, bits: int) -> str:
        if shift == 0:
            return self._resized(bits)
        if bits <= shift:
            return f"{bits}'b0"  # only zero has so few bits after the shift
        if bits - shift >= self.bits:
            return f"{{{self._resized(bits - shift)}, {shift}'b0}}"
        return f"{{{self.name}[{bits - shift - 1}:0], {shift}'b0}}"

    def _shift_right(self, step: Shift, after: Interval) -> None:
        right = step.right
        if right >= self.bits:
            self._widen(right + 1)
        value, sign, top = self.name, self._sign(), self.bits - 1
        low = f"(|{value}[{right - 2}:0])" if right > 1 else "1'b0"
        half = f"{value}[{right - 1}]"
        up = {
            "TRN": "",
            "TRN_ZERO": f"{sign} & (|{value}[{right - 1}:0])",
            "RND": half,
            "RND_MIN_INF": f"{half} & {low}",
            "RND_ZERO": f"{half} & ({sign} | {low})",
            "RND_INF": f"{half} & (~{sign} | {low})",
            "RND_CONV": f"{half} & ({value}[{right}] | {low})",
        }[step.rounding]
        bits = after.signed_bits
        kept = top - right + 1
        if bits <= kept:
            floor = f"{value}[{right + bits - 1}:{right}]"
        else:
            floor = f"{{{{{bits - kept}{{{sign}}}}}, {value}[{top}:{right}]}}"
        if up:
            increment = f"{{{bits - 1}'b0, {up}}}" if bits > 1 else f"({up})"
            floor = f"$signed({floor}) + $signed({increment})"
        self._next(after, floor, f"over 2**{right}, {step.rounding}")

    def _widen(self, bits: int) -> None:
        index = len(self.declarations)
        self.statements.append(f"v{index} = $signed({self._resized(bits)});")
        self.declarations.append((index, bits))

    def _fit(self, step: Fit, after: Interval, comment: str) -> None:
        kind = step.kind
        if kind.saturation == "WRAP":
            if self.bits < kind.width:
                self._widen(kind.width)
            low_bits = f"{self.name}[{kind.width - 1}:0]"
            self._next(after, low_bits if kind.signed else f"{{1'b0, {low_bits}}}", comment)
            return
        low = -kind.high if kind.saturation == "SAT_SYM" and kind.signed else kind.low
        zero = kind.saturation == "SAT_ZERO"
        self._limit(after, low, kind.high, 0 if zero else low, 0 if zero else kind.high, comment)

    def _limit(self, after: Interval, low: int, high: int, below: int, above: int, comment: str) -> None:
        bits, seen = after.signed_bits, self.seen
        expression = self._resized(bits)
        if seen.low < low:
            constant = hexadecimal(low, self.bits, signed=True)
            expression = f"({self.name} < {constant}) ? {hexadecimal(below, bits, signed=True)} : {expression}"
        if seen.high > high:
            constant = hexadecimal(high, self.bits, signed=True)
            expression = f"({self.name} > {constant}) ? {hexadecimal(above, bits, signed=True)} : {expression}"
        self._next(after, expression, comment)

    def _affine(self, step: Affine, after: Interval, factor: int, offset: int) -> None:
        bits = max(after.signed_bits, Affine(factor, 0).apply(self.seen).signed_bits)
        if bits > self.bits:
            self._widen(bits)
        a, b = hexadecimal(factor, self.bits, signed=True), hexadecimal(offset, self.bits, signed=True)
        whole = Interval(-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1)
        self._next(whole, f"{self.name} * {a} + {b}", f"times {factor} plus {offset}")
        if after.signed_bits < self.bits:
            self._next(after, self._resized(after.signed_bits), "high bits are copies of the sign")

    def _divide(self, after: Interval, by: int) -> None:
        """Multiply by the reciprocal: exact because largest * (factor * by - 2**shift) < 2**shift."""
        largest = max(-self.seen.low, self.seen.high, 1)
        shift = largest.bit_length() + by.bit_length()
        factor = -(-(1 << shift) // by)
        bits = shift + self.bits + 1
        whole = Interval(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        sign, wide = self._sign(), self._resized(bits)
        self._next(whole, f"{sign} ? -$signed({wide}) : $signed({wide})", f"magnitude, to be divided by {by}")
        self._next(whole, f"{self.name} * {hexadecimal(factor, bits, signed=True)}", f"times 2**{shift} / {by}")
        high = f"{self.name}[{min(bits, shift + after.signed_bits) - 1}:{shift}]"
        kept = min(bits, shift + after.signed_bits) - shift
        value = extend(high, kept, after.signed_bits) if kept == after.signed_bits else f"{{1'b0, {high}}}"
        self._next(after, f"{sign} ? -$signed({value}) : $signed({value})", "quotient with its sign")

    def _table(self, step: Table, after: Interval) -> None:
        source, bits, result = self.name, self.bits, f"v{len(self.declarations)}"
        self.declarations.append((len(self.declarations), after.signed_bits))
        self.statements.append(f"case ({source})  // table")
        default = step.values[self.seen.high - step.first]
        for value in range(self.seen.low, self.seen.high):
            entry = step.values[value - step.first]
            if entry != default:
                constant = hexadecimal(entry, after.signed_bits, signed=True)
                self.statements.append(f"  {hexadecimal(value, bits, signed=True)}: {result} = {constant};")
        self.statements.append(f"  default: {result} = {hexadecimal(default, after.signed_bits, signed=True)};")
        self.statements.append("endcase")


def function(name: str, argument_bits: int, seen: Interval, steps: Sequence[Step], result_bits: int) -> list[str]:
    """A SystemVerilog function that applies steps to ``value`` and returns ``result_bits`` bits.

    Bits that a rounding or a range drops are meant to be dropped: the lint
    check for unused bits is off inside.
    """
    writer = StepWriter(seen)
    first = extend("value", argument_bits, seen.signed_bits)
    for step in steps:
        writer.add(step)
    lines = [
        "  // verilator lint_off UNUSEDSIGNAL",
        f"  function automatic logic signed [{result_bits - 1}:0] {name}(",
    ]
    lines += [f"    input logic signed [{argument_bits - 1}:0] value", "  );"]
    lines += [f"    logic signed [{bits - 1}:0] v{index};" for index, bits in writer.declarations]
    lines += [f"    v0 = $signed({first});"]
    lines += [f"    {statement}" for statement in writer.statements]
    lines += [f"    {name} = $signed({writer.result(result_bits)});", "  endfunction"]
    lines += ["  // verilator lint_on UNUSEDSIGNAL"]
    return lines


def table(index: str, value: str, lines: list[str]) -> list[str]:
    """A constant table: ``lines`` are the cases of ``index``, everything else is 0."""
    return [
        "  always_comb begin",
        f"    case ({index})",
        *lines,
        f"      default: {value} = '0;",
        "    endcase",
        "  end",
    ]


def port_list(ports: list[Port]) -> str:
    """Documented ports as the lines of a module's head."""
    ranges = ["" if bits is None else f"[{bits - 1}:0]" for _, bits, _, _ in ports]
    width, longest = max(map(len, ranges)), max(len(name) for _, _, name, _ in ports)
    lines = []
    for i, ((direction, _, name, meaning), text) in enumerate(zip(ports, ranges, strict=True)):
        comma = "," if i + 1 < len(ports) else ""
        lines.append(f"  {direction:<6} logic {text:<{width}} {name + comma:<{longest + 1}}  // {meaning}")
    return "\n".join(lines)


def module(name: str, about: list[str], ports: list[Port], body: list[str], attribute: str = "") -> str:
    """A module's text: what it is ``about``, documented ports, body; ``attribute`` stands before it."""
    comment = [f"// {line}".rstrip() for line in about]
    head = ["// SPDX-License-Identifier: Apache-2.0", "//", *comment]
    head += ["// Generated by asicflow from spec.json; do not edit.", "", f"{attribute}module {name} ("]
    return "\n".join([*head, port_list(ports), ");", "", *body, "", "endmodule", ""])
