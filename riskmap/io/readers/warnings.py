"""Warnings as they are issued: typed, in a table, in JSON, or as CAP 1.2 → IssuedWarning.

A file is read whole or not at all: the first mistake is named with its line, and nothing is taken.

Words of warnings: kinds, colours, sub-districts, each with the known ones where it is none of them.
A warning or its lifting as it came, and what is left of the warnings once liftings are applied.

Warnings in the Common Alerting Protocol, version 1.2 (OASIS, 2010), read with the parser of Python.
No DTD, no entities, nothing from outside: a document that declares any is refused, and so is one that
is larger or nests deeper than an alert ever does.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

import numpy as np

from riskmap.catalog.problems import closest
from riskmap.errors import RiskmapError, Text, UnknownNameError, UnreadableFileError, meant
from riskmap.io.files.text_files import limited_bytes, text_of
from riskmap.io.tables.declared import declaration, read
from riskmap.moments import Zone, parse_zone, read_moment, seconds_of
from riskmap.rules.cell import ZONE_IN_HEADER
from riskmap.rules.subdistricts import StreetNames
from riskmap.values.hazards import IssuedWarning
from riskmap.vocabulary import COLOURS, KINDS

LIFTED: Final = "lifted"


"""The colour of a notice that ends a warning: 解除."""


_KIND_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "typhoon": ("台风", "热带气旋", "typhoon"),
    "rainstorm": ("暴雨", "rainstorm", "rain"),
    "waterlogging": ("内涝", "城市内涝", "积涝", "waterlogging"),
    "geological": ("地质灾害", "地灾", "地质灾害气象风险", "geological", "geological hazard", "landslide"),
    "forest_fire": ("森林火险", "森林火灾", "森林防火", "火险", "forest_fire", "forest fire"),
    "gale": ("大风", "强风", "gale", "wind"),
}


_COLOUR_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "white": ("白色", "白", "white"),
    "blue": ("蓝色", "蓝", "blue"),
    "yellow": ("黄色", "黄", "yellow"),
    "orange": ("橙色", "橙", "orange"),
    "red": ("红色", "红", "red"),
    LIFTED: ("解除", "取消", "lifted", "cancel", "cancelled"),
}


_FOUR: Final = ("blue", "yellow", "orange", "red")


COLOURS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "typhoon": ("white", *_FOUR),
    "rainstorm": ("yellow", "orange", "red"),
    **dict.fromkeys(("waterlogging", "geological", "forest_fire", "gale"), _FOUR),
}


"""Colours that a kind of warning has here: Shenzhen's rainstorm signal has no blue, its typhoon signal a white."""


SEPARATORS: Final = re.compile(r"[,，、;；\n]+")


_TAIL: Final = re.compile(r"(?:预警|信号|warning|signal)+$", re.IGNORECASE)


def plain(text: str) -> str:
    """Return a word as it is compared: half-width, lower case, no blanks around it."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def kind_of(text: str, place: Text) -> str:
    """Return the kind id of a word; UnknownNameError with `place`, the find and the known words."""
    return _word(text, _KIND_WORDS, place, Text("预警种类", "kind of warning"))


def colour_of(text: str, kind: str, place: Text) -> str:
    """Return the colour id of a word, LIFTED for 解除; UnknownNameError where the kind has no such colour."""
    colour = _word(text, _COLOUR_WORDS, place, Text("预警颜色", "colour"))
    allowed = COLOURS_OF[kind]
    if colour != LIFTED and colour not in allowed:
        zh = "、".join(COLOURS[c].zh for c in allowed)
        en = ", ".join(allowed)
        raise UnknownNameError(
            f"{place.zh}：{KINDS[kind].zh}预警没有{COLOURS[colour].zh}；可用：{zh}",
            f"{place.en}: a {KINDS[kind].en.lower()} warning has no {colour}; it has {en}",
        )
    return colour


def kind_in(text: str) -> str | None:
    """Return the one kind that a sentence names; None where it names none or several."""
    return _inside(text, _KIND_WORDS)


def colour_in(text: str) -> str | None:
    """Return the one colour that a sentence names (解除 apart); None where it names none or several.

    暴雨红色预警 → red; 由橙色升级为红色 → None: which of the two holds is not for a program to guess.
    """
    full = {c: tuple(w for w in words if len(w) > 1) for c, words in _COLOUR_WORDS.items() if c != LIFTED}
    return _inside(text, full)


def subdistricts_of(names: Iterable[str], known: Sequence[str], place: Text) -> tuple[str, ...]:
    """Return the names as the ledger writes them (with or without 街道); UnknownNameError for another one.

    Without known names they are taken as they are.
    """
    former = known.former if isinstance(known, StreetNames) else {}
    keys = {_key(old): new for old, new in former.items()} | {_key(name): name for name in known}
    found: list[str] = []
    for name in names:
        written = unicodedata.normalize("NFKC", name).strip()
        if not written:
            continue
        if known and _key(written) not in keys:
            end = meant(closest(written, known) or keys.get(closest(_key(written), keys), ""))
            raise UnknownNameError(
                f"{place.zh}：没有街道 {written}；现有：{'、'.join(known)}{end.zh}",
                f"{place.en}: no sub-district {written}; there are: {', '.join(known)}{end.en}",
            )
        found.append(keys.get(_key(written), written))
    return tuple(dict.fromkeys(found))


def subdistricts_in(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the known sub-districts that a sentence names."""
    folded = plain(text)
    return tuple(name for name in known if plain(name) in folded or f"{_key(name)}街道" in folded)


