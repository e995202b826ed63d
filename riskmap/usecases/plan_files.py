"""The file of a record's own plan (一点一策), where its field names one that lies in the workspace.

What a field says comes from a file of a sub-district: it may name anything. Only documents that
people read leave, only from inside the workspace, and never what the workspace itself is made of.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from riskmap.errors import RiskmapError
from riskmap.usecases.workspace import Workspace

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
