"""The hand-over package: the workbook and the files on its records, which the workbook's list of files leads to.

Pictures leave with their pixels and nothing else (`riskmap.io.files.stripping`); originals stay in the house.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from riskmap.errors import RiskmapError, Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.io.files.attachments import plain_name
from riskmap.io.writers.formats import ExportFormat
from riskmap.io.writers.formats.workbook import Packed, write_workbook
from riskmap.texts import t
from riskmap.values.attachments import Attached
from riskmap.values.inventory import FileKey, Inventory, file_key

_PREPARING: Final = Text("写入：照片和文档", "writing: pictures and documents")


_LONGEST: Final = 60


_NO_FOLDER: Final = re.compile(r'[<>:"|?*/\\\x00-\x1f]')


def write_zip(inventory: Inventory, path: Path) -> list[WrittenFile]:
    """Write the workbook, and beside it the files on its records; the workbook says which cannot be read, and why."""
    preparing, rows, packing = inventory.progress.parts(2, 4, 1)
    with replacing(path) as (room,):
        waiting = room.with_name("files")
        waiting.mkdir(mode=0o700)
        packed: dict[FileKey, Packed] = {}
        found = list(_files(inventory))
        taken: set[str] = set()
        for number, (key, code, file) in enumerate(found):
            preparing.step(number, len(found), _PREPARING)
            packed[key] = _prepared(inventory, file, waiting / str(number), _place(key, code, file, taken))
        book = room.with_name(t("export_package_book", inventory.lang))
        write_workbook(replace(inventory, progress=rows), book, packed)
        with zipfile.ZipFile(room, "w") as archive:
            archive.write(book, book.name)  # first: by it an import knows the package
            for number, (key, *_) in enumerate(found):
                packing.step(number, len(found), _PREPARING)
                if not packed[key].fault:
                    archive.write(waiting / str(number), packed[key].place)
    return [WrittenFile(path, "zip", len(inventory))]


def _files(inventory: Inventory) -> Iterator[tuple[FileKey, str, Attached]]:
    for part in inventory.layers:
        for code, files in zip(part.table["code"].to_pylist(), part.files, strict=bool(part.files)):
            for one in files:
                yield file_key(part, code, one), code, one


def _place(key: FileKey, code: str, one: Attached, taken: set[str]) -> str:
    """Return where a file lies in the package; no two share a place, whatever codes and names hold."""
    folder = _NO_FOLDER.sub("_", code).strip(". ")[:_LONGEST] or "_"
    name = plain_name(one.name, one.file.kind)
    stem, dot, ending = name.rpartition(".")
    number, place = 1, f"files/{key[0]}/{folder}/{name}"
    while place.casefold() in taken:
        number += 1
        place = f"files/{key[0]}/{folder}/{stem} ({number}){dot}{ending}"
    taken.add(place.casefold())
    return place


def _prepared(inventory: Inventory, one: Attached, waiting: Path, place: str) -> Packed:
    try:
        if inventory.handed_over is None:
            return Packed("", t("export_files_left", inventory.lang))
        waiting.write_bytes(inventory.handed_over(one.file))
    except RiskmapError as problem:
        return Packed("", problem.text(inventory.lang))
    return Packed(place, "")


FORMAT: Final = ExportFormat(
    ending="zip",
    title="ZIP",
    help=Text(
        "移交包：Excel 工作簿，和各记录的照片、文档（照片不含位置和机型）",
        "Package to hand over: the workbook, with pictures and documents of its records (pictures without position)",
    ),
    order=75,
    write=write_zip,
)
