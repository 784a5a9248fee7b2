"""Move the load of output ports from the constraints into the parasitics.

OpenSTA lets ``set_load`` of a port take precedence over the parasitics of its net: the wire to the
port then costs neither delay nor slew.  So the analysis reads a copy of the SPEF file in which every
output port's node carries the load, and constraints without ``set_load``.
"""

from __future__ import annotations

import re

from asicflow.errors import StageError

_SET_LOAD = re.compile(r"^\s*set_load\s+([\d.eE+-]+)\s+(\$\w+|\[(?:all_outputs|get_ports [^\]]*)\])\s*$")


def split_load(sdc: str) -> tuple[str, float]:
    """Return the constraints without ``set_load`` and the load of all output ports in pF (0 if none).

    Raises
    ------
    StageError
        If there is more than one ``set_load``, or one of another form: it would be lost.
    """
    kept, loads = [], []
    for line in sdc.splitlines():
        match = _SET_LOAD.match(line)
        if match:
            loads.append(float(match[1]))
        elif line.lstrip().startswith("set_load"):
            raise StageError(f"the analysis cannot read this load: {line.strip()}", where="SDC")
        else:
            kept.append(line)
    if len(loads) > 1:
        raise StageError("the constraints set the output load more than once", where="SDC")
    return "\n".join(kept) + "\n", loads[0] if loads else 0.0


def add_port_loads(spef: str, picofarad: float) -> str:
    """Return the SPEF text with ``picofarad`` more at the node of every output port.

    The text must count capacitance in pF.
    """
    if picofarad == 0.0:
        return spef
    if "*C_UNIT 1 PF" not in spef:
        raise StageError("the SPEF file does not count in pF", where="*C_UNIT")
    return re.sub(r"^\*D_NET .*?^\*END", lambda net: _loaded(net[0], picofarad), spef, flags=re.DOTALL | re.MULTILINE)


def _loaded(net: str, picofarad: float) -> str:
    ports = re.findall(r"^\*P (\S+) O", net, flags=re.MULTILINE)
    if not ports:
        return net
    first, body = net.split("\n", 1)
    head, total = first.rsplit(" ", 1)
    caps, rest = body.split("*RES", 1) if "*RES" in body else (body.replace("*END", ""), None)
    count = len(re.findall(r"^\d+ ", caps, flags=re.MULTILINE))
    if "*CAP" not in caps:
        caps += "*CAP\n"
    caps += "".join(f"{count + k} {port} {picofarad:.6g}\n" for k, port in enumerate(ports, 1))
    ending = "*END" if rest is None else f"*RES{rest}"
    return f"{head} {float(total) + picofarad * len(ports):.6g}\n{caps}{ending}"
