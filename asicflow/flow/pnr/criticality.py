"""How much each net matters for setup: the weights of timing-driven placement.

Every register pin that misses (or nearly misses) its setup check pulls the nets of its latest path together;
the worst pins pull most.
"""

from __future__ import annotations

from asicflow.flow.pnr.netlist import Net
from asicflow.flow.pnr.timing import CornerTiming

SPAN = 0.1
"""Share of the period above zero slack in which a path begins to matter."""

HEAVIEST = 4.0
"""Weight of a net on the worst path; other nets weigh 1."""


def net_weights(timing: CornerTiming, period_ns: float) -> dict[Net, float]:
    """Weights above 1 of the nets on late paths of one corner; empty when every check has room.

    A path's share is 1 for the worst slack and falls to 0 at `SPAN` of the period above zero.
    """
    worst = timing.worst("setup")
    room = SPAN * period_ns
    if worst is None or worst >= room:
        return {}
    share: dict[Net, float] = {}
    for check in timing.setup:
        critical = (room - check.slack) / (room - worst)
        if critical <= 0:
            continue
        net: Net | None = check.instance.pins[check.pin]
        while net is not None and not net.is_clock and share.get(net, 0.0) < critical:
            share[net] = critical
            origin = timing.nets[net].later.origin
            net = origin[0].pins[origin[1]] if origin else None
    return {net: 1.0 + (HEAVIEST - 1.0) * critical for net, critical in share.items()}
