"""How many records move from which tier to which, as a matrix; which do with one act, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from riskmap.catalog import Layer
from riskmap.ledger import TierChange
from riskmap.scoring.comparison import Migration
from riskmap.vocabulary import TIER_TITLES, is_worse
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.widgets.panels import Cell, FigureRef, Row, TableColumn, show_table, tier_cell

_NAMED: Final = 5


def tiers_told(moved: Sequence[TierChange]) -> list[str]:
    """Return which records have another tier now, a line each; of many the first, and how many more."""
    lines: list[str] = []
    for one in moved:
        if one.before is None or one.before == one.after:
            continue
        layer = workspace().catalog.layer(one.layer)
        before, after = (TIER_TITLES[layer.standing(tier)].text(lang()) for tier in (one.before, one.after))
        record = f"{layer.title.text(lang())} {one.code}"
        lines.append(say("tier_moved", record=record, before=before, after=after))
    more = [say("tiers_moved_more", n=f"{len(lines) - _NAMED:,}")] if len(lines) > _NAMED else []
    return lines[:_NAMED] + more


def show_matrix(key: str, layer: Layer, moves: Migration) -> None:
    """Draw tiers now (rows) and then (columns), those that occur; grades where the layer's records are no risks."""
    counts = moves.table()
    order = [one for one in counts if any(counts[one].values()) or any(row[one] for row in counts.values())]
    columns = [TableColumn("from", say("model_from_to"), "tier-cell")]
    columns += [TableColumn(one, TIER_TITLES[layer.standing(one)].text(lang()), "number") for one in order]
    rows = [
        Row(
            [
                tier_cell(layer.standing(before)),
                *(
                    _of(_moved_cell(counts[before][after], before, after), layer, before, after)
                    for after in order
                ),
            ]
        )
        for before in order
    ]
    show_table(key, columns, rows, dense=True)


def _of(cell: Cell, layer: Layer, before: str, after: str) -> Cell:
    """Say of a cell which figure it is: records of a layer that would go from one tier to another."""
    part = f"{layer.standing(before)} → {layer.standing(after)}"
    return replace(cell, figure=FigureRef(f"records.layer.{layer.id}", within=part))


def _moved_cell(n: int, before: str, after: str) -> Cell:
    if not n:
        return Cell("·", quiet=True)
    if before == after:
        return Cell(f"{n:,}", quiet=True)
    if "unrated" in (before, after):
        return Cell(f"{n:,}", head=True)
    return Cell(f"{n:,} {'↑' if is_worse(before, after) else '↓'}", head=True)
