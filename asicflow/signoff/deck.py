"""Rule sets of a process as data: ``signoff/rules/<pdk>.yaml``.

A file names the drawn layers, layers derived from them by Boolean expressions, and the rules of the public
design manual by their names there. ``docs/report.md`` lists the kinds of rules.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import klayout.db as kdb
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicflow.errors import UserError
from asicflow.pdk.config import GdsLayer
from asicflow.resources import resource
from asicflow.signoff.rules import AREA_KINDS, Rule, RuleSet

SCHEMA = "asicflow.rules/1"

Source = Callable[[str], kdb.Region]
"""Gives the merged flat shapes of a layer by name."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RuleEntry(_Data):
    """One rule of the file. Lengths in um, areas in um2, angles in degrees.

    ``layer`` is judged; ``other`` is the second layer, where the kind has one; ``over`` the width above
    which a wide spacing holds, or the least number of cuts per side of an array, ``extent`` the least side
    of such an array; ``pairs`` the overhangs
    (on opposite sides) that an enclosure allows; ``spare`` a layer whose coincident edges are left out.
    """

    id: str
    kind: Literal[
        "width", "length", "space", "isolated", "separation", "wide_space", "enclosure", "overhang", "enclosed_by",
        "adjacent", "line_end", "area", "enclosed_area", "cut_size", "cut_array", "edge_length", "forbidden",
        "requires", "within", "grid", "angle",
    ]  # fmt: skip
    layer: str
    text: str
    value: float = 0.0
    other: str | list[str] = Field(default_factory=list)
    over: float = 0.0
    extent: float = 0.0
    pairs: list[tuple[float, float]] = Field(default_factory=list)
    spare: str = ""


class DensityEntry(_Data):
    """Density of one layer in percent; window and step in um, no window means the whole die."""

    id: str
    layer: str
    minimum: float | None = None
    maximum: float | None = None
    window: float = 0.0
    step: float = 0.0


class Deck(_Data):
    """A rule file. ``layers`` maps names to GDS layer/datatype, ``derived`` names to expressions."""

    schema_: Literal["asicflow.rules/1"] = Field(alias="schema")
    process: str
    source: str
    grid: float
    layers: dict[str, str]
    derived: dict[str, str] = Field(default_factory=dict)
    rules: list[RuleEntry]
    density: list[DensityEntry] = Field(default_factory=list)

    def drawn_layers(self, name: str) -> dict[str, tuple[int, int]]:
        """The drawn layers that a layer comes from, with their GDS layer/datatype; empty when it is unknown."""
        if name in self.layers:
            return {name: _gds(name, self.layers[name]).drawing}
        found: dict[str, tuple[int, int]] = {}
        if name in self.derived:
            for part in sorted(_names(self.derived[name], Path())):
                found |= self.drawn_layers(part)
        return found

    def rule_set(self) -> RuleSet:
        """The rules in the form that the checker takes."""
        layers = {name: _gds(name, pair) for name, pair in self.layers.items()}
        return RuleSet([_rule(entry) for entry in self.rules], list(layers), [], layers, dict(self.derived))


def load_deck(process: str) -> Deck:
    """Read ``signoff/rules/<process>.yaml``.

    Raises
    ------
    FileNotFoundError
        If no rule set is shipped for the process.
    UserError
        If the file is not valid; names the entry.
    """
    return read_deck(resource(f"signoff/rules/{process}.yaml"))


def read_deck(path: Path) -> Deck:
    """Read a rule file.

    Raises
    ------
    UserError
        If the file is not valid, an id occurs twice, or a rule or expression names an unknown layer.
    """
    try:
        deck = Deck.model_validate(yaml.safe_load(path.read_text()))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise UserError(f"the rule set is not valid: {where}: {first['msg']}", where=str(path)) from error
    known = set(deck.layers)
    for name, text in deck.derived.items():
        missing = _names(text, path) - known
        if missing:
            raise UserError(f"layer {name} is derived from unknown {', '.join(sorted(missing))}", where=str(path))
        known.add(name)
    seen: set[str] = set()
    for rule in deck.rules:
        asked = {rule.layer, *_others(rule), *([rule.spare] if rule.spare else [])}
        if rule.id in seen or asked - known:
            problem = "occurs twice" if rule.id in seen else f"names unknown {', '.join(sorted(asked - known))}"
            raise UserError(f"rule {rule.id} {problem}", where=str(path))
        seen.add(rule.id)
    return deck


