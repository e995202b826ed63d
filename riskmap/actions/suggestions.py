"""What a record lacks and the ledger could add: a street from the position, a position from the address.

Offered to a person, of a file that is imported and of what the ledger holds, and never written by itself; what was
accepted is named in the reason of the changeset.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from riskmap.actions.records.editing import Edited, PointEdit, edit_points
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.array_types import Bools, Floats
from riskmap.catalog import Layer
from riskmap.errors import RiskmapError, Text
from riskmap.json_documents import Document
from riskmap.rules.addresses import Gazetteer
from riskmap.rules.arrays import column_of, floats_of
from riskmap.rules.permissions import Actor
from riskmap.values.import_plan import ImportPlan, Intake, Issue

Fillable = Literal["subdistrict", "position"]


FILLABLE: Final[tuple[Fillable, ...]] = ("subdistrict", "position")


@dataclass(frozen=True, slots=True)
class Offer:
    """What could be added to row `at` of some records: a street, or longitude and latitude (CGCS2000)."""

    at: int
    code: str
    field: Fillable
    value: str | tuple[float, float]
    say: Text  # what, and on what ground

    def as_json(self) -> Document:
        """Return the offer as `riskmap fill --json` has it."""
        return {
            "code": self.code,
            "field": self.field,
            "value": self.value if isinstance(self.value, str) else list(self.value),
            "message": self.say.zh,
        }


@dataclass(frozen=True, slots=True)
class Suggestion(Offer):
    """An offer for a row of a file."""

    sheet: str
    row: int

    def as_json(self) -> Document:
        """Return the suggestion as `riskmap import --json` has it."""
        return {"sheet": self.sheet, "row": self.row, **Offer.as_json(self)}


@dataclass(frozen=True, slots=True)
class RecordOffer(Offer):
    """An offer for a record of the ledger, made when it had this version."""

    version: int


@dataclass(frozen=True, slots=True)
class _Rows:
    """Records of a layer that may lack something, column by column. `wanted`: rows that are looked at.

    `left`: those of them whose position a person has erased.
    """

    layer: Layer
    code: Sequence[str]
    street: Sequence[Any]
    lon: Floats
    lat: Floats
    address: Sequence[Any]
    community: Sequence[Any]
    wanted: Bools
    left: Collection[int] = ()


def suggestions(ws: Workspace, plan: ImportPlan) -> tuple[Suggestion, ...]:
    """Return what could be added to the new records of a file, in the order of its rows."""
    intake, records = plan.intake, plan.intake.records
    blank = [None] * len(records)
    rows = _Rows(
        layer=ws.catalog.layer(records.layer),
        code=records.code,
        street=records.subdistrict,
        lon=records.lon,
        lat=records.lat,
        address=records.values.get("address", blank),
        community=records.values.get("community", blank),
        wanted=np.array([action == "insert" for action in plan.actions], bool),
        left=records.unplaced,
    )
    return tuple(
        Suggestion(one.at, one.code, one.field, one.value, one.say, intake.sheet[one.at], intake.row[one.at])
        for one in _offers(ws, rows)
    )


def filled(intake: Intake, offered: Sequence[Offer], fields: Collection[str]) -> Intake:
    """Return the file with what was accepted; each addition is named among its issues."""
    records = intake.records
    lon, lat, streets = records.lon.copy(), records.lat.copy(), list(records.subdistrict)
    issues: list[Issue] = []
    for one in offered:
        if one.field not in fields:
            continue
        if isinstance(one.value, str):
            streets[one.at] = one.value
        else:
            lon[one.at], lat[one.at] = one.value
        say = Text(
            f"{one.code}：{one.say.zh}；已按确认补上", f"{one.code}: {one.say.en}; filled in as accepted"
        )
        place = intake.sheet[one.at], intake.row[one.at]
        issues.append(Issue(*place, one.code, one.field, None, "warning", "filled_in", say))
    filled_in = replace(records, lon=lon, lat=lat, subdistrict=streets)
    return replace(intake, records=filled_in, issues=(*intake.issues, *issues))


def check_fillable(fields: Collection[str]) -> None:
    """Raise RiskmapError for a name that is not among `FILLABLE`."""
    if unknown := sorted(set(fields) - set(FILLABLE)):
        raise RiskmapError(
            f"补全 {'、'.join(unknown)}：只能补全 subdistrict（街道）或 position（位置）",
            f"fill {', '.join(unknown)}: only subdistrict or position can be filled in",
        )


def record_offers(ws: Workspace, layer_id: str) -> tuple[RecordOffer, ...]:
    """Return what could be added to the records that the ledger holds of a layer, in code order."""
    layer = ws.catalog.layer(layer_id)
    table = current_snapshot(ws).table(layer_id)
    rows = _Rows(
        layer=layer,
        code=table["code"].to_pylist(),
        street=table["subdistrict"].to_pylist(),
        lon=floats_of(table["lon"]),
        lat=floats_of(table["lat"]),
        address=table[column_of("address")].to_pylist(),
        community=table[column_of("community")].to_pylist(),
        wanted=np.ones(len(table), bool),
    )
    versions = table["version"].to_pylist()
    return tuple(
        RecordOffer(one.at, one.code, one.field, one.value, one.say, versions[one.at])
        for one in _offers(ws, rows)
    )


def accept_offers(
    ws: Workspace, layer_id: str, offered: Sequence[RecordOffer], *, by: Actor, why: str
) -> Edited:
    """Write what was accepted as one changeset, judged and scored like every edit.

    RiskmapError where nothing is chosen or no reason is given; StaleRevisionError shows both sides of every record that has
    moved on since it was offered something.
    """
    if not offered:
        raise RiskmapError(
            "补全：没有选中任何一处，未写入；请至少选一处",
            "fill in: nothing is chosen, nothing was written; choose some",
        )
    edits = [PointEdit(one.code, one.version, {one.field: one.value}) for one in offered]
    if why.strip():
        why = f"{why}（按确认补上 {len(edits)} 项街道或位置）"
    return edit_points(ws, layer_id, edits, by=by, why=why)


def _offers(ws: Workspace, rows: _Rows) -> list[Offer]:
    return sorted([*_streets(ws, rows), *_positions(ws, rows)], key=lambda one: one.at)


def _streets(ws: Workspace, rows: _Rows) -> Iterator[Offer]:
    places = ws.places
    if places is None:
        return
    lacking = np.array([street is None for street in rows.street], bool)
    at = np.flatnonzero(rows.wanted & lacking & np.isfinite(rows.lon))
    for i, found in zip(at.tolist(), places.locate(rows.lon[at], rows.lat[at]).tolist(), strict=True):
        if found >= 0:
            name = places.names[found]
            say = Text(f"缺街道，位置在{name}", f"no sub-district is stated; the position lies in {name}")
            yield Offer(i, rows.code[i], "subdistrict", name, say)


def _positions(ws: Workspace, rows: _Rows) -> Iterator[Offer]:
    if rows.layer.drawn:
        return
    lacking = np.flatnonzero(rows.wanted & ~np.isfinite(rows.lon)).tolist()
    at = [i for i in lacking if i not in rows.left and (rows.address[i] or rows.community[i])]
    places, known = ws.places, _gazetteer(ws) if at else Gazetteer()
    for i in at:
        found = known.find(rows.address[i], rows.community[i])
        if found is None:
            continue
        around = -1 if places is None else int(places.locate([found.lon], [found.lat])[0])
        if places is not None and around >= 0 and rows.street[i] not in {None, places.names[around]}:
            continue  # the place of the same name in another street
        say = Text(
            f"缺位置，按地址推定在 {found.lon:.5f}, {found.lat:.5f}（约 ±{found.within:.0f} 米）：{found.ground.zh}",
            f"no position is stated; by the address about {found.lon:.5f}, {found.lat:.5f} (±{found.within:.0f} m): "
            f"{found.ground.en}",
        )
        yield Offer(i, rows.code[i], "position", (round(found.lon, 6), round(found.lat, 6)), say)


def _gazetteer(ws: Workspace) -> Gazetteer:
    """Return what all layers of the ledger say of addresses; fields that the layers call personal stay out."""
    made = Gazetteer()
    for layer_id, table in current_snapshot(ws).tables.items():
        layer = ws.catalog.layer(layer_id)
        personal = {f.id for f in layer.fields if f.personal}
        addresses, communities = (
            [None] * len(table) if f in personal else table[column_of(f)].to_pylist()
            for f in ("address", "community")
        )
        lon, lat = floats_of(table["lon"]), floats_of(table["lat"])
        made.add(table["name"].to_pylist(), addresses, communities, lon, lat)
    return made
