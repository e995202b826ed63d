"""A workbook that is safe to write ledger text into and leaves nothing open when writing fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import xlsxwriter
from xlsxwriter.exceptions import XlsxFileError

from riskmap.errors import ExportError

# Text is never taken for a formula, a link or a number.
_LITERAL: Final = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


@contextmanager
def new_workbook(path: Path, *, rows_to_disk: bool = False) -> Iterator[xlsxwriter.Workbook]:
    """Yield a workbook; it is packed into `path` when the block ends well.

    With `rows_to_disk` each row is final once the next begins, and memory does not grow with rows.
    An error of the disk comes out as the OSError that it is.
    """
    options = _LITERAL | {"constant_memory": rows_to_disk, "tmpdir": str(path.parent)}
    book = xlsxwriter.Workbook(path, options)
    book.use_zip64()  # a million rows pass 2 GB before they are packed
    try:
        yield book
        book.close()
    except XlsxFileError as problem:
        cause = problem.args[0] if problem.args else None
        if isinstance(cause, OSError):
            raise cause from problem
        raise ExportError(
            f"{path.name}：无法写入（{problem}）", f"{path.name}: cannot be written ({problem})"
        ) from problem
    finally:
        # Rows wait in temporary files, which XlsxWriter closes only when it packs them.
        book.fileclosed = 1
        for sheet in book.worksheets():
            handle = getattr(sheet, "row_data_fh", None)
            if handle is not None:
                with suppress(OSError):
                    handle.close()
