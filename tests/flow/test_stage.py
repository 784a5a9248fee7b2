"""The flow stage end to end with a stand-in engine: results, resume and errors."""

import json
import os
import signal
import time
from pathlib import Path

import klayout.db as db
import pytest

from asicflow.config import Config
from asicflow.errors import StageError, ToolMissing, UserError
from asicflow.flow import stage, yosys
from asicflow.flow.job import Attempt
from asicflow.flow.settings import FlowSettings
from asicflow.pdk import Library
from asicflow.pdk.siliconcompiler import physical_cells
from asicflow.workspace import Workspace


@pytest.fixture
def lines() -> list[str]:
    return []


def finished(lines: list[str]) -> list[str]:
    """Steps that ran, from the progress lines."""
    return [line.split()[0] for line in lines if " done (" in line]


@pytest.mark.slow
def test_results_and_resume(run_dir: Workspace, config: Config, fake_engine: None, lines: list[str]) -> None:
    stage.run_flow(config, run_dir, lines.append)
    assert finished(lines) == ["elaborate", "lint", "synthesis", "place_route", "finish", "timing"]
    assert "pretending to place" in lines
    layout = run_dir.layout
    for name in ("def", "gds", "spef", "v", "pg.v", "mapped.v"):
        assert (layout / f"counter.{name}").stat().st_size > 0
    timing = json.loads((layout / "timing.json").read_text())
    assert timing["clock_period_ns"] == 20.0 and len(timing["corners"]) == 3
    for corner in timing["corners"].values():
        assert corner["setup_slack_ns"] > 0 and corner["unconstrained"] == 0
        assert all((layout / report).is_file() for report in corner["reports"].values())
    steps = json.loads((layout / "flow.json").read_text())["steps"]
    assert steps["synthesis"]["metrics"]["cellarea"]["value"] > 0
    assert steps["synthesis"]["metrics"]["registers"]["value"] == 4
    assert steps["synthesis"]["version"].startswith("0.")
    for name in ("layout.png", "detail.png"):
        assert (layout / name).read_bytes().startswith(b"\x89PNG")
    prove_netlist(run_dir, "counter.mapped.v", stage.load_target(config, print)[1])
    check_same_run_again(run_dir, config, lines)
    check_new_seed_runs_from_place_and_route(run_dir, config, lines)


def prove_netlist(run_dir: Workspace, netlist: str, library: Library) -> None:
    """Prove by induction that a netlist gives the RTL's outputs, from reset, for every input sequence."""
    folder = run_dir.root
    yosys.functional_netlist(
        run_dir.layout / netlist,
        "counter",
        library.slowest.liberty,
        folder / "flat.v",
        physical_cells=physical_cells(library),
    )
    yosys.run_yosys(
        f"""read_verilog -sv {run_dir.soc}/rtl/counter_core.sv {run_dir.soc}/rtl/counter.sv
prep -flatten -top counter
rename counter gold
read_verilog {folder}/flat.v
rename counter gate
proc
miter -equiv -flatten -make_assert gold gate miter
async2sync miter
sat -verify -prove-asserts -tempinduct -seq 1 -set-at 1 in_rst_ni 0 miter
""",
        folder / "prove.log",
    )


@pytest.mark.slow
def test_counter_with_the_real_engine(run_dir: Workspace, config: Config, lines: list[str]) -> None:
    stage.run_flow(config, run_dir, lines.append)
    library = stage.load_target(config, print)[1]
    timing = json.loads((run_dir.layout / "timing.json").read_text())
    assert timing["clean"], timing
    layout = json.loads((run_dir.layout / "layout.json").read_text())
    assert layout["conflicts"] == 0 and layout["clock"]["sinks"] == 4
    prove_netlist(run_dir, "counter.mapped.v", library)
    prove_netlist(run_dir, "counter.v", library)


def check_same_run_again(run_dir: Workspace, config: Config, lines: list[str]) -> None:
    lines.clear()
    stage.run_flow(config, run_dir, lines.append)
    assert finished(lines) == []


def check_new_seed_runs_from_place_and_route(run_dir: Workspace, config: Config, lines: list[str]) -> None:
    lines.clear()
    config.layout.seed = 7
    stage.run_flow(config, run_dir, lines.append)
    assert finished(lines) == ["place_route", "finish", "timing"]
    assert json.loads((run_dir.layout / "layout.json").read_text())["seed"] == 7


