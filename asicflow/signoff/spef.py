"""Names of the nets that a SPEF file describes."""

from __future__ import annotations

from pathlib import Path


def spef_nets(path: Path) -> set[str]:
    """Nets with a ``*D_NET`` section, names resolved and without escapes."""
    names: dict[str, str] = {}
    found: set[str] = set()
    in_map = False
    with path.open() as lines:
        for line in lines:
            if not line.startswith("*"):
                continue
            words = line.split()
            if words[0] == "*NAME_MAP":
                in_map = True
            elif words[0] == "*D_NET":
                in_map = False
                found.add(names.get(words[1], words[1]))
            elif in_map and len(words) == 2 and words[0][1:].isdigit():
                names[words[0]] = words[1]
            elif in_map and not words[0][1:].isdigit():
                in_map = False
    return {name.replace("\\", "") for name in found}
