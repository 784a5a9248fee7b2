"""Gates on the trained model and its integer network."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asicflow.model import golden
from asicflow.model.fixed import to_float
from asicflow.model.spec import Spec
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import Finding, GateResult, Rows, Tool, UnverifiedError, Verdict, verdict_of

VECTORS = "model/vectors.npz"
SPEC = "model/spec.json"
REPORT = "model/model.json"

IntArray = npt.NDArray[np.int64]
NUMPY = Tool("numpy", np.__version__)


def load_vectors(context: GateContext) -> dict[str, npt.NDArray[Any]]:
    """The test vectors by name."""
    with np.load(context.path(VECTORS)) as data:
        return {key: data[key] for key in data.files}


def differences(found: npt.NDArray[Any], wanted: npt.NDArray[Any], what: str) -> list[Finding]:
    """One finding per differing vector; shapes are (N, n)."""
    if found.shape != wanted.shape:
        return [Finding(f"{what}: shape {found.shape} instead of {wanted.shape}", "shape")]
    rows = np.flatnonzero((found != wanted).any(axis=1))
    return [
        Finding(f"{what}: vector {row}, element {col}: {found[row, col]} instead of {wanted[row, col]}", "value")
        for row in rows
        for col in np.flatnonzero(found[row] != wanted[row])[:1]
    ]


class GoldenGate(Gate):
    """The integer network, run again, must give the stored vectors."""

    id = "model.golden"
    title = "Stored vectors equal the integer network, run again"
    inputs = (SPEC, VECTORS)

    def run(self, context: GateContext) -> GateResult:
        """Quantise the float inputs and run the integer network afresh."""
        spec = Spec.load(context.path(SPEC))
        vectors = load_vectors(context)
        x_int, y_int = vectors["x_int"], vectors["y_int"]
        findings = differences(x_int, golden.quantize_input(spec, vectors["x_float"]), "input")
        findings += differences(y_int, golden.run(spec, x_int), "output")
        if len(x_int) == 0:
            findings.append(Finding("there are no vectors", "count"))
        wrong = len(findings)
        return GateResult(
            verdict_of(findings),
            f"{len(x_int)} vectors recomputed, {wrong} differ" if wrong else f"{len(x_int)} vectors, all equal",
            {"vectors": len(x_int), "vectors_of_data": int(vectors.get("n_data", 0))},
            findings=findings,
            tool=NUMPY,
        )


class CsimGate(Gate):
    """hls4ml's compiled C simulation, run again, must equal the integer network bit for bit."""

    id = "model.csim"
    title = "hls4ml's C simulation equals the integer network"
    inputs = (SPEC, VECTORS)

    def run(self, context: GateContext) -> GateResult:
        """Load the compiled C simulation and run the stored inputs through it."""
        spec = Spec.load(context.path(SPEC))
        vectors = load_vectors(context)
        library = self._library(context)
        found = run_csim(library, vectors["x_float"], spec.output.size)
        findings = differences(found, to_float(vectors["y_int"], spec.output.type), "output")
        text = f"{len(found)} vectors through the compiled C simulation, "
        return GateResult(
            verdict_of(findings) if len(found) else Verdict.FAIL,
            text + (f"{len(findings)} differ" if findings else "all bits equal"),
            {"vectors": len(found), "vectors_exact": len(found) - len(findings)},
            findings=findings,
            evidence=[library],
            tool=Tool("hls4ml", _version("hls4ml")),
        )

    def _library(self, context: GateContext) -> Path:
        found = sorted(context.path("model/hls/firmware").glob("*.so"), key=lambda p: p.stat().st_mtime)
        if not found:
            raise UnverifiedError(
                "the compiled C simulation is not in model/hls/firmware",
                "finish the model stage of `asicflow run` (it needs g++)",
            )
        return found[-1]


def run_csim(library: Path, x: npt.NDArray[Any], n_out: int) -> npt.NDArray[np.float32]:
    """Call ``<project>_float`` of a compiled hls4ml project for every row of ``x`` (N, n_in)."""
    compiled = ctypes.CDLL(str(library))
    project = library.stem.rsplit("-", 1)[0]
    function = getattr(compiled, f"{project}_float")
    pointer = np.ctypeslib.ndpointer(dtype=np.float32, flags="C_CONTIGUOUS")
    function.argtypes, function.restype = [pointer, pointer], None
    x = np.ascontiguousarray(x.reshape(len(x), -1), dtype=np.float32)
    y = np.zeros((len(x), n_out), dtype=np.float32)
    for row in range(len(x)):
        function(x[row], y[row])
    return y


