"""The documentation says what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from asicflow.errors import ExitCode


def test_configuration_page_is_current(project_root: Path) -> None:
    code = "import runpy; print(runpy.run_path('docs/generate.py')['page'](), end='')"
    page = subprocess.run([sys.executable, "-c", code], cwd=project_root, capture_output=True, text=True, check=True)
    assert (project_root / "docs/configuration.md").read_text() == page.stdout, "run: python docs/generate.py"


def test_every_exit_code_is_documented(project_root: Path) -> None:
    text = (project_root / "docs/cli.md").read_text()
    documented = {int(n) for n in re.findall(r"^\| (\d+) \|", text, flags=re.M)}
    assert documented == {int(code) for code in ExitCode}


def test_links_between_pages_lead_somewhere(project_root: Path) -> None:
    pages = [
        project_root / "README.md",
        project_root / "CONTRIBUTING.md",
        *(project_root / "docs").glob("*.md"),
    ]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken
