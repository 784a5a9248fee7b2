"""The bring-up ladder: steps, what each needs, and how they are run.

A step compares what it found with what it expects (positive control) and then shows that it would have seen a
wrong value (negative control). A step whose ground is missing is not run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicflow.board.adp import LinkError
from asicflow.board.bench import Bench
from asicflow.board.chip import Chip, Description
from asicflow.board.link import Link
from asicflow.errors import AsicflowError, UserError


class State(StrEnum):
    """How a step ended."""

    PASS = "PASS"
    FAIL = "FAIL"
    UNVERIFIED = "UNVERIFIED"  # nobody could tell
    NOT_RUN = "NOT RUN"  # a step that it needs did not pass


class StepFailed(Exception):
    """A control did not come out as it must."""


class NotAsked(Exception):
    """What the step needs is not there: no person, no meter."""


@dataclass
class Job:
    """What the steps work with.

    Attributes
    ----------
    x, y : (N, n_in), (N, n_out) int64
        Vectors of the golden model.
    march_words : int or None
        Words of each memory that are tested through the debug port; None: all.
    chip : Chip or None
        From step 1 on.
    """

    bench: Bench
    described: Description
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    march_words: int | None = None
    progress: Callable[[str], None] = lambda _: None
    chip: Chip | None = None
    agreement: dict[str, tuple[int, int]] = field(default_factory=dict)
    shmoo: list[dict[str, Any]] = field(default_factory=list)

    def connected(self) -> Chip:
        """Return the chip (StepFailed when step 1 did not reach it)."""
        if self.chip is None:
            raise StepFailed("the chip was never reached")
        return self.chip

    def connect(self) -> Chip:
        """Connect after a reset that the ladder asked for, and return the chip."""
        chip = self.chip or Chip(Link(self.bench.line()), self.described)
        chip.port.connect()
        chip.mark()
        self.chip = chip
        return chip


@dataclass
class Controls:
    """What a step has shown: lines for the report."""

    positive: list[str] = field(default_factory=list)
    negative: list[str] = field(default_factory=list)

    def expect(self, what: str, found: object, expected: object) -> None:
        """Positive control: found must be the expected value."""
        if found != expected:
            raise StepFailed(f"{what}: expected {_text(expected)}, found {_text(found)}")
        self.positive.append(f"{what}: {_text(found)}")

    def note(self, text: str) -> None:
        """Add to what was found without an expected value."""
        self.positive.append(text)

    def must_differ(self, what: str, seen: bool) -> None:
        """Negative control: a planted difference must have been seen."""
        if not seen:
            raise StepFailed(f"negative control: {what} was not noticed, so the step proves nothing")
        self.negative.append(f"{what}: noticed")


def _text(value: object) -> str:
    return f"{value:#x}" if isinstance(value, int) and not isinstance(value, bool) and value > 9 else str(value)


@dataclass(frozen=True)
class Step:
    """One step: ``action`` gets the job and fills the controls; ``needs`` are numbers of steps before it."""

    number: int
    title: str
    needs: tuple[int, ...]
    action: Callable[[Job, Controls], None]


@dataclass
class Outcome:
    """How a step ended, and what it showed; ``reason`` says why it did not pass."""

    number: int
    title: str
    state: State
    reason: str = ""
    hint: str = ""
    seconds: float = 0.0
    controls: Controls = field(default_factory=Controls)
    retries: int = 0


def climb(steps: Sequence[Step], job: Job, show: Callable[[Outcome], None]) -> list[Outcome]:
    """Run the steps in order; ``show`` gets each outcome.

    Only errors of the tool itself (UserError) stop the ladder; what the chip does wrong is an outcome.
    """
    done: dict[int, Outcome] = {}
    for step in steps:
        blocked = [n for n in step.needs if done[n].state in (State.FAIL, State.NOT_RUN)]
        if blocked:
            reason = (
                f"needs step {blocked[0]}, which {'failed' if done[blocked[0]].state is State.FAIL else 'was not run'}"
            )
            outcome = Outcome(step.number, step.title, State.NOT_RUN, reason)
        else:
            job.progress(f"step {step.number}: {step.title}")
            outcome = _attempt(step, job)
        done[step.number] = outcome
        show(outcome)
    return list(done.values())


def _attempt(step: Step, job: Job) -> Outcome:
    start = time.monotonic()
    before = job.chip.port.counts.retries if job.chip else 0
    outcome = Outcome(step.number, step.title, State.PASS)
    try:
        step.action(job, outcome.controls)
    except NotAsked as error:
        outcome.state, outcome.reason = State.UNVERIFIED, str(error)
    except StepFailed as error:
        outcome.state, outcome.reason = State.FAIL, str(error)
    except UserError:
        raise
    except AsicflowError as error:
        outcome.state, outcome.reason, outcome.hint = State.FAIL, error.what, error.hint or ""
        if error.where:
            outcome.reason += f" ({error.where})"
    if step.number > 1 and job.chip is not None and outcome.state is not State.NOT_RUN:
        _blame_reset(job.chip, outcome)
    outcome.seconds = time.monotonic() - start
    outcome.retries = (job.chip.port.counts.retries if job.chip else 0) - before
    return outcome


def _blame_reset(chip: Chip, outcome: Outcome) -> None:
    """A reset that nobody asked for is a failure of the step, whatever else it saw."""
    try:
        chip.was_reset()
    except LinkError:
        return  # the outcome says what it saw; the link is no witness
    if chip.resets > chip.resets_told:
        chip.resets_told = chip.resets
        seen = f"; the step saw: {outcome.reason}" if outcome.reason else ""
        outcome.state = State.FAIL
        outcome.reason = f"the chip was reset while it worked{seen}"
        outcome.hint = "watch the supply with an oscilloscope: a dip makes the supervisor reset the chip"
