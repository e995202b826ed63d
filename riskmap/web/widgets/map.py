"""The folium map: constant, offline, and empty of ledger text.

folium compiles its output as a template a second time, so nothing that comes from a ledger or a
workspace file is ever put into it as text. Settings reach the browser as base64 of JSON, which
cannot hold a template; names of records come as JSON from the routes and are set as text there.

A filter change swaps one small layer (`showing`); the map itself, and with it st_folium's frame,
stays. Links are relative to st_folium's frame (`<base>/component/streamlit_folium.st_folium/`).

The card of a record as JSON: titles and values in the asked language, contacts masked.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, ClassVar, Final, Literal
from urllib.parse import urlencode

import folium
import numpy as np
from branca.element import MacroElement
from folium.map import Layer as FoliumLayer
from folium.template import Template

from riskmap.actions.records.recording import reported_in
from riskmap.actions.records.scoring import explain_point, one_feature
from riskmap.actions.tier_models import adopted_stamp, tier_stamp
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.errors import Lang, RiskmapError
from riskmap.moments import as_of_json, local_now
from riskmap.reports.browser_map import classes_of, legend_ranks
from riskmap.rules.arrays import column_of
from riskmap.rules.masks import mask_contacts, mask_value
from riskmap.selection import Hit, Selection, Snapshot, flag_ids, point
from riskmap.selection.linked import children_of
from riskmap.selection.records import kept_texts
from riskmap.selection.snapshot import BITS, encode
from riskmap.selection.views import view_of
from riskmap.texts import field_title, item_past, item_text, keys, made_text, shown, t, value_text
from riskmap.values.assessment import Explanation, ModelStamp
from riskmap.values.records import Contact
from riskmap.vocabulary import (
    FLAGS,
    GRADES,
    RANK_OF,
    STANDINGS,
    TIERS,
    UNGRADED,
    UNRATED,
    weight,
)
from riskmap.web.frame.state import PAST
from riskmap.web.widgets.readings import sensor_lines

FRAME_TO_BASE: Final = "../../"


_JS: Final = "js_"


_MAX_ZOOM: Final = 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """Degrees, EPSG:4490."""

    west: float
    south: float
    east: float
    north: float

    def as_list(self) -> list[float]:
        """Return west, south, east, north."""
        return [self.west, self.south, self.east, self.north]


@dataclass(frozen=True, slots=True)
class Frame:
    """What the map is before any filter. Addresses are relative to the app's base."""

    lang: Lang
    layers: Sequence[Layer]
    bounds: Bounds
    scripts: Sequence[str]
    boundaries: str | None = None
    hillshade: tuple[str, Bounds] | None = None
    basemap: tuple[str, int, int] | None = None  # address, lowest and highest zoom that the file has
    painted: str | None = None  # asked once, when the first points are there
    approval_number: str = ""
    demo: bool = False
    storm: bool = False  # whether the view may show a storm over the points
    embedded: Literal["", "place", "planned"] = ""  # a part of a page, whose address stays: what it is for


@dataclass(frozen=True, slots=True)
class Place:
    """Where the record of a form lies (degrees, EPSG:4490), whether a person may move it, and its outline as GeoJSON."""

    at: tuple[float, float] | None
    movable: bool = False
    shape: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PlannedPoints:
    """The address of an import's points (`riskmap.actions.import_outlook`), what to show of the map, a colour a kind."""

    url: str
    bounds: Bounds
    colours: Sequence[str]


@dataclass(frozen=True, slots=True)
class Nothing:
    """A filter that leaves the map empty, in words, and how many records pass it (without a position)."""

    words: str
    records: int