def _key(name: str) -> str:
    key = plain(name)
    return key.removesuffix("街道办事处").removesuffix("街道办").removesuffix("街道") or key


def _word(text: str, words: Mapping[str, tuple[str, ...]], place: Text, what: Text) -> str:
    key = _TAIL.sub("", plain(text)).strip()
    owners = {plain(word): name for name, own in words.items() for word in own}
    if key in owners:
        return owners[key]
    shown = {name: own[0] for name, own in words.items()}
    near = closest(key, owners) or _one_off(key, owners)
    end = Text(meant(shown[owners[near]]).zh, meant(owners[near]).en) if near else meant("")
    raise UnknownNameError(
        f"{place.zh}：不认识的{what.zh} {text.strip() or '（空）'}；可用：{'、'.join(shown.values())}{end.zh}",
        f"{place.en}: unknown {what.en} {text.strip() or '(blank)'}; there are: {', '.join(shown)}{end.en}",
    )


def _one_off(key: str, words: Iterable[str]) -> str:
    """Return the only word of the same length that differs in one character: 台凤 → 台风; "" for none."""
    near = [
        w for w in words if len(w) == len(key) > 1 and sum(a != b for a, b in zip(w, key, strict=True)) == 1
    ]
    return near[0] if len(near) == 1 else ""


def _inside(text: str, words: Mapping[str, tuple[str, ...]]) -> str | None:
    folded = plain(text)
    found = {name for name, own in words.items() if any(_names(word, folded) for word in own)}
    return found.pop() if len(found) == 1 else None


def _names(word: str, folded: str) -> bool:
    """Chinese words stand anywhere; Latin ones by themselves, so that "declared" is not red."""
    return bool(re.search(rf"\b{re.escape(word)}\b", folded)) if word.isascii() else plain(word) in folded


@dataclass(frozen=True, slots=True)
class Notice:
    """`lifts`: it ends the warnings of its kind in its sub-districts; its colour then means nothing."""

    warning: IssuedWarning
    lifts: bool = False


def settled(notices: Iterable[Notice]) -> list[IssuedWarning]:
    """Return the warnings in the order of issue, each ended where a later notice lifts it.

    A lifting for some sub-districts of a warning ends it there and leaves it in the others. One for
    sub-districts does not touch a warning of the whole district: which others there are is not known here,
    and a warning is never dropped by guess.
    """
    standing: list[IssuedWarning] = []
    for notice in sorted(notices, key=lambda n: (n.warning.issued, n.lifts)):
        if not notice.lifts:
            standing.append(notice.warning)
            continue
        standing = [part for warning in standing for part in _lifted(warning, notice.warning)]
    return standing


def _lifted(warning: IssuedWarning, by: IssuedWarning) -> list[IssuedWarning]:
    ended = warning.expires is not None and warning.expires <= by.issued
    if warning.kind != by.kind or ended or warning.issued >= by.issued:
        return [warning]
    if not by.subdistricts:
        return [replace(warning, expires=by.issued)]
    inside = tuple(name for name in warning.subdistricts if name in by.subdistricts)
    if not inside:
        return [warning]
    outside = tuple(name for name in warning.subdistricts if name not in by.subdistricts)
    parts = [replace(warning, subdistricts=inside, expires=by.issued)]
    return [*parts, replace(warning, subdistricts=outside)] if outside else parts


NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"


MOST_BYTES: Final = 4 << 20


_DEEPEST: Final = 16


_MOST_ELEMENTS: Final = 50_000


@dataclass(slots=True)
class _Element:
    name: str
    line: int
    text: str = ""
    inner: list[_Element] = field(default_factory=list["_Element"])

    def all(self, name: str) -> Iterator[_Element]:
        return (e for e in self.inner if e.name == name)

    def get(self, name: str) -> str:
        return next((e.text.strip() for e in self.all(name)), "")


def read_cap(data: bytes, file: str, *, subdistricts: Sequence[str] = (), district: str = "") -> list[Notice]:
    """Return the warnings of one CAP alert: msgType Alert and Update are warnings, Cancel lifts.

    Kind and colour are read from event, headline and parameters; an alert that names no colour is
    refused, never guessed from its severity. Areas that name known sub-districts hold for those; one that
    names `district` or a city or province holds for all. Only status Actual is taken.
    """
    alert = _parsed(data, file)
    place = Text(f"{file} › 第 {alert.line} 行 alert", f"{file} › line {alert.line} alert")
    status, kind = alert.get("status"), alert.get("msgType")
    if status != "Actual":
        raise RiskmapError(
            f"{place.zh}：status 是 {status or '（空）'}，不是实际发布的预警（Actual）；演练和测试的不读取",
            f"{place.en}: status {status or '(blank)'} is no actual warning; exercises and tests are not taken",
        )
    if kind not in {"Alert", "Update", "Cancel"}:
        raise RiskmapError(
            f"{place.zh}：msgType 是 {kind or '（空）'}；应为 Alert、Update 或 Cancel",
            f"{place.en}: msgType is {kind or '(blank)'}; expected Alert, Update or Cancel",
        )
    infos = list(alert.all("info"))
    local = [info for info in infos if info.get("language").casefold().startswith("zh")]
    if not infos:
        raise RiskmapError(f"{place.zh}：没有 info", f"{place.en}: no info")
    lifts = kind == "Cancel"
    return [_cap_notice(alert, info, file, subdistricts, district, lifts=lifts) for info in local or infos]


def _cap_notice(
    alert: _Element, info: _Element, file: str, known: Sequence[str], district: str, *, lifts: bool
) -> Notice:
    place = Text(f"{file} › 第 {info.line} 行 info", f"{file} › line {info.line} info")
    said = [info.get("event"), info.get("headline"), *(p.get("value") for p in info.all("parameter"))]
    hazard = next((k for text in said if (k := kind_in(text))), None)
    colour = next((c for text in said if (c := colour_in(text))), None)
    if hazard is None or (colour is None and not lifts):
        what = Text("种类", "kind") if hazard is None else Text("颜色", "colour")
        raise RiskmapError(
            f"{place.zh}：在 event、headline、parameter 中没有预警{what.zh}（{'；'.join(filter(None, said)) or '空'}）；"
            "请改用 台风:橙色@街道 的写法输入",
            f"{place.en}: event, headline and parameters name no {what.en} ({'; '.join(filter(None, said)) or 'blank'}); "
            "type it as typhoon:orange@SUBDISTRICT",
        )
    if colour is not None:
        colour_of(colour, hazard, place)
    issued = _cap_time(alert, "sent", place) if lifts else _cap_time(info, "effective", place, alert)
    expires = None if lifts or not info.get("expires") else _cap_time(info, "expires", place)
    if expires is not None and expires <= issued:
        raise RiskmapError(
            f"{place.zh}：expires {info.get('expires')} 不晚于发布时间",
            f"{place.en}: expires {info.get('expires')} is not after its issue",
        )
    inside = _areas(info, known, district, place)
    warning = IssuedWarning(hazard, colour or "white", issued, inside, expires, info.get("headline"), file)
    return Notice(warning, lifts=lifts)


