"""The map as one sheet of paper (.pdf or .png): an inventory drawn, with a legend whose counts add up.

Symbols are drawn the worst last; the worst carry numbers, which the list beside the map explains. Every
record of the inventory is counted in the legend, also one without a position, and how many those are is said.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, Literal, Self, cast

import numpy as np
import orjson
import pyarrow as pa
import shapely
import typst
from PIL import Image
from shapely.geometry.base import BaseGeometry

from riskmap.array_types import Floats
from riskmap.coordinates import metres, metric_crs
from riskmap.errors import ExportError, Lang, Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.io.writers.paper_pdf import faces, pdf_needs
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
)
from riskmap.vocabulary import GRADES, TIER_COLOURS, TIER_GREYS, TIER_TITLES, WEIGHT_OF, weight

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


_RADII: Final = {  # mm on A4 by tier: of a whole district, of some of its sub-districts, around one record
    "district": {"low": 0.26, "unrated": 0.42, "general": 0.48, "large": 1.35, "major": 1.9},
    "street": {"low": 0.42, "unrated": 0.6, "general": 0.8, "large": 1.7, "major": 2.3},
    "record": {"low": 0.7, "unrated": 0.9, "general": 1.1, "large": 1.8, "major": 2.3},
}


# In greys what is no risk is a symbol with a line around it, and a mark in it says its grade: a poor shelter is no major
# risk, and one that nobody graded is no good one. Relative paths from the middle, of a symbol of radius 1.
_GREY_MARKS: Final = {
    "poor": "m-.6 -.6l1.2 1.2m0 -1.2l-1.2 1.2",
    "weak": "m-.6 .6l1.2 -1.2",
    "fair": "m-.6 0h1.2",
}


_GRADED: Final = {"district": 0.7, "street": 1.0, "record": 1.3}  # mm: what is no risk, whatever its grade


_LABEL_MM, _NAME_MM = 2.3, 3.0


LISTED_MM: Final = 4.4  # high is a row of a list


_LETTER_MM: Final = 2.26  # of the list beside the map


AROUND_M: Final = 500.0  # of a record that has a sheet of its own: at least so much on every side


_SUBJECT_MM: Final = 3.2  # its symbol, on A4


Key = tuple[str, str]  # layer id and code of a record


@dataclass(frozen=True, eq=False)
class Land:
    """District, sub-districts and districts around, in metres of the grid zone of the longitude `middle`."""

    middle: float
    district: BaseGeometry | None = None
    streets: Mapping[str, BaseGeometry] = field(default_factory=dict[str, BaseGeometry])
    neighbours: Mapping[str, BaseGeometry] = field(default_factory=dict[str, BaseGeometry])

    @classmethod
    def of(cls, middle: float, places: Boundaries | None, neighbours: Mapping[str, BaseGeometry]) -> Self:
        """Project what is in degrees."""

        def named(areas: Iterable[tuple[str, BaseGeometry]]) -> dict[str, BaseGeometry]:
            return {name: _in_metres(one, middle) for name, one in areas}

        around = named(neighbours.items())
        if places is None:
            return cls(middle, neighbours=around)
        streets = named(zip(places.names, places.polygons, strict=True))
        return cls(middle, _in_metres(places.district, middle), streets, around)


@dataclass(frozen=True, slots=True)
class Facts:
    """Some lines under a title, as they may be shown."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """The record that a sheet is about: `bounds` (metres) hold it and must be seen; what is told of it.

    `layer`: the place of its layer in the inventory, `rank` its weight.
    """

    layer: int
    rank: int
    x: float
    y: float
    bounds: Bounds
    name: str
    code: str
    facts: tuple[Facts, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class InBook:
    """Where a sheet stands in a book of `of` pages, and on which page each record has a sheet of its own.

    `index`: the page on which the index begins. `notes`: what its reader must know beside what every sheet says.
    """

    number: int
    of: int
    index: int = 0
    leads: Mapping[Key, int] = field(default_factory=dict[Key, int])
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class MapSheet:
    """What a sheet shows. `focus`: the sub-districts that it is about, none for the whole district.

    `neighbours`: the districts around, by their names, in degrees. `subject`: the one record that it is about.
    `shared`: what several sheets have in common.
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
    subject: Subject | None = None
    book: InBook | None = None
    shared: Land | None = None

    @property
    def lang(self) -> Lang:
        """The language of its words."""
        return self.inventory.lang

    @cached_property
    def look(self) -> Look:
        """How tiers are drawn, in colour or for a printer that has none."""
        large = 1.25 if self.paper == "A3" else 1.0
        about = "record" if self.subject is not None else "street" if self.focus else "district"
        radii, graded = _RADII[about], _GRADED[about]
        fills = TIER_COLOURS
        if self.grey:
            white = dict.fromkeys(GRADES.values(), TIER_GREYS["unrated"])
            fills = {**TIER_GREYS, **white, GRADES["low"]: TIER_GREYS["low"]}
        return Look(
            tuple(fills[one] for one in WEIGHT_OF),
            tuple(radii.get(one, graded) * large for one in WEIGHT_OF),
            _RIM,
            {WEIGHT_OF[one]: "#222" for one in ("unrated", *GRADES.values())} if self.grey else {},
            {WEIGHT_OF[one]: mark for one, mark in _GREY_MARKS.items()} if self.grey else {},
        )

    @cached_property
    def located(self) -> Located:
        """Its records with their positions in metres."""
        return _located(self.inventory.layers, self.middle)

    @cached_property
    def middle(self) -> float:
        """The longitude by which the grid zone is chosen."""
        if self.shared is not None:
            return self.shared.middle
        if self.places is not None:
            west, _, east, _ = self.places.district.bounds
            return (west + east) / 2
        known = [lon for part in self.inventory.layers if len(lon := _finite(part.table["lon"]))]
        return float(np.mean(np.concatenate(known))) if known else 114.0

    @cached_property
    def land(self) -> Land:
        """The district around its records."""
        return self.shared or Land.of(self.middle, self.places, self.neighbours)

    def in_metres(self, geometry: BaseGeometry) -> BaseGeometry:
        """Return a geometry in degrees on the grid of the sheet."""
        return _in_metres(geometry, self.middle)

    @cached_property
    def area(self) -> BaseGeometry | None:
        """What the sheet is about, in metres: the district or the sub-districts in focus; None where no polygon says."""
        if not self.focus:
            return self.land.district
        chosen = [self.land.streets[name] for name in self.focus if name in self.land.streets]
        return shapely.union_all(chosen) if chosen else None

    @property
    def bounds(self) -> Bounds:
        """What must be seen, in metres."""
        if self.subject is not None:
            return self.subject.bounds
        area = self.area
        if area is None and not np.isfinite(self.located.x).any():
            area = self.land.district
        return self.located.bounds if area is None else area.bounds

    @cached_property
    def frame(self) -> Frame:
        """The window of the map on the paper."""
        width, height = PAPERS[self.paper]
        inner = (width - _LEFT - _SIDE - _GAP - _RIGHT, height - _TOP - _BOTTOM)
        return Frame.around(self.bounds, *inner, scale=self.scale)

    def seen(self, geometry: BaseGeometry) -> BaseGeometry:
        """Return the part of a geometry in metres that the frame shows, and a little around it."""
        west, south, east, north = self.frame.bounds()
        room = 3.0 / self.frame.mm
        return shapely.clip_by_rect(geometry, west - room, south - room, east + room, north + room)

    @cached_property
    def numbered(self) -> list[int]:
        """The rows of `located` that have a number, in its order: the worst first.

        The whole district numbers its major records, a part of it the large ones too, a record's sheet those around it.
        """
        found = self.located
        part = bool(self.focus) or self.subject is not None
        wanted = found.rank >= WEIGHT_OF["large" if part else "major"]
        if (one := self.subject) is not None:
            wanted &= self.frame.holds(found.x, found.y)
            wanted &= ~((found.layer == one.layer) & (np.array(found.code, object) == one.code))
        rows = np.flatnonzero(wanted)
        return rows[np.argsort(-found.rank[rows].astype(int), kind="stable")].tolist()

    @cached_property
    def outlines(self) -> list[np.ndarray[Any, Any] | None]:
        """Layer by layer the shapes of its records in metres, None for a layer of points."""
        return [
            shapely.transform(
                shapely.from_wkb(part.table["shape"].to_pylist()),
                lambda xy: np.column_stack(metres(xy[:, 0], xy[:, 1], around=self.middle)),
            )
            if "shape" in part.table.column_names
            else None
            for part in self.inventory.layers
        ]

    def key(self, row: int) -> Key:
        """Return which record a row of `located` is."""
        return self.inventory.layers[int(self.located.layer[row])].layer.id, self.located.code[row]


