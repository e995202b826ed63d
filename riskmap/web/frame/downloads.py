"""Exports behind an address: made when they are asked for, handed over, thrown away."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from riskmap.actions.inventory.exporting import export_selection
from riskmap.actions.workspace import Workspace
from riskmap.errors import Lang
from riskmap.io.files.leftovers import mark
from riskmap.io.writers import export_formats
from riskmap.moments import local_now
from riskmap.selection import Selection
from riskmap.web.frame.security import ForbiddenError, Signer

_PIECE: Final = 1 << 18


PURPOSE: Final = "download"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One export: which records, in which format, under which name."""

    selection: Selection
    format: str
    filename: str
    lang: Lang


def address(signer: Signer, wanted: Wanted) -> str:
    """Return the address of an export, relative to the app's base; good for a day."""
    value = [wanted.selection.to_text(), wanted.format, wanted.filename, wanted.lang]
    return f"download/{signer.sign_for_a_day(PURPOSE, value)}"


def wanted(signer: Signer, token: str) -> Wanted:
    """Read an address. Raises ForbiddenError when it is not ours or older than a day."""
    text, ending, filename, lang = signer.read_within_a_day(PURPOSE, token)
    if ending not in export_formats():
        raise ForbiddenError
    return Wanted(Selection.from_text(text), ending, filename, lang)


def file_name(title: str, ending: str) -> str:
    """Return a name for a download that every system takes: title, date, ending."""
    plain = "".join(c for c in title if c.isalnum() or c in "-_ ").strip() or "riskmap"
    return f"{plain}-{local_now():%Y%m%d-%H%M}.{ending}"


def made(ws: Workspace, wanted: Wanted) -> Path:
    """Write the export to a folder of its own and return the file. Raises ExportError.

    Where a format needs several files (a table per layer), they come as one archive.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"riskmap{mark()}"))
    file = folder / f"export.{wanted.format}"
    try:
        document = export_selection(ws, wanted.selection, file, lang=wanted.lang)
        parts = sorted({Path(part["path"]) for part in document["files"]})
        return file if parts in ([], [file]) else _packed(folder, parts)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _packed(folder: Path, parts: list[Path]) -> Path:
    archive = folder / "export.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for part in parts:
            out.write(part, part.name.removeprefix("export").lstrip("-_.") or part.name)
    return archive


def sent_name(wanted: Wanted, file: Path) -> str:
    """Return the name under which a made file is handed over."""
    if file.name.endswith(f".{wanted.format}"):
        return wanted.filename
    return wanted.filename.removesuffix(f".{wanted.format}") + file.suffix


def handed_over(file: Path) -> Iterator[bytes]:
    """Yield an export in pieces, and remove it when it was handed over or nobody waits any more."""
    try:
        with file.open("rb") as content:
            while piece := content.read(_PIECE):
                yield piece
    finally:
        shutil.rmtree(file.parent, ignore_errors=True)
