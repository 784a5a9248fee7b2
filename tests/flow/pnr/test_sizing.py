"""Drive strengths chosen again with wires: late paths get faster, what does not help goes back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from kits import make_kit, random_netlist

from asicflow.flow.pnr import PnrOptions, sizing
from asicflow.flow.pnr.design import Design
from asicflow.flow.pnr.netlist import Net
from asicflow.flow.pnr.sizing import Sizing, net_slacks
from asicflow.flow.pnr.timing import CornerTiming

PERIODS = {"sky130": 1.0, "gf180": 4.0}
"""ns that no path of the netlist meets."""


@pytest.fixture(params=list(PERIODS))
def late(request: pytest.FixtureRequest, pdk_root: Path, tmp_path: Path) -> Design:
    """A placed and buffered design that is too slow; nothing was done about it yet."""
    kit = make_kit(request.param, pdk_root)
    source = tmp_path / "dut.v"
    source.write_text(random_netlist(kit, flops=16, gates=120, seed=3))
    run = Design(source, "dut", kit.library, PnrOptions("clk", 1000.0, utilization=0.3), lambda line: None)
    run.place()
    run.options = replace(run.options, clock_period_ns=PERIODS[request.param])
    return run


def area(run: Design) -> int:
    return sum(run.macros[i.cell].width * run.macros[i.cell].height for i in run.netlist.instances.values())


def cells(run: Design) -> dict[str, str]:
    return {name: i.cell for name, i in run.netlist.instances.items()}


def sized(run: Design, keep: set[Net] | None = None, analyse: Callable[[], CornerTiming] | None = None) -> Sizing:
    return Sizing(run.buffering, analyse or run._slowest, run.tree.nets | keep if run.tree and keep else set())


def test_late_paths_get_faster_within_the_room(late: Design) -> None:
    was, before_area = cells(late), area(late)
    work = sized(late)
    before, after = work.run()
    assert before < 0 and after > before + 0.05
    assert late._slowest().worst("setup") == pytest.approx(after)
    changed = {name for name, cell in cells(late).items() if cell != was[name]}
    assert changed and work.exchanged >= len(changed)
    for name in changed:
        assert cells(late)[name] in late.models.family(was[name])
    assert work.room >= 0 and area(late) - before_area <= sizing.GROWTH * before_area


def test_nothing_changes_where_all_is_in_time(late: Design) -> None:
    late.options = replace(late.options, clock_period_ns=1000.0)
    was = cells(late)
    before, after = sized(late).run()
    assert before == after > 0 and cells(late) == was


def test_no_cell_grows_without_room(late: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing, "GROWTH", 0.0)
    before = area(late)
    sized(late).run()
    assert area(late) <= before


def test_drivers_of_kept_nets_stay(late: Design) -> None:
    was = cells(late)
    work = Sizing(late.buffering, late._slowest, set(late.netlist.nets.values()))
    assert work.run()[1] < 0 and cells(late) == was and work.exchanged == 0


def test_what_does_not_help_is_taken_back(late: Design) -> None:
    """Negative control: an analysis in which every exchange looks worse than what was before."""
    was, calls = cells(late), 0

    def worse() -> CornerTiming:
        nonlocal calls
        timing = late._slowest()
        for check in timing.setup:
            check.slack -= 1000 * calls
        calls += 1
        return timing

    work = Sizing(late.buffering, worse, set())
    before, after = work.run()
    assert calls > 2 and before == after and work.exchanged == 0 and cells(late) == was


def test_the_worst_slack_leads_back_to_a_register(late: Design) -> None:
    timing = late._slowest()
    slacks = net_slacks(timing, late.models)
    worst = timing.worst("setup")
    assert worst is not None
    assert min(min(pair) for pair in slacks.values()) == pytest.approx(worst)
    check = min(timing.setup, key=lambda c: c.slack)
    net, edge = check.instance.pins[check.pin], check.edge
    while (origin := timing.nets[net].edges[edge].origin) and not net.is_clock:  # type: ignore[union-attr]
        assert slacks[net][edge] == pytest.approx(worst)
        view = late.models.cell(origin[0].cell)
        if view is None or view.is_sequential:
            break
        net, edge = origin[0].pins[origin[1]], origin[2]
    assert view is not None and view.is_sequential
    assert all(math.isinf(s) or s >= worst - 1e-9 for pair in slacks.values() for s in pair)
