"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The source checkout."""
    return PROJECT


@pytest.fixture(scope="session")
def pdk_root() -> Path:
    """The PDK data. Tests that need it fail without it: a skipped check proves nothing."""
    value = os.environ.get("ASICFLOW_PDK_ROOT")
    if not value:
        pytest.fail("set ASICFLOW_PDK_ROOT to the folder that holds lambdapdk/ (see README.md)")
    root = Path(value).resolve()
    if not (root / "lambdapdk" / "lambdapdk").is_dir():
        pytest.fail(f"ASICFLOW_PDK_ROOT={value} holds no lambdapdk/lambdapdk")
    return root
