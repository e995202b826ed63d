"""Workbooks, text tables and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from riskmap.errors import Text
from riskmap.io.files.formats import FileFormat

_FAST: Final = ("numpy",)  # Arrow does without it
_MARKUP: Final = "riskmap.io.files.drivers.markup"


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


def _web_archive(_: Path, head: bytes, __: str) -> Text | None:
    if not head.lstrip().lower().startswith((b"mime-version", b"from: ")):
        return None
    return Text(
        "这是“单个文件网页”（mht），不是工作簿；请用 Excel 或 WPS 打开后另存为 xlsx",
        "a web archive (mht) and no workbook; open it in Excel or WPS and save it as xlsx",
    )


def _under_xls(head: bytes, found: str) -> str | None:
    """Systems export a web page, XML of 2003, text or a new workbook under the name of an old one."""
    if found in {"xml", "html"}:
        lowered = head.replace(b"\0", b"").lower()
        if b"schemas-microsoft-com:office:spreadsheet" in lowered:
            return "xml.xls"
        return (
            "html.xls"
            if any(tag in lowered for tag in (b"<html", b"<table", b"<meta", b"<body", b"<tr"))
            else None
        )
    return {"zip": "xlsx", "text": "csv", "ole": "xls"}.get(found)


def _under_xlsx(head: bytes, found: str) -> str | None:
    return None if found == "text" else _under_xls(head, found)


_WORKBOOK: Final = Text(
    "后缀是 xlsx，压缩包里却没有工作簿；请用 Excel 或 WPS 另存为 xlsx",
    "the ending is xlsx but the archive holds no workbook; save it as xlsx in Excel or WPS",
)


_BINARY: Final = Text(
    "后缀是 xlsb，压缩包里却没有二进制工作簿；请用 Excel 另存为 xlsx",
    "the ending is xlsb but the archive holds no binary workbook; save it as xlsx in Excel",
)


_SHEETS: Final = Text(
    "后缀是 ods，压缩包里却没有表格内容；请用 LibreOffice 或 WPS 另存为 ods 或 xlsx",
    "the ending is ods but the archive holds no sheets; save it as ods or xlsx in LibreOffice or WPS",
)


FORMATS: Final = (
    FileFormat(
        "xlsx",
        (".xlsx", ".xlsm"),
        "zip",
        _EXCEL,
        without=_FAST,
        faults=_encrypted,
        instead=_under_xlsx,
        member=("workbook.xml", _WORKBOOK),
    ),
    FileFormat(
        "xlsb", (".xlsb",), "zip", _EXCEL, without=_FAST, faults=_encrypted, member=("workbook.bin", _BINARY)
    ),
    FileFormat("xlsx.zip", (), "zip", "riskmap.io.files.drivers.package", without=_FAST),
    FileFormat("xls", (".xls",), "ole", _EXCEL, without=_FAST, faults=_web_archive, instead=_under_xls),
    FileFormat("ods", (".ods",), "zip", _EXCEL, without=_FAST, member=("content.xml", _SHEETS)),
    FileFormat("html.xls", (".html", ".htm"), "html", _MARKUP, without=_FAST, instead=_under_xls),
    FileFormat("xml.xls", (), "xml", _MARKUP, without=_FAST),
    FileFormat("csv", (".csv", ".tsv", ".txt"), "text", "riskmap.io.files.drivers.delimited", without=_FAST),
    FileFormat(
        "parquet",
        (".parquet", ".geoparquet"),
        "parquet",
        "riskmap.io.files.drivers.parquet",
        faults=_cut_off,
    ),
)
