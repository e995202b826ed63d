"""Small inventories for the tests of what is presented."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from riskmap.catalog.layer import Checklist, ChecklistItem, Choice, ContactRole, Field, Layer
from riskmap.errors import Text
from riskmap.values.assessment import ModelStamp
from riskmap.values.inventory import Inventory, LayerInventory, PrintedFigure
from riskmap.values.records import Contact
from riskmap.vocabulary import NOT_STATED, RANK_OF, RANKS

HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+86示例点",
    "-1+1",
    "@SUM(A1)",
    "'already quoted",
    "{{7*7}}{% raw %}",
    "<img src=x onerror=alert(1)>",
    "<r></sheetData><x>\n</r>",
    "'; DROP TABLE feature; --",
    "_x0041_ & ]]> <b>",
    'line\nbreak, "quotes"',
    "𠮷田 🏚",
    "\ttab",
    " 前后空白 ",
]

SLOPES = Layer(
    id="slopes",
    title=Text("边坡", "Slopes"),
    geometry="point",
    model="slope_matrix",
    fields=(
        Field(id="slope_height", title=Text("坡高", "Slope height"), type="number", unit="m"),
        Field(id="people", title=Text("受威胁人数", "People at risk"), type="integer", unit="人"),
        Field(id="monitored", title=Text("自动化监测", "Monitored"), type="boolean"),
        Field(
            id="declared_tier",
            title=Text("申报等级", "Declared tier"),
            type="choice",
            choices=(
                Choice(id="major", title=Text("重大", "Major")),
                Choice(id="low", title=Text("低", "Low")),
            ),
            open=True,
        ),
        Field(id="surveyed_on", title=Text("排查日期", "Surveyed on"), type="date"),
        Field(id="remarks", title=Text("备注", "Remarks"), type="text"),
    ),
    aliases={
        "code": ("编号", "code"),
        "name": ("名称", "name"),
        "subdistrict": ("街道", "所属街道", "sub-district"),
        "longitude": ("经度", "longitude"),
        "latitude": ("纬度", "latitude"),
        "version": ("记录版本", "record version"),
    },
    checklist=Checklist(
        title=Text("十个有", "Ten items"),
        items=(
            ChecklistItem(id="has_plan", title=Text("有预案", "Plan")),
            ChecklistItem(id="has_sign", title=Text("有标识", "Sign")),
        ),
    ),
    contacts=(
        ContactRole(
            id="keeper",
            title=Text("责任人", "Keeper"),
            name_aliases=("责任人",),
            phone_aliases=("责任人电话",),
        ),
        ContactRole(id="police", title=Text("包点民警", "Police")),
    ),
)

GRIDS = Layer(
    id="forest_fire_grids",
    title=Text("森林防火网格", "Forest fire grids"),
    geometry="polygon",
    model="fire",
    fields=(Field(id="area_ha", title=Text("面积", "Area"), type="number", unit="公顷"),),
    aliases=SLOPES.aliases,
)


def slopes_table(n: int = 40) -> pa.Table:
    """Rows with every kind of value, hostile names first; the last row has no position."""
    i = np.arange(n)
    names = [HOSTILE[k] if k < len(HOSTILE) else f"示例边坡{k}" for k in i]
    lon, lat = 114.1 + i / 1000.0, 22.55 + i / 3000.0
    lon[-1] = lat[-1] = np.nan
    ranks = np.array([RANK_OF[("major", "large", "general", "low", "unrated")[k % 5]] for k in i], np.uint8)
    unrated = ranks == RANK_OF["unrated"]
    columns: dict[str, Any] = {
        "feature_id": pa.array(i + 1),
        "code": [f"00{k:04d}" for k in i],
        "name": names,
        "subdistrict": pa.array([("桂园街道", "南湖街道", None)[k % 3] for k in i]).dictionary_encode(),
        "lon": lon,
        "lat": lat,
        "rank": ranks,
        "score": np.where(unrated, np.nan, i * 1.5),
        "version": pa.array(i % 4 + 1),
        "updated_at": [f"2026-0{k % 9 + 1}-05T08:30:00+00:00" for k in i],
        "missing": pa.array(
            [["slope_height", "unknown"] if u else [] for u in unrated], pa.list_(pa.string())
        ),
        "rules": pa.array([["collapse"] if k % 7 == 0 else [] for k in i], pa.list_(pa.string())),
        "flags": pa.array(np.where(np.isnan(lon), 8, i % 2).astype(np.uint16)),
        "contacts": pa.array(i % 3),
        "checklist": pa.array([[True, None] if k % 2 else [False, True] for k in i], pa.list_(pa.bool_())),
        "f:slope_height": pa.array(
            [None if u else 10.25 + k for k, u in zip(i.tolist(), unrated, strict=True)], pa.float64()
        ),
        "f:people": pa.array([None if k % 11 == 3 else k for k in i.tolist()], pa.int64()),
        "f:monitored": pa.array([(True, False, None)[k % 3] for k in i]),
        "f:declared_tier": pa.array([("major", "low", "特别", None)[k % 4] for k in i]).dictionary_encode(),
        "f:surveyed_on": [f"2025-11-{k % 28 + 1:02d}" for k in i],
        "f:remarks": [None if k % 2 else "备注" * 60 for k in i],
    }
    return pa.table(columns)


def contacts_of(n: int) -> list[tuple[Contact, ...] | None]:
    return [
        None
        if k % 5 == 4
        else (
            Contact("keeper", "张*", "138****0000"),
            Contact("police", "李*", "0755****1234", "所长", "2026-05-01"),
            *((Contact("keeper", "王*", "139****1111"),) if k == 1 else ()),
        )
        for k in range(n)
    ]


def grids_table(n: int = 6) -> pa.Table:
    """Polygons; one of two parts, one without a shape, the last without anything on the map."""
    shapes: list[Any] = [shapely.box(114.0 + k / 100, 22.5, 114.01 + k / 100, 22.51) for k in range(n)]
    shapes[1] = shapely.MultiPolygon([shapes[1], shapely.box(114.5, 22.7, 114.51, 22.71)])
    shapes[-1] = None
    points = [s.representative_point() if s is not None else None for s in shapes]
    return pa.table(
        {
            "feature_id": pa.array(range(n), pa.int64()),
            "code": [f"G{k}" for k in range(n)],
            "name": [f"网格{k}" for k in range(n)],
            "subdistrict": pa.array(["东湖街道"] * n).dictionary_encode(),
            "lon": np.array([np.nan if p is None else p.x for p in points]),
            "lat": np.array([np.nan if p is None else p.y for p in points]),
            "rank": pa.array([4, 3, 2, 1, 0, 1][:n], pa.uint8()),
            "score": np.arange(n, dtype=np.float64),
            "version": pa.array([1] * n, pa.int64()),
            "updated_at": ["2026-05-05T08:30:00+00:00"] * n,
            "missing": pa.array([[]] * n, pa.list_(pa.string())),
            "rules": pa.array([[]] * n, pa.list_(pa.string())),
            "flags": pa.array([0] * n, pa.uint16()),
            "contacts": pa.array([0] * n, pa.int64()),
            "shape": pa.array([None if s is None else shapely.to_wkb(s) for s in shapes], pa.binary()),
            "f:area_ha": pa.array([float(k) for k in range(n)]),
        }
    )


STAMP = ModelStamp(
    "slope_matrix", Text("边坡矩阵", "Slope matrix"), "1.2", "0123456789abcdef" * 4, "draft",
    {"collapse": Text("曾经垮塌", "collapsed before")},
)  # fmt: skip


def slopes(n: int = 40, *, contacts: bool = True) -> LayerInventory:
    return LayerInventory(SLOPES, slopes_table(n), (STAMP,), contacts_of(n) if contacts else None)


def grids() -> LayerInventory:
    return LayerInventory(GRIDS, grids_table())


def inventory(*parts: LayerInventory, **changes: Any) -> Inventory:
    values: dict[str, Any] = {
        "district": "演示区",
        "layers": parts or (slopes(), grids()),
        "filter": Text("等级：全部", "tiers: all"),
        "as_of": "2026-05-05 08:00",
        "made_at": "2026-05-06 09:00",
        "made_by": "值班员",
        "demo": True,
    }
    made = Inventory(**(values | changes))
    return made if "figures" in changes else dataclasses.replace(made, figures=figures_of_rows(made))


def figures_of_rows(made: Inventory) -> dict[tuple[str, str], PrintedFigure]:
    """What the figures of an inventory are, counted row by row."""
    found: Counter[tuple[str, str]] = Counter()
    for part in made.layers:
        layer, risk = part.layer.id, part.layer.counts == "risk"
        columns = (part.table[name].to_pylist() for name in ("rank", "subdistrict"))
        for rank, stated in zip(*columns, strict=True):
            standing, street = part.layer.standing(RANKS[rank % len(RANKS)]), stated or NOT_STATED
            ids = ["records.layer", f"records.layer.{layer}", f"records.standing.{layer}.{standing}"]
            if risk:
                ids += ["points.total", f"points.tiers.{standing}", f"points.layer.{layer}"]
                ids += [f"points.layer_tier.{layer}.{standing}"]
            found.update((one, "") for one in ids)
            if risk:
                streets = (f"points.street.{street}", f"points.street_tier.{street}.{standing}")
                found.update((one, of) for one in streets for of in ("", layer))
    return {(one, of): PrintedFigure(one, Text("", ""), n, f"{n:,}", of) for (one, of), n in found.items()}
