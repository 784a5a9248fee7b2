"""The tape-out bundle: what is in it, that its hashes hold, and every reason to refuse one."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from asicflow.errors import AsicflowError, UserError
from asicflow.signoff.bundle import SUMS, BundleRefused, write_bundle
from asicflow.workspace import Workspace, sha256

GDS = b"\x00\x06\x00\x02\x00\x07"


def gate(name: str, verdict: str, mandatory: bool = True, evidence: list[dict[str, str]] | None = None) -> object:
    """One entry of the evidence."""
    return {
        "id": name,
        "group": name.split(".")[0],
        "title": name,
        "mandatory": mandatory,
        "verdict": verdict,
        "summary": f"{name} says {verdict}",
        "figures": {},
        "tables": {},
        "findings": [],
        "evidence": evidence or [],
        "tool": None,
        "close": "",
        "waiver": None,
        "seconds": 0.0,
    }


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    """A run directory with a layout that was judged."""
    root = tmp_path / "run"
    texts = {
        "asicflow.yaml": "name: tiny\npdk: {name: sky130}\n",
        "manifest.json": "{}",
        "soc/accel.sdc": "create_clock\n",
        "model/spec.json": "{}",
        "layout/sc/huge.log": "left out\n",
        "signoff/build/tool.log": "left out\n",
        "signoff/report.html": "<p>report</p>\n",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "layout/accel.gds").write_bytes(GDS)
    judge(root, gate("layout.drc", "PASS", evidence=[entry(root, "layout/accel.gds")]))
    return Workspace(root)


def entry(root: Path, name: str) -> dict[str, str]:
    return {"path": name, "sha256": sha256(root / name)}


def judge(root: Path, *gates: object) -> None:
    """Write evidence with these gates."""
    (root / "signoff/evidence.json").write_text(json.dumps({"schema": "asicflow.evidence/1", "gates": gates}))


@pytest.fixture(autouse=True)
def _only_gates_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asicflow.signoff.bundle.load_evidence", lambda path: json.loads(path.read_text()))


def test_the_archive_holds_the_run_and_its_hashes(ws: Workspace, tmp_path: Path) -> None:
    path = write_bundle(ws)
    assert path == ws.root / "tiny_sky130_accel.tar.gz"
    with tarfile.open(path) as archive:
        members = {m.name.removeprefix("tiny_sky130_accel/"): archive.extractfile(m) for m in archive.getmembers()}
        found = {name: handle.read() for name, handle in members.items() if handle}
    assert found["layout/accel.gds"] == GDS
    assert {"soc/accel.sdc", "model/spec.json", "signoff/evidence.json", "signoff/report.html"} <= set(found)
    assert not any("huge.log" in name or "tool.log" in name for name in found)
    sums = dict(reversed(line.split("  ")) for line in found[SUMS].decode().splitlines())
    assert {name: hashlib.sha256(data).hexdigest() for name, data in found.items() if name != SUMS} == sums
    assert write_bundle(ws, tmp_path / "again.tar.gz").read_bytes() == path.read_bytes()


def test_a_failing_check_refuses_the_bundle_or_makes_it_a_draft(ws: Workspace, tmp_path: Path) -> None:
    judge(ws.root, gate("layout.drc", "FAIL"), gate("power.estimate", "FAIL", mandatory=False))
    with pytest.raises(BundleRefused, match="1 mandatory check") as refused:
        write_bundle(ws)
    assert "layout.drc" in refused.value.what and int(refused.value.exit_code) == 1
    assert not list(ws.root.glob("*.tar.gz"))
    assert write_bundle(ws, allow_failing=True).name == "tiny_sky130_accel_DRAFT.tar.gz"
    assert write_bundle(ws, tmp_path / "mine.tar.gz", allow_failing=True).name == "mine_DRAFT.tar.gz"


def test_unverified_checks_are_named_inside(ws: Workspace) -> None:
    judge(ws.root, gate("layout.magic-drc", "UNVERIFIED"))
    with tarfile.open(write_bundle(ws)) as archive:
        handle = archive.extractfile("tiny_sky130_accel/README.txt")
        assert handle is not None and "UNVERIFIED: layout.magic-drc" in handle.read().decode()


def touched(root: Path) -> None:
    (root / "layout/accel.gds").write_bytes(GDS + b"\x00")


def secret(root: Path) -> None:
    words = ("Confidential", "Proprietary")  # apart, so that this file is not taken for such a one
    (root / "soc/cpu.v").write_text(f"// {words[0]} and {words[1]}.\n")


def without_layout(root: Path) -> None:
    (root / "layout/accel.gds").unlink()


@pytest.mark.parametrize(
    ("damage", "kind", "message"),
    [
        (touched, UserError, "is not the file that layout.drc judged"),
        (secret, BundleRefused, "cpu.v may not be handed over"),
        (without_layout, UserError, "has no layout"),
    ],
)
def test_a_run_that_is_not_what_was_judged_is_refused(
    ws: Workspace, damage: Callable[[Path], None], kind: type[AsicflowError], message: str
) -> None:
    damage(ws.root)
    with pytest.raises(kind, match=message):
        write_bundle(ws)
    assert not list(ws.root.glob("*.tar.gz"))
