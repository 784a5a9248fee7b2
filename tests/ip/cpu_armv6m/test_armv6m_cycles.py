"""Cycles of each class of instruction are at most those of the table in the README."""

from __future__ import annotations

from pathlib import Path

import pytest
from armv6m_cycles import measure


def check(core: Path, folder: Path, multiply: int) -> None:
    slow = {name: figures for name, figures in measure(core, folder, multiply).items() if figures[0] > figures[1]}
    assert not slow, slow


def test_no_class_is_slower_than_its_table(core: Path, tmp_path: Path) -> None:
    check(core, tmp_path, 32)


@pytest.mark.slow
def test_nor_with_the_fast_multiplier(fast_core: Path, tmp_path: Path) -> None:
    check(fast_core, tmp_path, 1)
