"""One page of a selection in the order a person asked for: never more rows than a screen holds.

Counts by layer, tier and sub-district, and whether they add up.

The one selection that the table, the map and the exports share, from words to records.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
import pyarrow.compute
import shapely
from numpy.typing import NDArray

from riskmap.actions.tier_models import makers, stamps
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import Layer
from riskmap.catalog.flow import OVERDUE, STATE
from riskmap.errors import SelectionError, Text, WorkspaceError
from riskmap.interface import option
from riskmap.io.readers.boundaries import read_boundaries
from riskmap.moments import as_of_json, last_moment, local_day, local_now
from riskmap.rules.arrays import codes_of, column_of, floats_of, pc
from riskmap.rules.extras import extra_keys, header_of
from riskmap.rules.laws import overdue_days
from riskmap.selection import (
    Selection,
    Snapshot,
    area_of,
    flag_ids,
    parse_where,
    polygon_of,
    reconcile,
    rows,
    select,
)
from riskmap.selection.linked import naming, rows_naming
from riskmap.selection.records import Selected
from riskmap.selection.views import row_mask, view_of
from riskmap.vocabulary import FLAGS, STANDINGS, TIERS, UNGRADED, UNRATED, weight

SORTS: Final = ("tier", "layer", "code", "name", "subdistrict", "score", "flags", "updated_at")


_DRAWN: Final = "area="  # what an area from a map's address begins with, in the place of a file


_MOST_OWN: Final = 8  # fields of a list whose file prints none of its own


_KEPT: Final = 6  # orders of one snapshot; of one million rows each takes 4 MB


# By the snapshot itself: its key does not tell two ledgers apart, such as one before and after a restore.
_orders: WeakKeyDictionary[Snapshot, OrderedDict[tuple[str, bool], NDArray[np.int32]]] = WeakKeyDictionary()


_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class ListedRecord:
    """One line of a list. `tier` one of `STANDINGS`; `score` None where unrated; `updated_at` an ISO timestamp."""

    layer: str
    code: str
    name: str | None
    subdistrict: str | None
    tier: str
    score: float | None
    flags: tuple[str, ...]
    updated_at: str
    lon: float | None
    lat: float | None
    row: int = -1  # in the table of its layer


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a selection: its records, and how many the selection has in all."""

    total: int
    records: tuple[ListedRecord, ...]


def list_records(
    snapshot: Snapshot,
    selection: Selection,
    *,
    layers: Mapping[str, Layer],
    sort: str = "tier",
    descending: bool = True,
    start: int = 0,
    size: int = 50,
) -> Listing:
    """Return `size` records of a selection from `start`, sorted; equals stay in layer and code order.

    `sort` is one of SORTS, "f:" and a field (choices in the order of its file, what is not stated last), or
    `OVERDUE`: the days since a deadline that runs. Unrated records stand between low and general, as in every list.
    Scores are only compared within one model: by "score",
    the records of one model come after those of another.
    Raises SelectionError for a selection that cannot be resolved.
    """
    order = _order(snapshot, sort, descending, layers)
    chosen = order[row_mask(snapshot, view_of(snapshot, selection))[order]]
    return Listing(len(chosen), tuple(_record(snapshot, int(row)) for row in chosen[start : start + size]))


def _record(snapshot: Snapshot, row: int) -> ListedRecord:
    layer, index = snapshot.where_is(row)
    table = snapshot.table(layer)

    def value(column: str) -> Any:
        return table[column][index].as_py()

    rank, lon, lat = value("rank"), value("lon"), value("lat")
    located = lon is not None and lon == lon  # noqa: PLR0124 - NaN
    return ListedRecord(
        layer,
        value("code"),
        value("name"),
        value("subdistrict"),
        STANDINGS[rank],
        None if rank in {UNRATED, UNGRADED} else value("score"),
        tuple(flag_ids(value("flags"))),
        value("updated_at") or "",
        lon if located else None,
        lat if located else None,
        index,
    )


def _order(
    snapshot: Snapshot,
    sort: str,
    descending: bool,  # noqa: FBT001 - part of a key
    layers: Mapping[str, Layer],
) -> NDArray[np.int32]:
    key = (sort, descending)
    with _lock:
        kept = _orders.setdefault(snapshot, OrderedDict())
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    made = _sorted(snapshot, sort, descending, layers)
    with _lock:
        kept[key] = made
        while len(kept) > _KEPT:
            kept.popitem(last=False)
    return made


