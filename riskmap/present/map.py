"""The folium map: constant, offline, and empty of ledger text.

folium compiles its output as a template a second time, so nothing that comes from a ledger or a
workspace file is ever put into it as text. Settings reach the browser as base64 of JSON, which
cannot hold a template; names of records come as JSON from the routes and are set as text there.

A filter change swaps one small layer (`showing`); the map itself, and with it st_folium's frame,
stays. Links are relative to st_folium's frame (`<base>/component/streamlit_folium.st_folium/`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import folium
from branca.element import MacroElement
from folium.map import Layer as FoliumLayer
from folium.template import Template

from riskmap.catalog import Layer
from riskmap.errors import Lang
from riskmap.present.texts import keys, t
from riskmap.records import RANK_OF, RANKS, TIER_COLOURS, TIER_TITLES, TIERS

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


@dataclass(frozen=True, slots=True)
class View:
    """What the filter shows: addresses relative to the app's base, and the numbers of the legend.

    `tiers` counts by rank (`records.RANKS`), `layers` in the order of the frame's layers;
    `overview` holds name and counts by rank of each sub-district; `polygon` is the ring of the
    area selection, degrees.
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
    storm: str | None = None  # see riskmap.present.storm


def pack(value: Any) -> str:
    """Return base64 of JSON: letters, digits, + / = only, so no template and no markup."""
    return base64.b64encode(json.dumps(value, ensure_ascii=False).encode()).decode("ascii")


def legend_ranks(lang: Lang) -> list[dict[str, str]]:
    """Return id, title and colour of every rank, by rank."""
    return [{"id": r, "title": TIER_TITLES[r].text(lang), "colour": TIER_COLOURS[r]} for r in RANKS]


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
        "layers": [
            {
                "id": layer.id,
                "title": layer.title.text(frame.lang),
                "symbol": layer.style.symbol,
                "geometry": layer.geometry,
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
    }


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


def showing(view: View) -> folium.FeatureGroup:
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
        "unlocated": view.unlocated,
        "polygon": view.polygon,
        "storm": here + view.storm if view.storm else None,
    }
    _Showing(pack(settings)).add_to(group)
    return group
