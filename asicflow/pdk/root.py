"""Where the PDK data lies: a folder of the user's, or SiliconCompiler's own download of lambdapdk."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from asicflow.config import Config
from asicflow.errors import UserError
from asicflow.pdk.config import load_pdk

log = logging.getLogger(__name__)

ENVIRONMENT = "ASICFLOW_PDK_ROOT"


def resolve(config: Config, *, flag: Path | None = None, progress: Callable[[str], None] = lambda text: None) -> Path:
    """Return the folder that holds ``lambdapdk/lambdapdk/<process>``.

    The command line's ``--pdk-root`` wins over the variable ``ASICFLOW_PDK_ROOT``,
    which wins over ``pdk.root`` in asicflow.yaml.  With none of them,
    SiliconCompiler downloads lambdapdk once into its own cache.

    Parameters
    ----------
    config : Config
        Names the PDK and perhaps its root.
    flag : Path, optional
        Value of ``--pdk-root``.
    progress : callable
        Receives one line before a download starts.

    Raises
    ------
    UserError
        If the folder does not hold the PDK's data, or the download fails.
    """
    environment = os.environ.get(ENVIRONMENT)
    choices = (
        (flag, "--pdk-root"),
        (Path(environment) if environment else None, ENVIRONMENT),
        (config.pdk.root, "pdk.root"),
    )
    for root, source in choices:
        if root is not None:
            return _checked(root.expanduser().resolve(), config.pdk.name, source)
    return _checked(_downloaded(progress), config.pdk.name, "SiliconCompiler's download")


def _checked(root: Path, pdk_name: str, source: str) -> Path:
    data = load_pdk(pdk_name, root).root / load_pdk(pdk_name, root).raw["data"]
    if not data.is_dir():
        raise UserError(
            f"there is no data of {pdk_name} under the PDK root given by {source}: {data} does not exist",
            where=str(root),
            hint="name the folder that holds lambdapdk/, or leave the root out to download the data",
        )
    return root


def _downloaded(progress: Callable[[str], None]) -> Path:
    """Fetch lambdapdk through SiliconCompiler and return a root that leads to it.

    SiliconCompiler keeps one folder per version; a folder of asicflow's beside it
    holds a link named ``lambdapdk``, so that all roots look the same.
    """
    from lambdapdk import LambdaPDK

    source = LambdaPDK()
    source.set_name("lambdapdk")
    version = source.get("dataroot", "lambdapdk", "tag")
    progress(f"fetching PDK data lambdapdk {version} (about 1 GB, once; kept in SiliconCompiler's cache)")
    try:
        data = Path(source.get_dataroot("lambdapdk"))
    except Exception as error:
        raise UserError(
            f"the PDK data could not be downloaded: {_reason(error)}",
            where=f"lambdapdk {version}",
            hint=f"check the network, or set {ENVIRONMENT} to a folder that holds lambdapdk/",
        ) from error
    return _linked(data)


def _linked(data: Path) -> Path:
    root = data.parent / f"asicflow-{data.name}"
    link = root / "lambdapdk"
    try:
        root.mkdir(exist_ok=True)
        if not link.is_symlink() or link.readlink() != data:
            link.unlink(missing_ok=True)
            link.symlink_to(data, target_is_directory=True)
    except OSError as error:
        raise UserError(f"cannot link the PDK data: {error.strerror}", where=str(link)) from error
    return root


def _reason(error: BaseException) -> str:
    """Return the message at the bottom of a chain of exceptions: the cause, not its wrappers."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return str(error) or type(error).__name__