@dataclass(frozen=True, slots=True)
class MapView:
    """What the filter shows: addresses relative to the app's base, and the numbers of the legend.

    `tiers` counts by rank (`vocabulary.STANDINGS`), `layers` in the order of the frame's layers;
    `overview` holds name and counts by rank of each sub-district; `polygon` is the ring of the
    area selection, degrees. `streets` are the sub-districts that the filter names (None on a page
    without one) and `focus` where they lie; `nothing` says why no symbol is on the map.
    `note` is a sentence below the legend, `alarm` one that somebody must not miss.
    """

    tiles: str
    shapes: str | None
    points: str
    search: str
    tiers: Sequence[int]
    layers: Sequence[int]
    unlocated: int = 0
    overview: Sequence[Mapping[str, Any]] = ()
    polygon: Sequence[Sequence[float]] | None = None
    storm: str | None = None  # see riskmap.response.playback
    streets: Sequence[str] | None = None
    focus: Bounds | None = None
    nothing: Nothing | None = None
    place: Place | None = None
    planned: PlannedPoints | None = None
    note: str = ""
    alarm: bool = False
    classes: Mapping[str, Sequence[int]] = field(
        default_factory=dict[str, Sequence[int]]
    )  # layer → of each class


def pack(value: Any) -> str:
    """Return base64 of JSON: letters, digits, + / = only, so no template and no markup."""
    return base64.b64encode(json.dumps(value, ensure_ascii=False).encode()).decode("ascii")


def browser_texts(lang: Lang) -> dict[str, str]:
    """Return the texts that the map's JavaScript shows, placeholders unfilled."""
    return {key.removeprefix(_JS): t(key, lang) for key in keys(_JS)}


def frame_settings(frame: Frame) -> dict[str, Any]:
    """Return what `riskmap.start` reads in the browser."""
    here = FRAME_TO_BASE
    return {
        "lang": frame.lang,
        "texts": browser_texts(frame.lang),
        "ranks": legend_ranks(frame.lang),
        "order": [RANK_OF[name] for name in (*TIERS, "unrated")],
        "grades": _grades(frame.layers),
        "layers": [
            {
                "id": layer.id,
                "title": layer.title.text(frame.lang),
                "symbol": layer.style.symbol,
                "risk": layer.counts == "risk",
                "geometry": layer.shape_kind,
                "placed": layer.placed,
                "classes": classes_of(layer, frame.lang),
            }
            for layer in frame.layers
        ],
        "bounds": frame.bounds.as_list(),
        "boundaries": here + frame.boundaries if frame.boundaries else None,
        "hillshade": {"url": here + frame.hillshade[0], "bounds": frame.hillshade[1].as_list()}
        if frame.hillshade
        else None,
        "basemap": {"url": here + frame.basemap[0], "minZoom": frame.basemap[1], "maxZoom": frame.basemap[2]}
        if frame.basemap
        else None,
        "painted": here + frame.painted if frame.painted else None,
        "approval": frame.approval_number,
        "demo": frame.demo,
        "storm": frame.storm,
        "embedded": frame.embedded,
    }


def _grades(layers: Sequence[Layer]) -> list[int]:
    """Return the grades that the legend explains, worst first: none where no layer is graded."""
    if all(layer.counts == "risk" or layer.model is None for layer in layers):
        return []
    return [STANDINGS.index(GRADES[tier]) for tier in (*TIERS, "unrated")]


class _Start(MacroElement):
    _template = Template(
        "{% macro script(this, kwargs) %}"
        'riskmap.start({{ this._parent.get_name() }}, "{{ this.settings }}");'
        "{% endmacro %}"
    )

    def __init__(self, settings: str) -> None:
        super().__init__()
        self._name = "RiskmapStart"
        self.settings = settings


class _Showing(FoliumLayer):
    _template = Template(
        "{% macro script(this, kwargs) %}"
        'var {{ this.get_name() }} = riskmap.showing("{{ this.settings }}");'
        "{% endmacro %}"
    )

    def __init__(self, settings: str) -> None:
        super().__init__(overlay=True, control=False)
        self._name = "RiskmapShowing"
        self.settings = settings


class RiskMap(folium.Map):
    """A folium map that links nothing but our own files (stock folium is blank without internet)."""

    default_css: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, scripts: Sequence[str], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.default_js = [(link, FRAME_TO_BASE + link) for link in scripts]


