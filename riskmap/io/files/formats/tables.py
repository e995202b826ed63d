"""Workbooks, text tables and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from riskmap.errors import Text
from riskmap.io.files.formats import FileFormat

_FAST: Final = ("numpy",)  # Arrow does without it
_EXCEL: Final = "riskmap.io.files.drivers.excel"


def _encrypted(path: Path, _: bytes, found: str) -> Text | None:
    if found != "ole":
        return None
    with path.open("rb") as stream:
        if "EncryptedPackage".encode("utf-16-le") not in stream.read(4 << 20):
            return None
    return Text(
        "工作簿设有打开密码；请在 Excel 或 WPS 中去掉密码后另存",
        "the workbook is protected by a password; remove the password and save it again",
    )


def _cut_off(path: Path, _: bytes, found: str) -> Text | None:
    with path.open("rb") as stream:
        stream.seek(-min(4, path.stat().st_size), 2)
        if found != "parquet" or stream.read(4) == b"PAR1":
            return None
    return Text("文件不完整（缺少结尾）；请重新传送", "the file is cut off (no footer); send it again")


_WORKBOOK: Final = Text(
    "后缀是 xlsx，压缩包里却没有工作簿；请用 Excel 或 WPS 另存为 xlsx",
    "the ending is xlsx but the archive holds no workbook; save it as xlsx in Excel or WPS",
)


FORMATS: Final = (
    FileFormat(
        "xlsx",
        (".xlsx", ".xlsm"),
        "zip",
        _EXCEL,
        without=_FAST,
        faults=_encrypted,
        member=("workbook.xml", _WORKBOOK),
    ),
    FileFormat("xls", (".xls",), "ole", _EXCEL, without=_FAST),
    FileFormat("csv", (".csv", ".tsv", ".txt"), "text", "riskmap.io.files.drivers.delimited", without=_FAST),
    FileFormat(
        "parquet",
        (".parquet", ".geoparquet"),
        "parquet",
        "riskmap.io.files.drivers.sheets",
        faults=_cut_off,
    ),
)
