"""The worst timing paths in words, read from OpenSTA's report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise

_START = re.compile(r"^Startpoint: (\S+)", re.MULTILINE)
_END = re.compile(r"^Endpoint: (\S+)", re.MULTILINE)
_SLACK = re.compile(r"^\s*(-?\d+\.\d+)\s+slack \((?:MET|VIOLATED)\)", re.MULTILINE)
_STEP = re.compile(
    r"^\s*(?:(?P<load>\d+\.\d+)\s+)?\d+\.\d+\s+(?P<delay>-?\d+\.\d+)\s+-?\d+\.\d+ [v^] (?P<pin>\S+) \((?P<cell>\S+)\)",
    re.MULTILINE,
)
_ARRIVAL = "data arrival time"


@dataclass(frozen=True)
class PathInWords:
    """One path: its ends, the blocks that it crosses, and where its time goes, in ns."""

    slack_ns: float
    start: str
    end: str
    through: list[str]
    cells: int
    cells_ns: float
    wires_ns: float
    slowest: str
    slowest_ns: float

    def __str__(self) -> str:
        ways = f" through {', '.join(self.through)}" if self.through else ""
        return (
            f"from {self.start} to {self.end}{ways}: {self.cells} cells take {self.cells_ns:.2f} ns and the wires "
            f"between them {self.wires_ns:.2f} ns; the slowest cell, {self.slowest}, takes {self.slowest_ns:.2f} ns"
        )


def read_paths(text: str, blocks: Mapping[str, str]) -> Iterator[PathInWords]:
    """Read a report of ``report_checks -format full_clock_expanded -fields {slew cap input_pin}``.

    Parameters
    ----------
    text : str
        The report.
    blocks : mapping
        Block of each instance, for the way that a path takes; instances without one are left out.
    """
    bounds = [*(m.start() for m in _START.finditer(text)), len(text)]
    for begin, end in pairwise(bounds):
        path = _read_path(text[begin:end], blocks)
        if path:
            yield path


def _read_path(text: str, blocks: Mapping[str, str]) -> PathInWords | None:
    first, last, slack = _START.search(text), _END.search(text), _SLACK.search(text)
    if not (first and last and slack):
        return None
    steps = list(_STEP.finditer(text.split(_ARRIVAL)[0]))
    # the clock's way to the first register comes before its output; a port has no such way
    at = next((i for i, s in enumerate(steps) if s["load"] and _instance(s["pin"]) == first[1]), 0)
    data = steps[at:]
    cells = [s for s in data if s["load"]]
    wires = [s for s in data if not s["load"]]
    if not cells:
        return None
    slowest = max(cells, key=lambda s: float(s["delay"]))
    crossed = [blocks[i] for s in data if (i := _instance(s["pin"])) in blocks]
    return PathInWords(
        slack_ns=float(slack[1]),
        start=first[1],
        end=last[1],
        through=[block for block, _ in groupby(crossed)],
        cells=len(cells),
        cells_ns=sum(float(s["delay"]) for s in cells),
        wires_ns=sum(float(s["delay"]) for s in wires),
        slowest=f"{slowest['pin']} ({slowest['cell']})",
        slowest_ns=float(slowest["delay"]),
    )


def _instance(pin: str) -> str:
    return pin.rpartition("/")[0] or pin
