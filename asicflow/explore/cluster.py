"""Where the engines of a sweep are synthesised: on this machine, or on the nodes of a Slurm cluster."""

from __future__ import annotations

import shutil

from asicflow.errors import ToolMissing, UserError

SCHEDULERS = ("local", "slurm")


def launcher(scheduler: str) -> tuple[str, ...]:
    """Return what stands before a command so that the scheduler runs it on one core.

    Slurm's ``srun`` takes partition, account and time limit from its own environment variables
    (``SLURM_PARTITION`` and others); folder of the sweep, PDK files and Yosys must lie where every node sees them.

    Raises
    ------
    UserError
        If there is no scheduler of that name.
    ToolMissing
        If Slurm's client is not installed.
    """
    if scheduler not in SCHEDULERS:
        raise UserError(
            f"no scheduler '{scheduler}'", where="--scheduler", hint=f"choose one of: {', '.join(SCHEDULERS)}"
        )
    if scheduler == "local":
        return ()
    if shutil.which("srun") is None:
        raise ToolMissing("srun", "apt-get install slurm-client")
    return ("srun", "--quiet", "--ntasks=1", "--cpus-per-task=1", "--job-name=asicflow")
