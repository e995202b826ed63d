"""Files of tropical cyclone tracks → `Track`: what a file is shows in its content, never in its ending."""

from __future__ import annotations

from pathlib import Path

from riskmap.hazards import Track
from riskmap.intake.plain_files import text_of
from riskmap.intake.tracks import best_track, bulletin, ibtracs
from riskmap.intake.tracks.names import NODE_COLUMNS, normal
from riskmap.intake.tracks.nodes import refused
from riskmap.intake.tracks.text import columns_of, table_of


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
        return ibtracs.read(path, table)
    if names >= NODE_COLUMNS:
        return bulletin.read_nodes(path, table)
    if bulletin.looks_like_one(table):
        return bulletin.read(path, table)
    raise refused(
        path,
        table.line,
        f"表头 {', '.join(columns_of(table)[:8])} 不是台风路径；应为 CMA 或东京最佳路径、IBTrACS、预报单 CSV"
        "（时间、纬度、经度、气压、最大风速）或节点表",
        f"the header {', '.join(columns_of(table)[:8])} is no cyclone track; expected a CMA or RSMC Tokyo best track, "
        "IBTrACS, a forecast as CSV (time, latitude, longitude, pressure, maximum wind) or a table of nodes",
    )


__all__ = ["read_tracks"]
