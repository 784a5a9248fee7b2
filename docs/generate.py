"""Write docs/configuration.md from the typed configuration: ``python docs/generate.py``."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from asicflow.config import Config, section_of

HEAD = """# asicflow.yaml

`asicflow new DIR --model MODEL --pdk PDK` writes this file with every key. Options on the command
line win over it. Relative paths start at the file's folder; an unknown key is refused with the
nearest known name. This page is generated from `asicflow/config.py`.

| key | default | meaning |
| --- | --- | --- |
"""


def rows(section: type[BaseModel], prefix: str = "") -> list[str]:
    """Return one table row per plain key, sections flattened to dotted names."""
    found = []
    for key, field in section.model_fields.items():
        inner = section_of(field)
        default = field.get_default(call_default_factory=True)
        if inner is not None and isinstance(default, dict):
            found += rows(inner, f"{prefix}{key}.NAME.")
        elif inner is not None:
            found += rows(inner, f"{prefix}{key}.")
        else:
            shown = "" if default in (None, PydanticUndefined) else f"`{default}`"
            found.append(f"| `{prefix}{key}` | {shown} | {field.description} |")
    return found


def page() -> str:
    """Return the page's text."""
    return HEAD + "\n".join(rows(Config)) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("configuration.md").write_text(page())