def _in_metres(geometry: BaseGeometry, around: float) -> BaseGeometry:
    return shapely.transform(geometry, lambda xy: np.column_stack(metres(xy[:, 0], xy[:, 1], around=around)))


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
    may_print(path)
    progress.step(0, 3, _DRAWING)
    pages, files = [page_of(sheet)], {**pictures_of(sheet), **symbols_of(sheet)}
    progress.step(1, 3, _SETTING)
    kind: Literal["pdf", "png"] = "pdf" if path.suffix.lower() == ".pdf" else "png"
    body = typeset(pages, files, sheet.lang, kind)
    progress.step(3, 3, _SETTING)
    with replacing(path) as (room,):
        room.write_bytes(body[0])
    return WrittenFile(path, kind, len(sheet.inventory))


def may_print(path: Path) -> None:
    """Refuse, before anything is drawn, a machine without Chinese letters: ExportError."""
    if (missing := pdf_needs()) is not None:
        raise ExportError(f"{path}：{missing.zh}", f"{path}: {missing.en}")


def typeset(
    pages: Sequence[Mapping[str, Any]],
    files: Mapping[str, bytes],
    lang: Lang,
    kind: Literal["pdf", "png"] = "pdf",
) -> list[bytes]:
    """Set pages (`page_of`) with their pictures: one .pdf, or a .png for each page."""
    fonts, names = faces(east="黑体")
    book = {
        "row": LISTED_MM,
        "fonts": names,
        "lang": lang,
        "title": pages[0]["title"],
        "paper": pages[0]["paper"],
        "pages": pages,
    }
    given = {**files, "main.typ": _TEMPLATE.read_bytes(), "book.json": orjson.dumps(book)}
    # Its stub leaves out that the files may come as a mapping.
    made = typst.compile(cast("bytes", given), format=kind, ppi=_DPI, font_paths=fonts)
    return [one for one in (made if isinstance(made, list) else [made]) if isinstance(one, bytes)]


