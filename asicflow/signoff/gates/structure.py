"""Gates on the structure of the RTL: latches and loops, clock domains, resets."""

from __future__ import annotations

import re
from abc import abstractmethod

from asicflow.flow.yosys import version as yosys_version
from asicflow.signoff.context import GateContext
from asicflow.signoff.elaborate import Elaboration
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import Finding, GateResult, Rows, Tool, Verdict, verdict_of
from asicflow.soc.power_up import is_clean


class ElaborationGate(Gate):
    """Reads the elaborated RTL."""

    inputs = ("soc/soc.json",)

    def run(self, context: GateContext) -> GateResult:
        """Judge the elaboration; a design without a register is a FAIL."""
        found = context.elaboration
        if not found.registers and not found.latches:
            return GateResult(Verdict.FAIL, "the design holds no register", evidence=[found.log])
        result = self.judge(context, found)
        result.evidence += [found.log, found.netlist]
        result.tool = Tool("yosys", yosys_version())
        return result

    @abstractmethod
    def judge(self, context: GateContext, found: Elaboration) -> GateResult:
        """The verdict."""


class StructureGate(ElaborationGate):
    """Yosys finds no latch, no combinational loop and no doubly driven net."""

    id = "rtl.structure"
    title = "No latches, no combinational loops"

    def judge(self, context: GateContext, found: Elaboration) -> GateResult:
        """List latches and what Yosys' check reports."""
        findings = [Finding(f"latch: {name}", "latch") for name in found.latches]
        findings += [Finding(text, "check") for text in found.problems]
        bits = sum(r.width for r in found.registers)
        return GateResult(
            verdict_of(findings),
            f"{bits} state bits, {len(found.latches)} latches, {len(found.problems)} loops or conflicts",
            {"state_bits": bits, "latches": len(found.latches), "problems": len(found.problems)},
            findings=findings,
        )


class ClockDomainsGate(ElaborationGate):
    """The crossings between clock domains; with one clock, and inputs timed against it, there are none."""

    id = "rtl.cdc"
    title = "Clock domains and crossings"

    def judge(self, context: GateContext, found: Elaboration) -> GateResult:
        """List the clocks, and inputs that the constraints do not tie to one."""
        soc = context.json("soc/soc.json")
        sdc = context.root / "soc" / soc["sdc"]
        text = sdc.read_text() if sdc.is_file() else ""
        inputs = found.inputs()
        names = {bit: port for port, bits in inputs.items() for bit in bits}
        clocks = sorted(names.get(c, f"internal net {c}") for c in found.clocks)
        findings = []
        if len(clocks) != 1:
            findings.append(Finding(f"{len(clocks)} clocks: {', '.join(clocks)}; crossings between them", "clocks"))
        free = [p for p in inputs if not re.search(rf"\b{re.escape(p)}\b", text)]
        findings += [Finding(f"input {p} is not in the constraints: it may change at any time", "input") for p in free]
        return GateResult(
            verdict_of(findings),
            f"{len(clocks)} clock ({', '.join(clocks)}), {len(inputs) - len(free)} of {len(inputs)} inputs "
            "constrained to it",
            {"clocks": len(clocks), "inputs": len(inputs), "unconstrained_inputs": len(free)},
            findings=findings,
            evidence=[sdc],
        )


class ResetGate(ElaborationGate):
    """Every state bit has a reset; bits without one must be proven to be written before they are read."""

    id = "rtl.reset"
    title = "Reset of every state bit, or proof from power-up"
    last = True

    def judge(self, context: GateContext, found: Elaboration) -> GateResult:
        """PASS when all bits are reset, or when the rest was unknown at power-up and no output showed it."""
        bare = [r for r in found.registers if not r.reset]
        total, without = sum(r.width for r in found.registers), sum(r.width for r in bare)
        figures = {"state_bits": total, "bits_without_reset": without}
        rows: Rows = [{"register": r.name, "bits": r.width} for r in bare]
        text = f"{total - without} of {total} state bits are reset"
        if not bare:
            return GateResult(Verdict.PASS, text, dict(figures))
        log = context.out / "build" / "rtl.xprop" / "power_up.log"
        if log.is_file() and is_clean(log.read_text()):
            text += "; the others start unknown in rtl.xprop and no output shows it"
            return GateResult(Verdict.PASS, text, dict(figures), {"without_reset": rows}, evidence=[log])
        close = "make gate rtl.xprop pass: it starts these bits unknown and watches the outputs"
        return GateResult(Verdict.UNVERIFIED, text, dict(figures), {"without_reset": rows}, close=close)
