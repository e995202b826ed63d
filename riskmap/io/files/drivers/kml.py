"""KML and KMZ: placemarks with what their data, the table in their description and their folders say of them."""

from __future__ import annotations

import html
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ExpatError, ParserCreate

import pyarrow as pa
import shapely

from riskmap.errors import Text, UnreadableFileError
from riskmap.io.files import SEPARATOR
from riskmap.io.files.drivers.markup import broken_xml, local_name, plain_xml, stated_pairs
from riskmap.io.files.drivers.sheets import save

_Shape = Any  # shapely states no types


_CONTAINERS: Final = frozenset({"kml", "Document", "Folder"})


_DESCRIPTION_COLUMN: Final = "description"


# Elements of a placemark that say something of it: its name, what it holds, when.
_OWN: Final = {
    "name": "Name",
    "description": _DESCRIPTION_COLUMN,
    "address": "address",
    "phoneNumber": "phoneNumber",
    "Snippet": "snippet",
    "when": "timestamp",
    "begin": "begin",
    "end": "end",
}


_SHAPES: Final = frozenset(
    {"Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Track", "Model"}
)


_POINT: Final = struct.Struct("<BIdd")  # WKB: little end first, kind 1, x, y


_RUNNING: Final = re.compile(r"^(.*?)(\d+)$")


_MADE_UP: Final = re.compile(r"^[0-9A-Fa-f]{16,40}$")


_ROOT: Final = re.compile("[<:](?i:kml)")


_CDATA: Final = re.compile(r"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)


_BARE: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)(?:\w{1,31};)?")


_A_NAME: Final = re.compile(r"名|name", re.IGNORECASE)


_SEPARATED: Final = re.compile(r"\s*,\s*")


_BAD_PLACE: Final = Text("坐标不是有限的数；请改正", "its coordinates are no finite numbers; correct them")


@dataclass(slots=True)
class _Folder:
    path: tuple[_Folder, ...]
    kind: str
    name: str = ""
    marks: list[_Mark] = field(default_factory=list)

    def title(self) -> str:
        """The names of the folders around it, outermost first; a document's only where it is not the whole."""
        around = [*self.path, self]
        named = [each.name for i, each in enumerate(around) if each.name and (each.kind == "Folder" or i > 1)]
        return SEPARATOR.join(named)


@dataclass(slots=True)
class _Mark:
    """One placemark: its data, its own elements, its XML id, its shape as WKB and whether that is broken."""

    data: dict[str, str]
    own: dict[str, str]
    id: str
    shape: bytes | None
    broken: bool


class _Reading:
    """Gathers the folders of a document; only the placemark that is being read is held as a tree."""

    def __init__(self) -> None:
        self.folders: list[_Folder] = []
        self.links = 0
        self._around: list[_Folder] = []
        self._names = 0  # 1 inside <name> of a folder
        # Without namespaces: a prefix that nobody declared is common, and the local names say enough.
        self._parser = ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._outside()

    def read(self, text: str) -> None:
        """Read a document; ExpatError where it is no XML."""
        self._parser.Parse(text.encode(), True)

    def _outside(self) -> None:
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def _inside(self, name: str, attributes: dict[str, str]) -> None:
        """Build the tree of a placemark: nearly all elements of a file are in one, and the builder is no Python."""
        tree = TreeBuilder()
        placemark = tree.start(name, attributes)
        close = tree.end

        def end(name: str) -> None:
            if close(name) is placemark:
                self._outside()
                if self._around:
                    self._around[-1].marks.append(_mark(placemark))

        self._parser.StartElementHandler = tree.start
        self._parser.EndElementHandler = end
        self._parser.CharacterDataHandler = tree.data

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = local_name(name)
        if tag == "Placemark":
            self._inside(name, attributes)
        elif tag in _CONTAINERS:
            folder = _Folder(tuple(self._around), tag)
            self._around.append(folder)
            self.folders.append(folder)
        elif tag == "NetworkLink":
            self.links += 1
            self._names = 2
        elif tag == "name" and not self._names:
            self._names = 1

    def _end(self, name: str) -> None:
        tag = local_name(name)
        if tag in _CONTAINERS and self._around:
            self._around.pop()
        elif (tag == "name" and self._names == 1) or tag == "NetworkLink":
            self._names = 0

    def _text(self, data: str) -> None:
        if self._names == 1 and self._around:
            self._around[-1].name += data.strip()


