"""Zipped shapefiles for software that takes nothing else: short names, all explained beside the data."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute
import pyogrio

from riskmap.catalog.model import CHECKLIST_PREFIX
from riskmap.errors import ExportError, Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.io.files.short_names import TIER, short_names
from riskmap.io.writers.formats import ExportFormat
from riskmap.io.writers.formats.csv_file import guard
from riskmap.io.writers.formats.geopackage import DATUM, write_table
from riskmap.io.writers.qgis import style_of, style_qml
from riskmap.io.writers.record_columns import Attribute, ColumnGroup, attributes, groups, statements
from riskmap.rules.arrays import pc
from riskmap.texts import t
from riskmap.values.inventory import Inventory, LayerInventory

_TEXT_BYTES: Final = 254  # what a DBF text field holds


@dataclass(frozen=True, slots=True)
class _Column:
    attribute: Attribute
    short: str
    values: pa.Array  # as written
    cut: tuple[str, ...]  # codes of the records whose text did not fit


def write_shp(inventory: Inventory, path: Path) -> list[WrittenFile]:
    """Write a zip: one shapefile per layer and geometry kind, and 字段说明.csv with every name and cut text."""
    guide: list[list[str]] = [[key, value] for key, value in statements(inventory, DATUM).items()]
    guide += [[], [t(f"export_guide_{word}", inventory.lang) for word in _GUIDE]]
    with replacing(path) as (room,):
        folder = room.parent / "shp"
        folder.mkdir()
        for part in inventory.layers:
            inventory.wrote(part, 0)
            told = attributes(part, inventory.lang, words=True, each=partial(inventory.wrote, part, 0))
            # Ten letters cannot tell apart what is told of the items of a checklist: that is left to other formats.
            columns = [one for one in told if not one.name.startswith(CHECKLIST_PREFIX)]
            for group in groups(part):
                name = (
                    part.layer.id if group.kind == part.layer.shape_kind else f"{part.layer.id}_{group.kind}"
                )
                written = _columns(columns, part, group)
                _write(written, group, folder / f"{name}.shp", partial(inventory.wrote, part))
                qml = style_qml(
                    style_of(part, [(c.attribute, c.short) for c in written], group.kind, inventory.lang)
                )
                (folder / f"{name}.qml").write_text(qml, encoding="utf-8")
                guide += _explain(name, written, inventory)
        _zip(folder, guide, room, inventory)
    return [WrittenFile(path, "shp.zip", len(inventory))]


_GUIDE: Final = ("file", "field", "id", "title", "type", "unit", "cut")


def _columns(columns: Sequence[Attribute], part: LayerInventory, group: ColumnGroup) -> list[_Column]:
    codes = part.table["code"].take(group.rows).to_pylist()
    found = []
    names = [TIER if c.derived and c.name == "tier" else c.name for c in columns]
    for column, short in zip(columns, short_names(names), strict=True):
        values = column.values.take(group.rows)
        cut: tuple[str, ...] = ()
        if pa.types.is_string(values.type):
            values, cut = _fitting(values, codes)
        found.append(_Column(column, short, values, cut))
    return found


def _fitting(values: pa.Array, codes: Sequence[str]) -> tuple[pa.Array, tuple[str, ...]]:
    longest = pc.max(pc.binary_length(values)).as_py() or 0
    if longest <= _TEXT_BYTES:
        return values, ()
    texts = values.to_pylist()
    cut = tuple(code for code, v in zip(codes, texts, strict=True) if v and len(v.encode()) > _TEXT_BYTES)
    return pa.array([None if v is None else fit(v) for v in texts], pa.string()), cut


def fit(text: str) -> str:
    """Return as much of a text as 254 bytes of UTF-8 hold, whole characters only."""
    return text.encode()[:_TEXT_BYTES].decode(errors="ignore")


def _write(columns: Sequence[_Column], group: ColumnGroup, path: Path, told: Callable[[int], None]) -> None:
    place = "geometry_"  # no attribute has it: names end at ten letters without "_"
    table = pa.table(
        [*(c.values for c in columns), group.wkb],
        schema=pa.schema(
            [*(pa.field(c.short, c.values.type) for c in columns), pa.field(place, pa.binary())]
        ),
    )
    write_table(
        table,
        path,
        told=told,
        driver="ESRI Shapefile",
        geometry_name=place,
        geometry_type=group.type,
        encoding="UTF-8",
    )
    found = pyogrio.read_info(path)["features"]
    if found != len(group.rows):
        raise ExportError(
            f"{path.name}：应有 {len(group.rows)} 条，只写入 {found} 条；请检查磁盘空间后重试",
            f"{path.name}: {found} of {len(group.rows)} records were written; check the disk and try again",
        )


def _explain(name: str, columns: Sequence[_Column], inventory: Inventory) -> list[list[str]]:
    separator = t("export_list_separator", inventory.lang)
    return [
        [
            f"{name}.shp",
            c.short,
            c.attribute.name,
            c.attribute.title,
            t(f"export_type_{c.attribute.type}", inventory.lang),
            c.attribute.unit,
            separator.join(c.cut),
        ]
        for c in columns
    ]


def _zip(folder: Path, guide: Sequence[Sequence[str]], target: Path, inventory: Inventory) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    for row in guide:
        writer.writerow(guard(pa.array(row, pa.string())).to_pylist())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in sorted(folder.iterdir()):
            archive.write(member, member.name)
        archive.writestr(f"{t('export_shp_guide', inventory.lang)}.csv", text.getvalue().encode("utf-8-sig"))


FORMAT: Final = ExportFormat(
    ending="shp.zip",
    title="SHP",
    help=Text("Shapefile 压缩包，附字段名说明", "Zipped Shapefile with an explanation of its field names"),
    order=50,
    write=write_shp,
)
