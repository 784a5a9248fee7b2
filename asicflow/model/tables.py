"""The tables of hls4ml's sigmoid and tanh, value for value.

Formulas and their mixture of single and double precision are those of
``nnet_activation.h`` in hls4ml's Vivado templates.
"""

from __future__ import annotations

import numpy as np

from asicflow.model.fixed import FixedType, IntArray, from_float

SPANS = {"sigmoid": 16, "tanh": 8}
"""Functions with a table, and the width of the range that it covers, centred at 0."""


def activation_table(function: str, size: int, kind: FixedType) -> IntArray:
    """Integers of type ``kind``, shape (size,)."""
    steps = np.arange(size, dtype=np.float32) - np.float32(size / 2)
    inputs = (SPANS[function] * steps.astype(np.float64) / size).astype(np.float32).astype(np.float64)
    if function == "tanh":
        values = np.tanh(inputs)
    else:
        exponentials = np.exp(-inputs).astype(np.float32)
        values = 1.0 / (np.float32(1) + exponentials).astype(np.float64)
    return from_float(values.astype(np.float32), kind)