def _sorted(
    snapshot: Snapshot,
    sort: str,
    descending: bool,  # noqa: FBT001 - part of a key
    layers: Mapping[str, Layer],
) -> NDArray[np.int32]:
    keys = _keys(snapshot, sort, layers)
    if np.issubdtype(keys.dtype, np.floating):  # unknown numbers stand last either way
        keys = np.where(np.isnan(keys), np.inf, -keys if descending else keys)
    elif descending:
        keys = -keys.astype(np.int64)
    order = np.argsort(keys, kind="stable")
    if sort == "score":
        order = order[np.argsort(_models(snapshot, layers)[order], kind="stable")]
    return order.astype(np.int32)


def _models(snapshot: Snapshot, layers: Mapping[str, Layer]) -> NDArray[np.int64]:
    """Return a number per row that is the same for the records of one model."""
    names = [layers[layer].model or layer for layer in snapshot.layers]
    of_layer = np.array([names.index(name) for name in names], np.int64)
    return of_layer[snapshot.group // snapshot.shape[2] // len(STANDINGS)]


def _keys(snapshot: Snapshot, sort: str, layers: Mapping[str, Layer]) -> NDArray[Any]:
    """Return one number per row that sorts as the column does."""
    width = snapshot.shape[2]
    if sort == "tier":
        return weight(snapshot.group // width % len(STANDINGS))
    if sort == "layer":
        place = {layer: i for i, layer in enumerate(sorted(layers, key=lambda n: layers[n].style.order))}
        return np.array([place[layer] for layer in snapshot.layers], np.int64)[
            snapshot.group // width // len(STANDINGS)
        ]
    if sort == "subdistrict":
        return (snapshot.group % width).astype(np.int64)
    if sort == "flags":
        bits = snapshot.flags
        return sum((bits >> i & 1).astype(np.int64) for i in range(len(FLAGS)))  # type: ignore[return-value]
    if sort == OVERDUE:
        return _days_since(snapshot, layers)
    if sort.startswith(column_of("")):
        return _field_keys(snapshot, sort, layers)
    columns = [snapshot.tables[layer][sort] for layer in snapshot.layers]
    if sort == "score":
        return np.concatenate([np.zeros(0), *(c.to_numpy() for c in columns)])
    words = [w for column in columns for w in column.to_pylist()]
    return _places(words)


def _field_keys(snapshot: Snapshot, column: str, layers: Mapping[str, Layer]) -> NDArray[np.float64]:
    """Return one number per row that sorts as a field does; NaN where it is not stated, or the layer has none."""
    tables = {layer: table for layer, table in snapshot.tables.items() if column in table.column_names}
    coded = {
        layer: _coded(table[column]) for layer, table in tables.items() if not _is_number(table[column].type)
    }
    words = sorted({word for _, some in coded.values() for word in some})
    place = dict(zip(words, _places(words).tolist(), strict=True))
    keys: list[NDArray[np.float64]] = []
    for layer in snapshot.layers:
        if layer not in tables:
            keys.append(np.full(len(snapshot.table(layer)), np.nan))
        elif layer in coded:
            indices, some = coded[layer]
            choices = [one.id for one in layers[layer].field(column.removeprefix(column_of(""))).choices]
            of_word = [
                choices.index(word) if word in choices else len(choices) + place[word] for word in some
            ]
            keys.append(np.array([*of_word, np.nan], np.float64)[indices])
        else:
            keys.append(floats_of(tables[layer][column]))
    return np.concatenate(keys) if keys else np.zeros(0)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], list[str]]:
    """Return indices and words of a text column, which is coded or, where nearly each text is another, plain."""
    return codes_of(column if pa.types.is_dictionary(column.type) else column.dictionary_encode())


def _days_since(snapshot: Snapshot, layers: Mapping[str, Layer]) -> NDArray[np.float64]:
    """Return a number per row that grows with the days since its deadline; NaN where none runs."""
    keys: list[NDArray[np.float64]] = [np.zeros(0)]
    for layer in snapshot.layers:
        table, flow = snapshot.table(layer), layers[layer].flow
        if flow is None or not {column_of(flow.due), column_of(STATE)} <= set(table.column_names):
            keys.append(np.full(len(table), np.nan))
            continue
        days, words = _coded(table[column_of(flow.due)])
        since = np.array([*(-date.fromisoformat(word).toordinal() for word in words), np.nan])[days]
        states, named = _coded(table[column_of(STATE)])
        runs = np.array([*map(flow.runs, named), flow.runs(flow.start)])[states]
        keys.append(np.where(runs, since, np.nan))
    return np.concatenate(keys)


