"""CSV for Excel and WPS: UTF-8 with BOM, one file per layer, no cell that a spreadsheet would calculate."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.compute

from riskmap.errors import Text
from riskmap.io.files.atomic import WrittenFile
from riskmap.io.writers.formats import ExportFormat, file_each
from riskmap.io.writers.record_columns import SheetColumn, sheet_columns
from riskmap.rules.arrays import pc
from riskmap.texts import t
from riskmap.values.inventory import DEMO_MARK, Inventory, LayerInventory

GUARDED: Final = "=+-@\t\r'"


_CHUNK: Final = 50_000  # rows, between which it can be stopped


_LIVE: Final = r"^[=+\-@\t\r']"


def guard(values: pa.Array) -> pa.Array:
    """Put `'` before texts that a spreadsheet would take for a formula, and before a genuine `'`."""
    return pc.if_else(
        pc.match_substring_regex(values, _LIVE), pc.binary_join_element_wise("'", values, ""), values
    )


def unguard(text: str) -> str:
    """Take the `'` away that `guard` put there; other text comes back as it is."""
    return text[1:] if len(text) > 1 and text[0] == "'" and text[1] in GUARDED else text


def write_csv(inventory: Inventory, path: Path) -> list[WrittenFile]:
    """Write one file per layer: `path` itself for one layer, `<stem>_<layer id>.csv` for several."""
    return file_each(inventory, path, "csv", _write)


def _write(inventory: Inventory, part: LayerInventory, path: Path) -> None:
    each = partial(inventory.wrote, part, 0)
    made = sheet_columns(part, inventory.lang, datum_in_header=True, each=each)
    columns: dict[str, pa.Array] = {}
    for column in made:
        each()
        columns[column.title] = _cells(column)
    if inventory.demo:
        title = t("export_column_nature", inventory.lang)
        columns[title] = pa.array([DEMO_MARK] * len(part), pa.string())
    frame = pl.DataFrame(pl.from_arrow(pa.table(columns)))
    # Through our own handle: an error of the disk comes as an OSError with its number.
    with path.open("wb") as out:
        for start in range(0, max(len(part), 1), _CHUNK):  # headers stand also where there is no row
            inventory.wrote(part, start)
            frame.slice(start, _CHUNK).write_csv(
                out,
                include_bom=not start,
                include_header=not start,
                line_terminator="\r\n",
                quote_style="necessary",
            )


def _cells(column: SheetColumn) -> pa.Array:
    if column.kind in {"text", "date", "tier"}:
        return guard(column.values)
    # 3 and not 3.0, and the shortest text that reads back as the same number.
    return column.values.cast(pa.string())


FORMAT: Final = ExportFormat(
    ending="csv",
    title="CSV",
    help=Text("CSV 文本表（UTF-8）；多个图层时打包", "CSV (UTF-8); several layers come as one package"),
    order=20,
    write=write_csv,
    unmasked=True,
)
