"""Classified inventories as files: one function, the same records in each format."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from riskmap.errors import ExportError
from riskmap.io.files.atomic import WrittenFile
from riskmap.io.writers.formats import export_formats
from riskmap.io.writers.paper import FORMATS as PAPERS
from riskmap.io.writers.paper import Paper, check_ending
from riskmap.values.inventory import Inventory

__all__ = [
    "export",
    "export_formats",
    "format_of",
    "write_paper",
]

_PLANNED: Final = ("pdf", "docx", "html")


def export(inventory: Inventory, path: Path) -> list[WrittenFile]:
    """Write the inventory to `path`, in the format that its ending names; return what was written.

    The file appears whole or not at all: a kill or a full disk leaves the old one, or none.
    ExportError where the ending is no format of ours or the place cannot be written.
    """
    return export_formats()[format_of(path)].write(inventory, Path(path))


def format_of(path: Path) -> str:
    """Return the format that a file's ending names; ExportError lists them where it names none."""
    name = Path(path).name.lower()
    endings = export_formats()
    for ending in endings:
        if name.endswith(f".{ending}") and len(name) > len(ending) + 1:
            return ending
    for ending in _PLANNED:
        if name.endswith(f".{ending}"):
            raise ExportError(
                f"{path}：此版本尚不能导出 {ending}；请改用 {' '.join(endings)}",
                f"{path}: this version does not write {ending} yet; use one of {' '.join(endings)}",
            )
    raise ExportError(
        f"{path}：不认识这个文件结尾；可用的有 {' '.join(endings)}",
        f"{path}: no format has this ending; there are {' '.join(endings)}",
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
