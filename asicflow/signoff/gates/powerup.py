"""Gates on the start from power-up: unknown values must die, registers without reset included."""

from __future__ import annotations

from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import Finding, GateResult, Tool, UnverifiedError, verdict_of
from asicflow.soc.power_up import icarus_version, run_power_up
from asicflow.soc.testbench import rtl_sources

VECTORS = 3


class PowerUpGate(Gate):
    """Four-state simulation from power-up with unknown registers: no X on an output, results exact."""

    id = "rtl.xprop"
    title = "X propagation from power-up (four-state simulation)"
    inputs = ("model/vectors.npz", "soc/soc.json")
    external = True

    def run(self, context: GateContext) -> GateResult:
        """PASS only when inferences ran, all exact, and no output was unknown after reset."""
        if context.json("soc/soc.json")["top"] != "accel":
            raise UnverifiedError(
                "the bench of this gate drives top accel", "simulate this top from power-up in a four-state simulator"
            )
        soc = context.path("soc/soc.json").parent
        folder = context.out / "build" / self.id
        done = run_power_up(rtl_sources(soc), soc, context.path("model/vectors.npz"), VECTORS, folder)
        findings = [Finding(text, "unknown") for text in done.messages]
        if done.unknown and not findings:
            findings.append(Finding(f"{done.unknown} unknown values on outputs", "unknown"))
        if done.n < VECTORS or done.exact < done.n:
            findings.append(Finding(f"{done.exact} of {done.n} inferences exact, {VECTORS} asked", "value"))
        return GateResult(
            verdict_of(findings),
            f"{done.exact} of {done.n} inferences exact from unknown registers, {done.unknown} unknown outputs",
            {"inferences": done.n, "inferences_exact": done.exact, "unknown_outputs": done.unknown},
            findings=findings,
            evidence=[done.log],
            tool=Tool("iverilog", icarus_version()),
        )
