"""Which engine: the cost model (`asicflow.hls.area`) decides before anything is synthesised.

A reuse factor that the user gives stands; the budget only says whether it may. ``auto`` takes four multipliers,
fewer when the budget is smaller, and with a limit on the cycles of an inference the fewest that keep it.

An adder graph takes the place of shared multipliers (``hls.engine: auto``) where it is no larger than the engine
of the reuse factor asked for, or, with ``reuse: auto``, where its area times the cycles from one inference to the
next is smaller and its area at most twice that of the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from asicflow.errors import ToolMissing, UserError
from asicflow.hls.area import graph_nand2, least_nand2, time_multiplexed_nand2, unrolled_nand2
from asicflow.hls.memory import memories
from asicflow.hls.plan import EnginePlan, choose_split, plan_engine
from asicflow.hls.stages import build_stages
from asicflow.hls.unroll import UnrolledPlan, plan_unrolled
from asicflow.model.spec import Spec

AUTO_MULTIPLIERS = 4
AUTO_GRAPH = 2.0
"""Largest area of an adder graph that ``auto`` takes, over that of four multipliers."""
_MOST_MULTIPLIERS = 512


@dataclass(frozen=True)
class Budget:
    """Largest cell area of an engine in mm2, and the area of a NAND2 in um2."""

    mm2: float
    nand2_um2: float

    def area_mm2(self, nand2: float) -> float:
        """The area of so many NAND2 equivalents."""
        return nand2 * self.nand2_um2 / 1e6

    def check(self, nand2: float, what: str) -> None:
        """Refuse an area beyond the budget (UserError)."""
        area = self.area_mm2(nand2)
        if area > self.mm2:
            raise UserError(
                f"{what} needs about {area:,.2f} mm2 of cells; the budget is {self.mm2:g} mm2",
                where="hls.budget_mm2",
                hint="raise hls.budget_mm2, narrow the weights (model.precision.width), or use "
                "hls.engine: time-multiplexed",
            )


@dataclass
class Choice:
    """The plan that was taken, why, and every plan that was considered."""

    plan: EnginePlan
    why: str
    considered: list[dict[str, Any]] = field(default_factory=list)


def plan_for_reuse(spec: Spec, reuse: int | None, reloadable: bool = False) -> EnginePlan:
    """Plan the engine for a reuse factor, whatever its area, with weights that stay or are reloadable.

    The largest layer gets a multiplier for every ``reuse`` of its multiplications;
    ``None`` aims at four multipliers.
    """
    return _plan(spec, AUTO_MULTIPLIERS if reuse is None else -(-spec.largest_layer // reuse), reloadable)


def _plan(spec: Spec, multipliers: int, reloadable: bool) -> EnginePlan:
    return plan_engine(spec, *choose_split(spec, max(1, multipliers), reloadable), reloadable)


class _Chooser:
    """Plans engines and keeps a record of them."""

    def __init__(self, spec: Spec, budget: Budget, reloadable: bool) -> None:
        self.spec, self.budget, self.reloadable = spec, budget, reloadable
        self.considered: list[dict[str, Any]] = []

    def look(self, multipliers: int) -> tuple[EnginePlan, float]:
        """A plan and its predicted area in mm2."""
        plan = _plan(self.spec, multipliers, self.reloadable)
        area = self.budget.area_mm2(time_multiplexed_nand2(plan))
        entry = {"no": plan.outputs, "ni": plan.inputs, "cycles": plan.cycles, "area_mm2": round(area, 4)}
        if entry not in self.considered:
            self.considered.append(entry)
        return plan, area

    def choose(self, plan: EnginePlan, why: str) -> Choice:
        return Choice(plan, why, self.considered)

    def too_large(self, area: float, what: str, hint: str) -> UserError:
        return UserError(
            f"{what} needs about {area:,.2f} mm2 of cells; the budget is {self.budget.mm2:g} mm2",
            where="hls.budget_mm2",
            hint=hint,
        )


def choose_engine(
    spec: Spec, reuse: int | None, max_cycles: int | None, budget: Budget, reloadable: bool = False
) -> Choice:
    """Choose a time-multiplexed engine.

    Parameters
    ----------
    spec : Spec
        The network.
    reuse : int or None
        The reuse factor asked for; None: automatic.
    max_cycles : int or None
        Most clock cycles of an inference, from start to done.
    budget : Budget
        What the engine may take.
    reloadable : bool
        Weights lie in a memory.

    Raises
    ------
    UserError
        If no engine keeps the limits; says which one would, or what to change.
    """
    chooser = _Chooser(spec, budget, reloadable)
    if reuse is not None:
        return _as_asked(chooser, reuse, max_cycles)
    if max_cycles is not None:
        return _fast_enough(chooser, max_cycles)
    count = AUTO_MULTIPLIERS
    plan, area = chooser.look(count)
    while area > budget.mm2 and count > 1:
        count //= 2
        plan, area = chooser.look(count)
    if area > budget.mm2:
        raise chooser.too_large(
            area,
            f"the network with {plan.multipliers} multiplier{'s' * (plan.multipliers > 1)}",
            f"{_largest_part(plan)}; use a smaller model or narrower types (model.precision.width), "
            "or raise hls.budget_mm2",
        )
    fits = "" if count == AUTO_MULTIPLIERS else f", the most that {budget.mm2:g} mm2 hold"
    return chooser.choose(plan, f"auto: {plan.multipliers} multipliers{fits}")


def _as_asked(chooser: _Chooser, reuse: int, max_cycles: int | None) -> Choice:
    wanted = -(-chooser.spec.largest_layer // reuse)
    plan, area = chooser.look(wanted)
    if max_cycles is not None and plan.cycles > max_cycles:
        raise UserError(
            f"a reuse factor of {reuse} takes {plan.cycles} cycles; at most {max_cycles} are asked for",
            where="hls.max_cycles",
            hint="use model.reuse: auto, which finds the largest factor that is fast enough",
        )
    if area > chooser.budget.mm2:
        fitting = _fitting(chooser, plan.multipliers)
        raise chooser.too_large(
            area,
            f"a reuse factor of {reuse} ({plan.outputs} x {plan.inputs} multipliers)",
            f"a reuse factor of {-(-chooser.spec.largest_layer // fitting)} fits" if fitting
            else f"{_largest_part(plan)}; use a smaller model, narrower types, or raise hls.budget_mm2",
        )  # fmt: skip
    return chooser.choose(plan, f"a reuse factor of {reuse} was asked for")


def _fitting(chooser: _Chooser, multipliers: int) -> int:
    """So many multipliers fit the budget; 0 if not even one does."""
    while multipliers > 1:
        multipliers //= 2
        if chooser.look(multipliers)[1] <= chooser.budget.mm2:
            return multipliers
    return 0


def _fast_enough(chooser: _Chooser, max_cycles: int) -> Choice:
    """The fewest multipliers that keep the cycles, among powers of two."""
    count = 1
    while True:
        plan, area = chooser.look(count)
        if area > chooser.budget.mm2:
            raise chooser.too_large(
                area,
                f"the network in {max_cycles} cycles (with {plan.multipliers} multipliers it takes {plan.cycles})",
                "allow more cycles (hls.max_cycles) or more area (hls.budget_mm2), or use hls.engine: adder-graph",
            )
        if plan.cycles <= max_cycles:
            return chooser.choose(plan, f"auto: the fewest multipliers for at most {max_cycles} cycles")
        if count >= min(_MOST_MULTIPLIERS, chooser.spec.largest_layer):
            raise UserError(
                f"a time-multiplexed engine takes {plan.cycles} cycles at least; at most {max_cycles} are asked for",
                where="hls.max_cycles",
                hint="allow more cycles, or use hls.engine: adder-graph",
            )
        count *= 2


def _largest_part(plan: EnginePlan) -> str:
    """What takes most of the area, in words."""
    bits, stored = sum(slot.width for slot in plan.slots), memories(plan).bits
    if plan.reloadable and stored > bits:
        return f"the memory of weights has {stored:,} bits; hls.weights: constant takes a small part of that"
    tensor = max(plan.network.tensors.values(), key=lambda t: t.size)
    return f"the store of feature maps has {bits:,} bits (the largest map has {tensor.size:,} values)"


def better_graph(
    spec: Spec, choice: Choice, reuse: int | None, levels: int | None, budget: Budget
) -> UnrolledPlan | None:
    """The adder graph that is better than the engine of a choice, or None; adds the reason to the choice.

    Parameters
    ----------
    spec : Spec
        The network.
    choice : Choice
        The time-multiplexed engine.
    reuse : int or None
        The reuse factor asked for.
    levels : int or None
        Most adders between two registers.
    budget : Budget
        What the engine may take.
    """
    shared = budget.area_mm2(time_multiplexed_nand2(choice.plan))
    limit = min(budget.mm2, shared if reuse is not None else AUTO_GRAPH * shared)
    guess = budget.area_mm2(sum(graph_nand2(stage) for stage in build_stages(spec).stages))
    entry: dict[str, Any] = {"engine": "adder-graph", "guess_mm2": round(guess, 4)}
    choice.considered.append(entry)
    if guess > limit:
        entry["why_not"] = f"at least about {guess:.2f} mm2, more than {limit:.2f} mm2"
        return None
    try:
        plan = plan_unrolled(
            spec, levels, lambda stage: budget.check(least_nand2(stage), f"layer '{stage.name}' alone")
        )
    except (UserError, ToolMissing) as error:
        entry["why_not"] = error.what
        return None
    area = budget.area_mm2(unrolled_nand2(plan))
    entry |= {"cycles": plan.cycles, "area_mm2": round(area, 4)}
    writes = spec.input.size
    if area > limit or area * (plan.cycles + writes) >= shared * (choice.plan.cycles + writes):
        entry["why_not"] = "larger, or slower for its size"
        return None
    choice.why = (
        f"adder graph: {area:.3f} mm2 and {plan.cycles} cycles instead of {shared:.3f} mm2 and {choice.plan.cycles} "
        f"cycles with {choice.plan.multipliers} multipliers"
    )
    return plan
