"""The workbook in a package of riskmap's own: what lies beside it are files on records, and no table."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from riskmap.errors import UnreadableFileError
from riskmap.io.files.drivers import excel
from riskmap.io.files.file_checks import FileLimits, check_archive


def read(request: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Write the sheets of the workbook; it is judged as one that comes by itself."""
    book = folder / "book.xlsx"
    with zipfile.ZipFile(request["path"]) as archive:
        names = [one for one in archive.namelist() if one.lower().endswith(".xlsx") and "/" not in one]
        if len(names) != 1:
            raise UnreadableFileError(
                f"压缩包里有 {len(names)} 个工作簿，应有一个；请解开后逐个导入",
                f"the archive holds {len(names)} workbooks and not one; unpack it and import them one by one",
            )
        with archive.open(names[0]) as member:
            content = member.read(request["unpacked_bytes"])
    book.write_bytes(content)
    check_archive(book, request["name"], FileLimits())
    return excel.read(request | {"path": str(book), "kind": "xlsx"}, folder)