NAMES: Final = "linked"


def own_columns(layer: Layer) -> tuple[str, ...]:
    """Return what the list of a layer without tiers shows: core columns and fields, as its file prints them.

    Behind name and code stand, of a flow, state, deadline and the days `OVERDUE`, then `NAMES`, the records that it
    names.
    """
    printed = [name for name, _ in layer.printed.columns]
    links = {field.id for field in layer.links}
    fields = [name for name in printed if name in layer.field_ids] or [
        one.id for one in layer.own_fields if not one.item
    ]
    flow = layer.flow
    dated = flow is not None and flow.due in layer.field_ids
    first = [] if flow is None else [STATE, *([flow.due, OVERDUE] if dated else [])]
    rest = [name for name in fields if name not in links and name not in first][:_MOST_OWN]
    return ("name", "code", *first, *([NAMES] if links else []), *rest, "subdistrict")


def _places(words: Sequence[str | None]) -> NDArray[np.int64]:
    """Return the place of each word among all; GB18030 puts common characters in pinyin order."""
    coded = pa.array([None if w is None else w.encode("gb18030", "replace") for w in words], pa.binary())
    return np.asarray(pc.rank(coded, tiebreaker="dense").to_numpy(), np.int64)


def summarise(ws: Workspace, *, as_of: date | None = None, compare: date | None = None) -> dict[str, Any]:
    """Return the document of `riskmap summary --json`.

    `adds_up` is false where a layer's tiers do not sum to its records; `differences` names them.
    With `compare`, `compared` holds the same counts on that day and what changed since.
    """
    document = reconcile(
        current_snapshot(ws, as_of=as_of),
        rejected_rows=len(ws.ledger.rejected(as_of=None if as_of is None else last_moment(as_of))),
        as_of=as_of_json(as_of),
        catalog_layers=ws.catalog.layers,
    )
    if compare is None:
        return document
    before = reconcile(
        current_snapshot(ws, as_of=compare),
        rejected_rows=0,
        as_of=as_of_json(compare),
        catalog_layers=ws.catalog.layers,
    )
    document["compared"] = {
        "as_of": before["as_of"],
        "total": before["total"],
        "tiers": before["tiers"],
        "unrated": before["unrated"],
        "change": {
            "total": document["total"] - before["total"],
            "tiers": {tier: document["tiers"][tier] - before["tiers"][tier] for tier in TIERS},
            "unrated": document["unrated"] - before["unrated"],
        },
    }
    return document


def make_selection(
    ws: Workspace,
    *,
    layers: Sequence[str] = (),
    tiers: Sequence[str] = (),
    states: Sequence[str] = (),
    subdistricts: Sequence[str] = (),
    where: Sequence[str] = (),
    within: Path | shapely.Geometry | None = None,
    text: str = "",
    flags: Sequence[str] = (),
    as_of: date | None = None,
) -> Selection:
    """Return a selection from what a person typed. SelectionError or UnknownNameError name a wrong part.

    A `where` condition applies to the layers that have its field; layers without it hold nothing
    that could satisfy it and drop out; `part.ID` is a part of a model. `within`: a file of polygons, `area=…` as the
    address of a map says it, or a polygon in EPSG:4490.
    `as_of`: the columns that no field reads are those of a past day or moment.
    """
    chosen = [ws.catalog.layer(layer) for layer in layers] or list(ws.catalog.layers.values())
    extras = _headers_kept(ws, chosen, as_of) if where else ()
    parts = ws.catalog.part_titles(layer.id for layer in chosen) if where else {}
    return Selection(
        layers=tuple(layer.id for layer in chosen) if layers else (),
        tiers=tuple(tiers),
        states=tuple(states),
        subdistricts=tuple(subdistricts),
        where=tuple(
            parse_where(
                condition,
                chosen,
                extras,
                parts=parts,
                today=local_day(as_of) if as_of else None,
                catalog=ws.catalog.layers,
            )
            for condition in where
        ),
        within=None if within is None else shapely.to_wkb(_polygon(within)),
        text=text,
        flags=tuple(flags),
    )


def _headers_kept(ws: Workspace, layers: Sequence[Layer], as_of: date | None) -> list[str]:
    """Return the headers of the columns of some layers that no field reads."""
    snapshot = current_snapshot(ws, as_of=as_of)
    tables = (snapshot.table(layer.id) for layer in layers)
    return sorted({header_of(key) for table in tables for key in extra_keys(table.column_names)})


