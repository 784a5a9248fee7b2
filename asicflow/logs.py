"""Logging of a run: everything to the run's log file, little to the terminal."""

from __future__ import annotations

import logging
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def log_to(path: Path, verbose: bool) -> logging.Handler:
    """Send asicflow's log to ``path`` (appended), and to stderr too when ``verbose``."""
    root = logging.getLogger("asicflow")
    root.setLevel(logging.DEBUG)
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter(FORMAT))
    root.addHandler(handler)
    if verbose and not any(type(h) is logging.StreamHandler for h in root.handlers):
        console = logging.StreamHandler()
        console.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        root.addHandler(console)
    return handler