def _areas(info: _Element, known: Sequence[str], district: str, place: Text) -> tuple[str, ...]:
    """Return the sub-districts of the areas, () for the whole district."""
    found: list[str] = []
    whole = False
    texts = [area.get("areaDesc") for area in info.all("area")]
    for text in texts:
        inside = subdistricts_in(text, known)
        found += inside
        wide = (district and district in text) or text.endswith(("市", "省", "全区", "全域"))
        if not inside and not wide:
            raise RiskmapError(
                f"{place.zh} › areaDesc：{text or '（空）'} 里没有本区的街道；现有：{'、'.join(known)}",
                f"{place.en} › areaDesc: {text or '(blank)'} names no sub-district of ours; there are: {', '.join(known)}",
            )
        whole = whole or not inside
    return () if whole or not texts else tuple(dict.fromkeys(found))


def _cap_time(element: _Element, name: str, place: Text, other: _Element | None = None) -> np.datetime64:
    text = element.get(name) or (other.get("sent") if other is not None else "")
    return seconds_of(read_moment(text, None, place=Text(f"{place.zh} › {name}", f"{place.en} › {name}")))


def _parsed(data: bytes, file: str) -> _Element:
    if len(data) > MOST_BYTES:
        raise UnreadableFileError(
            f"{file}：超过 {MOST_BYTES >> 20} MB，不是一条预警",
            f"{file}: more than {MOST_BYTES >> 20} MB, no alert",
        )
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    stack: list[_Element] = []
    roots: list[_Element] = []
    count = 0

    def start(name: str, _attributes: object) -> None:
        nonlocal count
        count += 1
        if len(stack) >= _DEEPEST or count > _MOST_ELEMENTS:
            raise _refused(file, "层次或元素过多", "too many elements or too deep", parser.CurrentLineNumber)
        space, _, local = name.rpartition(" ")
        if not stack and (space != NAMESPACE or local != "alert"):
            raise _refused(
                file,
                f"根元素是 {local}，不是 CAP 1.2 的 alert",
                f"its root is {local}, no alert of CAP 1.2",
                1,
            )
        element = _Element(local if space == NAMESPACE else name, parser.CurrentLineNumber)
        (stack[-1].inner if stack else roots).append(element)
        stack.append(element)

    def end(_name: str) -> None:
        stack.pop()

    def text(part: str) -> None:
        if stack:
            stack[-1].text += part

    def refuse(*_: object) -> int:
        raise _refused(
            file,
            "含有 DTD 或实体声明，为安全起见不读取",
            "declares a DTD or entities and is refused",
            parser.CurrentLineNumber,
        )

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = parser.SkippedEntityHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as problem:
        line = getattr(problem, "lineno", 1)
        raise _refused(file, "不是完好的 XML", "not sound XML", line) from problem
    return roots[0]


def _refused(file: str, zh: str, en: str, line: int) -> UnreadableFileError:
    return UnreadableFileError(f"{file} › 第 {line} 行：{zh}", f"{file} › line {line}: {en}")


