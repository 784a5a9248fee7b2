"""Gates on the whole system: it boots and infers, as RTL and as the netlist of the layout."""

from __future__ import annotations

from asicflow.board.chip import describe
from asicflow.board.simulated import SimulatedBoard, build_netlist_board
from asicflow.board.stage import SIM_SCHEMA, boot_and_infer
from asicflow.errors import StageError
from asicflow.firmware.vectors import load_vectors
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.gates.exactness import VECTORS, functional
from asicflow.signoff.verdict import Finding, GateResult, Tool, Verdict, verdict_of
from asicflow.simulate import verilator_version
from asicflow.workspace import write_atomically

SIM = "sim/sim.json"


class SystemGate(Gate):
    """Only a whole system boots."""

    def not_applicable(self, context: GateContext) -> str:
        """The accelerator alone has no processor."""
        return "the top is the accelerator alone: no processor, no firmware" if context.top == "accel" else ""


class BootGate(SystemGate):
    """The simulation of the RTL, as the stage ``sim`` left it."""

    id = "firmware.boot"
    title = "Boots in RTL from host and from flash, inferences exact"
    inputs = (SIM,)

    def run(self, context: GateContext) -> GateResult:
        """PASS when every inference of both paths was exact and the bus protocol was kept."""
        data = context.json(SIM)
        findings = [Finding(f"bus protocol: {text}", "bus") for text in data["protocol_breaches"]]
        if data["schema"] != SIM_SCHEMA:
            findings.append(Finding(f"schema {data['schema']}, expected {SIM_SCHEMA}", "schema"))
        paths = {name: data[name] for name in ("debug_port", "program")}
        for name, path in paths.items():
            if not 0 < path["vectors"] == path["exact"]:
                findings.append(Finding(f"{name}: {path['exact']} of {path['vectors']} inferences exact", "value"))
        if data["flash_boot"]["exact"] < 1:
            findings.append(Finding("no exact inference after the boot from flash", "flash"))
        if context.json("soc/soc.json")["build_sha256"][:8].upper() not in data["banner"]:
            findings.append(Finding("the banner is that of another build", "banner"))
        return GateResult(
            verdict_of(findings),
            ", ".join(f"{p['exact']} of {p['vectors']} by {n.replace('_', ' ')}" for n, p in paths.items())
            + f", {data['flash_boot']['exact']} after a boot from flash",
            {"cycles": data["cycles"], "kilohertz": data["kilohertz"]},
            findings=findings,
        )


class NetlistBootGate(SystemGate):
    """The netlist after place and route on the simulated board, its memories as models."""

    id = "equivalence.boot"
    title = "Post-route netlist boots and infers, by debug port and by program"
    inputs = (VECTORS, "soc/soc.json", "firmware/firmware.json", "layout/{top}.v")
    external = True
    vectors = 1

    def run(self, context: GateContext) -> GateResult:
        """PASS when the netlist shows its banner and every inference is exact."""
        build = context.out / "build" / self.id
        build.mkdir(parents=True, exist_ok=True)
        soc = context.json("soc/soc.json")
        models = [context.path("soc") / name for name in soc["models"]]
        sources = [functional(context, self.inputs[-1], build), *models]
        executable = build_netlist_board(sources, build / "sim")
        described = describe(context.path("soc"), context.path("firmware"))
        x, y = load_vectors(context.path(VECTORS))
        told: list[str] = []
        findings, figures = [], {}
        with SimulatedBoard(executable) as board:
            try:
                done = boot_and_infer(board, described, x[: self.vectors], y[: self.vectors], told.append)
                figures = {"vectors": 2 * self.vectors + 1, "engine_cycles": done["debug_port"]["engine_cycles"]}
            except StageError as error:
                findings.append(Finding(str(error), "boot"))
            figures |= {"cycles": board.cycles, "kilohertz": round(board.cycles / board.seconds / 1e3, 1)}
        log = context.out / "logs" / f"{self.id}.log"
        write_atomically(log, "\n".join([*told, *(f.text for f in findings)]) + "\n")
        return GateResult(
            Verdict.FAIL if findings else Verdict.PASS,
            findings[0].text if findings else f"{figures['vectors']} inferences exact on the netlist of the layout",
            figures,
            findings=findings,
            evidence=[log],
            tool=Tool("verilator", verilator_version()),
        )
