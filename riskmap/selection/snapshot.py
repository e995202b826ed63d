"""The column snapshot: every record of every layer at one moment, in columns, read-only.

It is derived from the ledger and disposable. Rows are numbered through all layers (layer order,
then code order): `starts[i]` is the first row of layer i. The `rank` of a table is a place in
`vocabulary.STANDINGS`: a tier, or the grade of what is no risk. A *group* is one combination of layer,
rank and sub-district; most filters are a choice of groups, which one look-up per row answers.

The Z-order curve over Web Mercator: a map tile is one contiguous run of sorted codes.

A position becomes two integers of `BITS` bits (0,0 is the north-west corner of the world), their
bits interleaved into one code. All points of tile z/x/y share the first 2·z bits of their code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute
import shapely
from numpy.typing import ArrayLike, NDArray

from riskmap.catalog import Layer
from riskmap.errors import SelectionError, Text
from riskmap.rules.arrays import codes_of, column_of, folded, numbers_of, pc
from riskmap.selection.inheriting import in_order, inherited
from riskmap.selection.masks import Views
from riskmap.selection.snapshot_files import (
    BOUNDS,
    FORMAT,
    Seen,
    read_snapshot,
    seen_in,
    write_snapshot,
)
from riskmap.selection.table import CLASS, flag_bits, layer_table
from riskmap.selection.where import unknown_name
from riskmap.values.boundaries import Boundaries
from riskmap.values.records import Features, Records
from riskmap.vocabulary import NOT_STATED, RANKS, STANDINGS, weight

BITS: Final = 31  # per axis: 2 cm at the equator


_LIMIT: Final = 85.0511287798066  # degrees; where Web Mercator is square


_STEPS: Final = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def _spread(values: ArrayLike) -> NDArray[np.uint64]:
    v = np.asarray(values).astype(np.uint64)
    for shift, mask in _STEPS:
        v = (v | v << np.uint64(shift)) & np.uint64(mask)
    return v


def _gather(codes: NDArray[np.uint64]) -> NDArray[np.int64]:
    v = codes & np.uint64(_STEPS[-1][1])
    masks = (*(mask for _, mask in reversed(_STEPS[:-1])), 0xFFFFFFFF)
    for (shift, _), mask in zip(reversed(_STEPS), masks, strict=True):
        v = (v | v >> np.uint64(shift)) & np.uint64(mask)
    return v.astype(np.int64)


def interleave(x: ArrayLike, y: ArrayLike) -> NDArray[np.uint64]:
    """Return the codes of integer coordinates below 2**32."""
    return _spread(x) | _spread(y) << np.uint64(1)


def separate(codes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return x, y of codes; the inverse of `interleave`."""
    return _gather(codes), _gather(codes >> np.uint64(1))


def encode(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.uint64]:
    """Return the codes of degrees; what lies beyond the square world is moved to its edge."""
    sine = np.sin(np.radians(np.clip(np.asarray(lat, np.float64), -_LIMIT, _LIMIT)))
    across = np.asarray(lon, np.float64) / 360.0 + 0.5
    down = 0.5 - np.log((1.0 + sine) / (1.0 - sine)) / (4.0 * np.pi)
    size = float(1 << BITS)
    return interleave(
        np.clip(across * size, 0.0, size - 1.0).astype(np.uint64),
        np.clip(down * size, 0.0, size - 1.0).astype(np.uint64),
    )


MOST_LAYERS: Final = 32  # a tile holds layer · 8 + rank in one byte


ADDRESS: Final = "address"


