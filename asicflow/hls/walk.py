"""SystemVerilog of the counters that walk through a stage: module ``accel_engine_walk``.

Only loops that some stage repeats have a counter, and only loops that move the
row in some stage have a pointer: it stands where the loop's present turn began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from asicflow.hls.plan import GROUP_LOOPS, LOOPS, WINDOW_LOOPS, EnginePlan, Loop, Walk
from asicflow.hls.ranges import Interval
from asicflow.hls.verilog import Port, hexadecimal, index_bits, module


class WalkWriter:
    """Writes the module; its widths are those of the engine's other parts."""

    def __init__(self, plan: EnginePlan) -> None:
        self.plan = plan
        self.padded = any(walk.padded for walk in plan.walks)
        self.moves = any(walk.steps > walk.words for walk in plan.walks)
        self.stage_bits = index_bits(len(plan.stages) + 1)
        self.row_bits = index_bits(plan.layout.rows + int(self.padded))
        self.word_bits = index_bits(plan.words)
        self.loops = [i for i in range(len(LOOPS)) if any(walk.loops[i].count > 1 for walk in plan.walks)]

    def text(self) -> str:
        """The module's source."""
        ports: list[Port] = [
            ("input", None, "clk_i", "Clock"),
            ("input", None, "busy_i", "An inference runs; the words of weights are counted from its begin"),
            ("input", None, "run_i", "Steps are issued; low for at least one cycle before each stage"),
            ("input", self.stage_bits, "stage_i", "Stage of the network"),
            ("output", self.row_bits, "row_o", "Row of the operand store" + self._none()),
            ("output", self.word_bits, "word_o", "Word of weights"),
            ("output", None, "first_o", "First step of a group of results"),
            ("output", None, "last_o", "Last step of a group of results"),
            ("output", None, "stage_end_o", "Last step of the stage"),
        ]
        if self.moves:
            ports.append(("output", None, "window_end_o", "Last step of a position of the window"))
        body = [*self._declare(), *self._constants(), *self._counters()]
        body += self._pointer("row", self.row_bits, lambda walk: walk.row, lambda loop: loop.row)
        if self.padded:
            body += self._pointer("x", self._bits("x"), lambda walk: walk.x, lambda loop: loop.x)
            body += self._pointer("y", self._bits("y"), lambda walk: walk.y, lambda loop: loop.y)
        about = [
            "Counts through the steps of a stage: which row of operands, which word of weights.",
            "",
            "The loops, innermost first: " + (", ".join(LOOPS[i] for i in self.loops) or "none") + ".",
        ]
        return module("accel_engine_walk", about, ports, [*body, *self._row()])

    def _none(self) -> str:
        return f"; {(1 << self.row_bits) - 1} in the padding" if self.padded else ""

    # -- values that depend on the stage ----------------------------------------------------------
    def _table(self) -> list[tuple[str, int, list[int]]]:
        """Name, bits and the value in every stage of each constant."""
        walks = self.plan.walks
        found = [
            (f"{LOOPS[i]}_limit", self._count_bits(i), [walk.loops[i].count - 1 for walk in walks]) for i in self.loops
        ]
        for kind, bits, start, stride in self._pointers():
            found.append((f"{kind}_start", bits, [start(walk) for walk in walks]))
            for i in self._moving(stride):
                found.append((f"{kind}_{LOOPS[i]}_stride", bits, [stride(walk.loops[i]) for walk in walks]))
        if self.moves:
            firsts = [sum(walk.words for walk in walks[:i]) for i in range(len(walks))]
            found.append(("first_word", self.word_bits, firsts))
        if self.padded:
            found.append(("padded", 1, [int(walk.padded) for walk in walks]))
            found.append(("width", self._bits("x"), [walk.width for walk in walks]))
            found.append(("height", self._bits("y"), [walk.height for walk in walks]))
        return found

    def _pointers(self) -> Iterable[tuple[str, int, Callable[[Walk], int], Callable[[Loop], int]]]:
        yield "row", self.row_bits, lambda walk: walk.row, lambda loop: loop.row
        if self.padded:
            yield "x", self._bits("x"), lambda walk: walk.x, lambda loop: loop.x
            yield "y", self._bits("y"), lambda walk: walk.y, lambda loop: loop.y

    def _moving(self, stride: Callable[[Loop], int]) -> list[int]:
        """The loops that move a pointer in some stage."""
        return [i for i in self.loops if any(w.loops[i].count > 1 and stride(w.loops[i]) for w in self.plan.walks)]

    def _count_bits(self, loop: int) -> int:
        return index_bits(max(walk.loops[loop].count for walk in self.plan.walks))

    def _bits(self, kind: str) -> int:
        """Bits of a signed place in the line, or of a line, and of the first one behind the input."""
        seen = Interval(0, 0)
        for walk in self.plan.walks:
            start, end = (walk.x, walk.width) if kind == "x" else (walk.y, walk.height)
            reach = start + sum((loop.count - 1) * (loop.x if kind == "x" else loop.y) for loop in walk.loops)
            seen = seen | Interval(min(start, 0), max(reach, end))
        return seen.signed_bits

    def _declare(self) -> list[str]:
        return [f"  logic [{bits - 1}:0] {name};" for name, bits, _ in self._table()] + [""]

    def _constants(self) -> list[str]:
        table = self._table()

        def assign(stage: int) -> list[str]:
            return [f"{name} = {hexadecimal(values[stage], bits)};" for name, bits, values in table]

        lines = ["  always_comb begin", *(f"    {line}" for line in assign(0)), "    case (stage_i)"]
        for number, stage in enumerate(self.plan.stages):
            if number and any(values[number] != values[0] for _, _, values in table):
                lines.append(f"      {self.stage_bits}'d{number}: begin  // {stage.name}")
                lines += [f"        {line}" for line in assign(number)]
                lines.append("      end")
        return [*lines, "      default: ;", "    endcase", "  end", ""]

    # -- counters ---------------------------------------------------------------------------------
    def _last(self, loops: Iterable[int]) -> str:
        return " & ".join(f"{LOOPS[i]}_last" for i in loops) or "1'b1"

    def _counters(self) -> list[str]:
        lines = []
        for i in self.loops:
            name, inner = LOOPS[i], [k for k in self.loops if k < i]
            lines += [
                f"  logic [{self._count_bits(i) - 1}:0] {name}_q;",
                f"  logic {name}_last;",
                f"  assign {name}_last = {name}_q == {name}_limit;",
                "  always_ff @(posedge clk_i) begin",
                f"    if (!run_i) {name}_q <= '0;",
                f"    else if ({self._last(inner)}) {name}_q <= {name}_last ? '0 : {name}_q + 1'b1;",
                "  end",
                "",
            ]
        window = [i for i in self.loops if i < WINDOW_LOOPS]
        first = " & ".join(f"({LOOPS[i]}_q == '0)" for i in window) or "1'b1"
        return [
            *lines,
            f"  assign first_o      = {first};",
            f"  assign last_o       = {self._last(window)};",
            f"  assign stage_end_o  = {self._last(self.loops)};",
            *([f"  assign window_end_o = {self._last(i for i in self.loops if i < GROUP_LOOPS)};"] * self.moves),
            "",
            f"  logic [{self.word_bits - 1}:0] word_q;",
            "  always_ff @(posedge clk_i) begin",
            "    if (!busy_i) word_q <= '0;",
            *(["    else if (run_i && window_end_o && !stage_end_o) word_q <= first_word;"] if self.moves else []),
            "    else if (run_i) word_q <= word_q + 1'b1;",
            "  end",
            "  assign word_o = word_q;",
            "",
        ]

    # -- pointers ---------------------------------------------------------------------------------
    def _pointer(self, kind: str, bits: int, start: Callable[[Walk], int], stride: Callable[[Loop], int]) -> list[str]:
        """Registers of a pointer: one for every loop that moves it."""
        moving = self._moving(stride)

        def present(loop: int) -> str:
            outer = [k for k in moving if k >= loop]
            return f"{kind}_{LOOPS[outer[0]]}_q" if outer else f"{kind}_start"

        def following(loop: int) -> str:
            step = f" + {kind}_{LOOPS[loop]}_stride" if loop in moving else ""
            return present(loop) + step

        lines = [f"  logic [{bits - 1}:0] {kind}_{LOOPS[i]}_q;" for i in moving]
        for i in moving:
            name = f"{kind}_{LOOPS[i]}_q"
            lines += [
                "  always_ff @(posedge clk_i) begin",
                f"    if (!run_i) {name} <= {kind}_start;",
                f"    else if ({self._last(k for k in self.loops if k < i)}) begin",
            ]
            word = "if"
            for k in [k for k in self.loops if k >= i]:
                lines.append(f"      {word} (!{LOOPS[k]}_last) {name} <= {following(k)};")
                word = "else if"
            lines += ["    end", "  end", ""]
        return [
            *lines,
            f"  logic [{bits - 1}:0] {kind};",
            f"  assign {kind} = {present(0)};",
            "",
        ]

    def _row(self) -> list[str]:
        if not self.padded:
            return ["  assign row_o = row;"]
        return [
            "  logic present;",
            "  assign present = ($signed(x) >= 0) & ($signed(x) < $signed(width)) &",
            "                   ($signed(y) >= 0) & ($signed(y) < $signed(height));",
            "  assign row_o  = (padded & ~present) ? '1 : row;",
        ]
