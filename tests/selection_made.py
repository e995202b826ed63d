"""Layers and features made up for the tests of the selection room."""

from __future__ import annotations

import dataclasses

import numpy as np
import shapely

from riskmap.catalog import Condition
from riskmap.catalog.layer import Checklist, ChecklistItem, Choice, Field, Layer
from riskmap.errors import Text
from riskmap.values.boundaries import Boundaries
from riskmap.values.records import Features, Records
from riskmap.vocabulary import RANK_OF, TIERS, UNRATED

WEST, SOUTH, EAST, NORTH = 114.05, 22.52, 114.20, 22.64
STREETS = ("桂园街道", "黄贝街道", "东门街道", "翠竹街道")

TIER_CHOICES = tuple(
    Choice(id=t, title=Text(z, t)) for t, z in zip(TIERS, ("重大", "较大", "一般", "低"), strict=True)
)
HOUSES = Layer(
    id="risk_points",
    title=Text("风险点", "Risk points"),
    geometry="point",
    model="lec",
    fields=(
        Field(id="likelihood", title=Text("可能性", "Likelihood"), type="number", aliases=("L值",)),
        Field(id="slope_height", title=Text("坡高", "Slope height"), type="number", aliases=("边坡高度",), unit="m"),
        Field(id="people", title=Text("人数", "People"), type="integer", unit="人"),
        Field(id="indoor", title=Text("室内", "Indoor"), type="boolean"),
        Field(id="surveyed_on", title=Text("排查日期", "Surveyed on"), type="date"),
        Field(id="kind", title=Text("类别", "Kind"), type="choice", choices=(Choice(id="fire", title=Text("火灾", "Fire")), Choice(id="gas", title=Text("燃气", "Gas"), aliases=("煤气",)))),
        Field(id="declared_tier", title=Text("申报等级", "Declared tier"), type="choice", choices=TIER_CHOICES),
        Field(id="address", title=Text("地址", "Address"), type="text"),
        Field.model_construct(id="odd a>=b, 'x' name", title=Text("怪字段", "Odd"), type="number"),
    ),
    aliases={},
    checklist=Checklist(title=Text("清单", "List"), items=tuple(ChecklistItem(id=f"i{k}", title=Text(f"项{k}", f"item {k}")) for k in range(3))),
)  # fmt: skip
GRIDS = Layer(
    id="forest_fire_grids",
    title=Text("森林防火网格", "Forest grids"),
    geometry="polygon",
    model="fuel",
    fields=(Field(id="area", title=Text("面积", "Area"), type="number", unit="m2"),),
    aliases={},
    stale_after_days=100,
)
CATALOG = {HOUSES.id: HOUSES, GRIDS.id: GRIDS}


def places() -> Boundaries:
    """Four sub-districts side by side, filling the district."""
    edges = np.linspace(WEST, EAST, len(STREETS) + 1)
    boxes = {s: shapely.box(edges[i], SOUTH, edges[i + 1], NORTH) for i, s in enumerate(STREETS)}
    return Boundaries.of(shapely.box(WEST, SOUTH, EAST, NORTH), boxes)


def houses(n: int, *, seed: int = 0, first_id: int = 1, unlocated: float = 0.05) -> Features:
    """n risk points scattered over the district, a few of them unrated, unlocated or of no sub-district."""
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(WEST, EAST, n), rng.uniform(SOUTH, NORTH, n)
    lost = rng.random(n) < unlocated
    rank = rng.choice(5, n, p=[0.6, 0.1, 0.2, 0.07, 0.03]).astype(np.uint8)
    street = np.clip(((lon - WEST) / (EAST - WEST) * 4).astype(int), 0, 3)
    numbers = rng.integers(0, 10**6, n).tolist()
    records = Records(
        HOUSES.id,
        [f"RP-{i:07d}" for i in range(n)],
        [f"{STREETS[s][:2]}第{k}号厂房Ａ" if k % 50 else None for s, k in zip(street, numbers, strict=True)],
        [STREETS[s] if k % 40 else None for s, k in zip(street, numbers, strict=True)],
        np.where(lost, np.nan, lon),
        np.where(lost, np.nan, lat),
        None,
        {
            "likelihood": [(0.5, 1.0, 3.0, 6.0, None)[k % 5] for k in numbers],
            "slope_height": [k / 1000 if k % 7 else None for k in numbers],
            "people": [k % 500 if k % 9 else None for k in numbers],
            "indoor": [(True, False, None)[k % 3] for k in numbers],
            "surveyed_on": ["2024-05-01" if k % 2 else None for k in numbers],
            "kind": [("fire", "gas", None)[k % 3] for k in numbers],
            "declared_tier": [(*TIERS, None)[k % 5] for k in numbers],
            "address": [f"深南东路{k}号" if k % 3 else None for k in numbers],
        },
        checklist=[(True, None, False) if k % 4 else None for k in numbers],
    )
    return features(records, rank, first_id=first_id)


def grids(n: int, *, first_id: int = 1_000_001) -> Features:
    """n square grids in rows of eight, from the south-west corner of the district."""
    side = 0.012
    boxes = [shapely.box(WEST + side * (i % 8), SOUTH + side * (i // 8), WEST + side * (i % 8 + 1), SOUTH + side * (i // 8 + 1)) for i in range(n)]  # fmt: skip
    centre = shapely.get_coordinates(shapely.centroid(boxes)).reshape(-1, 2)
    records = Records(
        GRIDS.id,
        [f"G-{i:03d}" for i in range(n)],
        [f"网格{i}" for i in range(n)],
        ["翠竹街道"] * n,
        centre[:, 0],
        centre[:, 1],
        [shapely.to_wkb(b) for b in boxes],
        {"area": [float(i) for i in range(n)]},
    )
    return features(records, (np.arange(n) % 5).astype(np.uint8), first_id=first_id)


def features(records: Records, rank: np.ndarray, *, first_id: int = 1, updated: str = "2025-03-01T08:00:00+08:00") -> Features:  # fmt: skip
    """Records with ranks, as the ledger would give them."""
    n = len(records)
    score = np.array([20.0, np.nan, 90.0, 200.0, 400.0])[rank]
    return Features(
        records,
        np.arange(first_id, first_id + n),
        np.ones(n, np.int64),
        rank,
        score,
        [updated] * n,
        [None] * n,
        [("likelihood",) if r == UNRATED else () for r in rank],
        [("rule",) if r == RANK_OF["major"] else () for r in rank],
        np.arange(n) % 3,
    )


def shuffled(given: Features, order: np.ndarray) -> Features:
    """The same features in another row order (or some of them)."""
    r = given.records

    def take(values):
        return (
            values[order]
            if isinstance(values, np.ndarray)
            else None
            if values is None
            else [values[i] for i in order]
        )

    records = dataclasses.replace(
        r,
        **{f: take(getattr(r, f)) for f in ("code", "name", "subdistrict", "lon", "lat", "shapes", "checklist", "contacts")},
        values={k: take(v) for k, v in r.values.items()},
    )  # fmt: skip
    rest = (
        "feature_id",
        "version",
        "rank",
        "score",
        "updated_at",
        "retired",
        "missing",
        "rules",
        "contact_count",
    )
    return dataclasses.replace(given, records=records, **{f: take(getattr(given, f)) for f in rest})


def condition(field, op, values=()):
    """A condition on a column: no value, one, or several."""
    one = len(values) == 1 and op != "in"
    return Condition(field=field, op=op, value=values[0] if one else values or None)
