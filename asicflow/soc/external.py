"""Blocks that are not ours to ship: a manifest with their face, and the user's own files by path.

Nothing of such a file is copied, packed or logged; only its name is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicflow.errors import UserError
from asicflow.resources import resource
from asicflow.soc.ip import Port

EXTERNAL_SCHEMA = "asicflow.external_ip/1"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Layout(_Section):
    """Where the files are in one kind of deliverable: patterns below its folder, each with at least one file."""

    title: str
    files: list[str]


class External(_Section):
    """One block: module ``top``, its ports, the layouts of its deliverables; ``wrapper`` is the own block around it."""

    schema_: Literal["asicflow.external_ip/1"] = Field(alias="schema")
    name: str
    title: str
    owner: str
    terms: str
    top: str
    wrapper: str | None = None
    layouts: dict[str, Layout]
    ports: dict[str, Port]


def schema_of(path: Path) -> str:
    """Return the schema that a manifest names ("" when it is not readable)."""
    try:
        data: Any = yaml.safe_load(path.read_text())
        return str(data["schema"])
    except (OSError, yaml.YAMLError, TypeError, KeyError):
        return ""


def manifests(schema: str) -> Iterator[str]:
    """Yield the names of the blocks below ``ip/`` whose manifest has this schema."""
    for path in sorted(resource("ip").glob("*/ip.yaml")):
        if schema_of(path) == schema:
            yield path.parent.name


def load_external(name: str) -> External:
    """Read the manifest of an external block (UserError when there is none, or it is not valid)."""
    try:
        path = resource(f"ip/{name}/ip.yaml")
        return External.model_validate(yaml.safe_load(path.read_text()))
    except FileNotFoundError as error:
        raise UserError(f"there is no IP named {name}", hint="asicflow ip list") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise UserError(f"the manifest of {name} is not valid: {error}", where=str(path)) from error


def locate(external: External, folder: Path) -> tuple[str, list[Path]]:
    """Return the layout of a deliverable and its files, those with the top module last.

    Raises
    ------
    UserError
        If the folder has none of the layouts; names the patterns without a file.
    """
    if not folder.is_dir():
        raise UserError(f"the folder of {external.title} does not exist", where=str(folder))
    missing = []
    for layout in external.layouts.values():
        found = [sorted(folder.glob(pattern)) for pattern in layout.files]
        if all(found):
            files = [path for group in found for path in group]
            unique = dict.fromkeys(files)
            return layout.title, sorted(unique, key=lambda path: path.stem == external.top)
        empty = [pattern for pattern, group in zip(layout.files, found, strict=True) if not group]
        missing.append(f"{layout.title}: no {', '.join(empty)}")
    raise UserError(
        f"this is no deliverable of {external.title} that asicflow knows",
        where=str(folder),
        hint="; ".join(missing),
    )
