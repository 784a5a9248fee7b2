"""Where the PDK data comes from, and what is said when it is not there."""

from pathlib import Path

import pytest

from asicflow.config import Config
from asicflow.errors import UserError
from asicflow.pdk import root


def make_root(folder: Path) -> Path:
    (folder / "lambdapdk" / "lambdapdk" / "sky130").mkdir(parents=True)
    return folder


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.delenv("ASICFLOW_PDK_ROOT", raising=False)
    return Config()


def test_flag_wins_over_environment_over_file(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flag, environment, file = (make_root(tmp_path / name) for name in ("flag", "env", "file"))
    config.pdk.root = file
    assert root.resolve(config) == file
    monkeypatch.setenv("ASICFLOW_PDK_ROOT", str(environment))
    assert root.resolve(config) == environment
    assert root.resolve(config, flag=flag) == flag


@pytest.mark.parametrize("source", ["--pdk-root", "ASICFLOW_PDK_ROOT", "pdk.root"])
def test_wrong_root_names_its_source(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    config.pdk.root = tmp_path if source == "pdk.root" else None
    if source == "ASICFLOW_PDK_ROOT":
        monkeypatch.setenv(source, str(tmp_path))
    with pytest.raises(UserError, match=f"given by {source}"):
        root.resolve(config, flag=tmp_path if source == "--pdk-root" else None)


def test_download_is_announced_and_linked(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lambdapdk import LambdaPDK

    data = tmp_path / "cache" / "lambdapdk-v0"
    (data / "lambdapdk" / "sky130").mkdir(parents=True)
    monkeypatch.setattr(LambdaPDK, "get_dataroot", lambda self, name: str(data))
    lines: list[str] = []
    for _ in range(2):
        found = root.resolve(config, progress=lines.append)
        assert (found / "lambdapdk" / "lambdapdk" / "sky130").is_dir()
    assert lines[0].startswith("fetching PDK data lambdapdk v")


def test_failed_download_tells_why_and_what_to_do(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    from lambdapdk import LambdaPDK

    def refuse(self: object, name: str) -> str:
        try:
            raise OSError("Name or service not known")
        except OSError as error:
            raise RuntimeError("Max retries exceeded with a very long address") from error

    monkeypatch.setattr(LambdaPDK, "get_dataroot", refuse)
    with pytest.raises(UserError, match="could not be downloaded: Name or service not known") as caught:
        root.resolve(config)
    assert "ASICFLOW_PDK_ROOT" in str(caught.value.hint)
