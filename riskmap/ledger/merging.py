"""What a stated row changes in a known record. Pure: nothing is read, written or altered here.

A cell that states nothing (None, NaN, a masked value of ours) changes nothing; `CLEAR` erases.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from riskmap.ledger.columns import Checklist, Known
from riskmap.rules.extras import came_back_masked, extra_keys, is_extra, shown_change
from riskmap.rules.masks import (
    has_nothing,
    is_masked,
    is_nan,
    mask_contacts,
    mask_value,
    rows_with,
    without_masks,
)
from riskmap.rules.people import by_role, pairs
from riskmap.values.attachments import PREFIX as FILES
from riskmap.values.records import CLEAR, Contact, Records

# Degrees: about a millimetre. Coordinates that went through another datum come back this close.
SAME_PLACE: Final = 1e-8


_CUT_BYTES: Final = 254


FIXED_KEYS: Final = ("name", "subdistrict", "position", "shape", "checklist", "contacts")


Changes = dict[str, tuple[Any, Any]]


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are the same for the ledger: numbers to 12 significant digits."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a == b or math.isclose(a, b, rel_tol=1e-12, abs_tol=0.0)
    return bool(a == b)


def cut_short(stated: Any, known: Any) -> bool:
    """Tell whether a text is the known one as far as a shapefile holds it: that says nothing new.

    A dBASE table cuts texts at 254 bytes, in the middle of a character where that was not minded.
    """
    if not isinstance(stated, str) or not isinstance(known, str) or len(stated) < _CUT_BYTES // 4:
        return False
    if len(stated) >= len(known) or not known.startswith(stated):
        return False
    return any(_CUT_BYTES - 4 < len(stated.encode(e)) <= _CUT_BYTES for e in ("utf-8", "gb18030"))


def same_shape(a: bytes | None, b: bytes | None) -> bool:
    """Tell whether two WKB shapes are the same to about a millimetre.

    Formats turn rings round, start them elsewhere and wrap one polygon as a collection of one:
    none of that is a change.
    """
    if a is None or b is None or a == b:
        return a == b
    one, other = _unwrapped(shapely.from_wkb(a)), _unwrapped(shapely.from_wkb(b))
    if shapely.get_type_id(one) != shapely.get_type_id(other) or shapely.get_num_coordinates(
        one
    ) != shapely.get_num_coordinates(other):
        return False
    if shapely.equals_exact(one, other, SAME_PLACE, normalize=True):
        return True
    if np.abs(shapely.bounds(one) - shapely.bounds(other)).max() > SAME_PLACE:
        return False
    # A shaken coordinate may be sorted elsewhere: compare the outlines themselves.
    parts = shapely.get_num_geometries(one) == shapely.get_num_geometries(other)
    return bool(parts and shapely.hausdorff_distance(one, other) <= SAME_PLACE)


def _unwrapped(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the only part of a collection of one."""
    if isinstance(geometry, shapely.MultiPolygon | shapely.MultiLineString | shapely.MultiPoint) and (
        len(geometry.geoms) == 1
    ):
        return geometry.geoms[0]
    return geometry


def describe_shape(wkb: bytes | None) -> str | None:
    """Return a shape as a person can compare it: kind, vertices, a fingerprint."""
    if wkb is None:
        return None
    geometry = shapely.from_wkb(wkb)
    mark = hashlib.sha256(wkb).hexdigest()[:8]
    return f"{geometry.geom_type} · {shapely.get_num_coordinates(geometry)} · {mark}"


def merge_checklist(stated: Checklist, known: Checklist | None) -> Checklist:
    """Return the checklist after a stated one; items not stated stay."""
    before = known or ()
    length = max(len(stated), len(before))
    full = (*stated, *[None] * (length - len(stated)))
    old = (*before, *[None] * (length - len(before)))
    return tuple(None if n is CLEAR else o if n is None else n for n, o in zip(full, old, strict=True))


def _stated_part(stated: str | None, known: str | None) -> str | None:
    if stated == CLEAR.value:
        return None
    return known if not stated or is_masked(stated) else stated


def merge_contacts(stated: Sequence[Contact], known: Sequence[Contact]) -> tuple[Contact, ...]:
    """Return the contacts after stated ones; roles, names and phones not stated stay.

    Of a role in which several are, who is stated by name takes the place of all; a part without a name is the first one's.
    """
    merged = by_role(known)
    for role, people in by_role(stated).items():
        before = merged.get(role, ())
        after = [_merged_person(one, old or Contact(role)) for one, old in pairs(people, before)]
        if len(people) == 1 and people[0].name in {None, CLEAR.value}:
            others = before[1:]
            after += (_merged_person(people[0], one) for one in others) if people[0].name else others
        merged[role] = tuple(one for one in after if one != Contact(role))
    return tuple(one for people in merged.values() for one in people)


def _merged_person(stated: Contact, old: Contact) -> Contact:
    parts = (
        (stated.name, old.name),
        (stated.phone, old.phone),
        (stated.post, old.post),
        (stated.verified_on, old.verified_on),
    )
    return Contact(stated.role, *(_stated_part(a, b) for a, b in parts))


def unmasked(records: Records, rows: Collection[int], personal: Collection[str]) -> Records:
    """Return the records with nothing masked in `rows`: a masked number is never stored."""
    contacts, values = records.contacts, dict(records.values)
    if contacts is not None:
        bare = list(contacts)
        for i in rows_with(contacts, rows, has_nothing):
            bare[i] = without_masks(bare[i] or ())
        contacts = bare
    for key in set(personal) & values.keys():
        column = list(values[key])
        for i in rows:
            column[i] = None if is_masked(column[i]) else column[i]
        values[key] = column
    for key in extra_keys(values):
        column = list(values[key])
        for i in rows:
            column[i] = None if came_back_masked(key, column[i]) else column[i]
        values[key] = column
    return replace(records, contacts=contacts, values=values)