@pytest.mark.slow
@pytest.mark.parametrize("config", ["sky130"], indirect=True)
def test_missed_clock_is_tried_again_and_reported(
    run_dir: Workspace, config: Config, fake_engine: None, lines: list[str]
) -> None:
    sdc, soc = run_dir.soc / "counter.sdc", run_dir.soc / "soc.json"
    sdc.write_text(sdc.read_text().replace("-period 20.0", "-period 0.5"))
    soc.write_text(soc.read_text().replace("20.0", "0.5"))
    stage.run_flow(config, run_dir, lines.append)
    assert any("clock is missed by" in line for line in lines)
    assert finished(lines).count("synthesis") == 2
    timing = json.loads((run_dir.layout / "timing.json").read_text())
    assert timing["worst_setup_slack_ns"] < 0 and not timing["clean"]
    best = timing["worst_setup_slack_ns"]
    for strategy in ("area", "speed"):
        folder = run_dir.layout / "sc" / "counter" / strategy / "timing" / "0" / "outputs"
        assert json.loads((folder / "timing.json").read_text())["worst_setup_slack_ns"] <= best
        log = run_dir.layout / "sc" / "counter" / strategy / "synthesis" / "0" / "synthesis.log"
        assert ("asicflow_sklansky" in log.read_text()) == (strategy == "speed")


def attempt(setup: float, hold: float, strategy: str = "area") -> Attempt:
    return Attempt(Path(strategy), strategy, {"worst_setup_slack_ns": setup, "worst_hold_slack_ns": hold}, {})


class ScriptedJob:
    """Gives the attempts of a list one after the other, and remembers what was asked of it."""

    engine = "open"

    def __init__(self, *attempts: Attempt | StageError) -> None:
        self.attempts, self.asked = list(attempts), []
        self.settings = FlowSettings.model_construct(hold_margin_ns=0.1)

    def run(self, strategy: str, progress: object) -> Attempt:
        self.asked.append(strategy)
        result = self.attempts.pop(0)
        if isinstance(result, StageError):
            raise result
        return result

    def with_hold_margin(self, margin: float) -> "ScriptedJob":
        self.asked.append(margin)
        return self

    def with_utilization(self, utilization: float | None) -> "ScriptedJob":
        self.asked += [] if utilization is None else [f"{utilization:.0%}"]
        return self


@pytest.mark.parametrize(
    ("attempts", "asked", "chosen"),
    [
        ([attempt(1, 1)], ["area"], 0),
        ([attempt(-1, 1), attempt(2, 1, "speed")], ["area", "speed"], 1),
        ([attempt(-1, 1), attempt(-3, 1, "speed")], ["area", "speed"], 0),
        ([attempt(-1, 1), StageError("does not fit")], ["area", "speed"], 0),
        ([attempt(1, -0.2), attempt(1, 0.1)], ["area", 0.35, "area"], 1),
        ([attempt(1, -0.2), attempt(1, -0.3)], ["area", 0.35, "area"], 0),
        (
            [attempt(-1, 1), attempt(2, -0.2, "speed"), attempt(2, 0, "speed")],
            ["area", "speed", 0.35, "speed"],
            2,
        ),
    ],
)
def test_timing_is_mended_where_it_can_be(
    attempts: list[Attempt | StageError], asked: list[object], chosen: int, lines: list[str]
) -> None:
    job = ScriptedJob(*attempts)
    assert stage.close_timing(job, lines.append) is attempts[chosen]
    assert job.asked == asked


def test_later_attempts_begin_with_the_utilisation_that_was_routable(tmp_path: Path, lines: list[str]) -> None:
    first, second = attempt(1, -0.2, str(tmp_path)), attempt(1, 0.1)
    outputs = tmp_path / "place_route" / "0" / "outputs"
    outputs.mkdir(parents=True)
    (outputs / "layout.json").write_text('{"asked_utilization": 0.38}')
    job = ScriptedJob(first, second)
    assert stage.close_timing(job, lines.append) is second
    assert job.asked == ["area", "38%", 0.35, str(tmp_path)]