def _gds(name: str, pair: str) -> GdsLayer:
    layer, _, datatype = pair.partition("/")
    return GdsLayer(name=name, drawing=(int(layer), int(datatype)))


def _others(entry: RuleEntry) -> tuple[str, ...]:
    return (entry.other,) if isinstance(entry.other, str) else tuple(entry.other)


def _rule(entry: RuleEntry) -> Rule:
    scale = 1e6 if entry.kind in AREA_KINDS else 1 if entry.kind == "angle" else 1e3
    extra = entry.over if entry.kind == "cut_array" else entry.over * 1e3
    pairs = tuple((round(a * 1000), round(b * 1000)) for a, b in entry.pairs)
    return Rule(
        entry.id, entry.kind, entry.layer, round(entry.value * scale), entry.text, _others(entry),
        round(extra), round(entry.extent * 1000), pairs, entry.spare,
    )  # fmt: skip


# -- derived layers ---------------------------------------------------------------------------------

_OPERATORS: dict[type[ast.operator], Callable[[kdb.Region, kdb.Region], kdb.Region]] = {
    ast.BitAnd: lambda a, b: a & b,
    ast.BitOr: lambda a, b: (a + b).merged(),
    ast.Sub: lambda a, b: a - b,
    ast.BitXor: lambda a, b: a ^ b,
}

_FUNCTIONS: dict[str, Callable[..., kdb.Region]] = {
    "interacting": lambda a, b: a.interacting(b),
    "not_interacting": lambda a, b: a.not_interacting(b),
    "inside": lambda a, b: a.inside(b),
    "outside": lambda a, b: a.outside(b),
    "overlapping": lambda a, b: a.overlapping(b),
    "sized": lambda a, um: a.sized(round(um * 1000)).merged(),
    "holes": lambda a: a.holes(),
    "filled": lambda a: a.hulls().merged(),
}


def derive(source: Source, derived: dict[str, str]) -> Source:
    """A source that also gives derived layers, each computed once."""
    made: dict[str, kdb.Region] = {}

    def layer(name: str) -> kdb.Region:
        if name not in derived:
            return source(name)
        if name not in made:
            made[name] = _value(_parse(derived[name]), layer)
        return made[name]

    return layer


def _parse(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _value(node: ast.expr, layer: Source) -> Any:
    match node:
        case ast.Name():
            return layer(node.id)
        case ast.Constant():
            return node.value
        case ast.BinOp():
            return _OPERATORS[type(node.op)](_value(node.left, layer), _value(node.right, layer))
        case ast.Call(func=ast.Name(id=name)):
            return _FUNCTIONS[name](*(_value(a, layer) for a in node.args))
    raise ValueError(f"no layer expression: {ast.unparse(node)}")


def _names(text: str, path: Path) -> set[str]:
    """Layers that an expression uses; refuses everything that is no layer expression."""
    try:
        tree = _parse(text)
    except SyntaxError as error:
        raise UserError(f"no layer expression: {text}", where=str(path)) from error
    found: set[str] = set()
    functions = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in functions:
            found.add(node.id)
        known = isinstance(node, ast.Name | ast.Constant | ast.BinOp | ast.Call | ast.Load)
        operator = isinstance(node, tuple(_OPERATORS))
        function = not isinstance(node, ast.Call) or (isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS)
        if not (known or operator) or not function:
            raise UserError(f"no layer expression: {text}", where=str(path))
    return found
