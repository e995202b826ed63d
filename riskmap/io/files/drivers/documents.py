"""Documents that are attached: opened once, so that what is kept can be opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from riskmap.errors import UnreadableFileError


def read(request: dict[str, Any], _folder: Path) -> dict[str, Any]:
    """Open a document by the program's own reader of its kind; what that throws refuses the file."""
    path = Path(request["path"])
    {"pdf": _pdf, "docx": _docx, "xlsx": _xlsx}[request["kind"]](path)
    return {}


def _pdf(path: Path) -> None:
    import pypdf  # noqa: PLC0415 - each kind has a reader of its own

    reader = pypdf.PdfReader(path)
    if reader.is_encrypted:
        raise UnreadableFileError(
            "PDF 设有密码；请去掉密码后再上传",
            "the PDF is protected by a password; remove it",
        )
    _ = reader.pages[0]


def _docx(path: Path) -> None:
    import docx  # noqa: PLC0415

    _ = docx.Document(str(path)).element.body


def _xlsx(path: Path) -> None:
    import fastexcel  # noqa: PLC0415

    _ = fastexcel.read_excel(path.read_bytes()).sheet_names[0]
