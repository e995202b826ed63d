"""Two publications side by side: what came, what went, what moved, which tiers changed and because of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from riskmap.json_documents import Document
from riskmap.scoring.comparison import Comparison, Side, compared
from riskmap.vocabulary import GRADES, RANK_OF, RANKS, UNRATED, is_worse

# What follows from the rest of a record, or says when it was written: no change of what it states.
_FOLLOWS: Final = frozenset(
    {"code", "tier", "score", "version", "updated_at", "missing", "rules", "contacts"}
)


_RANKS: Final = {**RANK_OF, **{grade: RANK_OF[tier] for tier, grade in GRADES.items()}}


@dataclass(frozen=True, slots=True)
class PublishedLayer:
    """A layer as it was published: its table (`read_canonical`), and the model and fit that gave its tiers."""

    table: pa.Table
    model: str | None = None
    fit: str | None = None

    @property
    def side(self) -> Side:
        """The tiers of its records, for a comparison."""
        tiers = self.table["tier"].to_pylist()
        return Side(
            self.table["code"].to_pylist(),
            np.array([_RANKS.get(one, UNRATED) for one in tiers], np.uint8),
            np.array([int(one) for one in self.table["version"].to_pylist()], np.int64),
            self.model,
            self.fit,
        )


@dataclass(frozen=True, slots=True)
class LayerChanges:
    """What became of a layer's records: `tiers` with its matrix and causes, `moved` codes whose place is another,
    `changed` code → field → before and after. `came`, `went`: the tiers of those that are new, or gone, by code.
    """

    layer: str
    tiers: Comparison
    moved: tuple[str, ...]
    changed: Mapping[str, Mapping[str, tuple[str | None, str | None]]]
    came: Mapping[str, str]
    went: Mapping[str, str]

    @property
    def worse(self) -> int:
        """How many stand higher than before; unrated stands where every list has it, above low."""
        return sum(is_worse(one.before, one.after) for one in self.tiers.points)

    @property
    def better(self) -> int:
        """How many stand lower than before."""
        return len(self.tiers.points) - self.worse

    def as_json(self) -> Document:
        """Return one layer of a comparison."""
        return {
            "added": list(self.tiers.new),
            "removed": list(self.tiers.retired),
            "moved": list(self.moved),
            "up": self.worse,
            "down": self.better,
            "matrix": self.tiers.migration.table(),
            "tiers": [
                {"code": one.code, "before": one.before, "after": one.after, "cause": one.cause}
                for one in self.tiers.points
            ],
            "changed": [
                {"code": code, "fields": {name: [*pair] for name, pair in fields.items()}}
                for code, fields in self.changed.items()
            ],
        }


def compare_layer(layer: str, before: PublishedLayer, after: PublishedLayer) -> LayerChanges:
    """Return what became of the records of a layer from one publication to another."""
    tiers = compared(before.side, after.side)
    was, now = _stated(before.table), _stated(after.table)
    names = list(dict.fromkeys((*_stated_names(before.table), *_stated_names(after.table))))
    changed: dict[str, dict[str, tuple[str | None, str | None]]] = {}
    for code, row in now.items():
        if code in was and was[code] != row:
            old = was[code]
            fields = {
                name: (old.get(name), row.get(name)) for name in names if old.get(name) != row.get(name)
            }
            if fields:
                changed[code] = fields
    moved = tuple(code for code, fields in changed.items() if {"lon", "lat"} & fields.keys())
    return LayerChanges(
        layer,
        tiers,
        moved,
        changed,
        _tiers_of(after.table, tiers.new),
        _tiers_of(before.table, tiers.retired),
    )


def _tiers_of(table: pa.Table, codes: Sequence[str]) -> dict[str, str]:
    """Return code → tier of some records; a grade is the tier of its place, as in the matrix."""
    words = dict(zip(table["code"].to_pylist(), table["tier"].to_pylist(), strict=True)) if codes else {}
    return {code: RANKS[_RANKS.get(words[code], UNRATED)] for code in codes}


def _stated_names(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if name not in _FOLLOWS]


def _stated(table: pa.Table) -> dict[str, dict[str, Any]]:
    rows = table.select(_stated_names(table)).to_pylist()
    return dict(zip(table["code"].to_pylist(), rows, strict=True))


@dataclass(frozen=True, slots=True)
class PublicationChanges:
    """Two publications, the earlier first; `figures`: id → text of both, of those that are not the same."""

    before: str
    after: str
    layers: Mapping[str, LayerChanges]
    figures: Mapping[str, tuple[str | None, str | None]]

    def as_json(self) -> Document:
        """Return the document of `riskmap figures --compare A B --json`."""
        some = self.layers.values()
        return {
            "before": self.before,
            "after": self.after,
            "added": sum(len(one.tiers.new) for one in some),
            "removed": sum(len(one.tiers.retired) for one in some),
            "moved": sum(len(one.moved) for one in some),
            "up": sum(one.worse for one in some),
            "down": sum(one.better for one in some),
            "layers": {name: one.as_json() for name, one in self.layers.items()},
            "figures": {one: [*pair] for one, pair in self.figures.items()},
        }
