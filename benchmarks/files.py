"""Import against reading the cells alone; xlsx export against pandas."""

from __future__ import annotations

import itertools
import statistics
from pathlib import Path
from typing import Final

import pandas as pd
import python_calamine

import riskmap
from benchmarks.measure import Line, Spent, spent
from benchmarks.workbook import write_workbook
from benchmarks.workspaces import DISTRICT, workspace
from riskmap.actions.importing import import_files
from riskmap.actions.inventory.exporting import export_selection
from riskmap.actions.inventory.forms import fill_form, form_named
from riskmap.actions.inventory.listing import make_selection
from riskmap.actions.workspace import Workspace, open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.ledger import Ledger
from riskmap.rules.permissions import local_actor
from riskmap.selection import Selection

RUNS = 11
_PAIRED = f"median of {RUNS} pairs"
FORMATS = ("csv", "geojson", "gpkg", "shp.zip", "kml", "parquet")


def importing(home: Path, _large: int) -> list[Line]:
    """A typed workbook into an empty ledger, checked against the district's boundaries, and again."""
    root, book = workspace(home, DISTRICT).root, home / "typed.xlsx"
    columns = write_workbook(book, workspace(home, DISTRICT).catalog.layer("risk_points"), points=DISTRICT)

    def read_cells() -> None:
        with python_calamine.CalamineWorkbook.from_path(book) as opened:
            for sheet in opened.sheet_names:
                opened.get_sheet_by_name(sheet).to_python()

    def bring(ws: Workspace) -> None:
        done = import_files(
            ws, "risk_points", [book], datum="cgcs2000", by=local_actor("benchmark"), why="benchmark"
        )
        assert not done.rejected

    # In turns: what else the machine does meets both. The first turn loads what is loaded once.
    turns = []
    for number in range(RUNS + 1):
        ws = _empty_ledger(root, home / f"import-{number}.sqlite")
        turns.append((spent(read_cells, runs=1), spent(lambda ws=ws: bring(ws), runs=1)))
    reading, whole = (_together(runs) for runs in zip(*turns[1:], strict=True))
    again = spent(lambda: bring(ws))
    return [
        Line(
            f"python-calamine reads {DISTRICT:,} rows",
            reading.cpu,
            "s",
            None,
            f"{reading}; {columns} columns",
        ),
        Line(
            "import of that workbook, file to ledger", whole.cpu, "s", None, f"{whole}; with its subprocess"
        ),
        Line("import ÷ reading the cells, CPU", paired(whole.cpus, reading.cpus), "×", 2.5, _PAIRED),
        Line("import ÷ reading the cells, wall", paired(whole.walls, reading.walls), "×", 2.5, _PAIRED),
        Line("the same file again (all unchanged)", again.cpu, "s", None, str(again)),
    ]


def _empty_ledger(root: Path, file: Path) -> Workspace:
    """Return the district's workspace, boundaries read, with a ledger that holds nothing."""
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    Ledger.create(f"sqlite:///{file}").close()
    ws = open_workspace(root, f"sqlite:///{file}")
    assert ws.places is not None
    assert ws.ledger.size == 0
    return ws


def paired(ours: tuple[float, ...], theirs: tuple[float, ...]) -> float:
    """Return the median ratio of neighbouring runs: what slows a noisy machine for seconds meets both."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def _together(runs: tuple[Spent, ...]) -> Spent:
    return Spent(
        tuple(itertools.chain.from_iterable(r.cpus for r in runs)),
        tuple(itertools.chain.from_iterable(r.walls for r in runs)),
    )


def exporting(home: Path, _large: int) -> list[Line]:
    """The bureau's workbook against `DataFrame.to_excel` of the same cells, and every other format."""
    ws = workspace(home, DISTRICT)
    current_snapshot(ws)
    selection = Selection(layers=("risk_points",))
    out = home / "export"
    out.mkdir(exist_ok=True)

    def write(ending: str) -> None:
        export_selection(
            ws, selection, [out / f"inventory.{ending}"], by=local_actor("benchmark"), why="benchmark"
        )

    write("csv")
    points = riskmap.open(ws.root)["risk_points"]
    framed = spent(points.frame)
    frame = _cells(out / "inventory.csv")
    ours = spent(lambda: write("xlsx"))
    pandas = spent(lambda: frame.to_excel(out / "pandas.xlsx", engine="xlsxwriter", index=False))
    return [
        Line(f"frame() of {DISTRICT:,} points", framed.wall, "s", 0.8, f"wall; {framed}"),
        Line(
            "DataFrame.to_excel(xlsxwriter), same cells",
            pandas.cpu,
            "s",
            None,
            f"{pandas}; {frame.shape[1]} columns",
        ),
        Line(f"xlsx export of {DISTRICT:,} records", ours.cpu, "s", None, str(ours)),
        Line("xlsx export ÷ to_excel, CPU", ours.cpu / pandas.cpu, "×", 0.6),
        Line("xlsx export ÷ to_excel, wall", ours.wall / pandas.wall, "×", 0.6),
        *(
            Line(f"{e} export", (one := spent(lambda e=e: write(e))).cpu, "s", None, str(one))
            for e in FORMATS
        ),
        *filling(ws, out),
    ]


_FORM: Final = """\
file = "slopes_quarterly.xlsx"
first_row = 5
rows = 8
of = ["risk_points"]
order = ["-tier", "code"]
[columns]
A = { running = 1 }
B = "code"
C = "name"
E = "subdistrict"
F = { field = "score", decimals = 1 }
G = "longitude"
H = { field = "tier", words = { major = "重大", large = "较大", general = "一般", low = "低", unrated = "未评" } }
I = "people_500m"
J = "contact.responsible.name"
K = "contact.responsible.phone"
L = "control_measures"
M = "address"
[cells]
K2 = { figure = "points.tier", group = "major" }
"""


def filling(ws: Workspace, out: Path) -> list[Line]:
    """A superior's form with one record a row, read back and compared: bad risks alone, then every point."""
    (ws.root / "forms" / "bench.toml").write_text(_FORM, encoding="utf-8")
    lines: list[Line] = []
    for where in (("tier in general,large,major",), ()):
        some = make_selection(ws, layers=["risk_points"], where=where)
        took = spent(lambda some=some: fill_form(ws, form_named(ws, "bench"), some, out / "form.xlsx"))
        done = fill_form(ws, form_named(ws, "bench"), some, out / "form.xlsx")
        note = f"{took}; 12 columns, read back; {done.file.path.stat().st_size / 1e6:.1f} MB"
        lines.append(Line(f"fill-form, {done.file.rows:,} records", took.cpu, "s", None, note))
    (ws.root / "forms" / "bench.toml").unlink()
    return lines


def _cells(csv: Path) -> pd.DataFrame:
    """Return the cells that the workbook holds: numbers as numbers."""
    frame = pd.read_csv(csv, dtype=str, keep_default_na=False)
    for column in frame.columns:
        numbers = pd.to_numeric(frame[column], errors="coerce")
        if numbers.notna().all():
            frame[column] = numbers
    return frame