class AccuracyGate(Gate):
    """The loss of accuracy from float to fixed point stays inside what the user accepts."""

    id = "model.accuracy"
    title = "Accuracy of float and fixed point on the data"
    inputs = (REPORT, VECTORS)

    def run(self, context: GateContext) -> GateResult:
        """Recount the fixed-point decisions; compare with the float figures of the model stage."""
        report = context.json(REPORT)
        if not report.get("real_data"):
            raise UnverifiedError("no data was given", "give labelled data with --data x.npz")
        limits = context.config.signoff
        figures, findings = self._recount(context, report)
        for key in ("accuracy_float", "accuracy_fixed", "agreement"):
            if report.get(key) is not None:
                figures[f"{key}_percent"] = round(100 * float(report[key]), 3)
        figures["samples"] = int(report.get("samples", 0))
        agreement = report.get("agreement")
        if agreement is not None and agreement < limits.min_agreement:
            text = f"float and fixed agree on {agreement:.1%} of the decisions, {limits.min_agreement:.1%} asked"
            findings.append(Finding(text, "agreement"))
        drop = _drop(report)
        if drop is not None and drop > limits.max_accuracy_drop:
            findings.append(Finding(f"accuracy drops by {drop:.2%}, {limits.max_accuracy_drop:.2%} allowed", "drop"))
        if agreement is None and drop is None:
            raise UnverifiedError("the model makes no decision to compare", "give labelled data with --data x.npz")
        return GateResult(verdict_of(findings), _accuracy_text(report), figures, findings=findings, tool=NUMPY)

    def _recount(self, context: GateContext, report: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
        """Accuracy on the stored labelled vectors, counted here; the report's when all are stored."""
        vectors = load_vectors(context)
        labels = vectors.get("labels")
        labelled = np.flatnonzero(labels >= 0) if labels is not None else np.array([], dtype=np.int64)
        if labels is None or len(labelled) == 0 or vectors["y_int"].shape[1] < 2:
            return {}, []
        right = int((vectors["y_int"][labelled].argmax(axis=1) == labels[labelled]).sum())
        figures = {"labelled_vectors": len(labelled), "right_decisions": right}
        stated = report.get("accuracy_fixed")
        if stated is not None and report.get("samples") == len(labelled):
            counted = right / len(labelled)
            if abs(counted - stated) > 1e-9:
                return figures, [Finding(f"accuracy is {counted:.4f}, model.json says {stated:.4f}", "recount")]
        return figures, []


def _drop(report: dict[str, Any]) -> float | None:
    if report.get("accuracy_float") is None or report.get("accuracy_fixed") is None:
        return None
    return float(report["accuracy_float"]) - float(report["accuracy_fixed"])


def _accuracy_text(report: dict[str, Any]) -> str:
    parts = []
    if _drop(report) is not None:
        parts.append(f"float {report['accuracy_float']:.2%}, fixed {report['accuracy_fixed']:.2%}")
    if report.get("agreement") is not None:
        parts.append(f"same decision on {report['agreement']:.2%}")
    return f"{', '.join(parts)} of {report.get('samples', 0)} samples"


class RangeGate(Gate):
    """No accumulator overflows and no value wraps on the data; saturation is shown.

    Made-up inputs show nothing where the model brings its own formats, which fit the data it was trained on.
    """

    id = "model.range"
    title = "Ranges and overflows on the data"
    inputs = (SPEC, VECTORS, REPORT)

    def run(self, context: GateContext) -> GateResult:
        """Run the stored vectors through the integer network and count what does not fit."""
        spec = Spec.load(context.path(SPEC))
        vectors = load_vectors(context)
        n_data = int(vectors.get("n_data", 0)) or len(vectors["x_float"])
        profile = golden.Profile()
        x_int = golden.quantize_input(spec, vectors["x_float"][:n_data], profile)
        golden.run(spec, x_int, profile)
        findings: list[Finding] = []
        rows: Rows = []
        for name, seen in profile.layers.items():
            rows.append(
                {
                    "layer": name,
                    "values": seen.values,
                    "saturated": seen.saturated,
                    "wrapped": seen.wrapped,
                    "accumulator_overflows": seen.accumulator_overflows,
                }
            )
            if seen.wrapped or seen.accumulator_overflows:
                text = f"{name}: {seen.wrapped} values wrap, {seen.accumulator_overflows} accumulators overflow"
                findings.append(Finding(text, "overflow"))
        saturated = sum(s.saturated for s in profile.layers.values())
        report = context.json(REPORT)
        made_up = not report.get("real_data")
        verdict = Verdict.UNVERIFIED if made_up and findings else verdict_of(findings)
        return GateResult(
            verdict,
            f"{n_data} {'made-up ' * made_up}inputs, {saturated} values saturated, {len(findings)} layers overflow",
            {"inputs": n_data, "saturated": saturated, "why": str(report.get("precision_reason", ""))},
            {"profile": rows, "precision": precision_rows(report)},
            findings,
            tool=NUMPY,
            close="give real inputs with --data x.npz" if verdict is Verdict.UNVERIFIED else "",
        )


def precision_rows(report: dict[str, Any]) -> Rows:
    """The number formats of the model as a table."""
    reuse = report.get("reuse", {}).get("effective_by_layer", {})
    rows: Rows = [
        {
            "layer": "input",
            "kind": "",
            "size": "",
            "weights": "",
            "bias": "",
            "accumulator": "",
            "result": str(report.get("input_type", "")),
            "reuse": "",
        }
    ]
    for layer in report.get("layers", []):
        kind = layer.get("function") or layer["kind"]
        rows.append(
            {
                "layer": layer["name"],
                "kind": kind,
                "size": f"{layer['n_in']} → {layer['n_out']}",
                "weights": layer.get("weight") or layer.get("scale") or "",
                "bias": layer.get("bias", ""),
                "accumulator": layer.get("accum", ""),
                "result": layer["result"],
                "reuse": reuse.get(layer["name"], ""),
            }
        )
    return rows


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)
