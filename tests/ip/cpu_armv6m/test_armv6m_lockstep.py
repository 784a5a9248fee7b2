"""Every register, flag and memory write of random programs is unicorn's."""

from __future__ import annotations

from pathlib import Path

import pytest
from armv6m_lockstep import lockstep


def test_random_programs(core: Path, tmp_path: Path) -> None:
    outcome = lockstep(core, range(100), tmp_path)
    assert not outcome.mismatch, outcome.mismatch
    assert outcome.instructions > 15_000 and outcome.writes > 2_000


@pytest.mark.slow
def test_random_programs_on_the_fast_multiplier(fast_core: Path, tmp_path: Path) -> None:
    outcome = lockstep(fast_core, range(100, 125), tmp_path)
    assert not outcome.mismatch, outcome.mismatch
    assert outcome.instructions > 3_000
