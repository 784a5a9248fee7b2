"""The report: ``report.html``, the terminal table, JUnit XML, all from ``evidence.json``."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from rich.markup import escape
from rich.table import Table

from asicflow.resources import resource
from asicflow.signoff import figures
from asicflow.signoff.evidence import (
    Evidence,
    load_evidence,
    report_exit_code,
    run_exit_code,
    unverified,
)
from asicflow.signoff.junit import write_junit
from asicflow.signoff.verdict import Verdict
from asicflow.workspace import Workspace, write_atomically

__all__ = [
    "exit_code",
    "load_evidence",
    "render_html",
    "run_exit_code",
    "table",
    "write_report",
]

GROUP_TITLES = {
    "model": "Model",
    "rtl": "RTL",
    "equivalence": "Equivalence",
    "timing": "Timing",
    "layout": "Layout",
    "lvs": "LVS",
    "power": "Power",
    "firmware": "Firmware",
    "provenance": "Provenance",
    "shuttle": "Shuttle",
}

_STYLE = {"PASS": "green", "FAIL": "bold red", "WAIVED": "cyan", "UNVERIFIED": "yellow"}

exit_code = report_exit_code


def table(evidence: Evidence) -> Table:
    """The gates as a table for the terminal."""
    counts = ", ".join(f"{n} {v}" for v, n in evidence["counts"].items() if n)
    found = Table(
        title=f"{evidence['design']} on {evidence['pdk']}: {headline(evidence)}",
        caption=counts,
        title_justify="left",
        caption_justify="left",
    )
    found.add_column("gate", no_wrap=True)
    found.add_column("verdict", no_wrap=True)
    found.add_column("what was found")
    group = ""
    for gate in evidence["gates"]:
        if group and gate["group"] != group:
            found.add_section()
        group = gate["group"]
        style = _STYLE[gate["verdict"]]
        summary = escape(gate["summary"])
        if gate["verdict"] == Verdict.FAIL and gate.get("findings"):
            summary += f"\n[dim]{escape(place_text(gate['findings'][0]))}[/]"
        name = gate["id"] + ("" if gate["mandatory"] else " [dim](optional)[/]")
        found.add_row(name, f"[{style}]{gate['verdict']}[/]", summary)
    return found


def headline(evidence: Evidence) -> str:
    """The verdict of the run in words."""
    if evidence["verdict"] == Verdict.PASS:
        return "ready for tape-out: every mandatory check passed"
    failed, open_ = evidence["counts"][Verdict.FAIL], evidence["counts"][Verdict.UNVERIFIED]
    parts = [f"{failed or 'no'} check{'' if failed == 1 else 's'} failed"]
    if open_:
        parts.append(f"{open_} {'is' if open_ == 1 else 'are'} unverified")
    return f"not ready for tape-out: {', '.join(parts)}"


def place_text(finding: dict[str, Any]) -> str:
    """A finding in one line, with its place."""
    if finding.get("x_um") is None:
        return str(finding["text"])
    layer = f" on {finding['layer']}" if finding.get("layer") else ""
    return f"{finding['text']} at ({finding['x_um']:.3f}, {finding['y_um']:.3f}) um{layer}"


def write_report(ws: Workspace) -> None:
    """Write ``report.html`` and ``report.xml`` beside ``evidence.json`` of a run directory.

    Raises
    ------
    UserError
        If there is no evidence, or it is damaged.
    """
    evidence = load_evidence(ws.signoff / "evidence.json")
    write_junit(ws.signoff / "report.xml", evidence)
    write_atomically(ws.signoff / "report.html", render_html(evidence, ws.root, ws.manifest()))


def render_html(
    evidence: Evidence, root: Path, manifest: dict[str, Any] | None = None, page: Path | None = None
) -> str:
    """Render the report as one self-contained page.

    Parameters
    ----------
    evidence : dict
        As in ``evidence.json``.
    root : Path
        The run directory; pictures are read from it and embedded, links point into it.
    manifest : dict, optional
        The run's manifest, for the command line and stage times.
    page : Path, optional
        Where the page will lie, for its links; default: ``signoff/report.html`` of the run directory.
    """
    templates = resource("signoff/templates")
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=jinja2.select_autoescape(("html", "html.j2", "j2")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["figure"] = figures.text
    env.filters["label"] = figures.label
    env.filters["place"] = place_text
    folder = (page.parent if page else root / "signoff").resolve()
    env.filters["link"] = lambda path: os.path.relpath(root / path, folder)
    env.globals["picture"] = lambda name: _embed(root / name)
    return env.get_template("report.html.j2").render(
        evidence=evidence,
        headline=headline(evidence),
        group_titles=GROUP_TITLES,
        open_gates=unverified(evidence),
        tiles=figures.tiles(evidence),
        charts=figures.charts(evidence),
        precision=figures.precision(evidence),
        layers=figures.legend(evidence),
        manifest=manifest or {},
        css=Markup((templates / "report.css").read_text()),
        js=Markup((templates / "report.js").read_text()),
        die=_die_picture(root),
    )


def _die_picture(root: Path) -> str:
    for name in ("signoff/pictures/die.png", "layout/layout.png"):
        if (root / name).is_file():
            return name
    return ""


def _embed(path: Path) -> str:
    """A PNG as a data URI; empty when the file is gone."""
    if not path.is_file():
        return ""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
