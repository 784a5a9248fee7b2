"""Gates on the whole system: it boots and infers, as RTL and as the netlist of the layout."""

from __future__ import annotations

from asicflow.board.chip import READY, describe, expected_banner
from asicflow.board.simulated import SimulatedBoard, build_netlist_board
from asicflow.board.stage import SIM_SCHEMA, boot_and_infer, faults
from asicflow.errors import StageError
from asicflow.firmware.vectors import load_vectors
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.gates.exactness import VECTORS, functional
from asicflow.signoff.verdict import Finding, GateResult, Tool, UnverifiedError, Verdict, verdict_of
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
    inputs = (SIM, "soc/soc.json")

    def run(self, context: GateContext) -> GateResult:
        """PASS when every inference of both paths was exact, no answer was lost and the bus protocol was kept."""
        data = context.json(SIM)
        if data["schema"] != SIM_SCHEMA:
            raise UnverifiedError(f"sim.json has schema {data['schema']}, not {SIM_SCHEMA}", "run the sim stage again")
        findings = [Finding(text, rule) for rule, text in faults(data)]
        soc = context.json("soc/soc.json")
        names = ("debug_port", "program", *(["wishbone"] if soc.get("addition") else []))
        paths = {name: data.get(name, {"vectors": 0, "exact": 0}) for name in names}
        for name, path in paths.items():
            if not 0 < path["vectors"] == path["exact"]:
                findings.append(Finding(f"{name}: {path['exact']} of {path['vectors']} inferences exact", "value"))
        from_flash = data.get("flash_boot", {"exact": 0})["exact"]
        if from_flash < 1:
            findings.append(Finding("no exact inference after the boot from flash", "flash"))
        if data.get("banner", "").split("\n")[1:-1] != expected_banner(soc):
            findings.append(Finding(f"the banner is not that of this build: {data.get('banner')!r}", "banner"))
        if (said := data.get("program", {}).get("greeting")) != READY:
            findings.append(Finding(f"the program says {said!r} instead of {READY!r}", "greeting"))
        return GateResult(
            verdict_of(findings),
            ", ".join(f"{p['exact']} of {p['vectors']} by {n.replace('_', ' ')}" for n, p in paths.items())
            + f", {from_flash} after a boot from flash",
            {name: data.get(name) for name in ("cycles", "kilohertz")},
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
        build = self.build_folder(context)
        soc = context.json("soc/soc.json")
        models = [context.path("soc") / name for name in soc["models"]]
        sources = [functional(context, self.inputs[-1], build), *models]
        executable = build_netlist_board(sources, build / "sim", host=bool(soc.get("addition")))
        described = describe(context.path("soc"), context.path("firmware"))
        x, y = load_vectors(context.path(VECTORS))
        told: list[str] = []
        findings, figures = [], {}
        with SimulatedBoard(executable) as board:
            try:
                done = boot_and_infer(board, described, x[: self.vectors], y[: self.vectors], told.append)
                count = 2 * self.vectors + 1 + done.get("wishbone", {"vectors": 0})["vectors"]
                figures = {"vectors": count, "engine_cycles": done["debug_port"]["engine_cycles"]}
            except StageError as error:
                findings.append(Finding(str(error), "boot"))
            figures |= {"cycles": board.cycles, "kilohertz": round(board.cycles / board.seconds / 1e3, 1)}
        log = self.log_file(context)
        write_atomically(log, "\n".join([*told, *(f.text for f in findings)]) + "\n")
        return GateResult(
            Verdict.FAIL if findings else Verdict.PASS,
            findings[0].text if findings else f"{figures['vectors']} inferences exact on the netlist of the layout",
            figures,
            findings=findings,
            evidence=[log],
            tool=Tool("verilator", verilator_version()),
        )