def build_map(frame: Frame) -> RiskMap:
    """Return the constant map of a frame; equal frames give equal code, so st_folium keeps its frame."""
    bounds = frame.bounds
    built = RiskMap(
        frame.scripts,
        [(bounds.south + bounds.north) / 2, (bounds.west + bounds.east) / 2],
        zoom_start=11,
        tiles=None,
        max_zoom=_MAX_ZOOM,  # an empty map has none of its own
        fade_animation=False,  # points and cards are there at once
    )
    built.options["max_zoom"] = _MAX_ZOOM
    built.add_child(_Start(pack(frame_settings(frame))))
    return built


def showing(view: MapView) -> folium.FeatureGroup:
    """Return the layer that tells the map what the filter shows now."""
    here = FRAME_TO_BASE
    group = folium.FeatureGroup(control=False)
    settings: Mapping[str, Any] = {
        "tiles": here + view.tiles,
        "shapes": here + view.shapes if view.shapes else None,
        "points": here + view.points,
        "search": here + view.search,
        "overview": list(view.overview),
        "tiers": list(view.tiers),
        "layers": list(view.layers),
        "classes": view.classes,
        "unlocated": view.unlocated,
        "polygon": view.polygon,
        "storm": here + view.storm if view.storm else None,
        "streets": view.streets,
        "focus": view.focus.as_list() if view.focus else None,
        "nothing": asdict(view.nothing) if view.nothing else None,
        "place": _place(view.place) if view.place else None,
        "planned": _planned(view.planned) if view.planned else None,
        "note": view.note,
        "alarm": view.alarm,
    }
    _Showing(pack(settings)).add_to(group)
    return group


def _place(place: Place) -> dict[str, Any]:
    return {"at": place.at, "movable": place.movable, "shape": place.shape}


def _planned(planned: PlannedPoints) -> dict[str, Any]:
    return {
        "url": FRAME_TO_BASE + planned.url,
        "bounds": planned.bounds.as_list(),
        "colours": list(planned.colours),
    }


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


def card(
    ws: Workspace, snapshot: Snapshot, hit: Hit, lang: Lang, *, as_of: date | None = None
) -> dict[str, Any]:
    """Return the whole card of a record, now or as the snapshot of a past day or moment has it."""
    layer = ws.catalog.layer(hit.layer)
    row = snapshot.table(hit.layer).slice(hit.row, 1).to_pylist()[0]
    explanation = _explanation(ws, hit, as_of)
    made_by = tier_stamp(ws, hit.layer, hit.feature_id, as_of=as_of)
    contacts = one_feature(ws, hit.layer, hit.code, contacts=True, as_of=as_of).records.contacts
    score = row["score"]
    return {
        **brief(hit, ws.catalog.layers, lang),
        "score": f"{score:g}" if hit.rank not in {UNRATED, UNGRADED} and score == score else "",  # noqa: PLR0124 - NaN
        "fields": [
            *_expired(snapshot, layer, row, lang),
            *_linked(ws, snapshot, hit, lang),
            *_fields(layer, row, lang),
        ],
        "extra": _extra(snapshot, hit),
        "missing": [field_title(layer, name, lang) for name in row["missing"] or ()],
        "flags": [FLAGS[flag].text(lang) for flag in flag_ids(row["flags"])],
        "why": _reasons(layer, explanation, lang) if explanation else [],
        "rules": _rules(made_by, row["rules"] or (), lang),
        "readings": sensor_lines(ws, hit.layer, hit.code, lang, at=as_of),
        "model": _model(ws, hit.layer, made_by, lang),
        "contacts": _contacts(layer, contacts[0] if contacts else None, lang),
        "position": "" if hit.lon is None or hit.lat is None else f"{hit.lon:.6f}, {hit.lat:.6f}",
        "page": "point?" + urlencode({"layer": hit.layer, "code": hit.code, "lang": lang, **_past(as_of)}),
        "reports": [] if as_of else _reports(ws, hit, lang),
    }


