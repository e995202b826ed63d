"""How QGIS shows what we write: the style of a table, and a project that opens a GeoPackage as a map.

A project is text: layers by a path relative to it, the style of each, and what lies on what. Nothing of QGIS is
needed to write one, and QGIS 3.22 and later open it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pyproj
import shapely

from riskmap.catalog.layer import GeometryKind
from riskmap.coordinates import CGCS2000, metres, metric_crs
from riskmap.errors import Lang
from riskmap.io.writers.record_columns import Attribute, ColumnGroup, standing_kind
from riskmap.texts import t
from riskmap.values.inventory import DEMO_MARK, STATES, Inventory, LayerInventory, tier_title
from riskmap.vocabulary import GRADES, TIER_COLOURS, WEIGHT_OF

# QGIS's names for our symbols.
_MARKERS: Final = {"drop": "diamond", "house": "pentagon"}


_NAMED: Final = ("major", "large")  # tiers that are seen first, and by name


_BLANK: Final = frozenset({"unrated", "ungraded"})  # categories of the records whose column is empty


_DOCTYPE: Final = '<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM">'


_OURS: Final = (
    "3.22.0-riskmap"  # the version that a project of ours states; QGIS writes its own when it saves one
)


_SHAPES: Final = {"point": 0, "line": 1, "polygon": 2}


def style_of(
    part: LayerInventory, written: Sequence[tuple[Attribute, str]], kind: GeometryKind, lang: Lang
) -> str:
    """Return how a table is shown: a colour per tier or grade, the worst on top, titles for field names.

    `written`: each column with the name that it has in the table, in their order. The worst tiers are named
    on the map; the records of a layer that has neither tiers nor grades are of one colour.
    """
    drawn = standing_kind(part.layer)
    states = STATES if drawn == "tier" else tuple(GRADES[state] for state in STATES)
    standing = next(
        (name for c, name in written if c.derived and c.name.removeprefix("riskmap_") == drawn), None
    )
    if standing is None:
        states = ("ungraded",)
    column = standing or next(name for c, name in written if c.name == "code")
    label = next(name for c, name in written if c.name == "name")
    symbols = "".join(_symbol(i, state, kind, part.layer.style.symbol) for i, state in enumerate(states))
    categories = "".join(
        f'<category render="true" type="string" symbol="{i}" value="{"" if state in _BLANK else state}" '
        f"label={quoteattr(tier_title(state, lang))}/>"
        for i, state in enumerate(states)
    )
    return (
        f'<renderer-v2 type="categorizedSymbol" attr={quoteattr(column)} symbollevels="1" enableorderby="0" forceraster="0">'
        f"<categories>{categories}</categories><symbols>{symbols}</symbols></renderer-v2>"
        f"{_labels(column, label)}{_standing_words(standing, states, lang)}{_aliases(written)}"
        f"<layerGeometryType>{_SHAPES[kind]}</layerGeometryType>"
    )


def style_qml(style: str) -> str:
    """Return the style of a table as a file of its own."""
    return f'{_DOCTYPE}<qgis version="3.22.0" labelsEnabled="1" styleCategories="AllStyleCategories">{style}</qgis>'


def _labels(column: str, label: str) -> str:
    """Return labels for the two worst tiers: forty thousand names would hide the map."""
    worst = ", ".join(f"'{state}'" for state in _NAMED)
    expression = f"""CASE WHEN "{column}" IN ({worst}) THEN "{label}" END"""
    return (
        f'<labeling type="simple"><settings calloutType="simple"><text-style fieldName={quoteattr(expression)} '
        'isExpression="1" fontSize="9" fontSizeUnit="Point" textColor="28,39,51,255">'
        '<text-buffer bufferDraw="1" bufferSize="0.8" bufferSizeUnits="MM" bufferColor="255,255,255,255"/></text-style>'
        '<placement placement="6" dist="1" distUnits="MM"/><rendering obstacle="0"/></settings></labeling>'
    )


def _standing_words(column: str | None, states: Sequence[str], lang: Lang) -> str:
    """Return the list of values of tier or grade, so that its form and table say 重大 for major."""
    if column is None:
        return ""
    words = "".join(
        f'<Option type="Map"><Option type="QString" name={quoteattr(tier_title(state, lang))} value="{state}"/></Option>'
        for state in states
        if state not in _BLANK
    )
    return (
        f'<fieldConfiguration><field name={quoteattr(column)} configurationFlags="None"><editWidget type="ValueMap"><config>'
        f'<Option type="Map"><Option type="List" name="map">{words}</Option></Option>'
        "</config></editWidget></field></fieldConfiguration>"
    )


def _aliases(written: Sequence[tuple[Attribute, str]]) -> str:
    rows = "".join(
        f'<alias field={quoteattr(name)} index="{i}" name={quoteattr(column.title)}/>'
        for i, (column, name) in enumerate(written, start=1)  # 0 is the running number
    )
    return f"<aliases>{rows}</aliases>"


def _symbol(number: int, state: str, kind: GeometryKind, marker: str) -> str:
    colour = TIER_COLOURS[state]
    rgb = ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    worst = state in _NAMED
    kinds = {
        "point": (
            "marker",
            "SimpleMarker",
            {
                "name": _MARKERS.get(marker, marker),
                "color": f"{rgb},255",
                # Of small symbols a line, however thin, would be all that is seen.
                "outline_style": "solid" if worst else "no",
                "outline_color": "34,34,34,255",
                "outline_width": "0.3",
                "size": "3.4" if worst else "1.6",
                "size_unit": "MM",
            },
        ),
        "line": (
            "line",
            "SimpleLine",
            {"line_color": f"{rgb},255", "line_width": "0.8", "line_width_unit": "MM"},
        ),
        "polygon": (
            "fill",
            "SimpleFill",
            {"color": f"{rgb},128", "style": "solid", "outline_color": f"{rgb},255", "outline_width": "0.4"},
        ),
    }
    type_, class_, options = kinds[kind]
    # QGIS up to 3.24 reads <prop>, later ones read both. A higher pass is drawn later.
    properties = "".join(f'<prop k="{k}" v="{v}"/>' for k, v in options.items())
    return (
        f'<symbol name="{number}" type="{type_}" alpha="1" clip_to_extent="1" force_rhr="0">'
        f'<layer class="{class_}" enabled="1" locked="0" pass="{WEIGHT_OF[state]}">{properties}</layer></symbol>'
    )


@dataclass(frozen=True, slots=True)
class ProjectLayer:
    """A table of a GeoPackage as a project shows it: under a title, in a style (`style_of`)."""

    table: str
    title: str
    group: ColumnGroup
    style: str

    @property
    def id(self) -> str:
        """Its id in the project: QGIS gives one of ten letters or fewer another, and loses the layer."""
        return f"riskmap_layer_{self.table}"


def is_own_project(path: Path) -> bool:
    """Tell whether a project may be written here: nothing is there, or one of ours that nobody has saved since."""
    if not path.exists():
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            (name,) = (one for one in archive.namelist() if one.endswith(".qgs"))
            with archive.open(name) as file:
                return f'version="{_OURS}"'.encode() in file.read(1000)
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def project_of(inventory: Inventory, file: str, layers: Sequence[ProjectLayer]) -> bytes:
    """Return the project (.qgz) that shows the tables of a GeoPackage that lies beside it under the name `file`.

    Points lie above lines and these above polygons; of each the layer with the fewest records on top.
    """
    order = sorted(layers, key=lambda one: (_SHAPES[one.group.kind], len(one.group.rows)))
    bounds = _bounds(layers)
    middle = 114.0 if bounds is None else (bounds[0] + bounds[2]) / 2
    zone = metric_crs(middle)
    title = t("export_title", inventory.lang, district=inventory.district)
    if inventory.demo:
        title = f"{title}（{DEMO_MARK}）"
    tree = "".join(
        f'<layer-tree-layer id={quoteattr(one.id)} name={quoteattr(one.title)} checked="Qt::Checked" expanded="0" '
        f'providerKey="ogr" source={quoteattr(_source(file, one))}/>'
        for one in order
    )
    text = (
        f'{_DOCTYPE}<qgis version="{_OURS}" projectname={quoteattr(title)}>'
        f"<title>{escape(title)}</title><projectCrs>{_system(zone)}</projectCrs>"
        f"<layer-tree-group>{tree}</layer-tree-group>"
        f"{_canvas(bounds, middle, zone)}"
        f"<projectlayers>{''.join(_map_layer(file, one) for one in order)}</projectlayers>"
        f"<layerorder>{''.join(f'<layer id={quoteattr(one.id)}/>' for one in order)}</layerorder>"
        '<properties><SpatialRefSys><ProjectionsEnabled type="int">1</ProjectionsEnabled></SpatialRefSys>'
        '<Paths><Absolute type="bool">false</Absolute></Paths></properties></qgis>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{Path(file).stem}.qgs"), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _source(file: str, layer: ProjectLayer) -> str:
    return f"./{file}|layername={layer.table}"


def _map_layer(file: str, layer: ProjectLayer) -> str:
    geometry = {"point": "Point", "line": "Line", "polygon": "Polygon"}[layer.group.kind]
    return (
        f'<maplayer type="vector" geometry="{geometry}" labelsEnabled="1" autoRefreshEnabled="0" readOnly="0">'
        f"<id>{escape(layer.id)}</id><datasource>{escape(_source(file, layer))}</datasource>"
        f"<layername>{escape(layer.title)}</layername>"
        f'<provider encoding="UTF-8">ogr</provider><srs>{_system(CGCS2000)}</srs>{layer.style}</maplayer>'
    )


@cache
def _system(crs: str) -> str:
    """Return a coordinate system as QGIS reads it: by its number, and in full where a database lacks that."""
    known = pyproj.CRS.from_user_input(crs)
    return (
        f"<spatialrefsys><wkt>{escape(known.to_wkt())}</wkt><srid>{known.to_epsg()}</srid>"
        f"<authid>EPSG:{known.to_epsg()}</authid><description>{escape(known.name)}</description>"
        f"<geographicflag>{str(known.is_geographic).lower()}</geographicflag></spatialrefsys>"
    )


def _bounds(layers: Sequence[ProjectLayer]) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north in degrees of all that has a place."""
    known = [one.group.wkb.drop_null().to_pylist() for one in layers]
    shapes = [shapely.from_wkb(np.array(some, object)) for some in known if some]
    if not shapes:
        return None
    west, south, east, north = shapely.total_bounds(np.concatenate(shapes)).tolist()
    return west, south, east, north


def _canvas(bounds: tuple[float, float, float, float] | None, middle: float, zone: str) -> str:
    """Return what the window shows at first, in metres of the zone."""
    if bounds is None:
        return ""
    west, south, east, north = bounds
    x, y = metres([west, east, west, east], [south, south, north, north], around=middle)
    edges = {"xmin": x.min(), "ymin": y.min(), "xmax": x.max(), "ymax": y.max()}
    extent = "".join(f"<{edge}>{value:.1f}</{edge}>" for edge, value in edges.items())
    return (
        f'<mapcanvas name="theMapCanvas" annotationsVisible="1"><units>meters</units><extent>{extent}</extent>'
        f"<rotation>0</rotation><destinationsrs>{_system(zone)}</destinationsrs></mapcanvas>"
    )
