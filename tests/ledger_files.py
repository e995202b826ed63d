"""Small files and ledgers for the ledger's tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from riskmap.catalog.layer import Checklist, ChecklistItem, ContactRole, Field, Layer
from riskmap.errors import Text
from riskmap.rules.judge import Judged, rules_of
from riskmap.rules.permissions import local_actor
from riskmap.values.assessment import Assessment
from riskmap.values.import_plan import Intake, Issue, RejectedRow
from riskmap.values.records import CLEAR, Contact, Features, Records

WHO = {"by": "测试员", "why": "测试"}
ACTS = WHO | {"by": local_actor(WHO["by"])}
LAYER = "risk_points"


class Clock:
    """A clock that advances a minute at each look."""

    def __init__(self) -> None:
        self.now = dt.datetime(2024, 5, 1, 8, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        self.now += dt.timedelta(minutes=1)
        return self.now


def _layer(layer: str, geometry: Any) -> Layer:
    """Return a layer that takes what the ledger's tests write."""

    def named(key: str) -> dict[str, Any]:
        return {"id": key, "title": Text(key, key)}

    kinds = {"likelihood": "number", "exposure": "number", "consequence": "number", "depth": "number"}
    kinds |= {"note": "text", "extra": "text", "owner_phone": "text"}
    return Layer(
        **named(layer),
        geometry=geometry,
        model="m",
        fields=tuple(Field(**named(k), type=t, personal=k == "owner_phone") for k, t in kinds.items()),
        checklist=Checklist(title=Text("c", "c"), items=tuple(ChecklistItem(**named(k)) for k in ("a", "b"))),
        contacts=tuple(ContactRole(**named(k)) for k in ("leader", "responsible", "patrol")),
    )


def judged(stated: Mapping[str, Any], *, layer: str = LAYER, before: Features | None = None) -> Judged:
    """Return what is stated, judged; None erases here, as CLEAR does."""
    rules = rules_of(_layer(layer, "polygon" if "shape" in stated else "point"))
    return rules.record({k: CLEAR if v is None else v for k, v in stated.items()}, before=before)


def records(rows: Sequence[Mapping[str, Any]], *, layer: str = LAYER, **extra: Any) -> Records:
    """Return rows as records; keys: code, name, subdistrict, lon, lat, contacts, checklist, field ids."""
    fixed = {"code", "name", "subdistrict", "lon", "lat", "contacts", "checklist", "shape"}
    keys = dict.fromkeys(k for row in rows for k in row if k not in fixed)

    def column(key: str) -> list[Any]:
        return [row.get(key) for row in rows]

    def stated(key: str) -> list[Any] | None:
        return column(key) if any(key in row for row in rows) else None

    return Records(
        layer=layer,
        code=column("code"),
        name=column("name"),
        subdistrict=column("subdistrict"),
        lon=np.array([row.get("lon", np.nan) for row in rows], dtype=float),
        lat=np.array([row.get("lat", np.nan) for row in rows], dtype=float),
        shapes=stated("shape"),
        values={k: column(k) for k in keys},
        checklist=stated("checklist"),
        contacts=stated("contacts"),
    )


def rejected(code: str | None, cells: str, *, row: int = 2, sheet: str = "Sheet1") -> RejectedRow:
    """Return a rejected row with one telling cell."""
    issue = Issue(sheet, row, code, "likelihood", cells, "error", "number", Text("不是数", "not a number"))
    return RejectedRow(sheet, row, code, (("编号", code), ("L", cells)), (1,), (issue,), "cgcs2000")


def intake(
    rows: Sequence[Mapping[str, Any]],
    *,
    file: str = "台账.xlsx",
    bad: Sequence[RejectedRow] = (),
    versions: Sequence[int | None] | None = None,
    from_batch: int | None = None,
    layer: str = LAYER,
) -> Intake:
    """Return a file that was read: these rows, these rejected ones."""
    return Intake(
        file=file,
        digest="0" * 64,
        layer=layer,
        datum="cgcs2000",
        sheets=(),
        rows=len(rows) + len(bad),
        skipped_non_data=0,
        records=records(rows, layer=layer),
        sheet=["Sheet1"] * len(rows),
        row=[i + 2 for i in range(len(rows))],
        stated_version=versions,
        rejected=tuple(bad),
        issues=(),
        from_batch=from_batch,
    )


def point(code: str = "A1", **more: Any) -> dict[str, Any]:
    """Return a row that states a plausible point."""
    return {
        "code": code,
        "name": "加油站",
        "subdistrict": "桂园街道",
        "lon": 114.11,
        "lat": 22.55,
        "likelihood": 3,
        "note": "近学校",
    } | more


def bring(ledger: Any, rows: Sequence[Mapping[str, Any]], **more: Any) -> Any:
    """Plan and commit rows."""
    return ledger.commit_import(ledger.plan_import(intake(rows, **more)), **WHO)


def values_of(features: Features, row: int = 0) -> dict[str, Any]:
    """Return the known fields of one row."""
    return {k: column[row] for k, column in features.records.values.items() if column[row] is not None}


def assessment(
    features: Features, ranks: Sequence[int], *, digest: str = "m1", layer: str = LAYER
) -> Assessment:
    """Return a made-up assessment: score is ten times the rank, unrated rows lack a field."""
    rank = np.array(ranks, dtype=np.uint8)
    unrated = rank == 1
    return Assessment(
        layer=layer,
        model="lec",
        digest=digest,
        score=np.where(unrated, np.nan, rank * 10.0),
        rank=rank,
        missing=[("likelihood",) if u else () for u in unrated],
        rules=[("rule",) if r == 4 else () for r in rank],
    )


def leader(name: str | None = "张三", phone: str | None = "13800000000", **more: Any) -> Contact:
    """Return a contact in the role of leader."""
    return Contact("leader", name, phone, **more)