def pictures_of(sheet: MapSheet) -> dict[str, bytes]:
    """Return the drawings of a sheet by the names that its page has for them."""
    frame, page = sheet.frame, _page_number(sheet)
    window: Box = (0.0, 0.0, frame.width, frame.height)
    return {
        f"ground-{page}.svg": svg(_ground(sheet), box=window).encode(),
        f"points-{page}.svg": svg(_records(sheet), box=window).encode(),
    }


def symbols_of(sheet: MapSheet) -> dict[str, bytes]:
    """Return the symbols of legends and lists: of each layer of the inventory, for each standing."""
    return {
        f"symbol-{i}-{rank}.svg": symbol_svg(part.layer.style.symbol, rank, sheet.look).encode()
        for i, part in enumerate(sheet.inventory.layers)
        for rank in range(len(WEIGHT_OF))
    }


def _page_number(sheet: MapSheet) -> int:
    return 1 if sheet.book is None else sheet.book.number


def _ground(sheet: MapSheet) -> str:
    """Return what lies under the records: district, relief, boundaries, the veil over what is not in focus."""
    frame, land, area = sheet.frame, sheet.land, sheet.area
    if land.district is None:
        ground = f'<rect width="{frame.width:.2f}" height="{frame.height:.2f}" fill="#fff"/>'
        return f"{ground}{_line(_grid(frame), 'grid')}"
    around = "".join(path_of(frame, one) for one in _seen_neighbours(sheet).values())
    district = path_of(frame, sheet.seen(land.district))
    parts = [f'<path fill="#e2e6eb" d="{around}"/>{_line(around, "neighbour")}'] if around else []
    parts.append(f'<path fill="#fff" d="{district}"/>')
    if sheet.relief is not None:
        parts.append(f'<clipPath id="in"><path d="{district}"/></clipPath>{_relief(sheet, sheet.relief)}')
    parts.append(_line(_grid(frame), "grid"))
    inner = "".join(path_of(frame, sheet.seen(polygon)) for polygon in land.streets.values())
    parts.append(_line(inner, "subdistrict"))
    if sheet.focus and area is not None:
        around = f"M0 0H{frame.width:.2f}V{frame.height:.2f}H0Z{path_of(frame, sheet.seen(area))}"
        parts.append(f'<path fill="#eef1f4" fill-opacity=".78" fill-rule="evenodd" d="{around}"/>')
    whole = land.district if area is None else area
    parts.append(
        _line(path_of(frame, sheet.seen(whole)), "focus" if sheet.focus and area is not None else "district")
    )
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
    if sheet.land.district is not None:
        focused = bool(sheet.focus) and sheet.area is not None
        kinds = ["focus" if focused else "district", *(["subdistrict"] if sheet.land.streets else [])]
        if sheet.subject is not None:
            kinds = _crossing(sheet)
        kinds += ["neighbour"] if _seen_neighbours(sheet) else []
    km = f"{_grid_step(sheet.frame) / 1000:g}"
    return [
        asdict(_LINES[kind]) | {"text": t(f"sheet_line_{kind}", sheet.lang, km=km)}
        for kind in (*kinds, "grid")
    ]


