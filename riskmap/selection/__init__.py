"""The column snapshot, and the one selection that map, table, export and scoring share."""

from __future__ import annotations

from riskmap.selection.area import Ring, area_of, area_text, polygon_of, ring_of
from riskmap.selection.filters import Selection
from riskmap.selection.lookup import Hit, find, nearest, point, search, shapes_in
from riskmap.selection.records import Selected, flag_ids, rows, select
from riskmap.selection.snapshot import Snapshot, build_snapshot, snapshot_key
from riskmap.selection.snapshot_changes import patched_snapshot
from riskmap.selection.table import changed_table, finished_table, layer_table
from riskmap.selection.tiles import tile
from riskmap.selection.totals import Counts, counts, flag_counts, reconcile
from riskmap.selection.where import parse_where, where_text
from riskmap.vocabulary import NOT_STATED

__all__ = [
    "NOT_STATED",
    "Counts",
    "Hit",
    "Ring",
    "Selected",
    "Selection",
    "Snapshot",
    "area_of",
    "area_text",
    "build_snapshot",
    "changed_table",
    "counts",
    "find",
    "finished_table",
    "flag_counts",
    "flag_ids",
    "layer_table",
    "nearest",
    "parse_where",
    "patched_snapshot",
    "point",
    "polygon_of",
    "reconcile",
    "ring_of",
    "rows",
    "search",
    "select",
    "shapes_in",
    "snapshot_key",
    "tile",
    "where_text",
]
