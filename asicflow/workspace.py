"""The run directory: its layout, manifest, hashes, lock and resume.

The workspace is the only writer of ``manifest.json`` and ``lock``.  A stage is
*current* when its recorded inputs and outputs still have the recorded hashes;
a current stage is skipped.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from asicflow import __version__
from asicflow.config import CONFIG_NAME, Config, dump_config
from asicflow.errors import RunLocked, UserError

MANIFEST_SCHEMA = "asicflow.manifest/1"
STAGES = {
    "accel": ("model", "hls", "soc", "flow", "signoff"),
    "soc": ("model", "hls", "soc", "firmware", "sim", "flow", "signoff"),
    "chip": ("model", "hls", "soc", "firmware", "sim", "flow", "signoff"),
}
"""The stages of each top, in order."""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a string as hex."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class StageRecord:
    """What the manifest knows of one stage."""

    status: str
    seconds: float
    inputs: dict[str, str]
    outputs: dict[str, str]
    finished: str | None = None


class Workspace:
    """One run directory.

    Parameters
    ----------
    root : Path
        The run directory; created on :meth:`open`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    # -- layout ---------------------------------------------------------------------------------
    @property
    def model(self) -> Path:
        """Folder of the model stage: spec.json, vectors.npz, model.json."""
        return self.root / "model"

    @property
    def accel(self) -> Path:
        """Folder of the hls stage: accel.json, rtl/."""
        return self.root / "accel"

    @property
    def soc(self) -> Path:
        """Folder of the soc stage: soc.json, map.json, RTL, SDC, headers."""
        return self.root / "soc"

    @property
    def firmware(self) -> Path:
        """Folder of the firmware stage (top soc): boot ROM, programs, firmware.json."""
        return self.root / "firmware"

    @property
    def sim(self) -> Path:
        """Folder of the sim stage (top soc): sim.json, the simulator."""
        return self.root / "sim"

    @property
    def layout(self) -> Path:
        """Folder of the flow stage: GDS, DEF, netlists, SPEF, timing.json."""
        return self.root / "layout"

    @property
    def signoff(self) -> Path:
        """Folder of the signoff stage: evidence.json, report.html, report.xml."""
        return self.root / "signoff"

    @property
    def manifest_path(self) -> Path:
        """The manifest file."""
        return self.root / "manifest.json"

    @property
    def log_path(self) -> Path:
        """The log file of the run."""
        return self.root / "asicflow.log"

    def stage_dir(self, stage: str) -> Path:
        """Return the folder that a stage writes."""
        return {"hls": self.accel, "flow": self.layout}.get(stage, self.root / stage)

    # -- manifest -------------------------------------------------------------------------------
    def manifest(self) -> dict[str, Any]:
        """Return the manifest, or an empty one when the run directory is new.

        Raises
        ------
        UserError
            If the file is not a manifest of this schema.
        """
        if not self.manifest_path.exists():
            return {"schema": MANIFEST_SCHEMA, "asicflow": __version__, "stages": {}}
        try:
            data = json.loads(self.manifest_path.read_text())
        except json.JSONDecodeError as error:
            raise UserError(
                "the manifest is damaged", where=str(self.manifest_path), hint="remove the run directory"
            ) from error
        if data.get("schema") != MANIFEST_SCHEMA:
            raise UserError(
                f"the manifest has schema {data.get('schema')!r}, not {MANIFEST_SCHEMA}",
                where=str(self.manifest_path),
                hint="use another output directory",
            )
        return dict(data)

    def write_manifest(self, data: dict[str, Any]) -> None:
        """Replace the manifest in one step (a killed run leaves the old one)."""
        write_atomically(self.manifest_path, json.dumps(data, indent=2) + "\n")

    def record(self, stage: str) -> StageRecord | None:
        """Return what is recorded of a stage, or None."""
        entry = self.manifest()["stages"].get(stage)
        if entry is None:
            return None
        return StageRecord(
            status=entry["status"],
            seconds=entry["seconds"],
            inputs=entry["inputs"],
            outputs=entry["outputs"],
            finished=entry.get("finished"),
        )

    def begin(self, config: Config, command: list[str]) -> None:
        """Write the resolved configuration and the head of the manifest."""
        write_atomically(self.root / CONFIG_NAME, dump_config(config))
        data = self.manifest()
        data.update(
            asicflow=__version__,
            command=command,
            started=now(),
            config_sha256=sha256(self.root / CONFIG_NAME),
            seed=config.layout.seed,
        )
        self.write_manifest(data)

    def set_tools(self, tools: dict[str, str]) -> None:
        """Record the versions of the tools in use."""
        data = self.manifest()
        data["tools"] = tools
        self.write_manifest(data)

    def inputs_current(self, stage: str, inputs: dict[str, str]) -> bool:
        """True when the stage finished with these inputs and its outputs are untouched."""
        record = self.record(stage)
        if record is None or record.status != "done" or record.inputs != inputs:
            return False
        return all(
            (self.root / name).is_file() and sha256(self.root / name) == digest
            for name, digest in record.outputs.items()
        )

    def run_stage(self, stage: str, inputs: dict[str, str], action: Callable[[], None]) -> float:
        """Run ``action`` and record the stage; return its wall time in seconds.

        While it runs, and when it fails, the stage is recorded as ``running`` or
        ``failed``, so nothing half-written looks finished.
        """
        self._set_stage(stage, status="running", seconds=0.0, inputs=inputs, outputs={})
        start = time.monotonic()
        try:
            action()
        except BaseException:
            self._set_stage(stage, status="failed", seconds=time.monotonic() - start, inputs=inputs, outputs={})
            raise
        seconds = time.monotonic() - start
        outputs = self.hash_tree(self.stage_dir(stage))
        self._set_stage(stage, status="done", seconds=seconds, inputs=inputs, outputs=outputs, finished=now())
        return seconds

    def hash_tree(self, folder: Path) -> dict[str, str]:
        """Hash a stage's artefacts; tools' own build trees are left out."""
        skip = {"sc", "hls", "build"}
        found = {}
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder).parts
            if path.is_file() and not path.is_symlink() and inside[0] not in skip:
                found[str(path.relative_to(self.root))] = sha256(path)
        return found

    def hash_files(self, paths: Mapping[str, Path | None]) -> dict[str, str]:
        """Hash input files; their names are those given, wherever they lie. A missing file is a UserError."""
        for name, path in paths.items():
            if path is not None and not path.is_file():
                raise UserError(
                    "file not found", where=str(path), hint=f"correct {name} in asicflow.yaml or the option"
                )
        return {name: sha256(path) for name, path in paths.items() if path is not None}

    def clean(self, stage: str) -> None:
        """Remove what a stage wrote (SiliconCompiler's build tree stays, for its own resume)."""
        folder = self.stage_dir(stage)
        if not folder.exists():
            return
        for entry in folder.iterdir():
            if entry.name == "sc":
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _set_stage(self, stage: str, **entry: Any) -> None:
        data = self.manifest()
        data["stages"][stage] = entry
        self.write_manifest(data)

    # -- lock -----------------------------------------------------------------------------------
    def lock(self) -> RunLock:
        """Return the context manager that owns the run directory."""
        return RunLock(self.root / "lock")


class RunLock:
    """A lock file that holds the owner's process id."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> RunLock:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot create the run directory: {error.strerror}", where=str(self.path.parent)
            ) from error
        for _ in range(2):
            try:
                handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                owner = self._owner()
                if owner is not None and _alive(owner):
                    raise RunLocked(
                        f"process {owner} is already running in this directory",
                        where=str(self.path),
                        hint="wait for it, or give another directory with -o",
                    ) from None
                self.path.unlink(missing_ok=True)
                continue
            with os.fdopen(handle, "w") as file:
                file.write(f"{os.getpid()}\n")
            return self
        raise RunLocked("another process took the directory first", where=str(self.path))

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.path.unlink(missing_ok=True)

    def _owner(self) -> int | None:
        try:
            return int(self.path.read_text().strip())
        except (OSError, ValueError):
            return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def now() -> str:
    """Return the current time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    temporary.replace(path)
