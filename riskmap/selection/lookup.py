"""Finding single records: by id, by code, near a place, by words, and the shapes in a window."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from riskmap.rules.arrays import array_of, bools_of, fold_text, numbers_of, pc
from riskmap.selection.filters import Selection
from riskmap.selection.views import row_mask, text_mask, view_of
from riskmap.vocabulary import STANDINGS

if TYPE_CHECKING:
    from riskmap.selection.snapshot import Snapshot

METRES_PER_DEGREE: Final = 111_194.9  # of a great circle on the mean sphere (6,371,008.8 m)


_WEIGHED: Final = 50_000  # matches that are put in order; of more only the code itself is sought


@dataclass(frozen=True, slots=True)
class Hit:
    """One record found. `row` is its row in the layer's table; lon and lat None where unlocated;
    `metres` how far it is from the place asked for, where a place was.
    """

    layer: str
    row: int
    feature_id: int
    code: str
    name: str | None
    lon: float | None
    lat: float | None
    rank: int
    subdistrict: str | None
    metres: float | None = None

    @property
    def tier(self) -> str:
        """One of `STANDINGS`: tier id or "unrated", of what is no risk its grade."""
        return STANDINGS[self.rank]


@dataclass(frozen=True, slots=True)
class Outline:
    """The shape of a line or polygon record: WKB in EPSG:4490."""

    layer: str
    row: int
    feature_id: int
    rank: int
    wkb: bytes


def point(snapshot: Snapshot, feature_id: int) -> Hit | None:
    """Return the record with this feature id, None where the snapshot has none (retired, unknown)."""
    for layer in snapshot.layers:
        found = np.flatnonzero(numbers_of(snapshot.tables[layer]["feature_id"]) == feature_id)
        if len(found):
            return _hit(snapshot, layer, int(found[0]))
    return None


def find(snapshot: Snapshot, layer: str, code: str) -> Hit | None:
    """Return the record of a layer with this code, None where there is none.

    Raises SelectionError for a layer that does not exist.
    """
    row = pc.index(snapshot.table(layer)["code"], code).as_py()
    return None if row < 0 else _hit(snapshot, layer, row)


def nearest(
    snapshot: Snapshot,
    lon: float,
    lat: float,
    *,
    selection: Selection | None = None,
    limit: int = 5,
    within_m: float | None = None,
) -> list[Hit]:
    """Return the located records of a selection nearest to a place, nearest first."""
    mask = row_mask(snapshot, view_of(snapshot, selection or Selection()))
    scale = np.array([np.cos(np.radians(lat)) * METRES_PER_DEGREE, METRES_PER_DEGREE])
    rows: list[NDArray[np.int64]] = []
    far: list[NDArray[np.float64]] = []
    for i, layer in enumerate(snapshot.layers):
        table = snapshot.tables[layer]
        part = mask[snapshot.starts[i] : snapshot.starts[i + 1]]
        metres = np.hypot(
            (numbers_of(table["lon"]) - lon) * scale[0], (numbers_of(table["lat"]) - lat) * scale[1]
        )
        ok = np.flatnonzero(part & (metres <= (np.inf if within_m is None else within_m)))
        if len(ok) > limit:  # the nearest of this layer; equals stay in so that the order is fixed
            bound = np.partition(metres[ok], limit - 1)[limit - 1]
            ok = ok[metres[ok] <= bound]
        rows.append(ok + snapshot.starts[i])
        far.append(metres[ok])
    row, distance = np.concatenate([[], *rows]).astype(np.int64), np.concatenate([[], *far])
    order = np.argsort(distance, kind="stable")[:limit]
    return [
        _hit(snapshot, *snapshot.where_is(int(row[k])), metres=round(float(distance[k]), 2)) for k in order
    ]


def search(snapshot: Snapshot, text: str, limit: int = 20) -> list[Hit]:
    """Return the records whose code, name or address holds every word of `text`, worst first.

    Width and case do not count. A code names one record, so the code itself comes before all; then tier
    by tier the name itself, a name that begins with the text, one that holds it, a code that begins with
    it, the rest; equals in layer and code order (of a word that more than 50,000 records hold, the worst
    50,000 are put in order).
    """
    words = fold_text(text).split()
    if not words or limit <= 0:
        return []
    mask = text_mask(snapshot, text)
    whole = " ".join(words)
    itself = np.flatnonzero(mask & bools_of(pc.starts_with(snapshot.search, f"{whole}\n")))
    found = np.flatnonzero(mask)
    seen = snapshot.weight_of_group[snapshot.group[found]]
    worst = np.argsort(-seen, kind="stable")[:_WEIGHED]
    fit = _fit(snapshot.search.take(array_of(found[worst])), whole)
    ordered = found[worst][np.lexsort((fit, -seen[worst]))]
    chosen = dict.fromkeys([*itself[:limit].tolist(), *ordered[: limit + len(itself)].tolist()])
    return [_hit(snapshot, *snapshot.where_is(row)) for row in list(chosen)[:limit]]


def _fit(texts: Any, whole: str) -> NDArray[np.int64]:
    """Return how well each record's lines (code, name, address) fit: 0 the name itself … 4 anywhere."""
    words = re.escape(whole)
    name = rf"^[^\n]*\n{words}"
    tests = (
        pc.match_substring_regex(texts, rf"{name}\n"),
        pc.match_substring_regex(texts, name),
        pc.match_substring_regex(texts, rf"^[^\n]*\n[^\n]*{words}"),
        pc.starts_with(texts, whole),
    )
    return np.select([bools_of(test) for test in tests], range(len(tests)), len(tests))


def shapes_in(
    snapshot: Snapshot,
    selection: Selection,
    bbox: tuple[float, float, float, float],
    limit: int = 2000,
) -> list[Outline]:
    """Return the lines and polygons of a selection that reach into a window (degrees W S E N).

    Worst first, then largest, at most `limit`: what is left out is never worse than what is shown.
    """
    mask = row_mask(snapshot, view_of(snapshot, selection))
    west, south, east, north = bbox
    box, row = snapshot.shapes.bounds, snapshot.shapes.row
    meets = (box[:, 0] <= east) & (box[:, 2] >= west) & (box[:, 1] <= north) & (box[:, 3] >= south)
    index = np.flatnonzero(meets & mask[row])
    seen = snapshot.weight_of_group[snapshot.group[row[index]]]
    size = (box[index, 2] - box[index, 0]) * (box[index, 3] - box[index, 1])
    order = np.lexsort((row[index], -size, -seen))[:limit]
    return list(_outlines(snapshot, row[index][order].tolist()))


def _outlines(snapshot: Snapshot, rows: Iterable[int]) -> Iterable[Outline]:
    for number in rows:
        layer, row = snapshot.where_is(number)
        table = snapshot.tables[layer]
        yield Outline(
            layer,
            row,
            table["feature_id"][row].as_py(),
            table["rank"][row].as_py(),
            table["shape"][row].as_py(),
        )


def _hit(snapshot: Snapshot, layer: str, row: int, *, metres: float | None = None) -> Hit:
    table = snapshot.tables[layer]
    lon, lat = (table[name][row].as_py() for name in ("lon", "lat"))
    located = lon == lon  # noqa: PLR0124 - NaN
    return Hit(
        layer,
        row,
        table["feature_id"][row].as_py(),
        table["code"][row].as_py(),
        table["name"][row].as_py(),
        lon if located else None,
        lat if located else None,
        table["rank"][row].as_py(),
        table["subdistrict"][row].as_py(),
        metres,
    )
