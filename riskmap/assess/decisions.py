"""From scores to tiers in every draw and outcome: limits, then gates, then direct rules, as the kernel decides.

What rules read is taken as stated. A gate lowers a tier, so it follows the doubt: its conditions on
nodes hold or fail by the nodes of the draw, those on a number with an error by the drawn number,
and where a class moved to a worse one no gate holds that reads its field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskmap.assess.columns import Columns, Floats
from riskmap.assess.rules import Flags, fired, holds, where_all_hold
from riskmap.assess.tiers import capped, demanded, lifted, ranks, rounded
from riskmap.catalog.model import Condition, ScoringModel
from riskmap.catalog.uncertainty import Uncertainty


@dataclass(frozen=True, slots=True)
class Drawn:
    """What some draws (or outcomes) of some rows gave, arrays of the scores' shape or broadcast to it.

    `nodes`: node id → value. `numbers`: field → drawn number, of fields with an error. `worse`: field →
    where its class moved to a worse one.
    """

    nodes: Mapping[str, Any]
    numbers: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    worse: Mapping[str, Flags] = field(default_factory=dict[str, Flags])


@dataclass(frozen=True, slots=True)
class Decisions:
    """What decides the tiers of some rows beside their scores.

    `floor`: uint8 per row, the rank that the fired rules demand at least. Per gate: `stated`, bool per
    row, whether its conditions that no draw decides hold as stated; `drawn`, the conditions that the
    draws decide; `classes`, the fields it reads whose class may move.
    """

    model: ScoringModel
    floor: NDArray[np.uint8]
    stated: tuple[Flags, ...]
    drawn: tuple[tuple[Condition, ...], ...]
    classes: tuple[tuple[str, ...], ...]

    def rows(self, index: NDArray[Any]) -> Decisions:
        """Return the decisions about some of the rows."""
        stated = tuple(flags[index] for flags in self.stated)
        return Decisions(self.model, self.floor[index], stated, self.drawn, self.classes)

    def ranks(self, score: Floats, drawn: Drawn, *, rows_first: bool = False) -> NDArray[np.uint8]:
        """Return the rank of every score, not yet rounded: draws × rows, or (`rows_first`) rows × outcomes."""
        across = (slice(None), None) if rows_first else (slice(None),)
        held: list[Flags] = []
        for stated, conditions, classes in zip(self.stated, self.drawn, self.classes, strict=True):
            flags = stated[across]
            for condition in conditions:
                flags = flags & holds(condition, self._read(condition, drawn))
            for name in classes:
                flags = flags & ~drawn.worse[name]
            held.append(np.broadcast_to(flags, score.shape))
        rank = capped(self.model, ranks(self.model, rounded(self.model, score)), held)
        return lifted(rank, self.floor[across])

    def _read(self, condition: Condition, drawn: Drawn) -> Floats:
        if condition.node:
            return np.asarray(rounded(self.model, drawn.nodes[condition.node]))
        return drawn.numbers[condition.field]


def decisions(model: ScoringModel, columns: Columns, uncertainty: Uncertainty) -> Decisions:
    """Return what decides the tiers of the rows beside their scores."""
    spreads, moves = doubtful_fields(model, uncertainty)
    drawn = tuple(tuple(c for c in gate.when if c.node or c.field in spreads) for gate in model.gates)
    rest = [
        [c for c in gate.when if c not in open_ones]
        for gate, open_ones in zip(model.gates, drawn, strict=True)
    ]
    nothing, everything = np.zeros(len(columns), dtype=bool), np.ones(len(columns), dtype=bool)
    stated = tuple(
        everything if not conditions else nothing if flags is None else flags
        for conditions, flags in zip(rest, where_all_hold(rest, columns), strict=True)
    )
    classes = tuple(
        tuple(dict.fromkeys(c.field for c in gate.when if c.field in moves)) for gate in model.gates
    )
    floor = demanded(model, fired(model, columns), len(columns))
    return Decisions(model, floor, stated, drawn, classes)


def doubtful_fields(model: ScoringModel, uncertainty: Uncertainty) -> tuple[frozenset[str], frozenset[str]]:
    """Return the fields whose number carries an error, and those whose class may be another one."""
    doubts = [(leaf.field, uncertainty.indicators.get(leaf.id)) for leaf in model.indicators]
    spreads = frozenset(name for name, doubt in doubts if doubt is not None and doubt.spreads)
    return spreads, frozenset(name for name, doubt in doubts if doubt is not None and doubt.moves)