def _reports(ws: Workspace, hit: Hit, lang: Lang) -> list[dict[str, str]]:
    """Return the registers in which something on a record is reported, each with the address of its form."""
    about = f"{hit.layer}:{hit.code}"
    return [
        {
            "register": register.id,
            "title": t("report_in", lang, register=register.title.text(lang)),
            "page": "point?" + urlencode({"new": register.id, "from": about, "lang": lang}),
        }
        for register, _ in reported_in(ws.catalog.layers, hit.layer)
    ]


def _past(as_of: date | None) -> dict[str, str]:
    moment = as_of_json(as_of)
    return {} if moment is None else {PAST: moment}


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
    rank = weight(snapshot.point_group[index] // snapshot.shape[2] % len(STANDINGS))
    order = index[np.argsort(-rank, kind="stable")][:_MOST_LISTED]
    found = [point(snapshot, int(snapshot.point_id[i])) for i in order]
    return [h for h in found if h is not None], len(index)


def _fields(layer: Layer, row: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    found = []
    for one in layer.fields:
        value = row.get(column_of(one.id))
        if value is None or value == "" or value is False or one.item:  # a card has room for what is there
            continue
        text = str(mask_value(value)) if one.personal else shown(one, value, lang)
        found.append([one.title.text(lang), text])
    return found[:_MOST_FIELDS]


def _expired(snapshot: Snapshot, layer: Layer, row: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    """Return the items of the checklist that are past their last valid day."""
    day = snapshot.today or local_now().date()
    found: list[list[str]] = []
    facts = {
        field.id: row.get(column_of(field.id)) for field in layer.fields if field.item and not field.personal
    }
    marks = row.get("checklist") or ()
    for item, mark in zip(layer.checklist.items if layer.checklist else (), marks, strict=False):
        if item_past(item.id, mark, facts, day):
            found.append([item.title.text(lang), item_text(layer, item.id, mark, facts, day, lang)])
    return found


def _linked(ws: Workspace, snapshot: Snapshot, hit: Hit, lang: Lang) -> list[list[str]]:
    """Return how many records name this one, by layer."""
    (counts,) = children_of(snapshot, ws.catalog.layers, hit.layer, [hit.code])
    return [[ws.catalog.title(layer).text(lang), f"{n:,}"] for layer, n in counts.items() if n]


def _extra(snapshot: Snapshot, hit: Hit) -> list[list[str]]:
    """Return what no field reads of a record, people masked."""
    whole = snapshot.table(hit.layer)
    (texts,) = kept_texts(whole.slice(hit.row, 1), whole)
    return [[header, text] for header, text in texts.items()][:_MOST_FIELDS]


def _explanation(ws: Workspace, hit: Hit, as_of: date | None) -> Explanation | None:
    try:
        return explain_point(ws, hit.layer, hit.code, as_of=as_of)
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


def _rules(made_by: ModelStamp | None, fired: Sequence[str], lang: Lang) -> list[str]:
    titles = made_by.rules if made_by else {}
    return [titles[rule].text(lang) if rule in titles else rule for rule in fired]


def _model(ws: Workspace, layer: str, made_by: ModelStamp | None, lang: Lang) -> list[str]:
    """Return what made the tier, and on a line of its own that another version is adopted by now."""
    if made_by is None:
        return []
    adopted = adopted_stamp(ws, layer)
    newer = (
        [t("made_newer", lang, adopted=adopted.version)]
        if adopted and adopted.digest != made_by.digest
        else []
    )
    return [made_text([made_by], lang), *newer]


def _contacts(layer: Layer, contacts: tuple[Contact, ...] | None, lang: Lang) -> list[list[str]]:
    titles = {role.id: role.title.text(lang) for role in layer.contacts}
    return [
        [titles.get(c.role, c.role), " ".join(part for part in (c.name, c.phone, c.post) if part)]
        for c in mask_contacts(contacts) or ()
        if c.name or c.phone
    ]