def changed_roles(before: Sequence[Contact], after: Sequence[Contact]) -> tuple[tuple[Contact, ...], ...]:
    """Return only the contacts that differ, on both sides."""
    old, new = set(before), set(after)
    return tuple(c for c in before if c not in new), tuple(c for c in after if c not in old)


def shown(changes: Mapping[str, tuple[Any, Any]], personal: Collection[str]) -> Changes:
    """Return changes fit to be shown: contacts and personal fields masked, shapes described."""
    out: Changes = {}
    for key, (before, after) in changes.items():
        if key == "contacts":
            left, right = changed_roles(before or (), after or ())
            out[key] = (mask_contacts(left) or None, mask_contacts(right) or None)
        elif key == "shape":
            out[key] = (describe_shape(before), describe_shape(after))
        elif key in personal:
            out[key] = (mask_value(before), mask_value(after))
        elif is_extra(key):
            out[key] = (shown_change(key, before), shown_change(key, after))
        else:
            out[key.removeprefix(FILES)] = (before, after)
    return out


def _text_changes(
    key: str,
    stated: Sequence[Any],
    known: Sequence[Any],
    pairs: tuple[Sequence[int], Sequence[int]],
    into: dict[int, Changes],
    *,
    personal: bool = False,
) -> None:
    rows, places = pairs
    # The comprehension throws out what is equal; only what is left is looked at closely.
    differing = [
        (i, new, old)
        for i, new, old in zip(rows, [stated[i] for i in rows], [known[j] for j in places], strict=True)
        if new is not None and new != old
    ]
    for i, new, old in differing:
        after = None if new is CLEAR else new
        if is_nan(new) or same(after, old) or (personal and is_masked(new)) or cut_short(new, old):
            continue
        if is_extra(key) and came_back_masked(key, new):
            continue
        into.setdefault(i, {})[key] = (old, after)


def _position(lon: float, lat: float) -> tuple[float, float] | None:
    return None if lon != lon or lat != lat else (lon, lat)  # noqa: PLR0124 (NaN)


def moved(
    stated: tuple[NDArray[np.float64], NDArray[np.float64]],
    known: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.bool_]:
    """Tell which stated positions are somewhere else than the known ones; unstated ones are not."""
    (lon, lat), (x, y) = stated, known
    with np.errstate(invalid="ignore"):
        near = (np.abs(lon - x) < SAME_PLACE) & (np.abs(lat - y) < SAME_PLACE)
    return np.isfinite(lon) & np.isfinite(lat) & ~near


def changes_of(
    records: Records, known: Known, rows: Sequence[int], places: Sequence[int], *, personal: Collection[str]
) -> dict[int, Changes]:
    """Return row → field → (before, after) for the rows that change the record they are paired with.

    Row `rows[k]` of `records` speaks about row `places[k]` of `known`. Values are unmasked.
    """
    out: dict[int, Changes] = {}
    if not rows:
        return out
    pairs = (rows, places)
    _text_changes("name", records.name, known.name, pairs, out)
    _text_changes("subdistrict", records.subdistrict, known.subdistrict, pairs, out)
    blank: list[None] = [None] * len(known)
    for key, column in records.values.items():
        _text_changes(key, column, known.values.get(key, blank), pairs, out, personal=key in personal)
    _position_changes(records, known, pairs, out)
    if records.checklist is not None:
        for i, j in zip(rows, places, strict=True):
            stated = records.checklist[i]
            old = known.checklist[j]
            if stated is None or stated == old:
                continue
            after = merge_checklist(stated, old)
            if after != (old or (None,) * len(after)):
                out.setdefault(i, {})["checklist"] = (old, after)
    if records.contacts is not None and known.contacts is not None:
        for i, j in zip(rows, places, strict=True):
            people = records.contacts[i]
            before = known.contacts[j]
            if not people or people == before:
                continue
            merged = merge_contacts(people, before)
            if by_role(merged) != by_role(before):
                out.setdefault(i, {})["contacts"] = (before, merged)
    return out


def _position_changes(
    records: Records, known: Known, pairs: tuple[Sequence[int], Sequence[int]], out: dict[int, Changes]
) -> None:
    rows, places = (np.asarray(p, dtype=np.int64) for p in pairs)
    if records.shapes is not None:
        _shape_changes(records, known, pairs, out)
        # The point on an unchanged shape is derived: how it was computed is no news.
        stated = np.array([records.shapes[i] is None for i in pairs[0]], dtype=bool)
        rows, places = rows[stated], places[stated]
    away = moved((records.lon[rows], records.lat[rows]), (known.lon[places], known.lat[places]))
    for k in np.flatnonzero(away):
        i, j = int(rows[k]), int(places[k])
        here = _position(float(records.lon[i]), float(records.lat[i]))
        out.setdefault(i, {})["position"] = (known.position(j), here)
    if records.unplaced:
        for i, j in zip(*pairs, strict=True):
            if i in records.unplaced and (before := known.position(j)) is not None:
                out.setdefault(i, {})["position"] = (before, None)


def _shape_changes(
    records: Records, known: Known, pairs: tuple[Sequence[int], Sequence[int]], out: dict[int, Changes]
) -> None:
    if records.shapes is None:
        return
    for i, j in zip(*pairs, strict=True):
        wkb = records.shapes[i]
        if wkb is None or same_shape(wkb, known.shape[j]):
            continue
        changes = out.setdefault(i, {})
        changes["shape"] = (known.shape[j], wkb)
        here = _position(float(records.lon[i]), float(records.lat[i]))
        if here is not None and here != known.position(j):
            changes["position"] = (known.position(j), here)
