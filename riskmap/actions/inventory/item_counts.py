"""How far a checklist is met over a layer: each item, how many records have it, have it no longer, lack it, do not say."""

from __future__ import annotations

from datetime import date
from typing import Any

from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import Lang, RiskmapError
from riskmap.moments import as_of_json, local_now
from riskmap.selection import Selection, select
from riskmap.selection.checklists import ItemCounts, item_counts


def counted_items(
    ws: Workspace, layer: str, selection: Selection, *, as_of: date | None = None
) -> ItemCounts:
    """Return the counts of a layer's checklist over the selected records, now or on a past day.

    RiskmapError for a layer without a checklist.
    """
    definition = ws.catalog.layer(layer)
    if definition.checklist is None:
        with_one = [one.id for one in ws.catalog.layers.values() if one.checklist]
        raise RiskmapError(
            f"{definition.title.zh}：图层文件没有检查表（[checklist]）；有的图层：{'、'.join(with_one) or '无'}",
            f"{layer}: its file has no [checklist]; layers with one: {', '.join(with_one) or 'none'}",
        )
    snapshot = current_snapshot(ws, as_of=as_of)
    return item_counts(
        snapshot, select(snapshot, selection), definition, snapshot.today or local_now().date()
    )


def item_counts_json(
    ws: Workspace, layer: str, selection: Selection, *, as_of: date | None = None, lang: Lang = "zh"
) -> dict[str, Any]:
    """Return the document of `riskmap checklist --json`.

    Every number leads to its records: `riskmap select LAYER --where "checklist.ITEM.state = STATE"`.
    """
    found = counted_items(ws, layer, selection, as_of=as_of)
    items = found.layer.checklist.items if found.layer.checklist else ()
    return {
        "layer": layer,
        "as_of": as_of_json(as_of),
        "on": found.day.isoformat(),
        "count": found.count,
        "items": [
            {
                "id": item.id,
                "title": item.title.text(lang),
                **found.of(i),
                "subdistricts": {name: found.of(i, place) for place, name in enumerate(found.subdistricts)},
            }
            for i, item in enumerate(items)
        ],
    }