@pytest.mark.slow
@pytest.mark.parametrize("config", ["sky130"], indirect=True)
def test_failing_step_names_its_error_and_resumes(
    run_dir: Workspace, config: Config, fake_engine: None, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    import asicflow.flow.pnr

    good = asicflow.flow.pnr.implement

    def too_small(*arguments: object) -> None:
        raise UserError("the design needs 120 % of the die", where="die 10 x 10 um", hint="set layout.die_um")

    monkeypatch.setattr(asicflow.flow.pnr, "implement", too_small)
    with pytest.raises(StageError, match="place_route: the design needs 120 % of the die") as caught:
        stage.run_flow(config, run_dir, lines.append)
    assert caught.value.hint == "set layout.die_um" and caught.value.exit_code == 2
    assert not (run_dir.layout / "counter.gds").exists()

    monkeypatch.setattr(asicflow.flow.pnr, "implement", lambda *a: (_ for _ in ()).throw(ValueError("bug 42")))
    with pytest.raises(StageError, match="bug 42"):
        stage.run_flow(config, run_dir, lines.append)

    lines.clear()
    monkeypatch.setattr(asicflow.flow.pnr, "implement", good)
    stage.run_flow(config, run_dir, lines.append)
    assert finished(lines) == ["place_route", "finish", "timing"]


@pytest.mark.slow
@pytest.mark.parametrize("config", ["sky130"], indirect=True)
def test_interrupt_is_passed_on_and_the_run_can_go_on(
    run_dir: Workspace, config: Config, fake_engine: None, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    import asicflow.flow.pnr

    def interrupted(*arguments: object) -> None:
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(30)

    good = asicflow.flow.pnr.implement
    monkeypatch.setattr(asicflow.flow.pnr, "implement", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            stage.run_flow(config, run_dir, lines.append)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not (run_dir.layout / "counter.gds").exists()
    lines.clear()
    monkeypatch.setattr(asicflow.flow.pnr, "implement", good)
    stage.run_flow(config, run_dir, lines.append)
    assert finished(lines) == ["place_route", "finish", "timing"]


@pytest.mark.slow
@pytest.mark.parametrize("config", ["sky130"], indirect=True)
@pytest.mark.parametrize(
    ("damage", "step"), [("assign count_o = missing;", "elaborate"), ("assign count_o = (;", "elaborate")]
)
def test_bad_rtl_stops_early(run_dir: Workspace, config: Config, damage: str, step: str, lines: list[str]) -> None:
    path = run_dir.soc / "rtl" / "counter_core.sv"
    path.write_text(path.read_text().replace("assign count_o = count_q;", damage))
    with pytest.raises(StageError, match=f"step {step} failed"):
        stage.run_flow(config, run_dir, lines.append)


@pytest.mark.parametrize("config", ["sky130"], indirect=True)
def test_missing_soc_stage(run_dir: Workspace, config: Config) -> None:
    (run_dir.soc / "rtl" / "counter.sv").unlink()
    with pytest.raises(StageError, match="which is not there"):
        stage.run_flow(config, run_dir, print)
    (run_dir.soc / "soc.json").unlink()
    with pytest.raises(StageError, match=r"soc\.json is missing"):
        stage.run_flow(config, run_dir, print)


@pytest.mark.parametrize("config", ["sky130"], indirect=True)
def test_missing_pdk_file_is_named(run_dir: Workspace, config: Config, tmp_path: Path) -> None:
    (tmp_path / "lambdapdk" / "lambdapdk" / "sky130").mkdir(parents=True)
    config.pdk.root = tmp_path
    with pytest.raises(UserError, match=r"sky130_fd_sc\.tlef"):
        stage.run_flow(config, run_dir, print)


@pytest.mark.parametrize("config", ["sky130"], indirect=True)
def test_missing_tool_stops_before_anything_runs(
    run_dir: Workspace, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.shutil, "which", lambda name: None)
    with pytest.raises(ToolMissing, match="apt-get install verilator"):
        stage.run_flow(config, run_dir, print)
    assert not (run_dir.layout / "sc").exists()


def test_engine_choice() -> None:
    config = Config()
    assert stage.choose_engine(config) == "open"
    config.layout.engine = "openroad"
    assert stage.choose_engine(config) == "openroad"


def write_gds(path: Path, *tops: str) -> None:
    layout = db.Layout()
    for name in tops:
        layout.create_cell(name).shapes(layout.layer(1, 0)).insert(db.Box(0, 0, 10, 10))
    layout.write(str(path))


@pytest.mark.parametrize("tops", [("other",), ("counter", "stray"), ()])
def test_gds_must_have_the_one_top_cell(tmp_path: Path, tops: tuple[str, ...]) -> None:
    from asicflow.flow.finish import check_gds

    write_gds(tmp_path / "good.gds", "counter")
    assert check_gds(tmp_path / "good.gds", "counter").top_cell().name == "counter"
    write_gds(tmp_path / "bad.gds", *tops)
    with pytest.raises(StageError, match="one top cell counter"):
        check_gds(tmp_path / "bad.gds", "counter")


def test_empty_layout_file_is_found(tmp_path: Path) -> None:
    from asicflow.flow.finish import SOURCES, check_files

    for ending in SOURCES:
        (tmp_path / f"counter.{ending}").write_text("x")
    (tmp_path / "layout.json").write_text("{}")
    check_files(tmp_path, "counter")
    (tmp_path / "counter.spef").write_text("")
    with pytest.raises(StageError, match=r"counter\.spef is missing or empty"):
        check_files(tmp_path, "counter")