def _crossing(sheet: MapSheet) -> list[str]:
    """Return which boundaries run through the frame of a record's sheet."""
    window, land = shapely.box(*sheet.frame.bounds()), sheet.land
    lines = {"district": [land.district], "subdistrict": list(land.streets.values())}
    return [
        kind for kind, areas in lines.items() if shapely.intersects(shapely.boundary(areas), window).any()
    ]


def _seen_neighbours(sheet: MapSheet) -> dict[str, BaseGeometry]:
    """Return the parts of the districts around that lie in the frame, in metres."""
    window = shapely.box(*sheet.frame.bounds())
    parts = {name: shapely.intersection(window, one) for name, one in sheet.land.neighbours.items()}
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
    across, down = np.array([x[1] - x[0], y[1] - y[0]]), np.array([x[2] - x[0], y[2] - y[0]])
    whole, start = _picture(png), np.array([x[0], y[0]])
    # Only the part in the frame goes into the file.
    window = np.array([(a, b) for a in (0, sheet.frame.width) for b in (0, sheet.frame.height)]) - start
    shares = np.linalg.solve(np.column_stack([across, down]), window.T)
    low, high = (np.clip(one, 0, 1) for one in (shares.min(axis=1), shares.max(axis=1)))
    left, top = (math.floor(share * n) for share, n in zip(low, whole.size, strict=True))
    right, bottom = (math.ceil(share * n) for share, n in zip(high, whole.size, strict=True))
    if right <= left or bottom <= top:
        return ""
    pixels = (left, top, right, bottom)
    start = start + across * left / whole.width + down * top / whole.height
    across, down = across * (right - left) / whole.width, down * (bottom - top) / whole.height
    matrix = " ".join(f"{v:.6f}" for v in (*across, *down, *start))
    body = io.BytesIO()
    whole.crop(pixels).save(body, "JPEG", quality=85)
    data = base64.b64encode(body.getvalue()).decode()
    # In greys, and near enough that it says little, it must not swallow the lighter symbols.
    faint = 0.2 if sheet.grey or sheet.subject is not None else 0.45
    return (
        f'<g clip-path="url(#in)"><image transform="matrix({matrix})" width="1" height="1" opacity="{faint}" '
        f'preserveAspectRatio="none" xlink:href="data:image/jpeg;base64,{data}"/></g>'
    )


