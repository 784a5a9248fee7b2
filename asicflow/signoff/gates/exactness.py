"""Gates of the exactness chain: RTL, mapped netlist and post-route netlist equal the integer network."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from asicflow.flow.yosys import functional_netlist
from asicflow.pdk.config import Library
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import Finding, GateResult, Rows, Tool, Verdict
from asicflow.simulate import verilator_version
from asicflow.soc.testbench import ExactnessResult, rtl_sources, run_vectors
from asicflow.workspace import write_atomically

VECTORS = "model/vectors.npz"


class ExactnessGate(Gate):
    """Runs test vectors over the bus and demands every output bit."""

    external = True
    what = ""
    optimise = "-O0"

    @abstractmethod
    def sources(self, context: GateContext, build: Path) -> list[Path]:
        """The Verilog to simulate."""

    def run(self, context: GateContext) -> GateResult:
        """Simulate; PASS only when vectors ran, all were exact and the bus was quiet."""
        n = context.config.signoff.vectors
        build = self.build_folder(context)
        sources = self.sources(context, build)
        done = run_vectors(sources, context.engine_dir, context.path(VECTORS), n, build, optimise=self.optimise)
        stated = int(context.json("soc/soc.json")["engine"]["cycles"])
        log = self.log_file(context)
        write_atomically(log, _log(self.what, sources, done, context))
        findings = self._findings(done, n, stated)
        return GateResult(
            Verdict.FAIL if findings else Verdict.PASS,
            f"{done.exact} of {done.n} vectors bit-exact over the bus, {done.cycles} cycles per inference",
            {
                "vectors": done.n,
                "vectors_exact": done.exact,
                "cycles": done.cycles,
                "cycles_stated": stated,
                "inferences_per_second": round(done.n / max(done.seconds, 1e-9)),
            },
            self.tables(context),
            findings,
            [log, *(s for s in sources if s.is_relative_to(context.root) and "build" not in s.parts)],
            Tool("verilator", verilator_version()),
        )

    def tables(self, context: GateContext) -> dict[str, Rows]:
        """More tables for the report."""
        return {}

    def _findings(self, done: ExactnessResult, asked: int, stated: int) -> list[Finding]:
        findings = [Finding(message, "bus") for message in done.messages]
        if done.n < asked:
            findings.append(Finding(f"only {done.n} of {asked} vectors ran", "count"))
        if done.first_mismatch is not None:
            bad = done.first_mismatch
            text = f"vector {bad.vector}, output {bad.output}: {bad.got} instead of {bad.expected}"
            findings.append(Finding(text, "value"))
        elif done.exact != done.n:
            findings.append(Finding(f"{done.n - done.exact} vectors differ", "value"))
        if done.cycles != stated:
            findings.append(Finding(f"{done.cycles} cycles per inference, the engine states {stated}", "cycles"))
        return findings


class RtlExactnessGate(ExactnessGate):
    """The RTL."""

    id = "rtl.exactness"
    title = "RTL equals the integer network, over the bus"
    inputs = (VECTORS, "soc/soc.json")
    what = "RTL"

    def sources(self, context: GateContext, build: Path) -> list[Path]:
        """The files that the flow reads."""
        return rtl_sources(context.engine_dir)

    def tables(self, context: GateContext) -> dict[str, Rows]:
        """Cycles per layer, as the engine's description states them."""
        path = context.path("accel/accel.json")
        if not path.is_file():
            return {}
        accel = context.json("accel/accel.json")
        rows: Rows = [{"layer": s["name"], "cycles": s["steps"]} for s in accel.get("stages", [])]
        rest = int(accel["cycles"]) - sum(int(s["steps"]) for s in accel.get("stages", []))
        return {"cycles_per_layer": [*rows, {"layer": "start and drain", "cycles": rest}]}


class NetlistExactnessGate(ExactnessGate):
    """A netlist, its cells as their Liberty functions."""

    def not_applicable(self, context: GateContext) -> str:
        """Inside a system the accelerator has no bus of its own to drive."""
        return "" if context.top == "accel" else "the whole system boots and infers instead: equivalence.boot"

    def sources(self, context: GateContext, build: Path) -> list[Path]:
        """One flat functional file."""
        return [functional(context, self.inputs[-1], build)]


class MappedExactnessGate(NetlistExactnessGate):
    """The netlist of synthesis."""

    id = "equivalence.mapped"
    title = "Mapped netlist equals the integer network, by simulation"
    inputs = (VECTORS, "soc/soc.json", "layout/{top}.mapped.v")
    what = "netlist after synthesis"


class RoutedExactnessGate(NetlistExactnessGate):
    """The netlist after place and route."""

    id = "equivalence.routed"
    title = "Post-route netlist equals the integer network, by simulation"
    inputs = (VECTORS, "soc/soc.json", "layout/{top}.v")
    what = "netlist after place and route"


def physical_cells(library: Library) -> list[str]:
    """Cells without a function."""
    cells = library.cells
    return [cells.tap, *cells.fillers, *cells.decaps, cells.antenna_diode[0]]


def functional(context: GateContext, netlist: str, build: Path) -> Path:
    """A netlist as one flat file of plain Verilog; hard macros stay instances."""
    library = context.library
    out = build / "functional.v"
    functional_netlist(
        context.path(netlist),
        context.top,
        library.typical.liberty,
        out,
        physical_cells=physical_cells(library),
        boxes=context.boxes if context.blocks and context.rtl else None,
        clock_gate=library.cells.clock_gate,
    )
    return out


def _log(what: str, sources: list[Path], done: ExactnessResult, context: GateContext) -> str:
    names = "\n".join(f"  {context.relative(s)}" for s in sources)
    messages = "\n".join(done.messages) or "none"
    return (
        f"{what} against the integer network, {context.relative(context.path(VECTORS))}\n{names}\n"
        f"vectors run: {done.n}\nvectors exact: {done.exact}\ncycles per inference: {done.cycles}\n"
        f"first mismatch: {done.first_mismatch}\nmessages: {messages}\nseconds: {done.seconds:.3f}\n"
    )
