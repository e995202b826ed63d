"""Files of tropical cyclone tracks → `Track`: what a file is shows in its content, never in its ending."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from riskmap.io.files.text_files import text_of
from riskmap.io.readers.tracks import best_track, node_tables
from riskmap.io.readers.tracks.nodes import NODE_COLUMNS, normal
from riskmap.values.hazards import Track

__all__ = [
    "read_tracks",
]

_WORKBOOKS: Final = frozenset((".xlsx", ".xlsm", ".xls"))


def read_tracks(path: Path) -> tuple[Track, ...]:
    """Return every track of a file: CMA, RSMC Tokyo, IBTrACS, an issued forecast, or a table of nodes.

    Several storms or the members of an ensemble are several tracks, in the order of the file. What is
    blank stays NaN. RiskmapError names file, line, find and remedy.
    """
    if path.suffix.lower() in _WORKBOOKS:
        return node_tables.read_table(path)
    text = text_of(path)
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "＃")))
    first = next(lines, "")
    if first.lstrip().startswith("66666"):
        return best_track.read(path, text)
    names = {normal(name) for name in first.replace('"', "").split(",")}
    if {"sid", "iso_time"} <= names:
        return node_tables.read_ibtracs(path, text)
    return node_tables.read_table(path, zone="utc" if names >= NODE_COLUMNS else "")
