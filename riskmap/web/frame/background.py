"""What lies under the points: boundaries, shaded relief, a base map of the district's own.

The frame of a map of the district, as every page that shows one has it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
import orjson
import shapely
import streamlit as st
from numpy.typing import NDArray

from riskmap.actions.terrain.factors import Relief, shaded_relief
from riskmap.actions.workspace import Workspace
from riskmap.json_documents import Document
from riskmap.selection import Selection, Snapshot, counts, select
from riskmap.web.frame.assets import bundles, first_pictures
from riskmap.web.frame.state import lang, signed, workspace
from riskmap.web.widgets.map import Bounds, Frame, MapView

_CHINA: Final = Bounds(73.5, 18.0, 135.1, 53.6)


_SIMPLIFY: Final = 0.00003  # degrees, 3 m: less than a pixel where a whole district is seen


_MARGIN: Final = 0.02  # of the width, around points without boundaries


_MEDIA: Final = ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"RIFF", "image/webp"))


def bounds_of(ws: Workspace, snapshot: Snapshot) -> Bounds:
    """Return what the map shows at first: the district, else the records, else its stated extent or the country."""
    if ws.places is not None:
        return Bounds(*ws.places.district.bounds)
    found = [
        (table["lon"].to_numpy(), table["lat"].to_numpy()) for table in snapshot.tables.values() if len(table)
    ]
    lon = [float(v) for x, _ in found for v in x if v == v]  # noqa: PLR0124 - NaN
    lat = [float(v) for _, y in found for v in y if v == v]  # noqa: PLR0124 - NaN
    if not lon:
        return Bounds(*ws.config.extent) if ws.config.extent else _CHINA
    pad = max(max(lon) - min(lon), max(lat) - min(lat), 0.01) * _MARGIN
    return Bounds(min(lon) - pad, min(lat) - pad, max(lon) + pad, max(lat) + pad)


def bounds_of_subdistricts(ws: Workspace, snapshot: Snapshot, names: Collection[str]) -> Bounds | None:
    """Return where sub-districts lie: their boundaries, else the records that state them; None for nowhere."""
    places = ws.places
    known = (
        []
        if places is None
        else [p for n, p in zip(places.names, places.polygons, strict=True) if n in names]
    )
    if known:
        return Bounds(*shapely.total_bounds(known).tolist())
    boxes = [
        (np.nanmin(lon), np.nanmin(lat), np.nanmax(lon), np.nanmax(lat))
        for lon, lat in _positions(snapshot, names)
        if np.isfinite(lon).any()
    ]
    if not boxes:
        return None
    box = np.array(boxes)
    return Bounds(*(float(v) for v in (*box[:, :2].min(axis=0), *box[:, 2:].max(axis=0))))


def _positions(
    snapshot: Snapshot, names: Collection[str]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    for layer, rows in select(snapshot, Selection(subdistricts=tuple(names))).rows.items():
        table = snapshot.table(layer)
        yield table["lon"].to_numpy()[rows], table["lat"].to_numpy()[rows]


@lru_cache(maxsize=4)
def boundaries(ws: Workspace) -> bytes:
    """Return GeoJSON of the district and its sub-districts; each sub-district has a place for its name."""
    places = ws.places
    if places is None:
        return orjson.dumps({"type": "FeatureCollection", "features": []})
    features = [_feature(places.district, {"kind": "district", "name": ws.config.district})]
    for name, polygon in zip(places.names, places.polygons, strict=True):
        label = polygon.representative_point() if not polygon.contains(polygon.centroid) else polygon.centroid
        features.append(
            _feature(
                polygon,
                {"kind": "subdistrict", "name": name, "label": [label.x, label.y], "area": polygon.area},
            )
        )
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def _feature(polygon: Any, properties: dict[str, Any]) -> Document:
    shape = shapely.set_precision(shapely.simplify(polygon, _SIMPLIFY), 1e-6)
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": orjson.Fragment(shapely.to_geojson(shape)),
    }


def relief(ws: Workspace) -> Relief | None:
    """Return the shaded relief of the workspace's terrain, None where it names none."""
    return shaded_relief(ws)


