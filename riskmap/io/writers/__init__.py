"""Classified inventories as files: one function, seven formats, the same records in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from riskmap.errors import ExportError
from riskmap.io.files.atomic import Written
from riskmap.io.writers.csv_file import write_csv
from riskmap.io.writers.geojson import write_geojson
from riskmap.io.writers.geopackage import write_gpkg
from riskmap.io.writers.kml import write_kml
from riskmap.io.writers.paper import FORMATS as PAPERS
from riskmap.io.writers.paper import Paper, check_ending
from riskmap.io.writers.parquet import write_parquet
from riskmap.io.writers.shapefile import write_shp
from riskmap.io.writers.workbook import write_xlsx
from riskmap.values.inventory import Inventory

__all__ = [
    "FORMATS",
    "Written",
    "export",
    "format_of",
    "write_paper",
]

_WRITERS: Final[Mapping[str, Callable[[Inventory, Path], list[Written]]]] = {
    "xlsx": write_xlsx,
    "csv": write_csv,
    "geojson": write_geojson,
    "gpkg": write_gpkg,
    "shp.zip": write_shp,
    "kml": write_kml,
    "parquet": write_parquet,
}


FORMATS: Final[tuple[str, ...]] = tuple(_WRITERS)


_PLANNED: Final = ("pdf", "docx", "html")


def export(inventory: Inventory, path: Path) -> list[Written]:
    """Write the inventory to `path`, in the format that its ending names; return what was written.

    The file appears whole or not at all: a kill or a full disk leaves the old one, or none.
    ExportError where the ending is no format of ours or the place cannot be written.
    """
    return _WRITERS[format_of(path)](inventory, Path(path))


def format_of(path: Path) -> str:
    """Return the format that a file's ending names; ExportError lists them where it names none."""
    name = Path(path).name.lower()
    for ending in FORMATS:
        if name.endswith(f".{ending}") and len(name) > len(ending) + 1:
            return ending
    for ending in _PLANNED:
        if name.endswith(f".{ending}"):
            raise ExportError(
                f"{path}：此版本尚不能导出 {ending}；请改用 {' '.join(FORMATS)}",
                f"{path}: this version does not write {ending} yet; use one of {' '.join(FORMATS)}",
            )
    raise ExportError(
        f"{path}：不认识这个文件结尾；可用的有 {' '.join(FORMATS)}",
        f"{path}: no format has this ending; there are {' '.join(FORMATS)}",
    )


def write_paper(paper: Paper, path: Path) -> str:
    """Write a paper to its place, whole or not at all, as its ending says; return the format.

    ExportError for an ending that is none of `paper.FORMATS`.
    """
    check_ending(path, PAPERS)
    # Each writer brings a large library, and a paper needs one of them.
    if path.suffix.lower() == ".docx":
        from riskmap.io.writers.paper_word import write_word  # noqa: PLC0415

        write_word(paper, path)
        return "docx"
    from riskmap.io.writers.paper_pdf import write_pdf  # noqa: PLC0415

    write_pdf(paper, path)
    return "pdf"
