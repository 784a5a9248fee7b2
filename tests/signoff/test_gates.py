"""Each gate on a made-up run: PASS when all is well, FAIL with the reason when an error is planted."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asicflow.config import Config
from asicflow.signoff.gate import Gate, run_gate
from asicflow.signoff.gates import BUILT_IN, lint, model, provenance, structure, timing
from asicflow.signoff.gates.pending import PENDING
from asicflow.signoff.verdict import GateResult, Verdict

from . import made_run

Plant = Callable[[Path], object]


def judge(gate: type[Gate], root: Path, pdk_root: Path) -> GateResult:
    record = run_gate(gate(), made_run.open_run(root, pdk_root))
    assert not isinstance(record, str)
    return record.result


@pytest.fixture(scope="module")
def clean_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clean") / "run"
    made_run.write_run(root)
    return root


@pytest.fixture
def run(clean_run: Path, tmp_path: Path) -> Path:
    """A copy of the clean run that the test may damage."""
    return Path(shutil.copytree(clean_run, tmp_path / "run"))


GATES = [
    g
    for g in BUILT_IN
    if g.__module__.rsplit(".", 1)[1] in ("model", "lint", "structure", "timing", "provenance")
    and g.id not in ("timing.fanout", "provenance.lfs", "provenance.pdk", "provenance.waivers")
]


@pytest.mark.parametrize("gate", GATES, ids=lambda g: g.id)
def test_clean_run_passes(gate: type[Gate], run: Path, pdk_root: Path) -> None:
    result = judge(gate, run, pdk_root)
    assert result.verdict is Verdict.PASS, (result.summary, result.findings)
    assert result.evidence and not result.findings


def test_endpoint_that_is_tied_needs_no_constraint(run: Path, pdk_root: Path) -> None:
    tie_endpoint(run, listed=1)
    assert judge(timing.UnconstrainedGate, run, pdk_root).verdict is Verdict.PASS


def edit_json(name: str, change: Callable[[dict[str, Any]], object]) -> Plant:
    def plant(root: Path) -> None:
        path = root / name
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))

    return plant


def edit_vectors(key: str, change: Callable[[Any], object]) -> Plant:
    def plant(root: Path) -> None:
        path = root / "model" / "vectors.npz"
        with np.load(path) as data:
            arrays = {k: data[k].copy() for k in data.files}
        change(arrays[key])
        np.savez(path, **arrays)

    return plant


def put(index: Any, value: Any) -> Callable[[Any], object]:
    return lambda array: array.__setitem__(index, value)


def edit_timing(change: Callable[[dict[str, Any]], object]) -> Plant:
    """Change timing.json; the reports agree with the change."""

    def plant(root: Path) -> None:
        data = made_run.timing()
        change(data)
        made_run.write_timing(root, data)

    return plant


def edit_rtl(old: str, new: str) -> Plant:
    assert old in made_run.RTL
    return lambda root: made_run.write_soc(root, made_run.RTL.replace(old, new))


def slow(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda data: data["corners"]["slow"].update(values)


def tie_endpoint(root: Path, listed: int) -> None:
    """One endpoint is tied to a constant, the report lists some."""
    edit_timing(slow(tied=["u1/TE"]))(root)
    told = f"There are {listed} unconstrained endpoints." if listed > 1 else "There is 1 unconstrained endpoint."
    (root / "layout/reports/check_slow.rpt").write_text(f"Warning: {told}\n  u1/TE\n")


VIOLATION = {"pin": "u7/Y", "cell": "inv_1", "value": 2.0, "limit": 1.5}
PATH = {"slack_ns": -0.4, "start": "u1/Q", "end": "u9/D"}

NARROW = edit_json(
    "model/spec.json", lambda d: (d["layers"][0]["result"].update(width=5), d["output"]["type"].update(width=5))
)
"""Results of too few bits."""

ERRORS: list[tuple[type[Gate], Plant, str]] = [
    (model.GoldenGate, edit_vectors("y_int", put((7, 1), 999)), "vector 7, element 1"),
    (model.GoldenGate, edit_vectors("x_int", put((3, 0), 1)), "vector 3"),
    (
        model.GoldenGate,
        edit_json("model/spec.json", lambda d: d["layers"][0]["weight"][0].__setitem__(1, 4)),
        "element 1",
    ),
    (model.CsimGate, lambda root: made_run.compile_csim(root, "0.25f"), "vector 0, element 0"),
    (model.CsimGate, edit_vectors("y_int", put((5, 0), 1)), "vector 5"),
    (model.AccuracyGate, edit_json("model/model.json", lambda d: d.update(accuracy_float=1.0)), "drops by"),
    (model.AccuracyGate, edit_json("model/model.json", lambda d: d.update(agreement=0.5)), "agree on 50"),
    (
        model.AccuracyGate,
        edit_json("model/model.json", lambda d: d.update(accuracy_fixed=0.99)),
        "model.json says",
    ),
    (
        model.RangeGate,
        NARROW,
        "wrap",
    ),
    (lint.LintGate, edit_rtl("logic en_i", "logic [1:0] en_i"), "accel.sv"),
    (lint.LintGate, edit_rtl("q_o <= d_i", "q_o <= e_i"), "e_i"),
    (
        structure.StructureGate,
        edit_rtl("always_ff @(posedge clk_i or negedge rst_ni)", "always_latch"),
        "latch",
    ),
    (
        structure.StructureGate,
        edit_rtl(
            "endmodule",
            "  logic a, b;\n  assign a = b ^ en_i;\n  assign b = a;\n  logic unused;\n  assign unused = b;\nendmodule",
        ),
        "loop",
    ),
    (
        structure.ClockDomainsGate,
        edit_rtl(
            "endmodule",
            "  logic r;\n  always_ff @(posedge en_i) r <= d_i[0];\n  assign q_o[0] = r;\nendmodule",
        ),
        "2 clocks: clk_i, en_i",
    ),
    (
        structure.ClockDomainsGate,
        edit_rtl("  input  logic en_i,", "  input  logic en_i,\n  input  logic wild_i,"),
        "input wild_i is not in the constraints",
    ),
    (timing.SetupGate, edit_timing(slow(setup_slack_ns=-0.4, setup_violations=[PATH])), "from u1/Q to u9/D"),
    (timing.SetupGate, edit_timing(slow(setup_slack_ns=-0.4)), "-0.400 ns"),
    (
        timing.SetupGate,
        edit_json("layout/timing.json", slow(setup_slack_ns=5.0)),
        "the report shows 0.250 ns",
    ),
    (timing.SetupGate, lambda root: (root / "layout/reports/setup_slow.rpt").unlink(), "is missing"),
    (
        timing.SetupGate,
        lambda root: (root / "layout/reports/setup_slow.rpt").write_text("No paths found.\n"),
        "shows no path",
    ),
    (
        timing.SetupGate,
        lambda root: (root / "layout/reports/setup_slow.rpt").write_text("Error: no such file\n  0.250 slack (MET)\n"),
        "Error",
    ),
    (timing.HoldGate, edit_timing(slow(hold_slack_ns=-0.1, hold_violations=[PATH])), "from u1/Q"),
    (timing.HoldGate, edit_timing(lambda d: d.update(corners={})), ""),
    (timing.SlewGate, edit_timing(slow(max_slew=[VIOLATION])), "u7/Y (inv_1) 2.0000 ns"),
    (timing.CapacitanceGate, edit_timing(slow(max_capacitance=[VIOLATION])), "limit 1.5000 pF"),
    (timing.UnconstrainedGate, edit_timing(slow(unconstrained=3)), "3 unconstrained"),
    (timing.UnconstrainedGate, edit_timing(slow(unclocked=1)), "1 unclocked"),
    (
        timing.UnconstrainedGate,
        lambda root: (root / "layout/reports/check_fast.rpt").write_text(
            "Warning: There are 2 input ports missing set_input_delay.\n"
        ),
        "2 input ports missing",
    ),
    (timing.UnconstrainedGate, lambda root: (root / "layout/reports/check_fast.rpt").unlink(), "is missing"),
    (timing.UnconstrainedGate, lambda root: tie_endpoint(root, listed=2), "There are 2 unconstrained"),
    (timing.ClockGate, edit_timing(slow(clock_period_ns=50.0)), "corner slow: 50 ns"),
    (
        timing.ClockGate,
        lambda root: (root / "soc/accel.sdc").write_text("create_clock -period 80 clk_i\n"),
        "SDC: 80",
    ),
    (timing.ClockGate, lambda root: (root / "soc/accel.sdc").unlink(), "SDC: 0"),
    (timing.CornersGate, edit_timing(slow(voltage=1.6)), "corner slow is"),
    (timing.CornersGate, edit_timing(lambda d: d["corners"].pop("slow")), "slow was not analysed"),
    (
        provenance.HashesGate,
        lambda root: (root / "model/vectors.npz").write_bytes(b"other"),
        "vectors.npz is not",
    ),
    (provenance.HashesGate, lambda root: (root / "soc/soc.json").unlink(), "soc.json is gone"),
    (
        provenance.HashesGate,
        edit_json("manifest.json", lambda d: d["stages"]["soc"].update(status="failed")),
        "stage soc is failed",
    ),
    (
        provenance.ToolsGate,
        edit_json("manifest.json", lambda d: d["tools"].update(sta="present")),
        "no version of sta",
    ),
    (
        provenance.RunGate,
        lambda root: (root / "asicflow.yaml").write_text("name: other\n"),
        "not the configuration",
    ),
    (provenance.RunGate, edit_json("manifest.json", lambda d: d.pop("seed")), "no seed"),
    (provenance.LicencesGate, edit_rtl("// SPDX-License-Identifier: Apache-2.0\n", ""), "no SPDX"),
    (provenance.LicencesGate, edit_rtl("Apache-2.0", "GPL-3.0-only"), "GPL-3.0-only"),
    (
        provenance.LicencesGate,
        edit_rtl("A register", "Confidential and proprietary. A register"),
        "onfidential",
    ),
]


@pytest.mark.parametrize(("gate", "plant", "reason"), ERRORS, ids=lambda v: getattr(v, "id", ""))
def test_planted_error_fails_with_its_reason(
    gate: type[Gate], plant: Plant, reason: str, run: Path, pdk_root: Path
) -> None:
    plant(run)
    result = judge(gate, run, pdk_root)
    assert result.verdict is Verdict.FAIL, result.summary
    assert "the checker broke" not in result.summary, result.summary
    assert any(reason in f.text for f in result.findings) or not reason, [f.text for f in result.findings]


def test_every_one_of_these_gates_has_a_planted_error() -> None:
    assert {g for g, _, _ in ERRORS} == set(GATES) - {structure.ResetGate}


def test_register_without_reset_is_unverified_by_name(run: Path, pdk_root: Path) -> None:
    bare = "always_ff @(posedge clk_i) begin\n    if (en_i) q_o <= d_i;\n"
    start, end = made_run.RTL.index("always_ff"), made_run.RTL.index("  end\nendmodule")
    made_run.write_soc(run, made_run.RTL[:start] + bare + made_run.RTL[end:])
    result = judge(structure.ResetGate, run, pdk_root)
    assert result.verdict is Verdict.UNVERIFIED and result.figures["bits_without_reset"] == 4
    assert result.tables["without_reset"][0]["bits"] == 4
    log = run / "signoff" / "build" / "rtl.xprop" / "power_up.log"
    log.parent.mkdir(parents=True)
    for text, verdict in (("RESULT 3 3 0", Verdict.PASS), ("RESULT 3 2 0", Verdict.UNVERIFIED),
                          ("RESULT 3 3 1", Verdict.UNVERIFIED), ("RESULT 0 0 0", Verdict.UNVERIFIED)):  # fmt: skip
        log.write_text(f"{text}\n")
        assert judge(structure.ResetGate, run, pdk_root).verdict is verdict


def test_judged_manifest_is_kept(run: Path, pdk_root: Path) -> None:
    """The run writes on in manifest.json: the evidence is a copy."""
    result = judge(provenance.HashesGate, run, pdk_root)
    assert result.evidence == [run / "signoff" / "manifest.json"]
    assert json.loads(result.evidence[0].read_text()) == json.loads((run / "manifest.json").read_text())


def test_csim_that_was_not_compiled_is_unverified(run: Path, pdk_root: Path) -> None:
    (run / "model/hls/firmware/network-abc.so").unlink()
    result = judge(model.CsimGate, run, pdk_root)
    assert result.verdict is Verdict.UNVERIFIED and "g++" in result.close


def test_accuracy_without_data_is_unverified(run: Path, pdk_root: Path) -> None:
    edit_json("model/model.json", lambda d: d.update(real_data=False))(run)
    assert judge(model.AccuracyGate, run, pdk_root).verdict is Verdict.UNVERIFIED


def test_overflow_on_made_up_inputs_is_unverified(run: Path, pdk_root: Path) -> None:
    edit_json("model/model.json", lambda d: d.update(real_data=False))(run)
    assert judge(model.RangeGate, run, pdk_root).verdict is Verdict.PASS
    NARROW(run)
    result = judge(model.RangeGate, run, pdk_root)
    assert result.verdict is Verdict.UNVERIFIED and result.findings and "--data" in result.close


def test_pdk_hashes(run: Path, pdk_root: Path) -> None:
    context = made_run.open_run(run, pdk_root)
    assert run_gate(provenance.PdkGate(), context).result.verdict is Verdict.UNVERIFIED  # type: ignore[union-attr]
    path = context.library.tech_lef
    name = f"pdk:{path.relative_to(pdk_root)}"
    from asicflow.workspace import sha256

    for digest, verdict in ((sha256(path), Verdict.PASS), ("0" * 64, Verdict.FAIL)):
        edit_json(
            "manifest.json",
            lambda d, x=digest: d["stages"].update(  # type: ignore[misc]
                flow={"status": "done", "inputs": {name: x}, "outputs": {}, "seconds": 0}
            ),
        )(run)
        result = judge(provenance.PdkGate, run, pdk_root)
        assert result.verdict is verdict
    assert path.name in result.findings[0].text


def test_pending_gates_never_pass(run: Path, pdk_root: Path) -> None:
    for gate in PENDING:
        context = made_run.open_run(run, pdk_root)
        assert "block" in str(run_gate(gate(), context))
        record = run_gate(gate(), dataclasses.replace(context, config=Config(name="tiny", top="soc")))
        assert not isinstance(record, str)
        assert record.result.verdict is Verdict.UNVERIFIED and record.result.close
