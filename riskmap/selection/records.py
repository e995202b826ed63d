"""The records of a selection: their rows, and the objects that lists and exports are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.catalog import Field, Layer
from riskmap.catalog.layer import pieces
from riskmap.rules.arrays import array_of, column_of, is_part
from riskmap.rules.extras import extra_keys, header_of, holds_people, masked
from riskmap.rules.masks import mask_value
from riskmap.selection.checklists import expired_ids
from riskmap.selection.filters import Selection
from riskmap.selection.linked import children_of, links_of, naming
from riskmap.selection.views import row_mask, view_of
from riskmap.values.assessment import Makers, ModelStamp
from riskmap.vocabulary import FLAGS, RANK_OF, STANDINGS, UNGRADED, UNRATED, state_of

if TYPE_CHECKING:
    from riskmap.selection.snapshot import Snapshot

_FLAGS = tuple(FLAGS)


@dataclass(frozen=True, eq=False)
class Selected:
    """The rows of a selection: layer id → int64 row numbers of its table, in code order."""

    rows: Mapping[str, NDArray[np.int64]]

    @property
    def total(self) -> int:
        """How many records were selected."""
        return sum(len(r) for r in self.rows.values())

    def __len__(self) -> int:
        return self.total

    def table(self, snapshot: Snapshot, layer: str) -> pa.Table:
        """Return the selected rows of a layer, in code order, with all columns."""
        table, rows = snapshot.table(layer), self.rows[layer]
        return table if len(rows) == len(table) else table.take(array_of(rows))


def select(snapshot: Snapshot, selection: Selection) -> Selected:
    """Return the rows that a selection lets through, a key for every layer that it names.

    Raises SelectionError for a layer, sub-district or field that does not exist.
    """
    view = view_of(snapshot, selection)
    mask = row_mask(snapshot, view)
    starts = snapshot.starts
    named = [layer for layer in snapshot.layers if not selection.layers or layer in selection.layers]
    return Selected(
        {
            layer: np.flatnonzero(mask[starts[i] : starts[i + 1]])
            for i, layer in enumerate(snapshot.layers)
            if layer in named
        }
    )


def flag_ids(bits: int) -> list[str]:
    """Return the ids of the flags whose bits are set."""
    return [flag for i, flag in enumerate(_FLAGS) if bits >> i & 1]


def rows(
    snapshot: Snapshot,
    selected: Selected,
    *,
    start: int = 0,
    stop: int | None = None,
    catalog_layers: Mapping[str, Layer],
    makers: Mapping[str, Makers],
    stamps: Mapping[str, ModelStamp],
) -> list[dict[str, Any]]:
    """Return the selected records from `start` to `stop` as plain objects, layer by layer.

    The `features` of `riskmap select --json`: lon and lat in degrees (7 decimals) or None, score and tier
    None where unrated, a `grade` instead of tier and state of what is no risk, every field of the layer,
    None where unknown (what is told of items of a checklist only where it is known), personal data masked; `parts`
    where the model has some. `model`, the one that made the tier, comes from `makers` by layer and `stamps` by
    digest; None where none has. `extra`: header → text of what no field reads, people masked. `expired`: the items
    of the checklist past their last valid day, where there are any. `links`: field → records that a record names;
    `children`: layer → how many name it.
    """
    stop = selected.total if stop is None else stop
    found: list[dict[str, Any]] = []
    seen = 0
    for layer, indices in selected.rows.items():
        part = indices[max(start - seen, 0) : max(stop - seen, 0)]
        seen += len(indices)
        if len(part):
            table = snapshot.table(layer).take(array_of(part))
            models = _models(table, makers[layer], stamps)
            objects = _objects(table, catalog_layers[layer])
            extras = kept_texts(table, snapshot.table(layer))
            tied = _tied(snapshot, table, catalog_layers, layer)
            if snapshot.today is not None:
                late = expired_ids(table, catalog_layers[layer], snapshot.today)
                tied = [
                    ties | ({"expired": some} if some else {}) for ties, some in zip(tied, late, strict=True)
                ]
            found.extend(
                {**one, **ties, "extra": extra, "model": model}
                for one, ties, extra, model in zip(objects, tied, extras, models, strict=True)
            )
    return found


def _tied(
    snapshot: Snapshot, table: pa.Table, layers: Mapping[str, Layer], layer: str
) -> list[dict[str, Any]]:
    """Return of each row what it names and how many name it, where the layer has such fields."""
    found: list[dict[str, Any]] = [{} for _ in range(len(table))]
    if layers[layer].links:
        for one, links in zip(found, links_of(snapshot, layers, table, layers[layer]), strict=True):
            one["links"] = {field: [to.as_json() for to in named] for field, named in links.items()}
    if any(naming(layers, layer)):
        counts = children_of(snapshot, layers, layer, table["code"].to_pylist())
        for one, children in zip(found, counts, strict=True):
            one["children"] = children
    return found


def masked_extras(table: pa.Table, whole: pa.Table | None = None) -> pa.Table:
    """Return a layer table whose columns that no field reads are masked: people by the column, numbers by the cell.

    `whole`: the table of all records, by which a column of names is known, where `table` is a part of it.
    """
    for key in extra_keys(table.column_names):
        texts = (table if whole is None else whole)[key]
        personal = holds_people(header_of(key), texts.unique().to_pylist())
        values = [masked(text, personal=personal) for text in table[key].to_pylist()]
        table = table.set_column(table.column_names.index(key), key, pa.array(values, pa.string()))
    return table


def kept_texts(table: pa.Table, whole: pa.Table) -> list[dict[str, str]]:
    """Return of each row what no field reads, header → text, masked as it may be shown."""
    keys = extra_keys(table.column_names)
    if not keys:
        return [{} for _ in range(len(table))]
    columns = [masked_extras(table.select(keys), whole)[key].to_pylist() for key in keys]
    headers = [header_of(key) for key in keys]
    return [
        {header: text for header, text in zip(headers, row, strict=True) if text}
        for row in zip(*columns, strict=True)
    ]


def _models(
    table: pa.Table, makers: Makers, stamps: Mapping[str, ModelStamp]
) -> Iterator[dict[str, str] | None]:
    named = {digest: stamp.named for digest, stamp in stamps.items()}
    for feature_id in table["feature_id"].to_pylist():
        yield named.get(makers.of(feature_id) or "")


def _objects(table: pa.Table, layer: Layer) -> Iterator[dict[str, Any]]:
    def column(name: str) -> list[Any]:
        return table[name].to_pylist()

    ids = layer.field_ids
    blank = (None,) * len(table)
    values = [column(column_of(i)) if column_of(i) in table.column_names else blank for i in ids]
    # zip(*[]) has no rows, and a layer may have no field of its own
    fields = zip(*values, strict=True) if values else iter([()] * len(table))
    columns = ("code", "name", "lon", "lat", "subdistrict", "score", "rank", "contacts", "flags", "version")
    parts = {name.removeprefix("p:"): column(name) for name in table.column_names if is_part(name)}
    checklist = column("checklist") if "checklist" in table.column_names else None
    parallel = zip(*(column(c) for c in columns), fields, strict=True)
    for i, (code, name, lon, lat, subdistrict, score, rank, contacts, flags, version, cells) in enumerate(
        parallel
    ):
        record: dict[str, Any] = {
            "layer": layer.id,
            "code": code,
            "name": name,
            "lon": _degrees(lon),
            "lat": _degrees(lat),
            "subdistrict": subdistrict,
            "score": None if rank in {UNRATED, UNGRADED} or score != score else score,  # noqa: PLR0124 - NaN
            **_standing(STANDINGS[rank]),
            "fields": {
                field.id: _cell(field, cell)
                for field, cell in zip(layer.fields, cells, strict=True)
                if cell is not None or not field.item
            },
        }
        if checklist is not None:
            record["checklist"] = checklist[i]
        if parts:
            record["parts"] = {key: column[i] for key, column in parts.items()}
        yield {**record, "contacts": contacts, "flags": flag_ids(flags), "version": version}


def _cell(field: Field, value: Any) -> Any:
    """Return a value as a document has it: personal data masked, what may hold several as a list."""
    if field.personal and value is not None:
        return mask_value(value)
    return pieces(value) if field.several and value is not None else value


def _standing(word: str) -> dict[str, str | None]:
    """Return tier and state of a risk; what is no risk has neither, but a grade where a model scored it."""
    known = None if word in {"unrated", "ungraded"} else word
    if word in RANK_OF:
        return {"tier": known, "state": state_of(word)}
    return {"tier": None, "state": None, "grade": known}


def _degrees(value: float) -> float | None:
    return None if value != value else round(value, 7)  # noqa: PLR0124 - NaN
