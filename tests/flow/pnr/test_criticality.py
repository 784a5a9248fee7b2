"""Net weights for placement: the nets of late paths, the worst heaviest; none where all is in time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from asicflow.flow.pnr.criticality import HEAVIEST, net_weights


@dataclass(eq=False)
class FakeNet:
    name: str
    is_clock: bool = False


@dataclass(eq=False)
class FakeCell:
    pins: dict[str, FakeNet] = field(default_factory=dict)


@dataclass
class FakeTiming:
    """Slack per register pin, and the cell pin that each net's latest edge came through."""

    setup: list
    nets: dict

    def worst(self, kind: str) -> float | None:
        assert kind == "setup"
        return min((c.slack for c in self.setup), default=None)


@dataclass
class FakeCheck:
    instance: FakeCell
    pin: str
    slack: float


@dataclass
class Origin:
    origin: tuple[FakeCell, str, int] | None

    @property
    def later(self) -> Origin:
        return self


def two_paths(early: float, late: float) -> tuple[FakeTiming, dict[str, FakeNet]]:
    """Registers r1 and r2: clock -> q -> gate -> d1 (slack `late`), and q -> d2 directly (slack `early`)."""
    nets = {name: FakeNet(name, name == "clk") for name in ("clk", "q", "d1")}
    flop, gate = FakeCell({"CK": nets["clk"], "Q": nets["q"]}), FakeCell({"A": nets["q"], "Y": nets["d1"]})
    r1, r2 = FakeCell({"D": nets["d1"]}), FakeCell({"D": nets["q"]})
    timing = FakeTiming(
        [FakeCheck(r1, "D", late), FakeCheck(r2, "D", early)],
        {nets["q"]: Origin((flop, "CK", 0)), nets["d1"]: Origin((gate, "A", 0)), nets["clk"]: Origin(None)},
    )
    return timing, nets


def test_the_worst_path_weighs_most_and_clocks_nothing() -> None:
    timing, nets = two_paths(early=5.0, late=-2.0)
    assert net_weights(timing, 10.0) == {nets["d1"]: HEAVIEST, nets["q"]: HEAVIEST}  # type: ignore[arg-type]


def test_weights_fall_with_slack() -> None:
    timing, nets = two_paths(early=-0.5, late=-2.0)
    timing.setup = [*timing.setup[1:], FakeCheck(FakeCell({"D": FakeNet("x")}), "D", -2.0)]
    timing.nets[timing.setup[1].instance.pins["D"]] = Origin(None)
    weights = net_weights(timing, 10.0)  # type: ignore[arg-type]
    assert weights[nets["q"]] == pytest.approx(1 + (HEAVIEST - 1) * 1.5 / 3)  # type: ignore[index]


@pytest.mark.parametrize("slack", [1.0, 4.0])
def test_nothing_is_pulled_where_all_is_in_time(slack: float) -> None:
    timing, _ = two_paths(early=slack, late=slack)
    assert net_weights(timing, 10.0) == {}  # type: ignore[arg-type]
    assert net_weights(FakeTiming([], {}), 10.0) == {}  # type: ignore[arg-type]
