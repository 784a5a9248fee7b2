"""The source passes the linters that CONTRIBUTING names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]])
def test_linter_is_clean(project_root: Path, command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=project_root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
