"""The map as one sheet of paper (.pdf or .png): an inventory drawn, with a legend whose counts add up.

Symbols are drawn the worst last; the worst carry numbers, which the list beside the map explains. Every
record of the inventory is counted in the legend, also one without a position, and how many those are is said.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, cast

import numpy as np
import orjson
import pyarrow as pa
import shapely
import typst
from shapely.geometry.base import BaseGeometry

from riskmap.array_types import Floats
from riskmap.coordinates import metres, metric_crs
from riskmap.errors import ExportError, Lang, Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.io.writers.paper_pdf import letters, pdf_needs
from riskmap.progress import UNWATCHED, Progress
from riskmap.reports.map_drawing import (
    Bounds,
    Box,
    Frame,
    Label,
    Look,
    Relief,
    Symbols,
    labels,
    path_of,
    points_svg,
    round_step,
    shapes_svg,
    svg,
    symbol_svg,
    thinned,
    width_of,
)
from riskmap.texts import made_text, t
from riskmap.values.boundaries import Boundaries
from riskmap.values.inventory import (
    DEMO_MARK,
    STATES,
    Inventory,
    LayerInventory,
    add_counts,
    standing_counts,
    tier_counts,
)
from riskmap.vocabulary import GRADES, TIER_COLOURS, TIER_TITLES, WEIGHT_OF, weight

Paper = Literal["A4", "A3"]


PAPERS: Final[Mapping[str, tuple[float, float]]] = {
    "A4": (297.0, 210.0),
    "A3": (420.0, 297.0),
}  # mm, landscape


ENDINGS: Final = (".pdf", ".png")


_DRAWING: Final = Text("绘制地图", "drawing the map")


_SETTING: Final = Text("排版图纸", "setting the sheet")


_TEMPLATE: Final = Path(__file__).with_name("map_sheet.typ")


_LEFT, _TOP, _BOTTOM, _RIGHT, _SIDE, _GAP = 10.0, 18.0, 14.0, 8.0, 69.0, 5.0  # mm


_DPI: Final = 200


_RIM: Final = WEIGHT_OF["large"]


_RADII: Final = {  # mm on A4 by tier: of a whole district, and of some of its sub-districts
    False: {"low": 0.26, "unrated": 0.42, "general": 0.48, "large": 1.35, "major": 1.9},
    True: {"low": 0.42, "unrated": 0.6, "general": 0.8, "large": 1.7, "major": 2.3},
}


# Printed in grey the colours of the screen turn the order of the tiers round (luma of low 109, large 148).
_GREYS: Final = {
    "low": "#c4c8cc",
    "unrated": "#ffffff",
    "general": "#8b8f94",
    "large": "#4a4d51",
    "major": "#000000",
}


_GRADED: Final = {False: 0.7, True: 1.0}  # mm: what is no risk, whatever its grade


_LISTED: Final = 40  # so many rows find room beside an A4 map


_LABEL_MM, _NAME_MM = 2.3, 3.0


@dataclass(frozen=True, eq=False)
class MapSheet:
    """What a sheet shows. `focus`: the sub-districts that it is about, none for the whole district.

    `neighbours`: the districts around, by their names, in degrees.
    """

    inventory: Inventory
    places: Boundaries | None = None
    focus: tuple[str, ...] = ()
    relief: Relief | None = None
    publisher: str = ""
    paper: Paper = "A4"
    scale: int | None = None
    grey: bool = False
    neighbours: Mapping[str, BaseGeometry] = field(default_factory=dict[str, BaseGeometry])

    @property
    def lang(self) -> Lang:
        """The language of its words."""
        return self.inventory.lang

    @cached_property
    def look(self) -> Look:
        """How tiers are drawn, in colour or for a printer that has none."""
        large = 1.25 if self.paper == "A3" else 1.0
        radii, graded = _RADII[bool(self.focus)], _GRADED[bool(self.focus)]
        fills = _GREYS | {GRADES[tier]: grey for tier, grey in _GREYS.items()} if self.grey else TIER_COLOURS
        return Look(
            tuple(fills[one] for one in WEIGHT_OF),
            tuple(radii.get(one, graded) * large for one in WEIGHT_OF),
            _RIM,
            {WEIGHT_OF[one]: "#222" for one in ("unrated", "ungraded")} if self.grey else {},
        )

    @cached_property
    def located(self) -> Located:
        """Its records with their positions in metres."""
        return _located(self.inventory.layers, self.middle)

    @cached_property
    def middle(self) -> float:
        """The longitude by which the grid zone is chosen."""
        if self.places is not None:
            west, _, east, _ = self.places.district.bounds
            return (west + east) / 2
        known = [lon for part in self.inventory.layers if len(lon := _finite(part.table["lon"]))]
        return float(np.mean(np.concatenate(known))) if known else 114.0

    def in_metres(self, geometry: BaseGeometry) -> BaseGeometry:
        """Return a geometry in degrees on the grid of the sheet."""
        return shapely.transform(
            geometry, lambda xy: np.column_stack(metres(xy[:, 0], xy[:, 1], around=self.middle))
        )

    @cached_property
    def area(self) -> BaseGeometry | None:
        """What the sheet is about, in metres: the district or the sub-districts in focus."""
        if self.places is None:
            return None
        chosen = [self.places.polygons[i] for i in map(self.places.index, self.focus) if i >= 0]
        return self.in_metres(shapely.union_all(chosen) if chosen else self.places.district)

    @cached_property
    def frame(self) -> Frame:
        """The window of the map on the paper."""
        width, height = PAPERS[self.paper]
        inner = (width - _LEFT - _SIDE - _GAP - _RIGHT, height - _TOP - _BOTTOM)
        bounds = self.area.bounds if self.area is not None else self.located.bounds
        return Frame.around(bounds, *inner, scale=self.scale)


@dataclass(frozen=True, eq=False)
class Located:
    """The records of all layers one after another: x and y in metres, NaN where there is no position.

    `rank`: the weight of tier or grade (`WEIGHT_OF`).
    """

    x: Floats
    y: Floats
    rank: np.ndarray[Any, np.dtype[np.uint8]]
    layer: np.ndarray[Any, np.dtype[np.int64]]
    drawn_as_point: np.ndarray[Any, np.dtype[np.bool_]]
    code: list[str]
    name: list[str | None]

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north; a square kilometre around nothing."""
        known = np.isfinite(self.x)
        if not known.any():
            return (0.0, 0.0, 1000.0, 1000.0)
        x, y = self.x[known], self.y[known]
        room = 250.0 if np.ptp(x) + np.ptp(y) < 500.0 else 0.0
        return float(x.min() - room), float(y.min() - room), float(x.max() + room), float(y.max() + room)


