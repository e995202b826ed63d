"""What a file leaves out and the ledger could add: a street from the position, a position from the address.

Offered to a person, never written by itself; what was accepted is named in the reason of the import.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from riskmap.actions.workspace import Workspace
from riskmap.errors import Text
from riskmap.json_documents import Document
from riskmap.ledger.store import no_cycles
from riskmap.rules.addresses import Gazetteer
from riskmap.values.import_plan import ImportPlan, Intake, Issue

Fillable = Literal["subdistrict", "position"]


FILLABLE: Final[tuple[Fillable, ...]] = ("subdistrict", "position")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What could be added to row `at` of a file's records: a street, or longitude and latitude (CGCS2000)."""

    at: int
    sheet: str
    row: int
    code: str
    field: Fillable
    value: str | tuple[float, float]
    say: Text  # what, and on what ground

    def as_json(self) -> Document:
        """Return the suggestion as `riskmap import --json` has it."""
        return {
            "sheet": self.sheet,
            "row": self.row,
            "code": self.code,
            "field": self.field,
            "value": self.value if isinstance(self.value, str) else list(self.value),
            "message": self.say.zh,
        }


def suggestions(ws: Workspace, plan: ImportPlan) -> tuple[Suggestion, ...]:
    """Return what could be added to the new records of a file, in the order of its rows."""
    found = [*_streets(ws, plan), *_positions(ws, plan)]
    return tuple(sorted(found, key=lambda one: one.at))


def filled(intake: Intake, offered: Sequence[Suggestion], fields: Collection[str]) -> Intake:
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
        issues.append(Issue(one.sheet, one.row, one.code, one.field, None, "warning", "filled_in", say))
    filled_in = replace(records, lon=lon, lat=lat, subdistrict=streets)
    return replace(intake, records=filled_in, issues=(*intake.issues, *issues))


def _one(intake: Intake, i: int, field: Fillable, value: str | tuple[float, float], say: Text) -> Suggestion:
    return Suggestion(i, intake.sheet[i], intake.row[i], intake.records.code[i], field, value, say)


def _streets(ws: Workspace, plan: ImportPlan) -> Iterator[Suggestion]:
    records, places = plan.intake.records, ws.places
    if places is None:
        return
    lacking = np.array([street is None for street in records.subdistrict], bool)
    rows = [
        i for i in np.flatnonzero(lacking & np.isfinite(records.lon)).tolist() if plan.actions[i] == "insert"
    ]
    for i, at in zip(rows, places.locate(records.lon[rows], records.lat[rows]).tolist(), strict=True):
        if at >= 0:
            name = places.names[at]
            say = Text(f"缺街道，位置在{name}", f"no sub-district is stated; the position lies in {name}")
            yield _one(plan.intake, i, "subdistrict", name, say)


def _positions(ws: Workspace, plan: ImportPlan) -> Iterator[Suggestion]:
    records, places = plan.intake.records, ws.places
    if ws.catalog.layer(records.layer).geometry != "point":
        return
    blank = [None] * len(records)
    addresses, communities = (records.values.get(f, blank) for f in ("address", "community"))
    rows = [
        i
        for i in np.flatnonzero(~np.isfinite(records.lon)).tolist()
        if plan.actions[i] == "insert" and i not in records.unplaced and (addresses[i] or communities[i])
    ]
    known = _gazetteer(ws) if rows else Gazetteer()
    for i in rows:
        found = known.find(addresses[i], communities[i])
        if found is None:
            continue
        around = -1 if places is None else int(places.locate([found.lon], [found.lat])[0])
        if places is not None and around >= 0 and records.subdistrict[i] not in {None, places.names[around]}:
            continue  # the place of the same name in another street
        say = Text(
            f"缺位置，按地址推定在 {found.lon:.5f}, {found.lat:.5f}（约 ±{found.within:.0f} 米）：{found.ground.zh}",
            f"no position is stated; by the address about {found.lon:.5f}, {found.lat:.5f} (±{found.within:.0f} m): "
            f"{found.ground.en}",
        )
        yield _one(plan.intake, i, "position", (round(found.lon, 6), round(found.lat, 6)), say)


def _gazetteer(ws: Workspace) -> Gazetteer:
    """Return what all layers of the ledger say of addresses; fields that the layers call personal stay out."""
    made = Gazetteer()
    with no_cycles():
        for layer in ws.catalog.layers.values():
            records = ws.ledger.features(layer.id).records
            personal = {f.id for f in layer.fields if f.personal}
            blank = [None] * len(records)
            addresses, communities = (
                blank if f in personal else records.values.get(f, blank) for f in ("address", "community")
            )
            made.add(records.name, addresses, communities, records.lon, records.lat)
    return made