def read(request: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Write the placemarks of every folder as a sheet, named by the folders that it lies in."""
    path = Path(request["path"])
    data = _packed(path, request["unpacked_bytes"]) if request["kind"] == "kmz" else path.read_bytes()
    reading, encoding = _parsed(data)
    filled = [each for each in reading.folders if each.marks]
    if not filled:
        raise _nothing(reading.links)
    if len(filled) > request["sheets"]:
        raise UnreadableFileError(
            f"文件夹超过 {request['sheets']} 个；请分成几个文件",
            f"more than {request['sheets']} folders; split the file",
        )
    stem = Path(request["name"]).stem
    sheets = [
        _sheet(folder, i, each, stem, request["columns"]) | {"encoding": encoding}
        for i, each in enumerate(filled)
    ]
    if reading.links:
        said = _left_links(reading.links)
        sheets[0]["notes"] = [(said.zh, said.en)]
    return sheets


def _left_links(links: int) -> Text:
    return Text(
        f"KML 里有 {links} 个网络链接（NetworkLink），riskmap 不联网，链接里的内容没有读；"
        "请在原来的软件里打开后连同内容另存为 KML",
        f"the KML holds {links} network links, and riskmap asks no network: what they lead to was not read; open it in "
        "the program it came from and save it with its content",
    )


def _nothing(links: int) -> UnreadableFileError:
    if links:
        said = _left_links(links)
        return UnreadableFileError(said.zh, said.en)
    return UnreadableFileError("文件里没有地标；请重新导出", "the file holds no placemark; export it again")


def _packed(path: Path, most: int) -> bytes:
    """Return the main document of a kmz, no more than `most` bytes of it."""
    with zipfile.ZipFile(path) as archive:
        names = [m for m in archive.infolist() if m.filename.lower().endswith(".kml")]
        main = next((m for m in names if m.filename.lower() == "doc.kml"), names[0])
        with archive.open(main) as stream:
            data = stream.read(most + 1)
    if len(data) > most:
        raise UnreadableFileError(
            "压缩包解开后过大，为安全起见不读取", "the archive unpacks to too much; refused as unsafe"
        )
    return data


def _parsed(data: bytes) -> tuple[_Reading, str]:
    text, encoding = plain_xml(data, "KML")
    if not _ROOT.search(text):
        raise UnreadableFileError("内容不是 KML；请重新导出", "the content is not KML; export it again")
    try:
        return _read(text), encoding
    except ExpatError as problem:
        try:
            return _read(_escaped(text)), encoding
        except ExpatError:
            raise broken_xml(problem) from problem


def _read(text: str) -> _Reading:
    reading = _Reading()
    reading.read(text)
    return reading


def _escaped(text: str) -> str:
    """Return XML whose texts hold a bare & or a name of HTML (&nbsp;), written as XML has it."""
    parts = _CDATA.split(text)
    return "".join(part if part.startswith("<![CDATA[") else _BARE.sub(_as_xml, part) for part in parts)


def _as_xml(found: re.Match[str]) -> str:
    plain = html.unescape(found[0])
    return "&amp;" + found[0][1:] if plain.startswith("&") else plain


def _text(element: Element | None) -> str:
    """Return what an element says itself, whatever stands in it."""
    if element is None:
        return ""
    text = element.text or ""
    return (text + "".join(inner.tail or "" for inner in element) if len(element) else text).strip()


def _first(element: Element, tag: str) -> Element | None:
    for inner in element:
        if local_name(inner.tag) == tag:
            return inner
    return None


def _mark(placemark: Element) -> _Mark:
    data: dict[str, str] = {}
    own: dict[str, str] = {}
    shape: bytes | None = None
    broken = False
    for element in placemark:
        tag = local_name(element.tag)
        if tag in _SHAPES:
            try:
                shape = _wkb(element)
            except (ValueError, shapely.GEOSException):
                broken = True
        elif tag == "ExtendedData":
            data |= dict(_data(element))
        elif tag in {"TimeStamp", "TimeSpan"}:
            own |= dict(_own(element))
        else:
            own |= dict(_own((element,)))
    _split_description(data, own)
    return _Mark(data, own, placemark.get("id", ""), shape, broken)


def _own(elements: Iterable[Element]) -> Iterator[tuple[str, str]]:
    """Yield column and text of the elements that say something of a placemark."""
    for element in elements:
        tag = local_name(element.tag)
        if tag in _OWN and (text := _text(element)):
            yield _OWN[tag], text


def _data(element: Element) -> Iterator[tuple[str, str]]:
    """Yield name and value of typed and untyped data."""
    for inner in element:
        tag = local_name(inner.tag)
        if tag == "SchemaData":
            yield from ((each.get("name", ""), _text(each)) for each in inner)
        elif tag == "Data":
            name = inner.get("name") or _text(_first(inner, "displayName"))
            yield name, _text(_first(inner, "value"))
        elif not len(inner):  # of a namespace of one's own: <bureau:code>T1</bureau:code>
            yield tag, _text(inner)


def _split_description(data: dict[str, str], own: dict[str, str]) -> None:
    """Take what a description states as key and value; the rest of it stays a description."""
    if _DESCRIPTION_COLUMN not in own:
        return
    pairs, rest = stated_pairs(own.pop(_DESCRIPTION_COLUMN))
    there = {key.casefold() for key, value in data.items() if value}
    data |= {key: value for key, value in pairs if key.casefold() not in there}
    if rest:
        own[_DESCRIPTION_COLUMN] = rest


def _wkb(element: Element) -> bytes | None:
    """Return a shape as WKB; a point, which most are, without making a geometry of it. ValueError, GEOSException."""
    if local_name(element.tag) == "Point":
        places = _places(element)
        return _POINT.pack(1, 1, *places[0]) if places else None
    shape = _shape(element)
    return None if shape is None else shape.wkb


def _shape(element: Element) -> _Shape | None:
    match local_name(element.tag):
        case "Point":
            places = _places(element)
            return shapely.Point(places[0]) if places else None
        case "Model":
            place = _first(element, "Location")
            axes = [] if place is None else [_first(place, axis) for axis in ("longitude", "latitude")]
            return shapely.Point([float(_text(axis)) for axis in axes if axis is not None]) if axes else None
        case "LineString":
            places = _places(element)
            return shapely.LineString(places) if places else None
        case "LinearRing":
            places = _places(element)
            return shapely.Polygon(places) if places else None
        case "Track":
            places = [_place(_text(each).split()) for each in element if local_name(each.tag) == "coord"]
            return shapely.LineString(places) if len(places) > 1 else None
        case "Polygon":
            outer, holes = _rings(element, "outerBoundaryIs"), _rings(element, "innerBoundaryIs")
            return shapely.Polygon(outer[0], holes) if outer else None
        case _:
            return _collected([_shape(each) for each in element if local_name(each.tag) in _SHAPES])


def _collected(parts: Sequence[_Shape | None]) -> _Shape | None:
    there = [part for part in parts if part is not None]
    kinds = {part.geom_type for part in there}
    makers = {
        "Point": shapely.multipoints,
        "LineString": shapely.multilinestrings,
        "Polygon": shapely.multipolygons,
    }
    if len(there) <= 1:
        return there[0] if there else None
    if len(kinds) == 1 and (maker := makers.get(kinds.pop())):
        return maker(there)
    return shapely.GeometryCollection(there)


def _rings(element: Element, tag: str) -> list[list[tuple[float, float]]]:
    edges = [_first(each, "LinearRing") for each in element if local_name(each.tag) == tag]
    return [places for edge in edges if edge is not None and (places := _places(edge))]


def _places(element: Element) -> list[tuple[float, float]]:
    """Return the positions of a coordinates element: lon,lat[,height] behind one another. ValueError."""
    text = _text(_first(element, "coordinates"))
    return [_place(each.split(",")) for each in _SEPARATED.sub(",", text).split()]


def _place(parts: Sequence[str]) -> tuple[float, float]:
    lon, lat = float(parts[0]), float(parts[1] if len(parts) > 1 else "")
    if not (abs(lon) < float("inf") and abs(lat) < float("inf")):
        raise ValueError(parts)
    return lon, lat


def _sheet(room: Path, position: int, folder: _Folder, stem: str, most: int) -> dict[str, Any]:
    marks = folder.marks
    _fill_fields(marks)
    rows = [mark.data | mark.own for mark in marks]
    names = list(dict.fromkeys(chain(*(mark.data for mark in marks), *(mark.own for mark in marks))))
    if len(names) > most:
        raise UnreadableFileError(
            f"有 {len(names)} 列，超过上限 {most}", f"{len(names)} columns, more than {most}"
        )
    columns = {name: [row.get(name) or None for row in rows] for name in names}
    columns |= _identity(marks, columns)
    _drop_twin(columns)
    names = [name for name, values in columns.items() if any(values)]
    texts = pa.table(
        [pa.array(columns[name], pa.string()) for name in names] or [pa.nulls(len(marks), pa.string())],
        names=[f"c{i}" for i in range(max(len(names), 1))],
    )
    title = folder.title() or next((each.name for each in (folder, *folder.path) if each.name), "") or stem
    faults = [(row, -1, _BAD_PLACE) for row, mark in enumerate(marks) if mark.broken]
    shapes = pa.array([mark.shape for mark in marks], pa.binary())
    entry = save(room, position, title, texts, header=names, shapes=shapes, faults=faults)
    return entry | {"crs": "EPSG:4326", "crs_stated": False}


def _fill_fields(marks: Sequence[_Mark]) -> None:
    """Let a field that is called like an element of KML keep its name; the element fills it where it is empty."""
    fields: dict[str, list[str]] = {}
    for name in dict.fromkeys(chain(*(mark.data for mark in marks))):
        fields.setdefault(name.casefold(), []).append(name)
    for mark in marks:
        for column in [each for each in mark.own if each.casefold() in fields]:
            there = [name for name in fields[column.casefold()] if name in mark.data]
            if there:
                value = mark.own.pop(column)
                mark.data[there[-1]] = mark.data[there[-1]] or value


def _identity(
    marks: Sequence[_Mark], columns: Mapping[str, Sequence[str | None]]
) -> dict[str, list[str | None]]:
    """Return the XML ids as a column, where they are more than running numbers or random ones."""
    ids = [mark.id for mark in marks]
    if not any(ids) or any(key.casefold() == "id" for key in columns):
        return {}
    runs = [_RUNNING.match(each) for each in ids]
    if all(runs) or all(_MADE_UP.match(each) for each in ids if each):
        numbers = [int(run[2]) for run in runs if run]
        counted = numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
        if counted or all(_MADE_UP.match(each) for each in ids if each):
            return {}
    return {"id": [each or None for each in ids]}


def _drop_twin(columns: dict[str, list[str | None]]) -> None:
    """Leave the placemarks' names out where a name of the data states the very same."""
    names = columns.get("Name")
    if names and any(
        values == names for key, values in columns.items() if key != "Name" and _A_NAME.search(key)
    ):
        del columns["Name"]
