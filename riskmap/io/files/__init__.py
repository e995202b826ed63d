"""What the parsing subprocess hands back: sheets of text cells, as Arrow files and one JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from riskmap.errors import Text

if TYPE_CHECKING:
    import pyarrow as pa

RESULT = "result.json"


REQUEST = "request.json"


ASKED = "asked.json"  # what of a form is to be written, beside the request


SEPARATOR = " › "  # between the folders that a sheet lies in, as messages write places


@dataclass(frozen=True, slots=True)
class RawSheet:
    """One sheet or vector layer, exactly as it is in the file.

    `table`: one string column per sheet column (c0, c1 …), null where a cell is empty. `header` is
    None for spreadsheets, whose header still has to be found (row i of the table is row i + 1 of
    the sheet); vector and columnar files state theirs (row i is feature i + 1). `shapes`: WKB of
    every row, where the file has geometry. `crs`: EPSG:n of the file, "" where it has one that
    EPSG does not know; None where it has none. `crs_stated` is False where the format implies it.
    `faults`: (row of the table, its column or -1, what is wrong): such a row is rejected, the rest is read.
    `hidden_rows`: 0-based rows of the table that the file hides. `merges`: (first row, first
    column, last row, last column), 0-based, inclusive.
    """

    name: str
    table: pa.Table
    header: tuple[str, ...] | None = None
    hidden: bool = False
    hidden_rows: tuple[int, ...] = ()
    shapes: pa.ChunkedArray | None = None
    crs: str | None = None
    crs_stated: bool = False
    crs_name: str = ""
    merges: tuple[tuple[int, int, int, int], ...] = ()
    faults: tuple[tuple[int, int, Text], ...] = ()
    meta: dict[str, Any] = field(default_factory=dict)


class UnexpectedDriversError(Exception):
    """Vector drivers of this GDAL that were not switched off: `names`."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        super().__init__(", ".join(names))
