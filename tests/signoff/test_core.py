"""Gates, registry, evidence, exit codes, JUnit, terminal table, HTML."""

from __future__ import annotations

import copy
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from asicflow.errors import ExitCode, ToolMissing, UserError
from asicflow.signoff import registry
from asicflow.signoff.context import GateContext
from asicflow.signoff.evidence import load_evidence, run_exit_code, validate, write_evidence
from asicflow.signoff.gate import Gate, run_gate
from asicflow.signoff.junit import junit_xml
from asicflow.signoff.report import exit_code, render_html, table
from asicflow.signoff.runner import run_gates
from asicflow.signoff.verdict import GateResult, UnverifiedError, Verdict

from .made_up import made_up_context, made_up_evidence, made_up_records


class Sample(Gate):
    """A gate whose behaviour the test sets."""

    id = "layout.sample"
    title = "Sample"
    inputs = ("layout/{top}.gds",)
    error: Exception | None = None

    def run(self, context: GateContext) -> GateResult:
        if self.error:
            raise self.error
        return GateResult(Verdict.PASS, "fine")


@pytest.fixture
def context(tmp_path: Path) -> GateContext:
    made_up_records(tmp_path)
    return made_up_context(tmp_path)


def test_pass_lists_its_inputs_as_evidence(context: GateContext) -> None:
    record = run_gate(Sample(), context)
    assert record.result.verdict is Verdict.PASS
    assert record.result.evidence == [context.root / "layout/accel.gds"]


def test_missing_input_is_unverified_by_name(tmp_path: Path) -> None:
    record = run_gate(Sample(), made_up_context(tmp_path))
    assert record.result.verdict is Verdict.UNVERIFIED
    assert "layout/accel.gds" in record.result.summary
    assert "flow stage" in record.result.close


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (UnverifiedError("no deck", "get the deck"), Verdict.UNVERIFIED),
        (ToolMissing("magic", "apt-get install magic"), Verdict.UNVERIFIED),
        (ValueError("odd"), Verdict.FAIL),
        (UserError("half a file"), Verdict.FAIL),
        (AssertionError(), Verdict.FAIL),
    ],
)
def test_an_exception_is_never_a_pass(context: GateContext, error: Exception, verdict: Verdict) -> None:
    gate = Sample()
    gate.error = error
    result = run_gate(gate, context).result
    assert result.verdict is verdict
    if verdict is Verdict.FAIL:
        assert "the checker broke" in result.summary
        assert result.evidence[0].read_text().startswith("Traceback")
    else:
        assert result.close


def test_a_gate_that_breaks_before_it_runs_fails(context: GateContext) -> None:
    class Broken(Sample):
        def not_applicable(self, context: GateContext) -> str:
            raise RuntimeError("lost")

    records, left_out = run_gates(context, [Broken()])
    assert records[0].result.verdict is Verdict.FAIL and not left_out


def test_not_applicable_is_left_out_with_reason(context: GateContext) -> None:
    class Elsewhere(Sample):
        def not_applicable(self, context: GateContext) -> str:
            return "another top"

    assert run_gates(context, [Elsewhere()]) == ([], [("layout.sample", "Sample", "another top")])


def test_registry_refuses_double_ids_and_strangers() -> None:
    with pytest.raises(UserError, match=r"layout\.sample"):
        registry.order([Sample(), Sample()])
    with pytest.raises(UserError, match="no sign-off gate"):
        registry._instance(int)  # type: ignore[arg-type]


def test_registry_finds_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "sample"
        value = "somewhere:Sample"

        def load(self) -> type[Gate]:
            return Sample

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()])
    assert any(isinstance(gate, Sample) for gate in registry.all_gates())
    monkeypatch.setattr(Point, "load", lambda self: 1 / 0)
    with pytest.raises(UserError, match="cannot be loaded"):
        registry.all_gates()


def test_ids_are_unique_and_described() -> None:
    gates = registry.all_gates()
    assert len({g.id for g in gates}) == len(gates)
    assert all(g.title and g.group for g in gates)


