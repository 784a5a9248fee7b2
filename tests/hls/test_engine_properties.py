"""The engine's RTL equals the integer golden for any network, number format and split of multipliers."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asicflow.hls.plan import plan_engine
from asicflow.hls.stages import build_stages
from asicflow.model import golden
from asicflow.model.spec import Spec

from .icarus import run_icarus
from .networks import networks, random_inputs


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(spec=networks(), outputs=st.integers(1, 4), inputs=st.integers(1, 5), seed=st.integers(0, 1000))
def test_rtl_equals_golden(spec: Spec, outputs: int, inputs: int, seed: int) -> None:
    if any(stage.saturate for stage in build_stages(spec).stages):
        inputs = 1
    plan = plan_engine(spec, outputs, inputs)
    x_int = random_inputs(spec, 12, seed)
    with tempfile.TemporaryDirectory() as folder:
        found, cycles = run_icarus(plan, x_int, Path(folder))
    np.testing.assert_array_equal(found, golden.run(spec, x_int))
    assert cycles == plan.cycles