@lru_cache(maxsize=1)
def _picture(png: bytes) -> Image.Image:
    """Return a relief on white paper; opened once for all sheets of a book."""
    shaded = Image.open(io.BytesIO(png)).convert("RGBA")
    paper = Image.new("RGBA", shaded.size, "white")
    return Image.alpha_composite(paper, shaded).convert("RGB")


def _records(sheet: MapSheet) -> str:
    found, parts = sheet.located, sheet.inventory.layers
    outlines = [
        (sheet.seen(shape), rank)
        for part, shapes in zip(parts, sheet.outlines, strict=True)
        if shapes is not None
        for shape, rank in zip(shapes, weight(part.table["rank"].to_numpy()).tolist(), strict=True)
        if shape is not None
    ]
    points = found.drawn_as_point
    symbols = Symbols(
        *(found.x[points], found.y[points], found.rank[points], found.layer[points]),
        [part.layer.style.symbol for part in parts],
    )
    frame = sheet.frame
    drawn = shapes_svg(frame, outlines, sheet.look) + points_svg(frame, symbols, sheet.look)
    return drawn if sheet.subject is None else drawn + _subject(sheet, sheet.subject, symbols.shapes)


def _subject(sheet: MapSheet, one: Subject, shapes: Sequence[str]) -> str:
    """Return the larger symbol of the record that a sheet is about, in a ring."""
    size = _subject_mm(sheet)
    (x,), (y,) = sheet.frame.place([one.x], [one.y])
    symbol = Symbols(
        *(np.array([one.x]), np.array([one.y]), np.array([one.rank], np.uint8), np.array([one.layer])), shapes
    )
    look = replace(sheet.look, radii=tuple(size for _ in sheet.look.radii))
    ring = f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{1.9 * size:.2f}" fill="none" '
    return (
        f'{ring} stroke="#fff" stroke-width="1.1"/>{ring} stroke="#1c2733" stroke-width=".5"/>'
        f"{points_svg(sheet.frame, symbol, look)}"
    )


def _subject_mm(sheet: MapSheet) -> float:
    return _SUBJECT_MM * (1.25 if sheet.paper == "A3" else 1.0)


def page_of(sheet: MapSheet) -> dict[str, Any]:
    """Return every text and number of the sheet; the template reads them as data, never as markup."""
    frame, lang = sheet.frame, sheet.lang
    listed, numbers, names, around = _marked(sheet)
    title = "sheet_list" if sheet.subject is None else "sheet_list_around"
    index = sheet.book.index if sheet.book is not None else 0
    return {
        **furniture_of(sheet),
        "kind": "map",
        "picture": _page_number(sheet),
        "map": {"x": _LEFT, "y": _TOP, "w": frame.width, "h": frame.height, "side": _SIDE, "gap": _GAP},
        "title": _title(sheet),
        "scale": f"{frame.scale:,}",
        "bar": _scale_bar(frame),
        "ticks": _ticks(frame),
        "labels": [asdict(label) for label in numbers if label.shown],
        "names": [
            asdict(label) | {"quiet": bool(sheet.focus) and label.text not in sheet.focus}
            for label in names
            if label.shown
        ],
        "around": [asdict(label) for label in around if label.shown],
        "label_size": _LABEL_MM,
        "name_size": _NAME_MM,
        "subject": _told(sheet),
        "tiers": [{"title": TIER_TITLES[s].text(lang), "rank": WEIGHT_OF[s]} for s in STATES],
        "legend_title": t("sheet_legend", lang),
        "legend": _legend(sheet),
        "others_title": t("sheet_others", lang),
        "others": _others(sheet),
        "lines": _lines(sheet),
        "notes": _notes(sheet),
        "list_title": t(title, lang, n=len(listed)) if listed else "",
        "list": listed,
        # The template counts how many rows find no room.
        "more": t("sheet_more_index", lang, n="{n}", page=index) if index else t("sheet_more", lang, n="{n}"),
    }