@dataclass(frozen=True)
class Shapes:
    """Bounds of the lines and polygons: `row` uint32[k], `bounds` float64[k, 4] degrees W S E N."""

    row: NDArray[np.uint32]
    bounds: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All layers in columns, n rows of which m are located.

    By row: `group` uint16|32[n], `flags` uint16[n], `search` string[n] (code, name and address,
    folded, a line each; in pieces where the snapshot was patched, like the columns of its tables).
    Along the Z-order curve: `code` uint64[m] (ascending), `row` uint32[m], `point_group` like
    `group`[m], `point_id` uint32[m] (feature ids). `state` is the ledger's,
    `key` stands for everything the snapshot was made from. `home` is the directory that its columns
    are mapped from, if they are, and `seen` how its files stood when their digests were compared. `today`: what
    freshness and deadlines are measured against. `beside`: of records that are off the lists, those that are on them, which
    they may name. `definitions`: the layers, for conditions that look at more than a
    column (`linked.with_reached`). `filled_roles` reads of a layer the `code` and the `roles` that somebody fills, a line
    each: asked so rarely that no table holds them; None where no ledger is there to ask.
    """

    state: int
    key: str
    layers: tuple[str, ...]
    subdistricts: tuple[str, ...]
    tables: Mapping[str, pa.Table]
    group: NDArray[Any]
    flags: NDArray[np.uint16]
    search: pa.Array | pa.ChunkedArray
    code: NDArray[np.uint64]
    row: NDArray[np.uint32]
    point_group: NDArray[Any]
    point_id: NDArray[np.uint32]
    shapes: Shapes
    home: Path | None = None
    seen: Seen = ()
    today: date | None = None
    beside: Snapshot | None = field(default=None, repr=False)
    definitions: Mapping[str, Layer] = field(default_factory=dict[str, Layer], repr=False)
    filled_roles: Callable[[str], pa.Table] | None = field(default=None, repr=False)
    views: Views = field(default_factory=Views, repr=False)

    def __len__(self) -> int:
        return len(self.group)

    @property
    def intact(self) -> bool:
        """False once somebody has written to the files that the columns are mapped from."""
        return self.home is None or seen_in(self.home) in {self.seen, ()}

    @property
    def n(self) -> int:
        """How many records there are, located or not."""
        return len(self.group)

    @property
    def located(self) -> int:
        """How many records have a position."""
        return len(self.code)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of layers, standings and sub-districts; the last sub-district is "not stated"."""
        return len(self.layers), len(STANDINGS), len(self.subdistricts) + 1

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """First row of each layer, and n at the end; int64[layers + 1]."""
        return np.cumsum([0, *(len(self.tables[layer]) for layer in self.layers)])

    @cached_property
    def histogram(self) -> NDArray[np.int64]:
        """How many records each group has; int64[groups]."""
        return np.bincount(self.group, minlength=int(np.prod(self.shape)))

    @cached_property
    def standing_of_group(self) -> NDArray[np.uint8]:
        """Which of `STANDINGS` the records of each group have; uint8[groups]."""
        return np.tile(np.repeat(np.arange(len(STANDINGS), dtype=np.uint8), self.shape[2]), self.shape[0])

    @cached_property
    def class_of_row(self) -> NDArray[np.uint8] | None:
        """The class by which the map colours each row; uint8[n], 255 where its tier does. None where no layer has any."""
        if not any(CLASS in table.column_names for table in self.tables.values()):
            return None
        parts = [
            numbers_of(table[CLASS]) if CLASS in table.column_names else np.full(len(table), 255, np.uint8)
            for table in (self.tables[layer] for layer in self.layers)
        ]
        return _joined(parts, np.uint8)

    @cached_property
    def weight_of_group(self) -> NDArray[np.int8]:
        """How much the records of each group must be seen (`vocabulary.weight`); int8[groups]."""
        return weight(self.standing_of_group).astype(np.int8)

    @cached_property
    def others(self) -> frozenset[str]:
        """The layers with records that are no risks: what a filter by tier is not about."""
        graded = self.histogram.reshape(self.shape)[:, len(RANKS) :].any(axis=(1, 2))
        return frozenset(self.layers[i] for i in np.flatnonzero(graded))

    def table(self, layer: str) -> pa.Table:
        """Return the table of a layer, in code order. Raises SelectionError for an unknown id."""
        return self.tables[self.layers[self.layer_index(layer)]]

    def layer_index(self, layer: str) -> int:
        """Return the place of a layer in `layers`. Raises SelectionError for an unknown id."""
        if layer not in self.layers:
            raise unknown_name(Text("图层", "layer"), layer, self.layers)
        return self.layers.index(layer)

    def subdistrict_index(self, name: str) -> int:
        """Return the place of a sub-district in groups. Raises SelectionError for an unknown name."""
        if name in self.subdistricts:
            return self.subdistricts.index(name)
        if name == NOT_STATED:
            return len(self.subdistricts)
        raise unknown_name(Text("街道", "sub-district"), name, (*self.subdistricts, NOT_STATED))

    def where_is(self, row: int) -> tuple[str, int]:
        """Return layer id and row in its table for a row number."""
        index = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.layers[index], row - int(self.starts[index])

    def save(self, directory: Path) -> None:
        """Write the snapshot into a directory. Raises OSError where that cannot be done."""
        points = {"code": self.code, "row": self.row, "group": self.point_group, "id": self.point_id}
        shapes = {"row": self.shapes.row, **dict(zip(BOUNDS, self.shapes.bounds.T, strict=True))}
        tables = {
            **{f"layer-{i}": self.tables[layer] for i, layer in enumerate(self.layers)},
            "rows": pa.table({"group": self.group, "flags": self.flags, "search": self.search}),
            "points": pa.table(points),
            "shapes": pa.table(shapes),
        }
        about = {
            "key": self.key,
            "state": self.state,
            "layers": self.layers,
            "subdistricts": self.subdistricts,
            "today": None if self.today is None else self.today.isoformat(),
        }
        write_snapshot(directory, tables, about)

    @classmethod
    def load(
        cls,
        directory: Path,
        *,
        state: int | None = None,
        key: str | None = None,
        layers: Mapping[str, Layer] | None = None,
    ) -> Snapshot | None:
        """Return the snapshot in a directory, its columns mapped from disk and shared by processes.

        None where there is none, where it is damaged or of another format, and where its ledger
        state or its key (`snapshot_key`) is not the one asked for. `layers`: those that it was made of.
        """
        parts = read_snapshot(directory)
        if parts is None or state not in {None, parts["state"]} or key not in {None, parts["key"]}:
            return None
        shapes = Shapes(parts.pop("shape_row"), parts.pop("shape_bounds"))
        return cls(**parts, shapes=shapes, definitions=dict(layers or {}))


