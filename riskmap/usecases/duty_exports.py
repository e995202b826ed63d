"""The papers of a duty: call-out workbooks, the brief, the after-action report."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

from riskmap.duty import CalloutView, Review
from riskmap.errors import ExportError, Lang
from riskmap.present.export.callout_book import write_callout_book, write_callout_books
from riskmap.present.export.duty_reports import write_after_report, write_brief
from riskmap.present.export.paper import FORMATS as REPORTS
from riskmap.present.export.paper import check_ending
from riskmap.present.export.paper_pdf import pdf_needs
from riskmap.present.export.written import Written
from riskmap.rules.permissions import Actor

__all__ = [
    "CALLOUTS",
    "REPORTS",
    "callout_archive",
    "check_target",
    "export_after_report",
    "export_callout",
    "pdf_needs",
]

CALLOUTS: Final = ("", ".xlsx", *REPORTS)
"""Endings of what a call-out may be written to; "" is a folder."""


def export_callout(
    view: CalloutView, to: Path, *, by: Actor | None = None, lang: Lang = "zh"
) -> list[dict[str, Any]]:
    """Write a call-out: into a folder one workbook per sub-district, .xlsx all in one, .docx or .pdf the brief.

    Returns {path, format, rows} of every file. ExportError for another ending.
    """
    ending = to.suffix.lower()
    if to.is_dir() or not ending:
        return _told(write_callout_books(view, to, lang=lang))
    if ending == ".xlsx":
        return _told(write_callout_book(view, to, lang=lang))
    if ending in REPORTS:
        return _told(write_brief(view, to, lang=lang, author=by.name if by else ""))
    raise ExportError(
        f"{to}：叫应单可写到文件夹（每街道一个 .xlsx）、.xlsx、.docx 或 .pdf（简报）",
        f"{to}: a call-out goes to a folder (one .xlsx per sub-district), .xlsx, .docx or .pdf (the brief)",
    )


def callout_archive(view: CalloutView, *, lang: Lang = "zh") -> bytes:
    """Return the workbooks of a call-out, one per sub-district, as one .zip."""
    packed = io.BytesIO()
    with (
        tempfile.TemporaryDirectory(prefix="riskmap-") as folder,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for one in write_callout_books(view, Path(folder), lang=lang):
            archive.write(one.path, one.path.name)
    return packed.getvalue()


def check_target(to: Path, endings: tuple[str, ...]) -> None:
    """Raise ExportError before anything is done where a file's ending is none of these."""
    if not (to.is_dir() and "" in endings):
        check_ending(to, endings)


def export_after_report(
    found: Review, to: Path, *, by: Actor | None = None, lang: Lang = "zh"
) -> list[dict[str, Any]]:
    """Write the after-action report as .docx or .pdf; returns {path, format, rows}."""
    check_target(to, REPORTS)
    return _told(write_after_report(found, to, lang=lang, author=by.name if by else ""))


def _told(written: list[Written]) -> list[dict[str, Any]]:
    return [{"path": str(w.path), "format": w.format, "rows": w.rows} for w in written]