def _polygon(given: Path | shapely.Geometry) -> shapely.Geometry:
    if isinstance(given, shapely.Geometry):
        return given
    if (drawn := str(given)).startswith(_DRAWN):
        return polygon_of(area_of(drawn.removeprefix(_DRAWN)))
    try:
        named = read_boundaries(
            given,
            datum="wgs84",
            named=Text(f"{option('within', 'en')} ", f"given with {option('within', 'en')}"),
        )
    except WorkspaceError as problem:
        raise SelectionError(problem.text("zh"), problem.text("en")) from problem
    return shapely.union_all(list(named.values()))


def select_json(
    ws: Workspace,
    selection: Selection,
    *,
    as_of: date | None = None,
    among: Snapshot | None = None,
    with_children: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the document of `riskmap select --json`; `among`: the records, where they are not those on the lists.

    `with_children`: layers whose records that name a selected one stand under it, as `with`: layer → records.
    """
    snapshot = current_snapshot(ws, as_of=as_of) if among is None else among
    selected = select(snapshot, selection)
    features = _features(ws, snapshot, selected, as_of)
    for child in dict.fromkeys(with_children):
        _add_children(
            ws, current_snapshot(ws, as_of=as_of), features, list(selected.rows), child=child, as_of=as_of
        )
    return {"count": selected.total, "features": features}


def _features(
    ws: Workspace, snapshot: Snapshot, selected: Selected, as_of: date | None
) -> list[dict[str, Any]]:
    # Not with the rest: a summary lists no records, and these bring scoring, files and readings with them.
    from riskmap.actions.readings.standing import with_readings  # noqa: PLC0415
    from riskmap.actions.records.attaching import with_files  # noqa: PLC0415

    made = makers(ws, selected.rows, as_of=as_of)
    told = stamps(ws, made)
    features = rows(snapshot, selected, catalog_layers=ws.catalog.layers, makers=made, stamps=told)
    _add_flows(ws, features, as_of)
    with_readings(ws, features, now=None if as_of is None else last_moment(as_of))
    return with_files(ws, features, as_of=as_of)


def _add_children(
    ws: Workspace,
    snapshot: Snapshot,
    features: Sequence[dict[str, Any]],
    chosen: Sequence[str],
    *,
    child: str,
    as_of: date | None,
) -> None:
    """Add to each record the records of a layer that name it. SelectionError where that names none of the `chosen`."""
    layers = ws.catalog.layers
    title = ws.catalog.layer(child).title
    if not any(other.id == child for layer in chosen for other, _ in naming(layers, layer)):
        raise SelectionError(
            f"{title.zh}：没有字段指向所选的图层；请在 {option('with-children')} 写指向它们的图层",
            f"{title.en}: no field of it names records of the layers chosen; {option('with-children', 'en')} takes a "
            "layer that does",
        )
    named = {layer: rows_naming(snapshot, layers, child, layer) for layer in chosen}
    mine = [named[one["layer"]].get(one["code"], []) for one in features]
    every = sorted({row for some in mine for row in some})
    found = _features(ws, snapshot, Selected({child: np.array(every, np.int64)}), as_of)
    by_row = dict(zip(every, found, strict=True))
    for one, some in zip(features, mine, strict=True):
        one.setdefault("with", {})[child] = [by_row[row] for row in some]


def _add_flows(ws: Workspace, features: Sequence[dict[str, Any]], as_of: date | None) -> None:
    """Add to records of registers their flow's state, since when, the deadline and the days since it has passed."""
    day = local_now().date() if as_of is None else local_day(as_of)
    for layer_id in dict.fromkeys(one["layer"] for one in features):
        layer = ws.catalog.layer(layer_id)
        if (flow := layer.flow) is None:
            continue
        ours = [one for one in features if one["layer"] == layer_id]
        moment = None if as_of is None else last_moment(as_of)
        since = ws.ledger.state_since(layer, [one["code"] for one in ours], as_of=moment)
        for one in ours:
            state = one["fields"].get(STATE) or flow.start
            due = one["fields"].get(flow.due)
            late = overdue_days(due, day) if flow.runs(state) else None
            one["state"] = state
            one["since"] = since.get(one["code"])
            one["due"] = due
            one["overdue_days"] = late if late is not None and late > 0 else None
