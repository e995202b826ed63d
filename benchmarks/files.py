"""Import against reading the cells alone; xlsx export against pandas."""

from __future__ import annotations

import itertools
from pathlib import Path

import pandas as pd
import python_calamine

from benchmarks.measure import Line, say, seconds
from benchmarks.workspaces import DISTRICT, workspace
from riskmap.ledger import Ledger
from riskmap.selection import Selection
from riskmap.usecases.exporting import export_selection
from riskmap.usecases.importing import import_files
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.workspace import create_workspace

FORMATS = ("csv", "geojson", "gpkg", "shp.zip", "kml", "parquet")


def importing(home: Path, _large: int) -> list[Line]:
    """A workbook of 42,336 rows: the whole import, twice (new, then unchanged), against its cells read."""
    ws = workspace(home, DISTRICT)
    book = home / "risk_points.xlsx"
    if not book.exists():
        export_selection(ws, Selection(layers=("risk_points",)), [book], by="benchmark", why="benchmark")
    with python_calamine.CalamineWorkbook.from_path(book) as opened:
        shape = [(s, *opened.get_sheet_by_name(s).to_python()[:1]) for s in opened.sheet_names]
    columns = max(len(first) for _, first in shape if first)

    def read_cells() -> None:
        with python_calamine.CalamineWorkbook.from_path(book) as opened:
            for sheet in opened.sheet_names:
                opened.get_sheet_by_name(sheet).to_python()

    reading = seconds(read_cells)
    target = create_workspace(home / "import-target") if not (home / "import-target").exists() else None
    if target is None:
        from riskmap.usecases.workspace import open_workspace

        target = open_workspace(home / "import-target")
    fresh = itertools.count()

    def run() -> None:
        store = f"sqlite:///{home}/import-{next(fresh)}.sqlite"
        Path(store.removeprefix("sqlite:///")).unlink(missing_ok=True)
        Ledger.create(store)
        from riskmap.usecases.workspace import open_workspace

        import_files(
            open_workspace(target.root, store), "risk_points", [book], datum="cgcs2000", by="b", why="b"
        )

    whole = seconds(run)
    say(f"  calamine {reading:.2f} s, import {whole:.2f} s, {columns} columns")
    return [
        Line("python-calamine reads the cells of 42,336 rows", reading, "s", None, f"{columns} columns, CPU"),
        Line("import of that workbook, file to ledger", whole, "s", None, "CPU, with its subprocess"),
        Line("import ÷ reading the cells", whole / reading, "×", 2.5),
    ]


def exporting(home: Path, _large: int) -> list[Line]:
    """The bureau's workbook against `DataFrame.to_excel` of the same cells, and every other format."""
    ws = workspace(home, DISTRICT)
    current_snapshot(ws)
    selection = Selection(layers=("risk_points",))
    out = home / "export"
    out.mkdir(exist_ok=True)

    def write(ending: str) -> None:
        export_selection(ws, selection, [out / f"inventory.{ending}"], by="benchmark", why="benchmark")

    ours = seconds(lambda: write("xlsx"))
    frame = pd.read_csv(next(iter(_as_csv(ws, out))), dtype=str, keep_default_na=False)
    for column in frame.columns:  # numbers as numbers: what the workbook holds
        numbers = pd.to_numeric(frame[column], errors="coerce")
        if numbers.notna().all():
            frame[column] = numbers
    pandas = seconds(lambda: frame.to_excel(out / "pandas.xlsx", engine="xlsxwriter", index=False), runs=2)
    lines = [
        Line(
            "DataFrame.to_excel(xlsxwriter), same cells", pandas, "s", None, f"{frame.shape[1]} columns, CPU"
        ),
        Line("xlsx export of 42,336 records", ours, "s"),
        Line("xlsx export ÷ to_excel", ours / pandas, "×", 0.6),
    ]
    return lines + [
        Line(f"{e} export of 42,336 records", seconds(lambda e=e: write(e), runs=1), "s") for e in FORMATS
    ]


def _as_csv(ws: object, out: Path) -> list[Path]:
    path = out / "cells.csv"
    export_selection(ws, Selection(layers=("risk_points",)), [path], by="benchmark", why="benchmark")  # type: ignore[arg-type]
    return [path]