def snapshot_key(
    catalog_layers: Mapping[str, Layer], places: Boundaries | None, *, state: int, today: date
) -> str:
    """Return what a snapshot of this ledger state, catalogue, boundaries and day is known by."""
    digest = hashlib.blake2b(f"{FORMAT}|{state}|{today.isoformat()}".encode(), digest_size=16)
    for layer_id, layer in catalog_layers.items():
        digest.update(f"|{layer_id}=".encode() + _told(_Itself(layer)))
    if places is not None:
        digest.update(_told(_Itself(places)))
    return digest.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class _Itself:
    """A layer or boundaries as the object that it is: frozen, so that what was told of it once stays true."""

    value: Layer | Boundaries

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other.value is self.value


@lru_cache(maxsize=256)
def _told(itself: _Itself) -> bytes:
    """Return the digest of all that a layer or boundaries say: an edit would ask for it three times."""
    value = itself.value
    if isinstance(value, Boundaries):
        parts = [repr(value.names).encode(), *map(shapely.to_wkb, (value.district, *value.polygons))]
    else:
        parts = [repr(value).encode()]
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()


def build_snapshot(
    features: Mapping[str, Features | pa.Table],
    catalog_layers: Mapping[str, Layer],
    places: Boundaries | None,
    *,
    state: int,
    today: date,
) -> Snapshot:
    """Return the snapshot of one ledger state; the order of the rows that come in does not matter.

    A layer comes as its features or as its table (from an older snapshot where nothing in it has
    changed, or the `changed_table` of that one). Layers are those of `catalog_layers`, in its
    order; one that did not come is empty. Retired records are left out. `today` is what freshness
    is measured against. Raises SelectionError for a layer that the catalogue lacks.
    """
    for layer_id in features:
        if layer_id not in catalog_layers:
            raise unknown_name(Text("图层", "layer"), layer_id, catalog_layers)
    mapped = sum(layer.placed for layer in catalog_layers.values())
    if mapped > MOST_LAYERS:
        raise SelectionError(
            f"有位置的图层有 {mapped} 个；地图最多容纳 {MOST_LAYERS} 个，请减少",
            f"{mapped} layers have places; the map holds {MOST_LAYERS} at most, remove some",
        )
    made: dict[str, pa.Table] = {}
    for layer in in_order(catalog_layers):
        given = features.get(layer.id)
        if given is None:
            made[layer.id] = _empty(layer)
            continue
        table = given if isinstance(given, pa.Table) else layer_table(given, layer)
        table = inherited(table, layer, catalog_layers, made)
        made[layer.id] = with_flags(table, flag_bits(table, layer, places, today=today))
    tables = {layer: made[layer] for layer in catalog_layers}
    names = subdistricts_of(tables, places)
    group = groups_of(tables, names)
    code, row, point_group, point_id = _points(tables, group)
    return Snapshot(
        state=state,
        key=snapshot_key(catalog_layers, places, state=state, today=today),
        layers=tuple(catalog_layers),
        subdistricts=names,
        tables=tables,
        group=group,
        flags=_joined([numbers_of(t["flags"]) for t in tables.values()], np.uint16),
        search=pa.concat_arrays(
            [pa.array([], pa.string()), *(c for t in tables.values() for c in search_texts(t).chunks)]
        ),
        code=code,
        row=row,
        point_group=point_group,
        point_id=point_id,
        shapes=shapes_of(tables),
        today=today,
        definitions=catalog_layers,
    )


