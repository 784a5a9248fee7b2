"""Find the gates: the built-in list, then those that installed packages offer by entry point."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

from asicflow.errors import UserError
from asicflow.signoff.gate import GROUPS, Gate

log = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "asicflow.gates"


def all_gates() -> list[Gate]:
    """One instance of every gate, in the order of the report.

    An entry point of group ``asicflow.gates`` names a subclass of ``Gate`` (or a list of them).

    Raises
    ------
    UserError
        If an entry point cannot be loaded, is no gate, or an id occurs twice: a check that silently
        disappears would be worse than no check.
    """
    from asicflow.signoff.gates import BUILT_IN

    kinds: list[type[Gate]] = list(BUILT_IN)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            loaded = point.load()
        except Exception as error:
            raise UserError(
                f"the sign-off gate {point.name} cannot be loaded: {error}",
                where=point.value,
                hint="repair or uninstall the package that offers it",
            ) from error
        kinds += loaded if isinstance(loaded, list | tuple) else [loaded]
    return order([_instance(kind) for kind in kinds])


def order(gates: list[Gate]) -> list[Gate]:
    """Sort by group, keeping the given order inside a group; ids must be unique."""
    seen: set[str] = set()
    for gate in gates:
        if gate.id in seen:
            raise UserError(f"two sign-off gates have the id {gate.id}", where=type(gate).__module__)
        seen.add(gate.id)
    rank = {name: i for i, name in enumerate(GROUPS)}
    return sorted(gates, key=lambda gate: rank.get(gate.group, len(rank)))


def _instance(kind: type[Gate]) -> Gate:
    if not (isinstance(kind, type) and issubclass(kind, Gate)):
        raise UserError(f"{kind!r} is no sign-off gate", hint=f"derive it from {Gate.__module__}.Gate")
    return kind()