def furniture_of(sheet: MapSheet) -> dict[str, Any]:
    """Return what stands around a map and around an index alike."""
    (width, height), found, lang, book = PAPERS[sheet.paper], sheet.inventory, sheet.lang, sheet.book
    marks = [DEMO_MARK] if found.demo else []
    marks += [t("export_contacts_unmasked", lang)] if found.unmasked else []
    return {
        "paper": {"w": width, "h": height},
        "map": {"x": _LEFT, "y": _TOP, "w": width - _LEFT - _RIGHT, "h": height - _TOP - _BOTTOM},
        "subtitle": _subtitle(sheet),
        "marks": marks,
        "foot": _foot(sheet),
        "number": "" if book is None else t("sheet_page", lang, n=book.number, of=book.of),
    }


def _title(sheet: MapSheet) -> str:
    if (one := sheet.subject) is not None:
        return f"{sheet.inventory.district} · {fitted(one.name or one.code, 130.0, 5.3)}"
    return t("sheet_title", sheet.lang, district=sheet.inventory.district, place="、".join(sheet.focus))


def fitted(text: str, width: float, size: float) -> str:
    """Return a text, cut where letters `size` mm high would not find room in `width` mm."""
    if width_of(text, size) <= width:
        return text
    while text and width_of(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text}…"


def _told(sheet: MapSheet) -> dict[str, Any] | None:
    """Return what stands beside the map of the record that it is about."""
    if (one := sheet.subject) is None:
        return None
    tier = next(standing for standing, weighed in WEIGHT_OF.items() if weighed == one.rank)
    layer = sheet.inventory.layers[one.layer].layer
    return {
        "layer": one.layer,
        "rank": one.rank,
        "code": f"{layer.title.text(sheet.lang)}　{one.code}",
        "tier": TIER_TITLES[tier].text(sheet.lang),
        "facts": [asdict(part) for part in one.facts],
    }


def _subtitle(sheet: MapSheet) -> str:
    found, lang = sheet.inventory, sheet.lang
    zone = metric_crs(sheet.middle)
    return t("sheet_subtitle", lang, filter=found.filter.text(lang), as_of=found.as_of, crs=zone)


def _legend(sheet: MapSheet) -> list[dict[str, Any]]:
    """Return risk layer by risk layer how many records each tier has, and their sum when there are several."""
    parts = sheet.inventory.layers
    there = [part for part in parts if len(part)] or parts
    risks = [(i, part) for i, part in enumerate(parts) if part.layer.counts == "risk" and part in there]
    counts = [sheet.inventory.tiers(part) for _, part in risks]
    rows = [
        {"title": part.layer.title.text(sheet.lang), "layer": i, "counts": list(count.values())}
        for (i, part), count in zip(risks, counts, strict=True)
    ]
    if len(rows) > 1:
        total = sheet.inventory.tiers()
        rows.append({"title": t("sheet_sum", sheet.lang), "layer": None, "counts": list(total.values())})
    return rows


