"""What a place adds to a point: the distance to the nearest of some points, a polygon's name, a raster's value.

A join travels to worker processes, so it holds plain arrays and texts; what must be built from them (a
tree, prepared polygons) is built once in each process and thread that uses it.

What is done to every piece of a point table: places joined, limits kept, the scoring kernel, columns out.

`score_piece` is pure and the same in one process and on any number of workers.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as made
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

from riskmap.array_types import Floats
from riskmap.catalog import Layer
from riskmap.catalog.model import CHECKLIST_PREFIX, ScoringModel
from riskmap.coordinates import Datum, metres, to_cgcs2000
from riskmap.errors import RiskmapError
from riskmap.io.files.text_files import file_digest
from riskmap.rules.arrays import pc
from riskmap.scoring import Fit, Predictor, assess_table, fit_model
from riskmap.terrain.sampling import sample_points
from riskmap.values.boundaries import Boundaries
from riskmap.vocabulary import RANKS

_FAR_FROM_ZONE = 10.0  # degrees from the targets: there a Gauss-Kruger zone measures nothing


_thread = threading.local()


@dataclass(frozen=True, slots=True)
class Nearest:
    """Metres to the nearest target, in the CGCS2000 zone of the targets. `targets`: float64[n, 2], lon, lat."""

    column: str
    targets: bytes

    def values(self, lon: Floats, lat: Floats) -> pa.Array:
        """Return the distance of each point, null where the point is unlocated."""
        around, tree = _tree(self.targets)
        found = np.full(len(lon), np.nan)
        with np.errstate(invalid="ignore"):
            near = np.isfinite(lat) & (np.abs(lon - around) < _FAR_FROM_ZONE)
        east, north = metres(lon[near], lat[near], around=around)
        fine = np.isfinite(east) & np.isfinite(north)
        found[np.flatnonzero(near)[fine]] = tree.query(np.column_stack([east[fine], north[fine]]))[0]
        return pa.array(found, from_pandas=True)


@lru_cache(maxsize=8)
def _tree(targets: bytes) -> tuple[float, KDTree]:
    degrees = np.frombuffer(targets).reshape(-1, 2)
    around = float(degrees[:, 0].mean())
    return around, KDTree(np.column_stack(metres(degrees[:, 0], degrees[:, 1], around=around)))


@dataclass(frozen=True, slots=True)
class Within:
    """The name of the polygon that holds the point; of several the first. `polygons`: name, WKB in EPSG:4490."""

    column: str
    polygons: tuple[tuple[str, bytes], ...]

    def values(self, lon: Floats, lat: Floats) -> pa.Array:
        """Return the name for each point, null where no polygon holds it."""
        found = self._places().locate(lon, lat)
        names = pa.array([name for name, _ in self.polygons], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(found, pa.int32(), mask=found < 0), names)

    def _places(self) -> Boundaries:
        # Geometries of one thread only: preparing them must not reach another.
        kept: dict[Any, Boundaries] = _thread.__dict__.setdefault("places", {})
        if self.polygons not in kept:
            shapes = {name: shapely.from_wkb(wkb) for name, wkb in self.polygons}
            kept.clear()
            kept[self.polygons] = Boundaries.of(shapely.union_all(list(shapes.values())), shapes)
        return kept[self.polygons]


@dataclass(frozen=True, slots=True)
class Raster:
    """A raster's value at the point. `digest`: SHA-256 of the file, so that every worker reads the same one."""

    column: str
    path: str
    digest: str
    band: int = 1

    def values(self, lon: Floats, lat: Floats) -> pa.Array:
        """Return the value at each point, null where the raster does not cover it. Never zero instead."""
        _same_file(self.path, self.digest)
        return pa.array(sample_points(Path(self.path), lon, lat, band=self.band), from_pandas=True)


@lru_cache(maxsize=64)
def _same_file(path: str, digest: str) -> None:
    """Raise RiskmapError where this machine's file is another one than the plan was made with."""
    try:
        found = file_digest(Path(path))
    except OSError as problem:
        raise RiskmapError(
            f"{path}：这台机器上打不开（{problem.strerror}）；计算节点要能以同样的路径读到它",
            f"{path}: cannot be opened on this machine ({problem.strerror}); workers must see it under the same path",
        ) from problem
    if found != digest:
        raise RiskmapError(
            f"{path}：与开始计算时的文件不是同一个；请让各节点读同一份文件",
            f"{path}: not the file that the run started with; let all workers read the same one",
        )


Join = Nearest | Within | Raster


_KEPT = ("code", "name", "subdistrict")


_RANKS = pa.array(RANKS)


