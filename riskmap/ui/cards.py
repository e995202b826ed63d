"""The card of a record as JSON: titles and values in the asked language, contacts masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np

from riskmap.catalog import Layer
from riskmap.errors import Lang, RiskmapError
from riskmap.ledger.masking import mask_contacts, mask_value
from riskmap.present.values import field_title, shown, value_text
from riskmap.records import FLAGS, RANKS, UNRATED, Contact, Explanation
from riskmap.selection import Hit, Selection, Snapshot, column_of, flag_ids, point
from riskmap.selection.views import view_of
from riskmap.selection.zorder import BITS, encode
from riskmap.usecases.assessing import explain_point, one_feature
from riskmap.usecases.workspace import Workspace

_MOST_FIELDS: Final = 8
_MOST_REASONS: Final = 4
_MOST_LISTED: Final = 20
_CELL_BITS: Final = 6  # a tile is 2⁶ cells a side, one symbol each


def brief(hit: Hit, layers: Mapping[str, Layer], lang: Lang) -> dict[str, Any]:
    """Return what a list line shows of a record."""
    return {
        "id": hit.feature_id,
        "layer": hit.layer,
        "layer_title": layers[hit.layer].title.text(lang),
        "code": hit.code,
        "name": hit.name,
        "subdistrict": hit.subdistrict,
        "rank": hit.rank,
        "lon": hit.lon,
        "lat": hit.lat,
    }


def card(ws: Workspace, snapshot: Snapshot, hit: Hit, lang: Lang) -> dict[str, Any]:
    """Return the whole card of a record."""
    layer = ws.catalog.layer(hit.layer)
    row = snapshot.table(hit.layer).slice(hit.row, 1).to_pylist()[0]
    explanation = _explanation(ws, hit)
    contacts = one_feature(ws, hit.layer, hit.code, contacts=True).records.contacts
    score = row["score"]
    return {
        **brief(hit, ws.catalog.layers, lang),
        "score": f"{score:g}" if hit.rank != UNRATED and score == score else "",  # noqa: PLR0124 - NaN
        "fields": _fields(layer, row, lang),
        "missing": [field_title(layer, name, lang) for name in row["missing"] or ()],
        "flags": [FLAGS[flag].text(lang) for flag in flag_ids(row["flags"])],
        "why": _reasons(layer, explanation, lang) if explanation else [],
        "rules": _rules(ws, hit.layer, row["rules"] or (), lang),
        "contacts": _contacts(layer, contacts[0] if contacts else None, lang),
        "position": "" if hit.lon is None or hit.lat is None else f"{hit.lon:.6f}, {hit.lat:.6f}",
        "page": "point?" + urlencode({"layer": hit.layer, "code": hit.code, "lang": lang}),
    }


def in_same_cell(snapshot: Snapshot, selection: Selection, hit: Hit, zoom: int) -> tuple[list[Hit], int]:
    """Return the records that a symbol stands for at a zoom, worst first, and how many there are.

    The cell is the tile's (4 pixels a side), so the number is the one that the tile states.
    """
    if hit.lon is None or hit.lat is None:
        return [hit], 1
    shift = np.uint64(2 * max(BITS - zoom - _CELL_BITS, 0))
    cell = encode([hit.lon], [hit.lat])[0] >> shift
    first, last = np.searchsorted(snapshot.code, np.array([cell << shift, (cell + np.uint64(1)) << shift]))
    index = np.arange(first, last)
    view = view_of(snapshot, selection)
    chosen = view.groups[snapshot.point_group[index]]
    if view.rows is not None:
        chosen &= view.rows[snapshot.row[index]]
    index = index[chosen]
    rank = snapshot.point_group[index] // snapshot.shape[2] % len(RANKS)
    order = index[np.argsort(-rank.astype(np.int64), kind="stable")][:_MOST_LISTED]
    found = [point(snapshot, int(snapshot.point_id[i])) for i in order]
    return [h for h in found if h is not None], len(index)


def _fields(layer: Layer, row: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    found = []
    for field in layer.fields:
        value = row.get(column_of(field.id))
        if value is None or value == "" or value is False:  # a card has room for what is there
            continue
        text = str(mask_value(value)) if field.personal else shown(field, value, lang)
        found.append([field.title.text(lang), text])
    return found[:_MOST_FIELDS]


def _explanation(ws: Workspace, hit: Hit) -> Explanation | None:
    try:
        return explain_point(ws, hit.layer, hit.code)
    except RiskmapError:  # the card still says everything else; the point's page says what is wrong
        return None


def _reasons(layer: Layer, explanation: Explanation, lang: Lang) -> list[dict[str, Any]]:
    most = sorted(explanation.contributions, key=lambda c: -abs(c.contribution))[:_MOST_REASONS]
    return [
        {
            "title": field_title(layer, c.field, lang),
            "value": value_text(layer, c.field, c.value, lang),
            "contribution": c.contribution,
            "text": f"{c.contribution:+.4g}",
        }
        for c in most
        if c.contribution
    ]


def _rules(ws: Workspace, layer: str, fired: tuple[str, ...] | list[str], lang: Lang) -> list[str]:
    titles = {key: title.text(lang) for key, title in ws.catalog.model_of(layer).titles.items()}
    return [titles.get(rule, rule) for rule in fired]


def _contacts(layer: Layer, contacts: tuple[Contact, ...] | None, lang: Lang) -> list[list[str]]:
    titles = {role.id: role.title.text(lang) for role in layer.contacts}
    return [
        [titles.get(c.role, c.role), " ".join(part for part in (c.name, c.phone, c.post) if part)]
        for c in mask_contacts(contacts) or ()
        if c.name or c.phone
    ]
