"""Bring-up of a chip: climb the ladder, write ``bringup.json``, the page and the shmoo plot."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from asicflow import __version__
from asicflow.board.ladder import Job, Outcome, State
from asicflow.board.link import Counts
from asicflow.resources import resource
from asicflow.workspace import now, write_atomically

BRINGUP_SCHEMA = "asicflow.bringup/1"
DATA, PAGE, PLOT = "bringup.json", "bringup.html", "shmoo.png"


def summarize(job: Job, outcomes: Sequence[Outcome], port: str, fault: str | None) -> dict[str, Any]:
    """Return the contents of ``bringup.json``."""
    counts = Counter(outcome.state for outcome in outcomes)
    soc = job.described.soc
    return {
        "schema": BRINGUP_SCHEMA,
        "created": now(),
        "asicflow": __version__,
        "design": soc["name"],
        "build": soc["build_sha256"],
        "model": soc["model_sha256"],
        "port": port,
        "simulated": port == "sim",
        "fault": fault,
        "verdict": "FAIL" if counts[State.FAIL] or counts[State.NOT_RUN] else "PASS",
        "counts": {state.value: counts[state] for state in State},
        "agreement": {path: list(figures) for path, figures in job.agreement.items()},
        "link": asdict(job.chip.port.counts if job.chip else Counts()),
        "steps": [_step(outcome) for outcome in outcomes],
        "shmoo": job.shmoo,
    }


def _step(outcome: Outcome) -> dict[str, Any]:
    data = asdict(outcome)
    controls = data.pop("controls")
    return {**data, "seconds": round(outcome.seconds, 2), **controls}


def headline(data: dict[str, Any]) -> str:
    """Return one line: the agreement, and the steps that failed."""
    agreed = ", ".join(
        f"exact on {exact} of {count} vectors ({path})" for path, (exact, count) in data["agreement"].items()
    )
    failed = [str(step["number"]) for step in data["steps"] if step["state"] == State.FAIL]
    verdict = f"step {', '.join(failed)} failed" if failed else "every step that was run passed"
    return f"{verdict}; {agreed or 'no inference was made'}"


def write_results(data: dict[str, Any], folder: Path) -> None:
    """Write ``bringup.json``, ``bringup.html`` and, after a sweep, ``shmoo.png`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / DATA, json.dumps(data, indent=2) + "\n")
    picture = ""
    if data["shmoo"]:
        plot_shmoo(data["shmoo"], data["design"], folder / PLOT)
        picture = base64.b64encode((folder / PLOT).read_bytes()).decode()
    write_atomically(folder / PAGE, render(data, picture))


def render(data: dict[str, Any], shmoo: str = "") -> str:
    """Return the page; ``shmoo`` is a PNG in base64."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    css = resource("signoff/templates/report.css").read_text()
    page = environment.get_template("bringup.html.j2")
    return page.render(data=data, css=css, headline=headline(data), shmoo=shmoo)


def plot_shmoo(points: Sequence[dict[str, Any]], design: str, path: Path) -> None:
    """Draw which clock works at which supply: 1 exact, 0 not, blank where the sweep had ended."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    clocks = sorted({p["hz"] for p in points})
    supplies = sorted({p["supply"] for p in points})
    grid = np.full((len(supplies), len(clocks)), np.nan)
    for p in points:
        grid[supplies.index(p["supply"]), clocks.index(p["hz"])] = p["exact"]
    figure = Figure(figsize=(7, 1.6 + 0.55 * len(supplies)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.imshow(grid, cmap=ListedColormap(["#c8323c", "#1c8f5f"]), vmin=0, vmax=1, aspect="auto", origin="lower")
    axes.set_xticks(range(len(clocks)), [f"{hz / 1e6:.1f}" for hz in clocks])
    axes.set_yticks(range(len(supplies)), [f"{supply:.0%}" for supply in supplies])
    axes.set_xticks(np.arange(-0.5, len(clocks)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(supplies)), minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
    for (row, column), value in np.ndenumerate(grid):
        if not np.isnan(value):
            axes.text(column, row, "exact" if value else "fails", ha="center", va="center", color="white", fontsize=9)
    axes.set_xlabel("clock, MHz")
    axes.set_ylabel("supply, of nominal")
    axes.set_title(f"{design}: inference through the debug port", fontsize=11)
    figure.savefig(path, dpi=120)
