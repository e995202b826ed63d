"""Files of tropical cyclone tracks → `Track`: what a file is shows in its content, never in its ending."""

from __future__ import annotations

from pathlib import Path

from riskmap.io.files.text_files import text_of
from riskmap.io.readers.tracks import best_track, node_tables
from riskmap.io.readers.tracks.nodes import NODE_COLUMNS, columns_of, normal, refused, table_of
from riskmap.values.hazards import Track

__all__ = [
    "read_tracks",
]


def read_tracks(path: Path) -> tuple[Track, ...]:
    """Return every track of a file: CMA, RSMC Tokyo, IBTrACS, an issued forecast, or a table of nodes.

    Several storms or the members of an ensemble are several tracks, in the order of the file. What is
    blank stays NaN. RiskmapError names file, line, find and remedy.
    """
    text = text_of(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.lstrip().startswith("66666"):
        return best_track.read(path, text)
    table = table_of(path, text)
    names = {normal(name) for name in columns_of(table)}
    if {"sid", "iso_time"} <= names:
        return node_tables.read_ibtracs(path, table)
    if names >= NODE_COLUMNS:
        return node_tables.read_nodes(path, table)
    if node_tables.looks_like_one(table):
        return node_tables.read_bulletin(path, table)
    raise refused(
        path,
        table.line,
        f"表头 {', '.join(columns_of(table)[:8])} 不是台风路径；应为 CMA 或东京最佳路径、IBTrACS、预报单 CSV"
        "（时间、纬度、经度、气压、最大风速）或节点表",
        f"the header {', '.join(columns_of(table)[:8])} is no cyclone track; expected a CMA or RSMC Tokyo best track, "
        "IBTrACS, a forecast as CSV (time, latitude, longitude, pressure, maximum wind) or a table of nodes",
    )
