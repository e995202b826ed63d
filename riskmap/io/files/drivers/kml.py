"""KML and KMZ: placemarks with what their data, the table in their description and their folders say of them."""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
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


_RUNNING: Final = re.compile(r"^(.*?)(\d+)$")


_MADE_UP: Final = re.compile(r"^[0-9A-Fa-f]{16,40}$")


_CDATA: Final = re.compile(r"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)


_BARE: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)(?:\w{1,31};)?")


_A_NAME: Final = re.compile(r"名|name", re.IGNORECASE)


_SEPARATED: Final = re.compile(r"\s*,\s*")


_BAD_PLACE: Final = Text("坐标不是有限的数；请改正", "its coordinates are no finite numbers; correct them")


@dataclass(slots=True)
class _Node:
    tag: str
    attributes: Mapping[str, str]
    children: list[_Node] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts).strip()

    def first(self, tag: str) -> _Node | None:
        return next((child for child in self.children if child.tag == tag), None)


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
        self._open: list[_Node] = []
        self._names = 0  # 1 inside <name> of a folder

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = local_name(name)
        if self._open or tag == "Placemark":
            node = _Node(tag, attributes)
            if self._open:
                self._open[-1].children.append(node)
            self._open.append(node)
        elif tag in _CONTAINERS:
            folder = _Folder(tuple(self._around), tag)
            self._around.append(folder)
            self.folders.append(folder)
        elif tag == "NetworkLink":
            self.links += 1
            self._names = 2
        elif tag == "name" and not self._names:
            self._names = 1

    def end(self, name: str) -> None:
        tag = local_name(name)
        if self._open:
            node = self._open.pop()
            if not self._open and self._around:
                self._around[-1].marks.append(_mark(node))
        elif tag in _CONTAINERS and self._around:
            self._around.pop()
        elif (tag == "name" and self._names == 1) or tag == "NetworkLink":
            self._names = 0

    def text(self, data: str) -> None:
        if self._open:
            self._open[-1].texts.append(data)
        elif self._names == 1 and self._around:
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
    if "<kml" not in text.lower() and ":kml" not in text.lower():
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
    # Without namespaces: a prefix that nobody declared is common, and the local names say enough.
    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    parser.Parse(text.encode(), True)
    return reading


def _escaped(text: str) -> str:
    """Return XML whose texts hold a bare & or a name of HTML (&nbsp;), written as XML has it."""
    parts = _CDATA.split(text)
    return "".join(part if part.startswith("<![CDATA[") else _BARE.sub(_as_xml, part) for part in parts)


def _as_xml(found: re.Match[str]) -> str:
    plain = html.unescape(found[0])
    return "&amp;" + found[0][1:] if plain.startswith("&") else plain


def _mark(node: _Node) -> _Mark:
    data: dict[str, str] = {}
    own: dict[str, str] = {}
    shape: _Shape | None = None
    broken = False
    for child in node.children:
        if child.tag in _SHAPES:
            try:
                shape = _shape(child)
            except (ValueError, shapely.GEOSException):
                broken = True
        elif child.tag == "ExtendedData":
            data |= dict(_data(child))
        elif child.tag in {"TimeStamp", "TimeSpan"}:
            own |= {_OWN[each.tag]: each.text for each in child.children if each.tag in _OWN and each.text}
        elif child.tag in _OWN and child.text:
            own[_OWN[child.tag]] = child.text
    _split_description(data, own)
    return _Mark(data, own, node.attributes.get("id", ""), None if shape is None else shape.wkb, broken)


def _data(node: _Node) -> Iterator[tuple[str, str]]:
    """Yield name and value of typed and untyped data."""
    for child in node.children:
        if child.tag == "SchemaData":
            yield from ((each.attributes.get("name", ""), each.text) for each in child.children)
        elif child.tag == "Data":
            title, value = child.first("displayName"), child.first("value")
            name = child.attributes.get("name") or (title.text if title else "")
            yield name, value.text if value else ""
        elif not child.children:  # of a namespace of one's own: <bureau:code>T1</bureau:code>
            yield child.tag, child.text


def _split_description(data: dict[str, str], own: dict[str, str]) -> None:
    """Take what a description states as key and value; the rest of it stays a description."""
    if _DESCRIPTION_COLUMN not in own:
        return
    pairs, rest = stated_pairs(own.pop(_DESCRIPTION_COLUMN))
    there = {key.casefold() for key, value in data.items() if value}
    data |= {key: value for key, value in pairs if key.casefold() not in there}
    if rest:
        own[_DESCRIPTION_COLUMN] = rest


def _shape(node: _Node) -> _Shape | None:
    match node.tag:
        case "Point":
            places = _places(node)
            return shapely.Point(places[0]) if places else None
        case "Model":
            place = node.first("Location")
            axes = [place.first(axis) for axis in ("longitude", "latitude")] if place else []
            return shapely.Point([float(axis.text) for axis in axes if axis]) if axes else None
        case "LineString":
            places = _places(node)
            return shapely.LineString(places) if places else None
        case "LinearRing":
            places = _places(node)
            return shapely.Polygon(places) if places else None
        case "Track":
            places = [_place(each.text.split()) for each in node.children if each.tag == "coord"]
            return shapely.LineString(places) if len(places) > 1 else None
        case "Polygon":
            outer, holes = _rings(node, "outerBoundaryIs"), _rings(node, "innerBoundaryIs")
            return shapely.Polygon(outer[0], holes) if outer else None
        case _:
            return _collected([_shape(each) for each in node.children if each.tag in _SHAPES])


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


def _rings(node: _Node, tag: str) -> list[list[tuple[float, float]]]:
    edges = [each.first("LinearRing") for each in node.children if each.tag == tag]
    return [places for edge in edges if edge and (places := _places(edge))]


def _places(node: _Node) -> list[tuple[float, float]]:
    """Return the positions of a coordinates element: lon,lat[,height] behind one another. ValueError."""
    stated = node.first("coordinates")
    text = "" if stated is None else stated.text
    return [_place(each.split(",")) for each in _SEPARATED.sub(",", text).split()]


def _place(parts: Sequence[str]) -> tuple[float, float]:
    lon, lat = float(parts[0]), float(parts[1] if len(parts) > 1 else "")
    if not (abs(lon) < float("inf") and abs(lat) < float("inf")):
        raise ValueError(parts)
    return lon, lat


def _sheet(room: Path, position: int, folder: _Folder, stem: str, most: int) -> dict[str, Any]:
    marks = folder.marks
    for mark in marks:
        _own_columns(mark)
    rows = [mark.data | mark.own for mark in marks]
    names = list(dict.fromkeys(key for mark in marks for key in mark.data))
    names += [key for key in dict.fromkeys(key for mark in marks for key in mark.own) if key not in names]
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


def _own_columns(mark: _Mark) -> None:
    """Let a field that is called like an element of KML keep its name; the element fills it where it is empty."""
    plain = {key.casefold(): key for key in mark.data}
    for column in list(mark.own):
        key = plain.get(column.casefold())
        if key is not None:
            value = mark.own.pop(column)
            mark.data[key] = mark.data[key] or value


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