@dataclass(frozen=True, slots=True)
class PieceRecipe:
    """How to score a table. `geometry` names the WKB point column, None for columns lon and lat (in `datum`).

    `fit`: what the ledger's layer was compared with in its last whole run, for a model that compares;
    `learned`: node id → artefact. A point of the table takes its place among the ledger's.
    """

    layer: Layer
    model: ScoringModel
    joins: tuple[Join, ...]
    geometry: str | None
    datum: Datum | None
    columns: tuple[str, ...]  # of the input, all that are read
    fit: Fit | None = None
    learned: Mapping[str, Predictor] = made(default_factory=dict[str, Predictor])

    @property
    def output(self) -> pa.Schema:
        """The columns of a scored piece."""
        joined = [(j.column, j.values(np.empty(0), np.empty(0)).type) for j in self.joins]
        kept = [(name, pa.string()) for name in _KEPT if name in self.columns]
        return pa.schema(
            [
                *kept,
                *((name, pa.string() if pa.types.is_dictionary(kind) else kind) for name, kind in joined),
                ("score", pa.float64()),
                ("tier", pa.string()),
                ("missing", pa.list_(pa.string())),
                ("rules", pa.list_(pa.string())),
            ]
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """What came out of some pieces. `ranks` int64[5] as records.RANKS; `lacking` field → rows unrated for it."""

    rows: int
    ranks: NDArray[np.int64]
    unlocated: int
    out_of_limits: int
    lacking: dict[str, int]

    def __add__(self, other: Tally) -> Tally:
        lacking = {
            field: self.lacking.get(field, 0) + other.lacking.get(field, 0)
            for field in (*self.lacking, *other.lacking)
        }
        return Tally(
            self.rows + other.rows,
            self.ranks + other.ranks,
            self.unlocated + other.unlocated,
            self.out_of_limits + other.out_of_limits,
            lacking,
        )

    @classmethod
    def nothing(cls) -> Tally:
        """Return the tally of no rows."""
        return cls(0, np.zeros(len(RANKS), np.int64), 0, 0, {})


def score_piece(plan: PieceRecipe, table: pa.Table) -> tuple[pa.Table, Tally]:
    """Return a piece scored, in the order it came, and its tally.

    A value outside its field's limits counts as missing (and is tallied): unknown is never safe. A
    joined column takes the place of a field of that name.
    """
    columns, outside = _fields(plan, table)
    unlocated = 0
    joined: dict[str, pa.Array] = {}
    if plan.joins:
        lon, lat = _positions(plan, table)
        unlocated = int((~(np.isfinite(lon) & np.isfinite(lat))).sum())
        for join in plan.joins:
            joined[join.column] = join.values(lon, lat)
            columns[f"f:{join.column}"] = joined[join.column]
    columns["row"] = pa.array(np.arange(len(table)))
    found = assess_table(plan.model, plan.layer, pa.table(columns), fit=plan.fit, learned=plan.learned)
    texts = {n: v.cast(pa.string()) if pa.types.is_dictionary(v.type) else v for n, v in joined.items()}
    out = {name: table[name].cast(pa.string()) for name in _KEPT if name in table.column_names}
    scored = pa.table(
        {
            **out,
            **texts,
            "score": pa.array(found.score, from_pandas=True),
            "tier": _RANKS.take(pa.array(found.rank)),
            "missing": pa.array(found.missing, pa.list_(pa.string())),
            "rules": pa.array(found.rules, pa.list_(pa.string())),
        }
    )
    ranks = np.bincount(found.rank, minlength=len(RANKS)).astype(np.int64)
    return scored, Tally(len(table), ranks, unlocated, outside, _lacking(found.missing))


def score_alone(
    layer: Layer, model: ScoringModel, table: pa.Table, *, learned: Mapping[str, Predictor]
) -> tuple[pa.Table, Tally]:
    """Return a table scored by itself, as `score_piece` does: a model that compares does so with its rows."""
    plan = PieceRecipe(layer, model, (), None, None, tuple(table.column_names), learned=learned)
    columns, _ = _fields(plan, table)
    columns["row"] = pa.array(np.arange(len(table)))
    fit = fit_model(model, layer, pa.table(columns), learned=learned)
    return score_piece(replace(plan, fit=fit), table)


def _lacking(missing: Any) -> dict[str, int]:
    counts = np.bincount(missing.codes, minlength=len(missing.patterns))
    out: dict[str, int] = {}
    for pattern, rows in zip(missing.patterns, counts.tolist(), strict=True):
        for field in pattern:
            out[field] = out.get(field, 0) + rows
    return out


def _fields(plan: PieceRecipe, table: pa.Table) -> tuple[dict[str, Any], int]:
    """Return the model's columns as the kernel reads them, and how many values their limits refused."""
    columns: dict[str, Any] = {}
    outside = 0
    for name in table.column_names:
        if name.startswith(CHECKLIST_PREFIX) or name not in plan.layer.field_ids:
            continue
        field, column = plan.layer.field(name), table[name]
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            for limit, beyond in ((field.minimum, pc.less), (field.maximum, pc.greater)):
                if limit is None:
                    continue
                wrong = pc.fill_null(beyond(column, limit), fill_value=False)
                if bad := pc.sum(wrong).as_py():
                    outside += bad
                    column = pc.if_else(wrong, None, column)
        columns[f"f:{name}"] = column
    if "checklist" in table.column_names:
        columns["checklist"] = table["checklist"]
    return columns, outside


def _positions(plan: PieceRecipe, table: pa.Table) -> tuple[Floats, Floats]:
    """Return CGCS2000 degrees of every row, NaN where unlocated."""
    if plan.geometry is not None:
        points = shapely.from_wkb(table[plan.geometry].to_numpy(zero_copy_only=False), on_invalid="ignore")
        point = shapely.get_type_id(points) == shapely.GeometryType.POINT
        points = np.where(point, points, None)
        x, y = shapely.get_x(points), shapely.get_y(points)
    else:
        x, y = (table[n].cast(pa.float64()).to_numpy(zero_copy_only=False) for n in ("lon", "lat"))
    return (x, y) if plan.datum is None else to_cgcs2000(x, y, plan.datum)
