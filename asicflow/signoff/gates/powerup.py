"""Gates on the start from power-up: unknown values must die, registers without reset included."""

from __future__ import annotations

import numpy as np

from asicflow.board.chip import describe
from asicflow.board.power_up import run_power_up_soc
from asicflow.model import golden
from asicflow.model.spec import Spec
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import Finding, GateResult, Tool, Verdict, verdict_of
from asicflow.soc.power_up import PowerUp, icarus_version, run_power_up
from asicflow.soc.testbench import rtl_sources

VECTORS = 3


class PowerUpGate(Gate):
    """Four-state simulation from power-up with unknown registers: no X on an output, results exact."""

    id = "rtl.xprop"
    title = "X propagation from power-up (four-state simulation)"
    inputs = ("model/vectors.npz", "model/spec.json", "soc/soc.json")
    external = True

    def run(self, context: GateContext) -> GateResult:
        """PASS only when inferences ran, all exact, and no output was unknown after reset."""
        accel = context.top == "accel"
        if not accel and context.json("soc/soc.json")["engine"].get("weights"):
            return GateResult(
                Verdict.UNVERIFIED,
                "reloadable weights take too long to load in a four-state simulation of a whole system",
                close="run top accel with the same model, where this check loads them",
            )
        asked = VECTORS if accel else 1
        done = _accelerator(context) if accel else _system(context)
        findings = [Finding(text, "unknown") for text in done.messages]
        if done.unknown and not findings:
            findings.append(Finding(f"{done.unknown} unknown values on outputs", "unknown"))
        if done.n < asked or done.exact < done.n:
            findings.append(Finding(f"{done.exact} of {done.n} inferences exact, {asked} asked", "value"))
        return GateResult(
            verdict_of(findings),
            ("" if accel else "boots, ")
            + f"{done.exact} of {done.n} inferences exact from unknown registers, {done.unknown} unknown outputs",
            {"inferences": done.n, "inferences_exact": done.exact, "unknown_outputs": done.unknown},
            findings=findings,
            evidence=[done.log],
            tool=Tool("iverilog", icarus_version()),
        )


def _accelerator(context: GateContext) -> PowerUp:
    soc = context.path("soc/soc.json").parent
    folder = context.out / "build" / PowerUpGate.id
    return run_power_up(rtl_sources(soc), soc, context.path("model/vectors.npz"), VECTORS, folder)


def _system(context: GateContext) -> PowerUp:
    soc = context.json("soc/soc.json")
    models = [context.path("soc") / name for name in soc["models"]]
    described = describe(context.path("soc"), context.path("firmware"))
    spec = Spec.load(context.path("model/spec.json"))
    value = min(3, spec.input.type.high)
    expected = golden.run(spec, np.full((1, spec.input.size), value, np.int64))[0]
    folder = context.out / "build" / PowerUpGate.id
    return run_power_up_soc(context.rtl, models, described, value, expected, folder, context.top)