def test_evidence_follows_the_schema_and_round_trips(tmp_path: Path) -> None:
    evidence = made_up_evidence(tmp_path)
    path = tmp_path / "signoff" / "evidence.json"
    write_evidence(path, evidence)
    assert load_evidence(path) == load_evidence(tmp_path) == evidence
    gate = evidence["gates"][0]
    assert {"id", "group", "verdict", "summary", "figures", "evidence", "tool", "waiver"} <= set(gate)
    assert gate["evidence"][0]["path"] == "layout/accel.gds"
    assert evidence["counts"] == {"PASS": 1, "FAIL": 1, "WAIVED": 1, "UNVERIFIED": 1}


@pytest.mark.parametrize(
    "damage",
    [
        lambda e: e["gates"][0].update(verdict="GREEN"),
        lambda e: e["gates"][0].update(evidence=[]),
        lambda e: e["gates"][0]["evidence"][0].update(sha256="0"),
        lambda e: e["gates"][2].pop("close"),
        lambda e: e["gates"][3].update(waiver=None),
        lambda e: e["gates"][0].update(extra=1),
        lambda e: e.update(gates=[]),
    ],
)
def test_schema_refuses_bad_evidence(tmp_path: Path, damage: object) -> None:
    evidence = made_up_evidence(tmp_path)
    assert callable(damage)
    damage(evidence)
    with pytest.raises(jsonschema.ValidationError):
        validate(evidence)
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(evidence))
    with pytest.raises(UserError, match="damaged"):
        load_evidence(path)


def test_load_evidence_names_the_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no sign-off evidence"):
        load_evidence(tmp_path)


def test_exit_codes(tmp_path: Path) -> None:
    evidence = made_up_evidence(tmp_path)
    assert (exit_code(evidence), run_exit_code(evidence)) == (ExitCode.GATE_FAILED, ExitCode.GATE_FAILED)
    without_fail = copy.deepcopy(evidence)
    del without_fail["gates"][1]
    assert (exit_code(without_fail), run_exit_code(without_fail)) == (ExitCode.UNVERIFIED, ExitCode.OK)
    clean = copy.deepcopy(without_fail)
    clean["gates"][1]["mandatory"] = False
    assert (exit_code(clean), run_exit_code(clean)) == (ExitCode.OK, ExitCode.OK)
    optional_only = copy.deepcopy(clean)
    optional_only["gates"] = [g for g in clean["gates"] if not g["mandatory"]]
    assert exit_code(optional_only) is ExitCode.UNVERIFIED


def test_junit(tmp_path: Path) -> None:
    root = ET.fromstring(junit_xml(made_up_evidence(tmp_path)).split("\n", 1)[1])
    assert root.attrib["failures"] == "1" and root.attrib["skipped"] == "1" and root.attrib["tests"] == "4"
    failure = root.find(".//failure")
    assert failure is not None and failure.text is not None and "(1.500, 2.250) um met1" in failure.text


def test_terminal_table_shows_verdicts_and_the_first_place(tmp_path: Path) -> None:
    console = Console(record=True, width=160, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table(made_up_evidence(tmp_path)))
    text = console.export_text()
    assert "layout.drc" in text and "FAIL" in text and "UNVERIFIED" in text
    assert "(1.500, 2.250) um on met1" in text


def test_html_is_self_contained_and_escaped(tmp_path: Path) -> None:
    evidence = made_up_evidence(tmp_path)
    page = render_html(evidence, tmp_path, {"command": ["asicflow", "run"], "seed": 7, "stages": {}})
    assert "<markup>" not in page and "&lt;markup&gt;" in page
    for outside in ("http://", "https://", "<link", 'src="/', "@import"):
        assert outside not in page
    for gate in evidence["gates"]:
        assert gate["id"] in page and gate["summary"] in page
    assert evidence["gates"][0]["evidence"][0]["sha256"] in page
    assert "install Magic" in page and "asicflow run" in page