def basemap_zooms(ws: Workspace) -> tuple[int, int] | None:
    """Return lowest and highest zoom of the workspace's MBTiles file, None where it cannot be used."""
    try:
        with closing(_open(ws)) as file:
            low, high = file.execute("select min(zoom_level), max(zoom_level) from tiles").fetchone()
    except (sqlite3.Error, FileNotFoundError):
        return None
    return None if low is None else (int(low), int(high))


def basemap_tile(ws: Workspace, z: int, x: int, y: int) -> tuple[bytes, str] | None:
    """Return body and media type of a picture of the base map, None where it has none there.

    MBTiles counts rows from the south. Raises sqlite3.Error for a file that is none.
    """
    try:
        with closing(_open(ws)) as file:
            found = file.execute(
                "select tile_data from tiles where zoom_level = ? and tile_column = ? and tile_row = ?",
                (z, x, (1 << z) - 1 - y),
            ).fetchone()
    except FileNotFoundError:
        return None
    if found is None:
        return None
    body = bytes(found[0])
    media = next((media for magic, media in _MEDIA if body.startswith(magic)), None)
    return (body, media) if media else None  # vector tiles are no pictures


def _open(ws: Workspace) -> sqlite3.Connection:
    file = ws.path(ws.config.basemap)
    if not ws.config.basemap or not file.is_file():
        raise FileNotFoundError(file)
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)


MAP_DAYS: Final = 7  # a map that hangs in the duty room asks for its tiles that long without being drawn anew


MAP: Final = "map"  # what a token of the map may show: [selection, ledger state]


GROUND: Final = "ground"  # boundaries, relief and base map: [what]


def ground_key() -> str:
    """Return the token with which the browser may ask for boundaries, relief and base map."""
    return signed(GROUND, [workspace().config.district], days=MAP_DAYS)


def visit(page: str) -> str:
    """Return the name of this session's first visit to the map of a page; see `first_picture`."""
    key = f"{page}-visit"
    if key not in st.session_state:
        st.session_state[key] = first_pictures.visit()
    return st.session_state[key]


def ground() -> dict[str, Any]:
    """Return the fields of a frame for what lies below boundaries and points: shaded relief and base map."""
    ws, key = workspace(), ground_key()
    shade, zooms = relief(ws), basemap_zooms(ws)
    return {
        "hillshade": (f"hillshade.png?k={key}&v={shade.digest}", Bounds(*shade.bounds)) if shade else None,
        "basemap": (f"basemap/{{z}}/{{x}}/{{y}}?k={key}", *zooms) if zooms else None,
    }


def district_frame(now: Snapshot, **more: Any) -> Frame:
    """Return layers, bounds, boundaries and marks of the district; `more` are further fields of the frame."""
    ws = workspace()
    return Frame(
        lang=lang(),
        layers=[ws.catalog.layer(layer) for layer in now.layers],
        bounds=bounds_of(ws, now),
        scripts=[bundles()["map.js"].link],
        boundaries=f"boundaries.json?k={ground_key()}" if ws.places is not None else None,
        approval_number=ws.config.approval_number,
        demo=ws.demo,
        **more,
    )


def plain_view(now: Snapshot, selection: Selection, **more: Any) -> MapView:
    """Return a view of a selection that nobody can filter further; `more` are further fields of the view."""
    found = counts(now, selection)
    layers = workspace().catalog.layers
    token = signed(MAP, [selection.to_text(), now.key], days=MAP_DAYS)
    on = [layer for layer in selection.layers or now.layers if layers[layer].drawn]
    outlined = signed(MAP, [replace(selection, layers=tuple(on)).to_text(), now.key], days=MAP_DAYS)
    return MapView(
        tiles=f"tiles/{token}/{{z}}/{{x}}/{{y}}.bin",
        shapes=f"shapes/{outlined}.json" if on else None,
        points=f"points/{token}",
        search=f"search?spec={token}",
        tiers=[int(n) for n in found.array.sum(axis=(0, 2))],
        layers=[int(n) for n in found.array.sum(axis=(1, 2))],
        **more,
    )
