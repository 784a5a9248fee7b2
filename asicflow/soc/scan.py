"""Find files that may not be copied or published, by what their first lines say.

Own and openly licensed files pass; a file that claims confidentiality, or has a
copyright notice without an open licence, is refused.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 8192
_OPEN = re.compile(
    r"SPDX-License-Identifier:\s*\(?(Apache-2\.0|MIT|BSD|ISC|CERN-OHL|Zlib|0BSD|CC0|SHL|Solderpad)"
    r"|Licensed under the Apache License",
    re.IGNORECASE,
)
_CLOSED = (
    re.compile(r"confidential\s+(and|&|or)\s+proprietary", re.IGNORECASE),
    re.compile(r"proprietary\s+and\s+confidential", re.IGNORECASE),
    re.compile(r"trade\s+secrets?\s+(of|and|belonging)", re.IGNORECASE),
    re.compile(r"may\s+only\s+be\s+used\s+by\s+a\s+person\s+authori[sz]ed", re.IGNORECASE),
    re.compile(r"subject\s+to\s+(the\s+terms\s+of\s+)?a\s+licen[cs](e|ing)\s+agreement", re.IGNORECASE),
)
_COPYRIGHT = re.compile(r"(copyright|\(c\)|©)[^\n]{0,80}\b(19|20)\d\d\b|\ball\s+rights\s+reserved\b", re.IGNORECASE)
_COMMENT = re.compile(r"^[\s/*#;%!\-=|]+", re.MULTILINE)


@dataclass(frozen=True)
class Refusal:
    """A file that may not be copied or published, and why."""

    path: Path
    reason: str


def judge(path: Path) -> Refusal | None:
    """Return why a file may not be published, None when it may.

    Reads the first 8 KB, of compressed files unpacked.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as handle:
            head = handle.read(HEAD_BYTES)
    except (OSError, EOFError):
        return Refusal(path, "it cannot be read")
    text = " ".join(_COMMENT.sub("", head.decode("latin-1")).split())  # a sentence may go over several comment lines
    for pattern in _CLOSED:
        if found := pattern.search(text):
            return Refusal(path, f"its head says '{found[0].lower()}'")
    if _COPYRIGHT.search(text) and not _OPEN.search(text):
        return Refusal(path, "its head has a copyright notice and no open licence")
    return None


def scan(paths: Iterable[Path]) -> list[Refusal]:
    """Judge files, and every file below folders; ``.git`` and caches are left out."""
    found = []
    for path in paths:
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        for file in files:
            if not {".git", "__pycache__"} & set(file.parts) and (refusal := judge(file)):
                found.append(refusal)
    return found