def _joined(parts: list[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype, copy=False)


def with_flags(table: pa.Table, bits: NDArray[np.uint16]) -> pa.Table:
    """Return a layer table with these flags."""
    return table.set_column(table.column_names.index("flags"), "flags", pa.array(bits))


def _empty(layer: Layer) -> pa.Table:
    none = np.zeros(0)
    blank: Any = ()
    records = Records(layer.id, blank, blank, blank, none, none, None, {}, contacts=blank)
    return layer_table(
        Features(
            records,
            none.astype(np.int64),
            none.astype(np.int64),
            none.astype(np.uint8),
            none,
            blank,
            blank,
            blank,
            blank,
            none.astype(np.int64),
        ),
        layer,
    )


def subdistricts_of(tables: Mapping[str, pa.Table], places: Boundaries | None) -> tuple[str, ...]:
    """Return the district's own in its order, then whatever else records state, sorted."""
    own = places.names if places is not None else ()
    stated: set[str] = set()
    for table in tables.values():
        indices, words = codes_of(table["subdistrict"])
        used = np.bincount(indices + 1, minlength=len(words) + 1)[1:]
        stated.update(word for word, n in zip(words, used, strict=True) if n)
    return (*own, *sorted(stated - set(own) - {"", NOT_STATED}))


def groups_of(tables: Mapping[str, pa.Table], names: tuple[str, ...]) -> NDArray[Any]:
    """Return the group of every row: layer, rank and sub-district in one number; uint16|32[n]."""
    index = {name: i for i, name in enumerate(names)}
    width = len(names) + 1
    parts: list[NDArray[Any]] = []
    for i, table in enumerate(tables.values()):
        indices, words = codes_of(table["subdistrict"])
        place = np.array([*(index.get(w, width - 1) for w in words), width - 1], np.int64)[indices]
        parts.append((i * len(STANDINGS) + numbers_of(table["rank"]).astype(np.int64)) * width + place)
    small = len(tables) * len(STANDINGS) * width <= np.iinfo(np.uint16).max
    return _joined(parts, np.uint16 if small else np.uint32)


def _points(
    tables: Mapping[str, pa.Table], group: NDArray[Any]
) -> tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[Any], NDArray[np.uint32]]:
    """Return code, row, group and feature id of what is located, along the Z-order curve."""
    lon = _joined([numbers_of(t["lon"]) for t in tables.values()], np.float64)
    lat = _joined([numbers_of(t["lat"]) for t in tables.values()], np.float64)
    ids = _joined([numbers_of(t["feature_id"]) for t in tables.values()], np.int64)
    if len(ids) and (ids.min() < 0 or ids.max() > np.iinfo(np.uint32).max):
        raise SelectionError(
            f"记录号 {ids.max()} 超出地图可容纳的范围；请备份后整理台账",
            f"record id {ids.max()} is beyond what the map can hold; back up and compact the ledger",
        )
    row = np.flatnonzero(np.isfinite(lon)).astype(np.uint32)
    code = encode(lon[row], lat[row])
    order = np.argsort(code, kind="stable")  # equal positions stay in layer and code order
    row = row[order]
    return code[order], row, group[row], ids[row].astype(np.uint32)


def search_texts(table: pa.Table) -> pa.ChunkedArray:
    """Return what is searched of each record: code, name and address, folded, a line each."""
    columns = [table["code"], pc.fill_null(table["name"], "")]
    if column_of(ADDRESS) in table.column_names and pa.types.is_string(table[column_of(ADDRESS)].type):
        columns.append(pc.fill_null(table[column_of(ADDRESS)], ""))
    return folded(pc.binary_join_element_wise(*columns, "", "\n"))


def shapes_of(tables: Mapping[str, pa.Table]) -> Shapes:
    """Return the bounds of every line and polygon."""
    rows: list[NDArray[np.int64]] = []
    bounds: list[NDArray[np.float64]] = []
    start = 0
    for table in tables.values():
        if "shape" in table.column_names:
            known = np.flatnonzero(pc.is_valid(table["shape"]).to_numpy())
            wkb = table["shape"].take(pa.array(known)).to_numpy(zero_copy_only=False)
            box = shapely.bounds(shapely.from_wkb(wkb, on_invalid="ignore")).reshape(-1, 4)
            good = np.isfinite(box).all(axis=1)
            rows.append(known[good] + start)
            bounds.append(box[good])
        start += len(table)
    return Shapes(_joined(rows, np.uint32), np.concatenate([np.zeros((0, 4)), *bounds]))
