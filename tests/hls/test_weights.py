"""The weight table: blocks cover every bit once, and are about the size at which wires stay short."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from asicflow.hls.plan import plan_engine
from asicflow.hls.weights import BLOCK, KEEP, weight_blocks, weight_words, weights_rtl

from .test_plan import dense_network


@given(st.integers(1, 5000), st.integers(1, 200), st.integers(1, 18))
def test_blocks_cover_every_bit_once(steps: int, count: int, bits: int) -> None:
    blocks = weight_blocks(steps, count, bits)
    covered = [bit for low, high in blocks for bit in range(low, high + 1)]
    assert covered == list(range(count * bits))
    assert all((high - low + 1) * steps < 2 * BLOCK or high == low for low, high in blocks)


def test_blocks_together_hold_the_weights() -> None:
    plan = plan_engine(dense_network(40, 30, 20), 1, 4)
    texts = weights_rtl(plan)
    words = [
        word for stage, walk in zip(plan.stages, plan.walks, strict=True) for word in weight_words(plan, stage, walk)
    ]
    found = [0] * len(words)
    for name, low in re.findall(
        r"(accel_engine_weights_\d+) .*?weights_o\[\d+:(\d+)\]", texts["accel_engine_weights"], re.S
    ):
        assert KEEP in texts[name]
        for step, value in re.findall(r"'d(\d+): weights_o = \d+'h([0-9a-f]+);", texts[name]):
            found[int(step)] |= int(value, 16) << int(low)
    assert found == words