def _finite(column: pa.ChunkedArray) -> Floats:
    values = column.to_numpy()
    return values[np.isfinite(values)]


def _located(parts: Sequence[LayerInventory], around: float) -> Located:
    tables = [part.table for part in parts]
    sizes = [len(table) for table in tables]

    def column(name: str, kind: Any) -> np.ndarray[Any, Any]:
        return np.concatenate([np.empty(0, kind), *(table[name].to_numpy().astype(kind) for table in tables)])

    x, y = metres(column("lon", np.float64), column("lat", np.float64), around=around)
    pointed = [not part.layer.drawn for part in parts]
    return Located(
        x,
        y,
        weight(column("rank", np.uint8)).astype(np.uint8),
        np.repeat(np.arange(len(parts)), sizes),
        np.repeat(np.array(pointed, bool), sizes),
        [code for table in tables for code in table["code"].to_pylist()],
        [name for table in tables for name in table["name"].to_pylist()],
    )


def write_map_sheet(sheet: MapSheet, path: Path, progress: Progress = UNWATCHED) -> WrittenFile:
    """Draw a sheet into a .pdf or .png file, whole or not at all.

    ExportError for another ending, and where this machine has no Chinese letters. Stopped by its `progress`,
    it raises Cancelled and nothing is written.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ExportError(
            f"{path}：地图印成 .pdf 或 .png；请改文件名的结尾",
            f"{path}: a map is printed as .pdf or .png; change the ending of the file's name",
        )
    if (missing := pdf_needs()) is not None:
        raise ExportError(f"{path}：{missing.zh}", f"{path}: {missing.en}")
    progress.step(0, 3, _DRAWING)
    fonts, names = letters()
    files = {
        **_pictures(sheet),
        "main.typ": _TEMPLATE.read_bytes(),
        "sheet.json": orjson.dumps({**_words(sheet), "fonts": names}),
    }
    progress.step(1, 3, _SETTING)
    kind: Literal["pdf", "png"] = "pdf" if path.suffix.lower() == ".pdf" else "png"
    # Its stub leaves out that the files may come as a mapping.
    made = typst.compile(cast("bytes", files), format=kind, ppi=_DPI, font_paths=fonts)
    body = made[0] if isinstance(made, list) else made
    assert isinstance(body, bytes)
    progress.step(3, 3, _SETTING)
    with replacing(path) as (room,):
        room.write_bytes(body)
    return WrittenFile(path, kind, len(sheet.inventory))


def _pictures(sheet: MapSheet) -> dict[str, bytes]:
    frame = sheet.frame
    window: Box = (0.0, 0.0, frame.width, frame.height)
    drawn = {"ground.svg": svg(_ground(sheet), box=window), "points.svg": svg(_records(sheet), box=window)}
    for i, part in enumerate(sheet.inventory.layers):
        for rank in range(len(WEIGHT_OF)):
            drawn[f"symbol-{i}-{rank}.svg"] = symbol_svg(part.layer.style.symbol, rank, sheet.look)
    return {name: picture.encode() for name, picture in drawn.items()}


def _ground(sheet: MapSheet) -> str:
    """Return what lies under the records: district, relief, boundaries, the veil over what is not in focus."""
    frame, places = sheet.frame, sheet.places
    if places is None or sheet.area is None:
        ground = f'<rect width="{frame.width:.2f}" height="{frame.height:.2f}" fill="#fff"/>'
        return f"{ground}{_line(_grid(frame), 'grid')}"
    around = "".join(path_of(frame, one) for one in _seen_neighbours(sheet).values())
    district = path_of(frame, sheet.in_metres(places.district))
    parts = [f'<path fill="#e2e6eb" d="{around}"/>{_line(around, "neighbour")}'] if around else []
    parts.append(f'<path fill="#fff" d="{district}"/>')
    if sheet.relief is not None:
        parts.append(f'<clipPath id="in"><path d="{district}"/></clipPath>{_relief(sheet, sheet.relief)}')
    parts.append(_line(_grid(frame), "grid"))
    inner = "".join(path_of(frame, sheet.in_metres(polygon)) for polygon in places.polygons)
    parts.append(_line(inner, "subdistrict"))
    if sheet.focus:
        around = f"M0 0H{frame.width:.2f}V{frame.height:.2f}H0Z{path_of(frame, sheet.area)}"
        parts.append(f'<path fill="#eef1f4" fill-opacity=".78" fill-rule="evenodd" d="{around}"/>')
    parts.append(_line(path_of(frame, sheet.area), "focus" if sheet.focus else "district"))
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class Line:
    """How a boundary is drawn, on the map and in its legend."""

    colour: str
    width: float  # mm
    dashed: bool = False


_LINES: Final = {
    "district": Line("#1c2733", 0.5),
    "focus": Line("#1c2733", 0.5),
    "subdistrict": Line("#5d6875", 0.25, dashed=True),
    "neighbour": Line("#9aa5b1", 0.25),
    "grid": Line("#8797a8", 0.08),
}


def _line(path: str, kind: str) -> str:
    line = _LINES[kind]
    dash = ' stroke-dasharray="1.6 .8"' if line.dashed else ""
    return f'<path fill="none" stroke="{line.colour}" stroke-width="{line.width}"{dash} d="{path}"/>'


def _lines(sheet: MapSheet) -> list[dict[str, Any]]:
    kinds: list[str] = []
    if sheet.places is not None:
        kinds = ["focus" if sheet.focus else "district", *(["subdistrict"] if sheet.places.names else [])]
        kinds += ["neighbour"] if _seen_neighbours(sheet) else []
    km = f"{_grid_step(sheet.frame) / 1000:g}"
    return [
        asdict(_LINES[kind]) | {"text": t(f"sheet_line_{kind}", sheet.lang, km=km)}
        for kind in (*kinds, "grid")
    ]


def _seen_neighbours(sheet: MapSheet) -> dict[str, BaseGeometry]:
    """Return the parts of the districts around that lie in the frame, in metres."""
    window = shapely.box(*sheet.frame.bounds())
    parts = {
        name: shapely.intersection(window, sheet.in_metres(one)) for name, one in sheet.neighbours.items()
    }
    return {name: part for name, part in parts.items() if part.area > 0}


def _grid_step(frame: Frame) -> float:
    """Return how many metres lie between two lines of the coordinate grid: at least 18 mm."""
    return round_step(18.0 / frame.mm)


def _grid(frame: Frame) -> str:
    """Return the lines of the coordinate grid as a path."""
    ticks = _ticks(frame)
    across = "".join(f"M{one['at']:.2f} 0V{frame.height:.2f}" for one in ticks["x"])
    return across + "".join(f"M0 {one['at']:.2f}H{frame.width:.2f}" for one in ticks["y"])


def _relief(sheet: MapSheet, relief: Relief) -> str:
    """Return the shaded relief, laid on the grid by the corners of its picture."""
    png, (west, south, east, north) = relief
    corners = metres([west, east, west], [north, north, south], around=sheet.middle)
    x, y = sheet.frame.place(*corners)
    across, down = (x[1] - x[0], y[1] - y[0]), (x[2] - x[0], y[2] - y[0])
    matrix = " ".join(f"{v:.6f}" for v in (*across, *down, x[0], y[0]))
    data = base64.b64encode(png).decode()
    return (
        f'<g clip-path="url(#in)"><image transform="matrix({matrix})" width="1" height="1" opacity=".45" '
        f'preserveAspectRatio="none" xlink:href="data:image/png;base64,{data}"/></g>'
    )


def _records(sheet: MapSheet) -> str:
    found, parts = sheet.located, sheet.inventory.layers
    outlines = [
        (sheet.in_metres(geometry), rank)
        for part in parts
        if "shape" in part.table.column_names
        for geometry, rank in _shapes(part.table)
    ]
    points = found.drawn_as_point
    symbols = Symbols(
        *(found.x[points], found.y[points], found.rank[points], found.layer[points]),
        [part.layer.style.symbol for part in parts],
    )
    frame = sheet.frame
    return shapes_svg(frame, outlines, sheet.look) + points_svg(frame, symbols, sheet.look)


def _shapes(table: pa.Table) -> list[tuple[BaseGeometry, int]]:
    shapes = shapely.from_wkb(table["shape"].to_pylist())
    ranks = weight(table["rank"].to_numpy()).tolist()
    return [(one, rank) for one, rank in zip(shapes, ranks, strict=True) if one is not None]


def _words(sheet: MapSheet) -> dict[str, Any]:
    """Return every text and number of the sheet; the template reads them as data, never as markup."""
    frame, lang, found = sheet.frame, sheet.lang, sheet.inventory
    width, height = PAPERS[sheet.paper]
    listed, numbers, names, around = _marked(sheet)
    return {
        "paper": {"w": width, "h": height},
        "map": {"x": _LEFT, "y": _TOP, "w": frame.width, "h": frame.height, "side": _SIDE, "gap": _GAP},
        "lang": lang,
        "title": t("sheet_title", lang, district=found.district, place="、".join(sheet.focus)),
        "subtitle": _subtitle(sheet),
        "marks": [DEMO_MARK] if found.demo else [],
        "scale": f"{frame.scale:,}",
        "bar": _scale_bar(frame),
        "ticks": _ticks(frame),
        "labels": [asdict(label) for label in numbers if label.shown],
        "names": [asdict(label) for label in names if label.shown],
        "around": [asdict(label) for label in around if label.shown],
        "label_size": _LABEL_MM,
        "name_size": _NAME_MM,
        "tiers": [{"title": TIER_TITLES[s].text(lang), "rank": WEIGHT_OF[s]} for s in STATES],
        "legend_title": t("sheet_legend", lang),
        "legend": _legend(sheet),
        "others_title": t("sheet_others", lang),
        "others": _others(sheet),
        "lines": _lines(sheet),
        "notes": _notes(sheet),
        "list_title": t("sheet_list", lang, n=len(listed)) if listed else "",
        "list": listed[:_LISTED],
        "more": t("sheet_more", lang, n=len(listed) - _LISTED) if len(listed) > _LISTED else "",
        "foot": _foot(sheet),
    }


def _subtitle(sheet: MapSheet) -> str:
    found, lang = sheet.inventory, sheet.lang
    zone = metric_crs(sheet.middle)
    return t("sheet_subtitle", lang, filter=found.filter.text(lang), as_of=found.as_of, crs=zone)


def _legend(sheet: MapSheet) -> list[dict[str, Any]]:
    """Return risk layer by risk layer how many records each tier has, and their sum when there are several."""
    risks = [(i, part) for i, part in enumerate(sheet.inventory.layers) if part.layer.counts == "risk"]
    counts = [tier_counts(part.table) for _, part in risks]
    rows = [
        {"title": part.layer.title.text(sheet.lang), "layer": i, "counts": [count[s] for s in STATES]}
        for (i, part), count in zip(risks, counts, strict=True)
    ]
    if len(rows) > 1:
        total = add_counts(counts)
        rows.append(
            {"title": t("sheet_sum", sheet.lang), "layer": None, "counts": [total[s] for s in STATES]}
        )
    return rows


def _others(sheet: MapSheet) -> list[dict[str, Any]]:
    """Return layer by layer what is no risk: how many, and of which grades where a model grades them."""
    return [
        {
            "title": part.layer.title.text(sheet.lang),
            "layer": i,
            "total": len(part),
            "grades": _grades(sheet, part),
        }
        for i, part in enumerate(sheet.inventory.layers)
        if part.layer.counts != "risk"
    ]


def _grades(sheet: MapSheet, part: LayerInventory) -> list[dict[str, Any]]:
    """Return title, weight and count of each grade that there is; without a model, of the one symbol."""
    if part.layer.model is None:
        return [{"title": "", "rank": WEIGHT_OF["ungraded"], "count": len(part)}]
    counts = standing_counts(part.table)
    return [
        {"title": TIER_TITLES[one].text(sheet.lang), "rank": WEIGHT_OF[one], "count": counts[one]}
        for one in (GRADES[state] for state in STATES)
        if counts[one]
    ]


def _notes(sheet: MapSheet) -> list[str]:
    """Return what the reader of the sheet cannot see on it."""
    found, lang = sheet.located, sheet.lang
    known = np.isfinite(found.x)
    outside = int(np.count_nonzero(known & ~sheet.frame.holds(found.x, found.y)))
    without = int(np.count_nonzero(~known))
    notes = [t("sheet_empty", lang)] if not len(sheet.inventory) else []
    notes += [t("sheet_unlocated", lang, n=without)] if without else []
    notes += [t("sheet_outside", lang, n=outside)] if outside else []
    notes += [t("sheet_thinned", lang)] if thinned(len(found.x)) else []
    models = {one.digest: one for part in sheet.inventory.layers for one in part.models}
    notes += [t("sheet_models", lang, models=made_text(list(models.values()), lang))] if models else []
    return notes


def _marked(sheet: MapSheet) -> tuple[list[dict[str, Any]], list[Label], list[Label], list[Label]]:
    """Return the list of the worst records, their numbers on the map, the names of sub-districts and of neighbours.

    Numbers come first; a name gives way. The whole district lists its major records, a part of it the
    large ones too.
    """
    found, frame, look = sheet.located, sheet.frame, sheet.look
    least = WEIGHT_OF["large" if sheet.focus else "major"]
    rows = np.flatnonzero(found.rank >= least)
    rows = rows[np.argsort(-found.rank[rows].astype(int), kind="stable")]
    on_map = rows[frame.holds(found.x[rows], found.y[rows])]
    number = {int(row): str(i + 1) for i, row in enumerate(rows)}
    listed = [
        {
            "n": number[int(row)],
            "layer": int(found.layer[row]),
            "rank": int(found.rank[row]),
            "text": f"{found.name[row] or ''} {found.code[row]}".strip(),
        }
        for row in rows
    ]
    # The corners of arrow and scale bar stay free.
    taken: list[Box] = [(frame.width - 15, 0, frame.width, 18), (0, frame.height - 16, 62, frame.height)]
    radius = look.radii[WEIGHT_OF["major"]]
    shown = labels(
        frame,
        *(found.x[on_map], found.y[on_map], [number[int(row)] for row in on_map]),
        size=_LABEL_MM,
        radius=radius,
        taken=taken,
    )
    streets = (
        {} if sheet.places is None else dict(zip(sheet.places.names, sheet.places.polygons, strict=True))
    )
    names = _names(sheet, {name: sheet.in_metres(one) for name, one in streets.items()}, taken)
    return listed, shown, names, _names(sheet, _seen_neighbours(sheet), taken)


def _names(sheet: MapSheet, areas: Mapping[str, BaseGeometry], taken: list[Box]) -> list[Label]:
    """Return the names of areas in metres, each centred within its own, or beside that where it is taken."""
    inside = [shapely.point_on_surface(polygon) for polygon in areas.values()]
    x, y = shapely.get_coordinates(inside).T if inside else (np.empty(0), np.empty(0))
    half = [width_of(name, _NAME_MM) / 2 for name in areas]
    left = x - np.array(half) / sheet.frame.mm  # a label stands to the right of its position
    return labels(sheet.frame, left, y, list(areas), size=_NAME_MM, radius=0.0, taken=taken)


def _scale_bar(frame: Frame) -> dict[str, Any]:
    """Return a bar of four equal parts, about 50 mm long, and what stands under their ends."""
    part = round_step(11.0 / frame.mm)
    unit, name = (1000.0, "km") if part >= 500 else (1.0, "m")
    ends = [f"{part * i / unit:g}" for i in range(5)]
    return {"part": part * frame.mm, "ends": [*ends[:-1], f"{ends[-1]} {name}"]}


def _ticks(frame: Frame) -> dict[str, list[dict[str, Any]]]:
    """Return where the kilometres of the grid meet the frame, at least 18 mm apart."""
    step = _grid_step(frame)
    west, south, east, north = frame.bounds()
    across = np.arange(np.ceil(west / step) * step, east, step)
    up = np.arange(np.ceil(south / step) * step, north, step)
    x, y = frame.place(across, np.zeros(len(across)))[0], frame.place(np.zeros(len(up)), up)[1]

    def named(at: Floats, values: Floats) -> list[dict[str, Any]]:
        return [
            {"at": place, "text": f"{value / 1000:g}"}
            for place, value in zip(at.tolist(), values.tolist(), strict=True)
        ]

    return {"x": named(x, across), "y": named(y, up)}


def _foot(sheet: MapSheet) -> str:
    found, lang = sheet.inventory, sheet.lang
    parts = [
        sheet.publisher or found.district,
        t("sheet_made", lang, at=found.made_at, by=found.made_by) if found.made_by else found.made_at,
        t("sheet_approval", lang, number=found.approval or t("sheet_approval_none", lang)),
    ]
    return "　".join(parts)