_TYPED: Final = re.compile(r"^\s*([^:：@]+)[:：]([^@]+?)\s*(?:@(.*))?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Where:
    """What a line is read with: its place for messages, the known sub-districts, the zone that is stated."""

    place: Text
    known: Sequence[str]
    zone: Zone | None
    source: str


def parse_warning(text: str, *, issued: np.datetime64, subdistricts: Sequence[str] = ()) -> Notice:
    """Return the warning that `KIND:COLOUR[@SUBDISTRICT,..]` states, issued at that time (UTC).

    台风:橙色@甲街道,乙街道 and typhoon:orange both do; 台风:解除 ends a warning. `subdistricts`: the known names.
    UnknownNameError names the find, the known words, and the one that was probably meant.
    """
    match = _TYPED.match(unicodedata.normalize("NFKC", text))
    if match is None:
        raise RiskmapError(
            f"预警 {text!r}：写法应为 种类:颜色[@街道,…]，如 台风:橙色@甲街道,乙街道",
            f"warning {text!r}: write KIND:COLOUR[@SUBDISTRICT,..], such as typhoon:orange@A,B",
        )
    place = Text(f"预警 {text!r}", f"warning {text!r}")
    kind = kind_of(match[1], place)
    colour = colour_of(match[2], kind, place)
    names = subdistricts_of(SEPARATORS.split(match[3] or ""), subdistricts, place)
    if match[3] is not None and not names:
        raise RiskmapError(
            f"{place.zh}：@ 后面没有街道；请写街道名，全区则去掉 @",
            f"{place.en}: no sub-district behind @; name some, or leave @ out for the whole district",
        )
    return Notice(IssuedWarning(kind, colour, issued, names, text=text.strip()), lifts=colour == LIFTED)


def read_warnings(
    path: Path, *, subdistricts: Sequence[str] = (), zone: Zone | None = None, district: str = ""
) -> list[IssuedWarning]:
    """Return the warnings of a table, JSON or CAP (XML) file, liftings applied, in the order of issue.

    `zone` holds for times that state none. `district`: name of the whole area, as CAP areas may give it.
    Raises RiskmapError naming file and line; then nothing of the file is taken.
    """
    return settled(read_notices(path, subdistricts=subdistricts, zone=zone, district=district))


def read_notices(
    path: Path, *, subdistricts: Sequence[str] = (), zone: Zone | None = None, district: str = ""
) -> list[Notice]:
    """Return the warnings and liftings of a file as they stand there. Errors as `read_warnings`."""
    ending = path.suffix.casefold()
    if ending in {".xml", ".cap"}:
        return read_cap(limited_bytes(path), path.name, subdistricts=subdistricts, district=district)
    if ending == ".json":
        return _json(text_of(path), _Where(Text(path.name, path.name), subdistricts, zone, path.name))
    return _table(path, subdistricts, zone or "")


def _table(path: Path, known: Sequence[str], zone: str) -> list[Notice]:
    """Return the warnings of a table (`warnings.toml`), one a row; its times come in UTC."""
    table = read(path, declaration("warnings"), units={"issued": zone, "expires": zone})
    found: list[Notice] = []
    for i, row in enumerate(table.row):
        stated = {name: column[i] for name, column in table.columns.items() if name != "zone"}
        cells = {name: str(cell) for name, cell in stated.items() if cell is not None}
        place = Text(f"{path.name} › 第 {row} 行", f"{path.name} › line {row}")
        found.append(_notice(cells, _Where(place, known, "utc", path.name)))
    return found


def _json(text: str, where: _Where) -> list[Notice]:
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as problem:
        at = getattr(problem, "lineno", 1)
        raise RiskmapError(
            f"{where.place.zh} › 第 {at} 行：不是合法的 JSON", f"{where.place.en} › line {at}: not valid JSON"
        ) from problem
    items = document.get("warnings") if isinstance(document, dict) and "warnings" in document else document
    found: list[Notice] = []
    for i, item in enumerate(items if isinstance(items, list) else [items], 1):
        place = Text(f"{where.place.zh} › 第 {i} 条", f"{where.place.en} › item {i}")
        if not isinstance(item, dict):
            raise RiskmapError(
                f"{place.zh}：应为 {{kind, colour, issued, …}}",
                f"{place.en}: expected {{kind, colour, issued, …}}",
            )
        cells = {k: "、".join(map(str, v)) if isinstance(v, list) else str(v or "") for k, v in item.items()}
        found.append(_notice(cells, replace(where, place=place)))
    return found


def _notice(cells: Mapping[str, str], where: _Where) -> Notice:
    kind = kind_of(cells.get("kind", ""), where.place)
    colour = colour_of(cells.get("colour", ""), kind, where.place)
    zone = parse_zone(cells.get("zone", "")) or where.zone
    issued = _time(cells.get("issued", ""), zone, where.place, Text("发布时间", "issued"))
    expires = None
    if cells.get("expires"):
        expires = _time(cells["expires"], zone, where.place, Text("失效时间", "expires"))
        if expires <= issued:
            raise RiskmapError(
                f"{where.place.zh} › 失效时间：{expires}Z 不晚于发布时间 {issued}Z；请核对",
                f"{where.place.en} › expires: {expires}Z is not after issued {issued}Z; check them",
            )
    names = SEPARATORS.split(cells.get("subdistricts", ""))
    inside = subdistricts_of([n for n in names if plain(n) not in _WHOLE], where.known, where.place)
    warning = IssuedWarning(kind, colour, issued, inside, expires, cells.get("text", ""), where.source)
    return Notice(warning, lifts=colour == LIFTED)


_WHOLE: Final = frozenset({"全区", "全市", "全区域", "all", "whole district"})


def _time(text: str, zone: Zone | None, place: Text, what: Text) -> np.datetime64:
    where = Text(f"{place.zh} › {what.zh}", f"{place.en} › {what.en}")
    return seconds_of(read_moment(text, zone, place=where, remedy=ZONE_IN_HEADER))
