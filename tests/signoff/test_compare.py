"""Two runs compared: what got worse, what differs, exit codes; the page written elsewhere; foreign layouts."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from asicflow.signoff.compare import compare, difference_tables
from asicflow.signoff.evidence import Evidence, load_evidence, write_evidence

from .hand_made import HandMade, verilog
from .made_up import made_up_evidence


def asicflow(*args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from asicflow.cli import main; main()", *map(str, args)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return made_up_evidence(tmp_path / "a")


def gate(evidence: Evidence, name: str) -> dict[str, object]:
    found: dict[str, object] = next(g for g in evidence["gates"] if g["id"] == name)
    return found


def test_equal_runs_do_not_differ(evidence: Evidence) -> None:
    found = compare(evidence, copy.deepcopy(evidence))
    assert not found.gates and not found.figures and not found.tools and not found.is_worse


@pytest.mark.parametrize(
    ("name", "change", "worse"),
    [
        ("rtl.exactness", {"verdict": "FAIL"}, True),
        ("rtl.exactness", {"verdict": "UNVERIFIED"}, True),
        ("layout.drc", {"verdict": "PASS", "findings_total": 0}, False),
        ("layout.drc", {"findings_total": 1}, False),
        ("layout.drc", {"findings_total": 3}, True),
        ("layout.density-min", {"verdict": "PASS"}, False),
        ("rtl.exactness", {"figures": {"vectors_exact": 511, "cycles": 301}}, False),
    ],
)
def test_changes(evidence: Evidence, name: str, change: dict[str, object], worse: bool) -> None:
    after = copy.deepcopy(evidence)
    gate(after, name).update(change)
    found = compare(evidence, after)
    assert found.is_worse is worse
    assert [c.id for c in found.gates] == ([] if "figures" in change else [name])
    if "figures" in change:
        assert [(f.key, f.before, f.after) for f in found.figures] == [("vectors_exact", 512, 511)]


def test_a_gate_that_is_gone_is_worse_a_new_one_is_not(evidence: Evidence) -> None:
    less = copy.deepcopy(evidence)
    less["gates"] = less["gates"][1:]
    assert compare(evidence, less).is_worse and not compare(less, evidence).is_worse


def test_tools_are_compared(evidence: Evidence) -> None:
    after = copy.deepcopy(evidence)
    after["tools"]["yosys"] = "0.71"
    found = compare(evidence, after)
    console = Console(record=True, width=120)
    console.print(difference_tables(evidence, after, found))
    assert found.tools == [("yosys", "0.70", "0.71")] and "0.71" in console.export_text()


def test_command_line(evidence: Evidence, tmp_path: Path) -> None:
    after = copy.deepcopy(evidence)
    gate(after, "rtl.exactness")["verdict"] = "FAIL"
    for name, data in (("a", evidence), ("b", after)):
        (tmp_path / name / "signoff").mkdir(parents=True)
        write_evidence(tmp_path / name / "signoff" / "evidence.json", data)
    assert asicflow("report", "--diff", "a", "a", cwd=tmp_path).returncode == 0
    worse = asicflow("report", "--diff", "a", "b", cwd=tmp_path)
    assert worse.returncode == 1 and "rtl.exactness" in worse.stdout
    assert asicflow("report", "--diff", "a", cwd=tmp_path).returncode == 2
    assert asicflow("report", "a", "b", cwd=tmp_path).returncode == 2


def test_page_elsewhere_links_to_the_evidence(evidence: Evidence, tmp_path: Path) -> None:
    (tmp_path / "a" / "signoff").mkdir(parents=True)
    write_evidence(tmp_path / "a" / "signoff" / "evidence.json", evidence)
    (tmp_path / "pages").mkdir()
    assert asicflow("report", "a", "--html", "pages/out.html", cwd=tmp_path).returncode == 1
    page = (tmp_path / "pages" / "out.html").read_text()
    links = [m for m in re.findall(r'<a href="([^"#]+)"', page) if m.endswith((".gds", ".json"))]
    assert links and all((tmp_path / "pages" / link).exists() for link in links)
    refused = asicflow("report", "a", "--html", "a/signoff/evidence.json/out.html", cwd=tmp_path)
    assert refused.returncode == 2 and "Traceback" not in refused.stderr


# -- layouts made elsewhere ---------------------------------------------------------------------------


@pytest.mark.slow
def test_foreign_layout_is_judged(made: HandMade, tmp_path: Path, pdk_root: Path) -> None:
    """A layout of another name, its netlist without taps' body pins, no DEF: what can be judged is."""
    top = made.layout.cell("accel")
    top.name = "chip"
    made.layout.write(str(tmp_path / "some.gds"))
    (tmp_path / "some.v").write_text(verilog(made.pin_nets, power=True).replace("module accel", "module chip"))
    done = asicflow("signoff", "some.gds", "--netlist", "some.v", "--pdk", "sky130", "-o", "out", cwd=tmp_path)
    found = {g["id"]: g["verdict"] for g in load_evidence(tmp_path / "out")["gates"]}
    for name in ("layout.drc", "layout.drc-lef", "layout.antenna", "lvs.cells", "lvs.device"):
        assert found[name] == "PASS", name
    assert found["lvs.top"] == "UNVERIFIED" and "rtl.lint" not in found
    failed = {n for n, v in found.items() if v == "FAIL"}
    assert failed == {"layout.sanity", "shuttle.precheck"}, "its corner is not the origin"
    assert done.returncode == 1 and "module chip" in (tmp_path / "out" / "layout" / "chip.v").read_text()
    (tmp_path / "some.v").write_text((tmp_path / "some.v").read_text().replace(".A(n1)", ".A(n4)"))
    done = asicflow("signoff", "some.gds", "--netlist", "some.v", "--pdk", "sky130", "-o", "out", cwd=tmp_path)
    data = json.loads((tmp_path / "out" / "signoff" / "evidence.json").read_text())
    failed = {g["id"] for g in data["gates"] if g["verdict"] == "FAIL"}
    assert failed == {"layout.sanity", "lvs.device", "shuttle.precheck"}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["none.gds", "--netlist", "n.v", "--pdk", "sky130"], "cannot be read"),
        (["bad.gds", "--netlist", "n.v", "--pdk", "sky130"], "layout cannot be read"),
        (["bad.gds", "--netlist", "n.v", "--pdk", "sky130", "--top", "y"], "no module y"),
        (["bad.gds", "--netlist", "n.v", "--pdk", "sky13", "--top", "x"], "did you mean 'sky130'"),
        (["bad.gds", "--pdk", "sky130"], "netlist"),
    ],
)
def test_wrong_input_is_one_clear_line(tmp_path: Path, pdk_root: Path, args: list[str], expected: str) -> None:
    (tmp_path / "bad.gds").write_text("no layout")
    (tmp_path / "n.v").write_text("module x (); endmodule\n")
    done = asicflow("signoff", *args, cwd=tmp_path)
    assert done.returncode == 2 and expected in " ".join(done.stderr.split()), done.stderr
    assert "Traceback" not in done.stderr