def _others(sheet: MapSheet) -> list[dict[str, Any]]:
    """Return layer by layer what is no risk: how many, and of which grades where a model grades them."""
    return [
        {
            "title": part.layer.title.text(sheet.lang),
            "layer": i,
            "total": sheet.inventory.records(part),
            "grades": _grades(sheet, part),
        }
        for i, part in enumerate(sheet.inventory.layers)
        if part.layer.counts != "risk" and (len(part) or not len(sheet.inventory))
    ]


def _grades(sheet: MapSheet, part: LayerInventory) -> list[dict[str, Any]]:
    """Return title, weight and count of each grade that there is; without a model, of the one symbol."""
    if part.layer.model is None:
        return [{"title": "", "rank": WEIGHT_OF["ungraded"], "count": sheet.inventory.records(part)}]
    counts = sheet.inventory.grades(part)
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
    notes += [t("sheet_outside", lang, n=outside)] if outside and sheet.subject is None else []
    notes += [t("sheet_thinned", lang)] if thinned(len(found.x)) else []
    notes += () if sheet.book is None else sheet.book.notes
    models = {one.digest: one for part in sheet.inventory.layers if len(part) for one in part.models}
    models = models if sheet.subject is None else {}
    notes += [t("sheet_models", lang, models=made_text(list(models.values()), lang))] if models else []
    return notes


def _marked(sheet: MapSheet) -> tuple[list[dict[str, Any]], list[Label], list[Label], list[Label]]:
    """Return the list of the worst records, their numbers on the map, the names of sub-districts and of neighbours.

    Numbers come first; a name gives way, and all of them to the record that the sheet is about.
    """
    found, frame = sheet.located, sheet.frame
    number = {row: str(i + 1) for i, row in enumerate(sheet.numbered)}
    leads = {} if sheet.book is None else sheet.book.leads
    pages = {row: leads.get(sheet.key(row), 0) for row in number}
    room = _SIDE - 12.0 - (9.0 if any(pages.values()) else 0.0)
    listed = [
        {
            "n": text,
            "layer": int(found.layer[row]),
            "rank": int(found.rank[row]),
            "text": named(found.name[row], found.code[row], room),
            "page": t("sheet_page_short", sheet.lang, n=pages[row]) if pages[row] else "",
        }
        for row, text in number.items()
    ]
    # The corners of arrow and scale bar stay free.
    taken: list[Box] = [(frame.width - 15, 0, frame.width, 18), (0, frame.height - 16, 62, frame.height)]
    if (one := sheet.subject) is not None:
        (x,), (y,) = frame.place([one.x], [one.y])
        reach = 2.0 * _subject_mm(sheet)
        taken.append((float(x) - reach, float(y) - reach, float(x) + reach, float(y) + reach))
    on_map = [row for row in number if frame.holds(found.x[row], found.y[row])]
    shown = labels(
        frame,
        *(found.x[on_map], found.y[on_map], [number[row] for row in on_map]),
        size=_LABEL_MM,
        radius=sheet.look.radii[WEIGHT_OF["major"]],
        taken=taken,
    )
    names = _names(sheet, _seen_streets(sheet), taken)
    return listed, shown, names, _names(sheet, _seen_neighbours(sheet), taken)


def named(name: str | None, code: str, room: float) -> str:
    """Return name and code on one line of a list, the name cut where both do not fit in `room` mm."""
    left = room - width_of(f" {code}", _LETTER_MM)
    return f"{fitted(name or '', max(left, 12.0), _LETTER_MM)} {fitted(code, room, _LETTER_MM)}".strip()


def _seen_streets(sheet: MapSheet) -> dict[str, BaseGeometry]:
    """Return the sub-districts, on the sheet of one record the parts of them that it shows."""
    if sheet.subject is None:
        return dict(sheet.land.streets)
    window = shapely.box(*sheet.frame.bounds())
    parts = {name: shapely.intersection(window, one) for name, one in sheet.land.streets.items()}
    return {name: part for name, part in parts.items() if part.area > 0}


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
