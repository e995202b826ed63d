"""What warehouses can give to shelters that are short of beds, the nearest first, and the movements that bring it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa

from riskmap.actions.records.editing import NewPoint, Recorded, record_points
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import Field, Layer
from riskmap.catalog.layer import Rollup, Term, named_by, record_named
from riskmap.errors import RiskmapError
from riskmap.moments import iso_minute, minutes_kept, utc_now
from riskmap.response.walking import all_ways
from riskmap.rules.arrays import column_of, floats_of, pc
from riskmap.rules.permissions import Actor
from riskmap.selection import Snapshot
from riskmap.selection.linked import stands_at
from riskmap.values.evacuation import (
    BedOffer,
    BedStock,
    EvacuationPlan,
    Roads,
    ShelterLoad,
)

_BED: Final = "bed"  # the choice of a field with the role item


_REASON: Final = "向避难场所调拨床位"


@dataclass(frozen=True, slots=True)
class _Books:
    """The layers of stock as their files state them: where items, balances and movements stand."""

    lines: Layer
    item: Field
    balance: Rollup
    moves: Layer
    out: Term
    shelter: Field | None


def _books(ws: Workspace) -> _Books | None:
    """Return them, None where the workspace keeps no book: no stock lines by item, or no movements that balance them."""
    lines, moves = ws.catalog.by_role("stock_line"), ws.catalog.by_role("stock_move")
    item = None if lines is None else lines.field_by_role("item")
    if lines is None or moves is None or item is None:
        return None
    for one in lines.rollups:
        if one.minus is not None and one.of == moves.id and one.id in lines.field_ids:
            used = {term.by for _, term in one.terms}
            to = (f for f in moves.links if f.id not in used and _names_shelters(ws, f))
            return _Books(lines, item, one, moves, one.minus, next(to, None))
    return None


def _names_shelters(ws: Workspace, field: Field) -> bool:
    shelters = ws.catalog.by_role("shelter")
    return shelters is not None and shelters.id in named_by(field, ws.catalog.layers)


def bed_stock(ws: Workspace, plan: EvacuationPlan, *, roads: Roads | None = None) -> BedStock | None:
    """Return the beds that the shelters of a plan are short of and the stock that is offered; None without such a book.

    The shortest way first, whichever shelter it is of; by road where `roads` are given, else by straight line. Beds
    that went to a shelter since its record was last changed are there already. A shelter that states no beds is named
    and asks for nothing; so is stock of which balance or position is not known.
    """
    books = _books(ws)
    if books is None:
        return None
    snapshot = current_snapshot(ws)
    used = [one for one in plan.shelters if one.used]
    sent = _sent(ws, snapshot, books, used)
    short = {
        one.code: left for one in used if one.beds_gap and (left := one.beds_gap - sent.get(one.code, 0)) > 0
    }
    table = _beds(snapshot, books)
    there = floats_of(table[column_of(books.balance.id)])
    lon, lat = (table[name].to_numpy() for name in ("lon", "lat"))
    codes: list[str] = table["code"].to_pylist()
    usable = np.flatnonzero((there > 0) & np.isfinite(lon) & np.isfinite(lat))
    asking = [one for one in used if one.code in short]
    here = np.array([one.lon for one in asking]), np.array([one.lat for one in asking])
    far = all_ways(here, (lon[usable], lat[usable]), roads=roads)
    names = stands_at(snapshot, ws.catalog.layers, table, books.lines)
    left, rest = dict(short), np.floor(there)
    offers: list[BedOffer] = []
    for way, shelter, row in sorted(
        (far[i, j], one.code, int(row))
        for i, one in enumerate(asking)
        for j, row in enumerate(usable)
        if np.isfinite(far[i, j])
    ):
        take = min(left[shelter], int(rest[row]))
        if take > 0:
            offers.append(BedOffer(shelter, codes[row], names[row], take, int(rest[row]), round(way)))
            left[shelter] -= take
            rest[row] -= take
    unknown = ~np.isfinite(there) | ((there > 0) & ~(np.isfinite(lon) & np.isfinite(lat)))
    return BedStock(
        beds_short=sum(short.values()),
        beds_offered=sum(one.beds for one in offers),
        beds_by="straight line" if roads is None else "along roads",
        bed_offers=tuple(offers),
        beds_sent=sent,
        beds_not_stated=tuple(one.code for one in used if one.beds_gap is None),
        beds_unknown=tuple(codes[row] for row in np.flatnonzero(unknown)),
    )


def _beds(snapshot: Snapshot, books: _Books) -> pa.Table:
    table = snapshot.table(books.lines.id)
    return table.filter(pc.equal(table[column_of(books.item.id)].cast(pa.string()), _BED))


def _sent(ws: Workspace, snapshot: Snapshot, books: _Books, used: list[ShelterLoad]) -> dict[str, int]:
    """Return how many beds went to each shelter since its record was last changed: what it states has them not yet."""
    layers, shelters = ws.catalog.layers, ws.catalog.needed("shelter")
    if books.shelter is None or not books.moves.moment:
        return {}
    beds = set(_beds(snapshot, books)["code"].to_pylist())
    table = snapshot.table(books.moves.id)
    columns = [column_of(one) for one in (books.shelter.id, books.out.by, books.out.sum, books.moves.moment)]
    changed = dict(
        zip(*(snapshot.table(shelters.id)[one].to_pylist() for one in ("code", "updated_at")), strict=True)
    )
    wanted = {one.code for one in used}
    found: dict[str, int] = {}
    for to, line, quantity, at in zip(*(table[one].to_pylist() for one in columns), strict=True):
        place = record_named(to, named_by(books.shelter, layers)) if to else None
        origin = record_named(line, (books.lines.id,)) if line else None
        if place is None or place[0] != shelters.id or place[1] not in wanted or origin is None:
            continue
        if origin[1] in beds and quantity and at and minutes_kept(at)[1] >= changed[place[1]][:16]:
            found[place[1]] = found.get(place[1], 0) + int(quantity)
    return found


def request_beds(ws: Workspace, stock: BedStock, *, by: Actor, why: str = "") -> Recorded:
    """Make the movements that bring what is offered: one changeset, one undo, all or none.

    RefusedError where somebody took of it meanwhile; RiskmapError where nothing is offered.
    """
    books = _books(ws)
    if books is None or not stock.bed_offers:
        raise RiskmapError(
            "没有可调拨的床位，未写入；请核对缺口和库存",
            "no beds are offered, nothing was written; check what is short and what is in stock",
        )
    shelters = ws.catalog.needed("shelter").id
    now = iso_minute(utc_now())
    news = [
        NewPoint(books.moves.id, None, _movement(books, one, f"{shelters}:{one.shelter}", now))
        for one in stock.bed_offers
    ]
    return record_points(ws, news, by=by, why=why or _REASON)


def sent_since(stock: BedStock) -> BedStock:
    """Return what is left to ask once everything that was offered is on its way."""
    sent = dict(stock.beds_sent)
    for one in stock.bed_offers:
        sent[one.shelter] = sent.get(one.shelter, 0) + one.beds
    short = stock.beds_short - stock.beds_offered
    return replace(stock, beds_short=short, beds_offered=0, bed_offers=(), beds_sent=sent)


def _movement(books: _Books, one: BedOffer, shelter: str, now: str) -> Mapping[str, object]:
    values: dict[str, object] = {books.out.by: one.line, books.out.sum: one.beds}
    if books.moves.moment:
        values[books.moves.moment] = now
    if books.shelter is not None:
        values[books.shelter.id] = shelter
    return values
