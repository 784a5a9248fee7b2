"""The ladder: every fault ends where it must, and a healthy board passes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from asicflow.board.bench import SimulatedBench, simulator
from asicflow.board.bringup import DATA, PAGE, PLOT, headline, summarize, write_results
from asicflow.board.faults import Fault, parse_fault
from asicflow.board.ladder import Controls, Job, Outcome, State, Step, StepFailed, climb
from asicflow.board.link import Link
from asicflow.board.march import ends, march
from asicflow.board.simulated import SimulatedBoard
from asicflow.board.steps import STEPS
from asicflow.errors import UserError
from asicflow.firmware.image import BootMode
from asicflow.workspace import Workspace

pytestmark = pytest.mark.slow

Vectors = tuple[NDArray[np.int64], NDArray[np.int64]]
PASS, FAIL, SKIP, OPEN = State.PASS, State.FAIL, State.NOT_RUN, State.UNVERIFIED


def run(
    chip_run: tuple[Workspace, Path], vectors: Vectors, fault: Fault | None, numbers: str
) -> tuple[Job, dict[int, Outcome]]:
    """Climb some of the steps with a fault."""
    described, executable = simulator(chip_run[0])
    bench = SimulatedBench(executable, described.soc["clock"]["hz"], fault)
    job = Job(bench, described, vectors[0][:6], vectors[1][:6], march_words=8)
    steps = [step for step in STEPS if str(step.number) in numbers]
    try:
        outcomes = climb(steps, job, lambda _: None)
        assert bench.board.messages() == []
    finally:
        bench.close()
    return job, {outcome.number: outcome for outcome in outcomes}


def test_a_healthy_board_passes_every_step(chip_run: tuple[Workspace, Path], vectors: Vectors, tmp_path: Path) -> None:
    job, outcomes = run(chip_run, vectors, None, "0123456789")
    assert [o.state for o in outcomes.values()] == [OPEN, *[PASS] * 9], [o.reason for o in outcomes.values()]
    for outcome in list(outcomes.values())[1:]:
        assert outcome.controls.positive and outcome.controls.negative, outcome.title
    assert job.agreement == {"debug path": (3, 3), "firmware path": (6, 6)}
    data = summarize(job, list(outcomes.values()), "sim", None)
    write_results(data, tmp_path)
    assert json.loads((tmp_path / DATA).read_text())["verdict"] == "PASS"
    page = (tmp_path / PAGE).read_text()
    assert (
        "exact on 6 of 6" in page and "data:image/png;base64," in page and "http" not in page.replace("http-equiv", "")
    )
    assert (tmp_path / PLOT).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("fault", "numbers", "states", "reason"),
    [
        (Fault.DEAD_HOST, "01248", [OPEN, FAIL, SKIP, SKIP, PASS], "does not answer ESC"),
        (Fault.DEAD_FLASH, "018", [OPEN, PASS, FAIL], "NO_IMAGE, and waits for the host"),
        (Fault.CORRUPT_IMAGE, "018", [OPEN, PASS, FAIL], "BAD_CRC, and waits for the host"),
        (Fault.WRONG_CLOCK, "013", [OPEN, PASS, FAIL], "clock: 75"),
        (Fault.STUCK_CPU, "012456", [OPEN, PASS, PASS, PASS, FAIL, SKIP], "no answer to request 0"),
        (Fault.BYTE_ERRORS, "0123457", [OPEN, *[PASS] * 6], ""),
    ],
)
def test_each_fault_ends_where_it_must(
    chip_run: tuple[Workspace, Path], vectors: Vectors, fault: Fault, numbers: str, states: list[State], reason: str
) -> None:
    job, outcomes = run(chip_run, vectors, fault, numbers)
    assert [o.state for o in outcomes.values()] == states, [o.reason for o in outcomes.values()]
    failed = [o.reason for o in outcomes.values() if o.state is FAIL]
    assert all(reason in text for text in failed) if failed else job.chip and job.chip.port.counts.retries > 0


def test_a_dip_of_the_supply_is_told(chip_run: tuple[Workspace, Path], vectors: Vectors) -> None:
    described, executable = simulator(chip_run[0])
    bench = SimulatedBench(executable, described.soc["clock"]["hz"])
    job = Job(bench, described, vectors[0][:6], vectors[1][:6], march_words=8)
    steps = [*STEPS[:2], Step(2, "dip", (1,), lambda j, _: _dip(j, bench)), STEPS[4]]
    steps[3] = Step(4, STEPS[4].title, (2,), STEPS[4].action)
    try:
        outcomes = climb(steps, job, lambda _: None)
    finally:
        bench.close()
    assert [o.state for o in outcomes] == [OPEN, PASS, FAIL, SKIP]
    assert "the chip was reset while it worked" in outcomes[2].reason and "supply" in outcomes[2].hint


def _dip(job: Job, bench: SimulatedBench) -> None:
    bench.board.brown_out(1000)
    job.connected().identify()


def test_the_sweep_finds_the_limit(chip_run: tuple[Workspace, Path], vectors: Vectors) -> None:
    job, outcomes = run(chip_run, vectors, Fault.SLOW_SILICON, "0149")
    assert outcomes[9].state is PASS
    limits = {p["supply"]: p["hz"] / 50e6 for p in job.shmoo if not p["exact"]}
    assert limits == {0.9: pytest.approx(1.2), 1.0: pytest.approx(1.4), 1.1: pytest.approx(1.6)}


def test_a_step_whose_control_notices_nothing_fails() -> None:
    controls = Controls()
    with pytest.raises(StepFailed, match="proves nothing"):
        controls.must_differ("a planted error", False)
    with pytest.raises(StepFailed, match="expected 0x10, found 0x11"):
        controls.expect("register", 0x11, 0x10)


def test_the_march_names_the_word(chip_run: tuple[Workspace, Path], vectors: Vectors) -> None:
    described, executable = simulator(chip_run[0])
    bench = SimulatedBench(executable, described.soc["clock"]["hz"])
    job = Job(bench, described, *vectors)
    bench.board.reset()
    try:
        chip = job.connect()
        chip.port.hold_cpu()
        addresses = ends(0x1800_0000, 4096, 6)
        assert addresses == [0x1800_0000, 0x1800_0004, 0x1800_0008, 0x1800_0FF4, 0x1800_0FF8, 0x1800_0FFC]
        assert march(chip.port, addresses, lambda _: None).wrong == []
        assert march(chip.port, addresses, lambda _: None, plant=0x1800_0FF8).wrong == [(0x1800_0FF8, 0xFFFF_FFFF)]
    finally:
        bench.close()


class ChangesOneCommand:
    """A line on which the 40th write of ones arrives as a fill from there on."""

    def __init__(self, line: SimulatedBoard) -> None:
        self.line, self.left = line, 40

    def write(self, data: bytes) -> None:
        if data == b"W 0xFFFFFFFF\n":
            self.left -= 1
            data = b"F" + data[1:] if self.left == 0 else data
        self.line.write(data)

    def read(self, count: int, characters: int) -> bytes:
        return self.line.read(count, characters)

    def close(self) -> None:
        self.line.close()


def test_the_march_starts_again_when_the_chip_wrote_what_it_was_not_told(chip_run: tuple[Workspace, Path]) -> None:
    described, executable = simulator(chip_run[0])
    with SimulatedBoard(executable) as board:
        board.reset(BootMode.HOST)
        board.run(2000)
        line = ChangesOneCommand(board)
        port = Link(line)
        port.connect()
        port.hold_cpu()
        shares: list[float] = []
        memory = described.system.memory("dmem")
        assert march(port, ends(memory.base, memory.bytes, 64), shares.append).wrong == []
        assert line.left < 0 and port.counts.misunderstood
        assert sum(a > b for a, b in pairwise(shares)) == 1


def test_the_headline_says_what_failed(chip_run: tuple[Workspace, Path], vectors: Vectors) -> None:
    job, outcomes = run(chip_run, vectors, Fault.DEAD_HOST, "01")
    data = summarize(job, list(outcomes.values()), "sim", "dead-host")
    assert data["verdict"] == "FAIL" and headline(data) == "step 1 failed; no inference was made"


def test_a_fault_that_is_none_lists_those_there_are() -> None:
    with pytest.raises(UserError, match="no fault 'fire'") as caught:
        parse_fault("fire")
    assert all(fault in str(caught.value) for fault in Fault)
