"""Gates on formal equivalence: mapped against post-route netlist, RTL against mapped netlist."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from asicflow.flow import yosys
from asicflow.flow.yosys import clock_gate_script
from asicflow.signoff.context import GateContext
from asicflow.signoff.formal import Network, Proof, network, prove, read_netlist_script, unpaired
from asicflow.signoff.gate import Gate
from asicflow.signoff.gates.exactness import physical_cells
from asicflow.signoff.verdict import Finding, GateResult, Tool, Verdict

MAPPED, ROUTED = "layout/{top}.mapped.v", "layout/{top}.v"


class FormalGate(Gate):
    """Two sides, cut at their registers and compared cone by cone."""

    external = True
    limit: ClassVar[float] = 60.0
    words: ClassVar[tuple[str, str]]

    @abstractmethod
    def sides(self, context: GateContext) -> tuple[Network, Network]:
        """Both networks."""

    def netlist(self, context: GateContext, name: str) -> Network:
        """A netlist of cells, elaborated once per run."""
        path = context.path(name)
        if path.name not in context.networks:
            library = context.library
            boxes = [context.boxes] if context.blocks and context.rtl else []
            script = read_netlist_script([*boxes, path], library.typical.liberty, physical_cells(library))
            folder = context.out / "build" / "formal"
            folder.mkdir(parents=True, exist_ok=True)
            script += "\n" + clock_gate_script(library.cells.clock_gate, folder / "clock_gates.v", black_box=True)
            context.networks[path.name] = network(script, context.top, folder, path.name)
        return context.networks[path.name]

    def run(self, context: GateContext) -> GateResult:
        """PASS only when every cone was proven equal; a cone that ABC cannot decide in time is UNVERIFIED."""
        one, two = self.sides(context)
        folder = self.build_folder(context)
        done = prove(one, two, folder, self.limit)
        findings = [Finding(f"{name} differs between {self.words[0]} and {self.words[1]}", "differs")
                    for name in done.differing]  # fmt: skip
        verdict, close = Verdict.PASS, ""
        if findings:
            verdict = Verdict.FAIL
        elif not done.equal:
            verdict, close = Verdict.UNVERIFIED, self._close(done)
        text = f"{done.proven} of {done.outputs} cones proven equal, {done.registers} registers paired"
        if done.unmatched:
            text += f"; {len(done.unmatched)} names without partner, such as {done.unmatched[0]}"
        if done.undecided:
            text += f"; {len(done.undecided)} not decided in {self.limit:g} s, such as {done.undecided[0]}"
        logs = [p for p in (folder / "abc.log",) if p.is_file()]
        return GateResult(
            verdict,
            text,
            {
                "cones": done.outputs,
                "cones_proven": done.proven,
                "cones_undecided": len(done.undecided),
                "registers": done.registers,
                "merged_copies": done.copies,
            },
            {"undecided": [{"cone": name} for name in done.undecided[:100]]},
            findings,
            logs,
            Tool("yosys-abc", yosys.version()),
            close,
        )

    def _close(self, done: Proof) -> str:
        if done.unmatched:
            return "name the registers alike on both sides (synthesis must keep their names), then compare again"
        return (
            "these cones rest on the simulation of gate equivalence.mapped; a word-level equivalence checker "
            "closes multipliers"
        )


class RoutedFormalGate(FormalGate):
    """Mapped netlist against the netlist after place and route: buffers, sizes, clock tree change nothing."""

    id = "equivalence.formal"
    title = "Formal: mapped netlist equals post-route netlist"
    inputs = (MAPPED, ROUTED)
    words = ("the mapped netlist", "the post-route netlist")

    def sides(self, context: GateContext) -> tuple[Network, Network]:
        """Both netlists."""
        return self.netlist(context, MAPPED), self.netlist(context, ROUTED)


class RtlFormalGate(FormalGate):
    """RTL against the mapped netlist; multipliers may not close, and then say so."""

    id = "equivalence.formal-rtl"
    title = "Formal: RTL equals mapped netlist, where it closes"
    mandatory = False
    inputs = ("soc/soc.json", MAPPED)
    words = ("the RTL", "the mapped netlist")
    limit = 20.0

    def sides(self, context: GateContext) -> tuple[Network, Network]:
        """The RTL as the flow reads it, and the netlist of synthesis."""
        files = " ".join(f'"{p}"' for p in context.rtl)
        folder = context.out / "build" / "formal"
        mapped = self.netlist(context, MAPPED)
        read = f"read_verilog -sv {files}"
        rtl = network(read, context.top, folder, "rtl")
        if unpaired(rtl, mapped):
            kept = network(read, context.top, folder, "rtl", memory="memory -nordff")
            rtl = rtl if unpaired(kept, mapped) else kept
        return rtl, mapped
