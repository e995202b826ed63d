"""The papers of a duty: call-out workbooks, the brief, the after-action report.

The file of a record's own plan (一点一策), where its field names one that lies in the workspace.

What a field says comes from a file of a sub-district: it may name anything. Only documents that
people read leave, only from inside the workspace, and never what the workspace itself is made of.
"""

from __future__ import annotations

import io
import os
import stat
import tempfile
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final

from riskmap.actions.workspace import Workspace
from riskmap.errors import ExportError, Lang, RiskmapError
from riskmap.io.files.atomic import WrittenFile
from riskmap.io.files.leftovers import mark
from riskmap.io.writers.paper import FORMATS as REPORTS
from riskmap.io.writers.paper import check_ending
from riskmap.reports.callout_book import write_callout_book, write_callout_books
from riskmap.reports.duty import write_after_report, write_brief
from riskmap.rules.permissions import Actor
from riskmap.values.duty import CalloutView, Review

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
        tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}") as folder,
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


def _told(written: list[WrittenFile]) -> list[dict[str, Any]]:
    return [{"path": str(w.path), "format": w.format, "rows": w.rows} for w in written]


ENDINGS: Final = (
    *(".pdf", ".doc", ".docx", ".wps", ".odt", ".rtf", ".txt", ".md"),
    *(".ppt", ".pptx", ".jpg", ".jpeg", ".png"),
)


"""Documents and pictures. No tables: a workbook in the workspace may be a list of people."""


LARGEST: Final = 50_000_000


"""Bytes of the largest plan that is offered: our choice, it is held in memory."""


_LONGEST: Final = 400  # a text longer than this is a plan, not the name of one


def plan_file(ws: Workspace, text: str) -> Path | None:
    """Return the file that a plan names, None where the text is no such name: then it is the plan itself.

    A name is relative to the workspace, "一点一策/NL1.pdf". What climbs out ("..", an absolute path, a
    symbolic link that leads outside), hidden files, what is no regular file, the outbox, and files
    that are none of ENDINGS or larger than LARGEST are no plan.
    """
    name = _relative(text.strip())
    if name is None:
        return None
    try:
        root = ws.root.resolve(strict=True)
        found = (root / name).resolve(strict=True)
        about = found.stat()
    except (OSError, ValueError, RuntimeError):  # not there, no name that a file can have, a loop of links
        return None
    inside = found.is_relative_to(root) and _speaks(PurePosixPath(found.relative_to(root).as_posix()))
    outbox = (ws.root / ws.config.outbox.folder).resolve()
    people = ws.people_table
    own = (people is not None and found == people.resolve()) or (
        outbox != root and found.is_relative_to(outbox)
    )
    whole = stat.S_ISREG(about.st_mode) and about.st_size <= LARGEST
    return found if inside and whole and not own else None


def read_plan(ws: Workspace, text: str) -> bytes:
    """Return the content of the file that a plan names. RiskmapError where it is gone by now."""
    found = plan_file(ws, text)
    try:
        if found is None:
            raise FileNotFoundError
        # What was looked at is what is opened: no link that was put there meanwhile is followed.
        handle = os.open(found, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as content:
            return content.read(LARGEST)
    except OSError as problem:
        raise RiskmapError(
            f"{text}：方案文件已不在工作区内；请核对文件或该字段",
            f"{text}: the file of the plan is no longer in the workspace; check the file, or the field",
        ) from problem


def _relative(text: str) -> PurePosixPath | None:
    """Return a name that stays below where it starts, on every system, None for any other text."""
    if not text or len(text) > _LONGEST or not text.isprintable():
        return None
    windows = PureWindowsPath(text)
    if windows.drive or windows.root or PurePosixPath(text).is_absolute() or text.startswith("~"):
        return None
    name = PurePosixPath(windows.as_posix())
    return name if _speaks(name) else None


def _speaks(name: PurePosixPath) -> bool:
    """Whether it is a document, and no part of its path is hidden or leads upwards."""
    return name.suffix.lower() in ENDINGS and not any(part.startswith(".") for part in name.parts)
