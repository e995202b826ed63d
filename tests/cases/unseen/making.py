"""What a case is, and the ways to write its file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pyproj

Rows = Sequence[Sequence[object]]


@dataclass(frozen=True)
class Case:
    """One file and what must come of it.

    `rejected`: code or `row:N` of every rejected row; `warned`: codes that need a warning, at least;
    `wgs84`: code → lon, lat within a metre; `values`: code → field, name, contacts or checklist → value;
    `left`: headers that carry data nobody asked for and that must be reported as left.
    """

    name: str
    layer: str
    make: Callable[[Path], Path]
    accepted: int
    crs: str | None = "wgs84"
    rejected: Sequence[str] = ()
    skipped: int = 0
    unlocated: Sequence[str] = ()
    warned: Sequence[str] = ()
    wgs84: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    left: Sequence[str] = ()


def book(
    path: Path, sheets: Mapping[str, Rows], *, merges: Mapping[str, Sequence[str]] | None = None
) -> Path:
    """Write a workbook; texts stay texts, whatever they begin with."""
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for r, row in enumerate(rows, 1):
            for c, value in enumerate(row, 1):
                if value is None:
                    continue
                cell = sheet.cell(r, c, value)
                if isinstance(value, str):
                    cell.data_type = "s"
        for area in (merges or {}).get(title, ()):
            sheet.merge_cells(area)
    made.save(path)
    return path


def text_table(path: Path, rows: Rows, *, encoding: str, separator: str = ",", end: str = "\r\n") -> Path:
    """Write a delimited text file in any encoding."""
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=end).writerows(rows)
    path.write_bytes(out.getvalue().encode(encoding))
    return path


def planar(lon: float, lat: float, epsg: int) -> tuple[float, float]:
    """Return easting, northing of degrees."""
    x, y = pyproj.Transformer.from_crs(4490, epsg, always_xy=True).transform(lon, lat)
    return round(x, 3), round(y, 3)
