"""Understand the headers of a sheet: alias, then normalised text, then a careful guess."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, product
from typing import Final, Literal, get_args

from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer import CORE_ROLES, Layer
from riskmap.errors import Lang
from riskmap.io.files.drivers.encodings import DAMAGED, fixed_width
from riskmap.io.files.short_names import NAME_BYTES, NUMBERED, TIER, short_names
from riskmap.io.tables.position_headers import header_datum, position_axis
from riskmap.moments import lacks_zone, parse_moment, parse_zone
from riskmap.rules.shape import SHAPE
from riskmap.texts import contact_header
from riskmap.units import convertible
from riskmap.values.inventory import DERIVED

How = Literal["alias", "normalised", "guessed", "left"]


POSITION_TARGETS: Final = ("longitude", "latitude", "easting", "northing", "position")


# An axis as brackets name it. Not 东, 北, e, n: those say of metres too where they run.
_DEGREES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("经度", "东经", "经", "lon", "lng", "long", "longitude"), "longitude"),
    **dict.fromkeys(("纬度", "北纬", "纬", "lat", "latitude"), "latitude"),
}


_SHAPE_HEADERS = ("边界WKT", "WKT", "geometry", "geom", "几何", "边界坐标", "范围WKT", "the_geom")


_DRAWN = re.compile(r"wk[tb]|geo|几何", re.IGNORECASE)


NO_LETTER: Final = "\ufffd"  # stands where the bytes of a name make no letter


_LONGEST_AXIS = 30  # letters: a longer cell is no header of a column


_BRACKET = re.compile(r"[(\[{【<〔]([^()\[\]{}【】<>〔〕]*)[)\]}】>〕]")


_MARKS = re.compile(r"^[*★※#●◆▲、.::\-]+|[*★※#::;,，。、.\-]+$")


_ORDINAL = re.compile(r"^(?:\d{1,2}[.、]|[一二三四五六七八九十]{1,2}、)")


_PHONES = ("电话", "联系电话", "手机", "手机号", "手机号码", "电话号码", "联系方式", "联系手机", "移动电话")


_POSTS = ("职务", "职位", "单位及职务", "职务职称", "单位职务", "岗位")


_NAMES = (
    "",
    "姓名",
    "名字",
    "及电话",
    "及联系电话",
    "及联系方式",
    "姓名及电话",
    "姓名及联系方式",
    "和电话",
    "、电话",
)


# 企业编号, 隐患点名称: a word in front of what is said of it.
_CODE_OF: Final = re.compile(r"^(?P<subject>.{2,}?)(?:统一)?(?:编号|编码|代码|id|code|no)$")


_NAME_OF: Final = re.compile(r"^(?P<subject>.{2,}?)(?:名称|名|name)$")


# 隐患编号 beside 隐患点名称: the same thing, with or without saying that it is a place.
_WHAT_IT_IS: Final = re.compile(r"^(?:点位?|源|处|场所|部位)(?=.{2})")


# Areas and offices that a list names beside the things it lists; their numbers are no codes of these.
_AROUND: Final = re.compile(
    r"^(?:(?:所属|所在|隶属|责任|管理|主管|上级|填报|权属|产权|建设|施工|运营|监管|监理).*|省|.*[市区县]|行政区划|街道|乡镇|镇街|"
    r"镇|社区|村居?|居委会?|网格|单位|部门|机构|组织)$"
)


_CONTACT_PARTS: Final = ("name", "phone", "post", "verified")


_VERIFIED = ("核实日期", "核实时间", "最近核实日期", "核验日期")


_GUESS_LETTERS = 3


_DURATION = re.compile(r"^\d+(?:分钟|分|min|小时|h)(?:平均)?$")  # over how long a value is taken: no unit


_LONGEST_UNIT = 7  # letters: beijing


# How many hours a value covers, in front of its name: 6小时雨量, 过去24小时降水量, 1h rain.
HOURS: Final = re.compile(r"^(?:过去|前|近)?(\d{1,2})(?:小时|个小时|hours?|hr|h)[-_]?(?=.)")


@dataclass(frozen=True, slots=True)
class HeaderCell:
    """One column's header: its levels from the outermost group to the leaf, as written."""

    column: int
    levels: tuple[str, ...]

    @property
    def text(self) -> str:
        """The header in one line, which is understood again when it is read back."""
        return "-".join(self.levels)


@dataclass(frozen=True, slots=True)
class Match:
    """What a header means. `unit` is the unit it states (for cells without one), `hint` its datum.

    Of a moment the unit is the zone. `foreign`: a unit in brackets that is none of the column's.
    """

    heading: HeaderCell
    target: str | None
    how: How
    unit: str = ""
    hint: str | None = None
    foreign: str = ""


def core(text: str) -> str:
    """Return a header without marks, ordinals, brackets, a unit after a slash, and 是否."""
    words = normalise_header(text)
    words = _BRACKET.sub("", words)
    words = _MARKS.sub("", _ORDINAL.sub("", _MARKS.sub("", words)))
    words = words.split("/")[0] if "/" in words and not words.startswith("/") else words
    if words.startswith("是否") and len(words) > len("是否") + 1:
        words = words.removeprefix("是否").removeprefix("有") or words
    return words


class HeaderDictionary:
    """Every spelling under which a layer's columns are known."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._exact: dict[str, str] = {}
        self._plain: dict[str, str] = {}
        self._core: dict[str, str | None] = {}
        self._derived: dict[str, str] = {}
        self._titles: dict[str, str] = {}
        self._hours = frozenset(f.id for f in layer.fields if f.hours)
        self.units: dict[str, str] = {f.id: f.unit for f in layer.fields if f.type != "moment"}
        self.moments = frozenset(f.id for f in layer.fields if f.type == "moment")
        self.positions = frozenset((*POSITION_TARGETS, *(t for p in layer.positions for t in p.headers)))
        for target, word in self._words():
            self._exact.setdefault(word.strip(), target)
            self._plain.setdefault(normalise_header(word), target)
            self._titles.setdefault(target, word.strip())
        for target, word in self._words():
            key = core(word)
            if not key:
                continue
            if key in self._plain:
                # "坡高" as such is said to be a field: "坡高(后缘)" does not take it away.
                self._core[key] = self._plain[key]
            elif self._core.setdefault(key, target) != target:
                self._core[key] = None
        for target, word in self._contact_words():
            self._derived.setdefault(normalise_header(word), target)
        # What is told of items of a checklist is never guessed: whose "核实日期" that is nobody says.
        self._facts = frozenset(f.id for f in layer.fields if f.item) | {
            f"file:{f.id}" for f in layer.files if f.item
        }
        self._seen: dict[str, tuple[str | None, How, str]] = {}

    @property
    def layer(self) -> Layer:
        """The layer or table whose columns these are."""
        return self._layer

    @property
    def spellings(self) -> frozenset[str]:
        """Every alias as written: by these a header line in the middle of a sheet is noticed."""
        return frozenset(self._exact)

    def is_title(self, target: str, text: str) -> bool:
        """Tell whether a spelling is the first one of its target, the one that riskmap writes itself."""
        return self._titles.get(target) == text.strip()

    def _words(self) -> list[tuple[str, str]]:
        layer = self._layer
        words = [(role, word) for role, aliases in layer.aliases.items() for word in aliases]
        words += [(f.id, word) for f in layer.fields for word in (f.title.zh, *f.aliases)]
        # Read, and into nothing: the names of attached files say nothing new.
        words += [(f"file:{f.id}", word) for f in layer.files for word in (f.title.zh, *f.aliases)]
        if layer.checklist:
            words += [
                (f"checklist:{item.id}", word)
                for item in layer.checklist.items
                for word in (item.title.zh, *item.aliases)
            ]
        for role in layer.contacts:
            for part, aliases in (
                ("name", (*role.name_aliases, role.title.zh)),
                ("phone", role.phone_aliases),
                ("post", role.post_aliases),
                ("verified", role.verified_aliases),
            ):
                words += [(f"contact:{role.id}:{part}", word) for word in aliases]
        words += [(t, word) for p in layer.positions for t, ws in p.headers.items() for word in ws]
        if layer.drawn:
            words += [(SHAPE, word) for word in _SHAPE_HEADERS]
        words += [(role, role) for role in (layer.aliases if layer.table else CORE_ROLES)]
        words += [(f.id, word) for f in layer.fields for word in (f.id, f.title.en)]
        if layer.checklist:
            words += [
                (f"checklist:{item.id}", word)
                for item in layer.checklist.items
                for word in (item.id, item.title.en)
            ]
        return [(target, word) for target, word in words if word.strip()]

    def _contact_words(self) -> list[tuple[str, str]]:
        """Headers made from a role's title and names: 巡查责任人电话, 巡查责任人-姓名."""
        words: list[tuple[str, str]] = []
        for role in self._layer.contacts:
            for base in dict.fromkeys((role.title.zh, *role.name_aliases)):
                for part, tails in (
                    ("name", _NAMES),
                    ("phone", _PHONES),
                    ("post", _POSTS),
                    ("verified", _VERIFIED),
                ):
                    words += [
                        (f"contact:{role.id}:{part}", base.removesuffix("姓名") + tail) for tail in tails
                    ]
        return words

    def look_up(self, text: str) -> tuple[str | None, How, str]:
        """Return (target, how, unit stated in the header) for one spelling."""
        found = self._seen.get(text)
        if found is None:
            found = self._seen[text] = self._look_up(text)
        return found

    def _look_up(self, text: str) -> tuple[str | None, How, str]:
        tokens = _tokens(text)
        if (target := self._exact.get(text.strip())) is not None:
            return target, "alias", self.unit_in(target, (*tokens, text))
        words = normalise_header(text)
        for candidate in (words, _MARKS.sub("", words)):
            target = self._plain.get(candidate) or self._derived.get(candidate)
            if target is not None:
                return target, "normalised", self.unit_in(target, (*tokens, text))
        key = core(text)
        target = self._core.get(key) or self._derived.get(key)
        if target is None:
            target, tail = self._without_unit(key)
            tokens = (*tokens, tail)
        if target is None and self._layer.table:
            # 风速m/s: what stands behind a slash outside brackets may belong to a unit.
            target, tail = self._without_unit(_BRACKET.sub("", words))
            tokens = (tail,)
        if target is None and (axis := self._axis(text)):
            return _by_axis(axis, tokens), "normalised", ""
        if target is None:
            return self._over_hours(words)
        return _by_axis(target, tokens), "normalised", self.unit_in(target, tokens)

    def _without_unit(self, key: str) -> tuple[str | None, str]:
        """坡高m, 面积平方米: a unit at the end without brackets."""
        for length in range(min(_LONGEST_UNIT, len(key) - 1), 0, -1):
            head, tail = key[:-length].rstrip("_,:"), key[-length:]
            target = self._plain.get(head) or self._core.get(head)
            if target and self.units.get(target) != "" and self.unit_in(target, [tail]):
                return target, tail
        return None, ""

    def _axis(self, text: str) -> str | None:
        """LON_WGS84, 経度, the_geom: a position in its own words, of a layer that has one."""
        layer = self._layer
        axis = None if layer.table or not layer.placed or len(text) > _LONGEST_AXIS else position_axis(text)
        drawn = axis == "position" and layer.drawn and _DRAWN.search(text)
        return SHAPE if drawn else axis

    def _over_hours(self, words: str) -> tuple[str | None, How, str]:
        match = HOURS.match(words) if self._hours else None
        found = self.look_up(words[match.end() :]) if match else (None, "left", "")
        return found if found[0] in self._hours else (None, "left", "")

    def is_moment(self, text: str) -> bool:
        """Tell whether a header is a moment, with or without its zone, of a table that has a column for each."""
        return self._layer.wide is not None and (parse_moment(text, "utc") is not None or lacks_zone(text))

    def foreign(self, target: str, text: str, unit: str) -> str:
        """Return what stands in a header's brackets where a table refuses whatever is no unit of the column."""
        strict = self._layer.on_bad_row == "refuse" and bool(self.units.get(target))
        inside = bracketed(normalise_header(text)) if strict and not unit else ()
        return next((word for word in inside if not _DURATION.match(word)), "")

    def unit_in(self, target: str, tokens: Sequence[str]) -> str:
        """Return the first token that is a unit of the target's kind, "" where none is; of a moment, a zone."""
        if target in self.moments:
            return next((t for t in tokens if parse_zone(t)), "")
        unit = self.units.get(target)
        if unit is None:
            return ""
        return next((t for t in tokens if t and convertible(t, unit) is not None), "")

    @cached_property
    def cut(self) -> Mapping[str, Sequence[CutName]]:
        """Return what a shapefile of our columns, ours or another's, calls those that it cuts → what that may be."""
        found: dict[str, list[CutName]] = {}
        for text, one in _own_names(
            [*CORE_ROLES[:3], *DERIVED[:-1], *(f.id for f in self._layer.fields if not f.item)]
        ).items():
            found.setdefault(text.casefold(), []).append(one)
        for lang, encoding in product(get_args(Lang), _SHORT_IN):
            for text, one in names_cut(self._attributes(lang), encoding).items():
                found.setdefault(text.casefold(), []).append(one)
        return found

    @cached_property
    def people(self) -> Mapping[str, Mapping[Lang, str]]:
        """Return the targets of the columns of people in our map files, in their order → their titles."""
        parts = product(self._layer.contacts, _CONTACT_PARTS)
        return {
            f"contact:{role.id}:{part}": {lang: contact_header(role, part, lang) for lang in get_args(Lang)}
            for role, part in parts
        }

    def _attributes(self, lang: Lang) -> list[str]:
        """Return the names of the columns of our map files, in their order."""
        ours = [*CORE_ROLES[:3], *DERIVED[:-1], *(f.id for f in self._layer.fields if not f.item)]
        ours += [item.id for item in self._layer.checklist.items] if self._layer.checklist else []
        return [*ours, *(titles[lang] for titles in self.people.values()), DERIVED[-1], "version"]

    def is_beginning(self, text: str) -> bool:
        """Tell whether a header is the beginning of a longer one that this layer knows."""
        words = normalise_header(text)
        return any(
            known.startswith(words) and known != words
            for spellings in (self._plain, self._derived)
            for known in spellings
        )

    def guess(self, text: str) -> str | None:
        """Return the one target whose spelling ends the header, or that the header begins or ends.

        Chinese puts the head last: 安全风险点编号 is a 风险点编号, 责任人单位 is not a 责任人.
        """
        key = core(text)
        if len(key) < _GUESS_LETTERS or key.removeprefix("riskmap_") in DERIVED:
            return None
        ends = {
            t: len(w)
            for w, t in self._known()
            if t and len(w) >= _GUESS_LETTERS and len(w) < len(key) and key.endswith(w)
        }
        if ends:
            longest = max(ends.values())
            best = {t for t, n in ends.items() if n == longest}
            return best.pop() if len(best) == 1 else None
        inside = {
            t for w, t in self._known() if t and len(w) > len(key) and (w.startswith(key) or w.endswith(key))
        }
        return inside.pop() if len(inside) == 1 else None

    def _known(self) -> list[tuple[str, str | None]]:
        words = [*self._plain.items(), *((w, t) for w, t in self._core.items() if w not in self._plain)]
        return [(word, target) for word, target in words if target not in self._facts]


def _tokens(text: str) -> tuple[str, ...]:
    words = normalise_header(text)
    bare = _BRACKET.sub("", words)
    after = bare.split("/", 1)[1:] if "/" in bare else []
    return (*bracketed(words), *(t.strip() for t in after if t.strip()))


def bracketed(words: str) -> list[str]:
    """Return what stands in a header's brackets: 最大风速(m/s,2分钟) → m/s, 2分钟."""
    inside = [t for found in _BRACKET.findall(words) for t in re.split(r"[,，;:、]|单位[::]?", found)]
    return [t.removeprefix("单位").strip() for t in inside if t.strip()]


def _by_axis(target: str, tokens: Sequence[str]) -> str:
    """An axis in brackets decides: X坐标(东) is an easting whatever X alone means, 坐标(经度) a longitude."""
    if target not in {"easting", "northing", "position"}:
        return target
    axes = {_DEGREES[token] for token in tokens if token in _DEGREES}
    if len(axes) == 1:
        return axes.pop()
    if target == "position":
        return target
    if any(t in {"北", "北向", "n", "north", "纵", "纵坐标"} for t in tokens):
        return "northing"
    if any(t in {"东", "东向", "e", "east", "横", "横坐标"} for t in tokens):
        return "easting"
    return target


def match_headers(
    headings: Sequence[HeaderCell], dictionary: HeaderDictionary, *, guessing: bool = True
) -> tuple[Match, ...]:
    """Return what each heading means; every target is given to one column, the best match first."""
    offers = sorted(
        (offer for heading in headings for offer in _offers(heading, dictionary)),
        key=lambda o: (o[0], o[1].heading.column),
    )
    taken: dict[str, int] = {}
    done: dict[int, Match] = {}
    _settle(offers, done, taken)
    _give_by_neighbour(headings, done, taken)
    _give_by_cut_name(headings, dictionary, done, taken)
    _give_by_place(headings, dictionary, done, taken)
    guessing = guessing and dictionary.layer.on_bad_row != "refuse"
    if guessing:
        _give_by_family(headings, dictionary, done, taken)
    for heading in headings if guessing else ():
        if heading.column in done or not heading.text:
            continue
        target = dictionary.guess(heading.levels[-1])
        if target is None or target in taken:
            continue
        unit = dictionary.look_up(heading.levels[-1])[2] or dictionary.unit_in(
            target, _tokens(heading.levels[-1])
        )
        _settle([((9, 9), Match(heading, target, "guessed", unit, header_datum(heading.text)))], done, taken)
    matches = tuple(done.get(h.column, Match(h, None, "left", hint=None)) for h in headings)
    return _with_code(matches, taken, dictionary.layer)


def _with_code(matches: tuple[Match, ...], taken: Mapping[str, int], layer: Layer) -> tuple[Match, ...]:
    """Let the finest identifier that a table has stand for its code."""
    finest = next((name for name in layer.unique_of if name in taken), "code")
    if finest == "code":
        return matches
    return tuple(replace(m, target="code") if m.target == finest else m for m in matches)


def _give_by_family(
    headings: Sequence[HeaderCell],
    dictionary: HeaderDictionary,
    done: dict[int, Match],
    taken: dict[str, int],
) -> None:
    """Read 隐患名称 and 隐患类型 like 名称 and 类型 where 隐患编号 is the code: what a table lists stands before its words."""
    left = {h.column: core(h.levels[-1]) for h in headings if h.levels and h.column not in done}
    for subject in _subjects(headings, left, done, taken):
        for heading in headings:
            text = left.get(heading.column, "")
            if heading.column in done or not text.startswith(subject):
                continue
            target, _, unit = dictionary.look_up(_WHAT_IT_IS.sub("", text.removeprefix(subject)))
            if target is not None:
                unit = unit or dictionary.unit_in(target, _tokens(heading.levels[-1]))
                hint = header_datum(heading.text) if target in dictionary.positions else None
                _settle([((9, 9), Match(heading, target, "guessed", unit, hint))], done, taken)


def _subjects(
    headings: Sequence[HeaderCell],
    left: Mapping[int, str],
    done: Mapping[int, Match],
    taken: Mapping[str, int],
) -> list[str]:
    """Return what the table lists, by its code or name that is understood, or by a code and a name that are not."""
    known = [
        core(h.levels[-1]) for h in headings if h.column in done and done[h.column].target in {"code", "name"}
    ]
    subjects = [m["subject"] for text in known if (m := _CODE_OF.match(text) or _NAME_OF.match(text))]
    if subjects or {"code", "name"} & taken.keys():
        return list(dict.fromkeys(subjects))
    coded, named = (
        {m["subject"] for text in left.values() if (m := pattern.match(text))}
        for pattern in (_CODE_OF, _NAME_OF)
    )
    both = [subject for subject in coded & named if not _AROUND.match(subject)]
    return both if len(both) == 1 else []


def _offers(heading: HeaderCell, dictionary: HeaderDictionary) -> list[tuple[tuple[int, int], Match]]:
    found: list[tuple[tuple[int, int], Match]] = []
    for place, text in enumerate(_readings(heading)):
        target, how, unit = dictionary.look_up(text)
        if target is not None:
            hint = header_datum(heading.text) if target in dictionary.positions else None
            rank = 2 if how != "alias" else 0 if dictionary.is_title(target, text) else 1
            foreign = dictionary.foreign(target, text, unit)
            found.append(((place, rank), Match(heading, target, how, unit, hint, foreign)))
    return found


def rival(match: Match, dictionary: HeaderDictionary) -> str | None:
    """Return the target that a column was left out of because another column already has it."""
    readings = _readings(match.heading)
    return dictionary.look_up(readings[0])[0] if match.target is None and readings else None


def names_column(cell: str, dictionary: HeaderDictionary) -> bool:
    """Tell whether a cell by itself could be a column's header."""
    return any(dictionary.look_up(text)[0] for text in _readings(HeaderCell(0, (cell.strip(),))))


def _readings(heading: HeaderCell) -> list[str]:
    """The spellings of a header from the most to the least specific."""
    levels = [level for level in heading.levels if level]
    if not levels:
        return []
    if len(levels) == 1 and "-" in levels[0].strip("-"):
        parts = [p for p in levels[0].split("-") if p]
        return list(dict.fromkeys([levels[0], "".join(parts), parts[-1]]))
    readings: list[str] = []
    for start in range(len(levels)):
        readings += ["-".join(levels[start:]), "".join(levels[start:])]
    return list(dict.fromkeys(readings))


def _settle(
    offers: Sequence[tuple[tuple[int, int], Match]], done: dict[int, Match], taken: dict[str, int]
) -> None:
    for _, match in offers:
        column, target = match.heading.column, match.target
        if column in done or target is None or target in taken:
            continue
        if _generic_contact(match) and column not in done and _context_needed(match, done):
            continue
        done[column] = match
        taken[target] = column


_STEM: Final = 8  # of them where a number follows


_SHORT_IN: Final = ("utf-8", "gb18030")  # what programs write shapefiles in


@dataclass(frozen=True, slots=True)
class CutName:
    """The names that come to read alike once they are cut, in their order, and all cut names of their beginnings.

    Which name it is only the others tell: the numbers go on from one to the next.
    """

    names: tuple[str, ...]
    alike: frozenset[str]


def names_cut(names: Sequence[str], encoding: str = "utf-8") -> dict[str, CutName]:
    """Return what names read that GDAL has cut for a shapefile → the names; whole ones too where they read the same.

    threatened_people, threatened_households → threatened, threaten_1: a second of the same ten bytes is numbered.
    防灾责任人, 防灾责任人电话 → 防灾责, 防灾�_1 in UTF-8: a letter that is cut at the end is left out, another is �.
    """
    cut = _cut(names, encoding)
    read = {name: fixed_width(short, encoding).replace(DAMAGED, NO_LETTER) for name, short in cut.items()}
    alike: dict[bytes, set[str]] = {}
    for name, short in cut.items():
        alike.setdefault(short[:_STEM], set()).add(read[name])
    found: dict[str, CutName] = {}
    for text in dict.fromkeys(read.values()):
        group = [name for name in dict.fromkeys(names) if read.get(name, name) == text]
        stems = {cut[name][:_STEM] for name in group if name in cut}
        found[text] = CutName(tuple(group), frozenset(chain.from_iterable(alike[stem] for stem in stems)))
    return found


def _own_names(names: Sequence[str]) -> dict[str, CutName]:
    """Return what our own shapefiles call the ASCII names that they shorten → the name; all of one beginning belong together.

    threatened_people, threatened_households → threatened, threatene2.
    """
    written = [TIER if name == "tier" else name for name in names]
    shorter = {
        name: short for name, short in zip(written, short_names(written), strict=True) if name != short
    }
    alike: dict[str, set[str]] = {}
    for short in shorter.values():
        alike.setdefault(short[:_STEM], set()).add(short)
    return {short: CutName((name,), frozenset(alike[short[:_STEM]])) for name, short in shorter.items()}


def _give_by_place(
    headings: Sequence[HeaderCell],
    dictionary: HeaderDictionary,
    done: dict[int, Match],
    taken: dict[str, int],
) -> None:
    """Match the people of our own shapefile, which it numbers by their places: field_50 to field_57 before updated_at.

    Only where there are as many as the layer has: with one more, nobody knows whether it stands before or behind them.
    """
    at = next((i for i, heading in enumerate(headings) if heading.text == DERIVED[-1]), 0)
    titles = dictionary.people
    start = at - len(titles)
    if start < 1 or not any(heading.text == "version" for heading in headings):
        return
    texts = [heading.text for heading in headings]
    if texts[start - 1] == f"{NUMBERED}{start}":
        return
    for lang in get_args(Lang):
        written = short_names([*texts[:start], *(title[lang] for title in titles.values())])
        if written[start:] != texts[start:at]:
            continue
        for heading, target in zip(headings[start:at], titles, strict=True):
            if target not in taken:
                done[heading.column] = Match(heading, target, "normalised")
                taken[target] = heading.column


def _cut(names: Sequence[str], encoding: str) -> dict[str, bytes]:
    """Return each name that is longer than ten bytes → what is left of it."""
    whole = {name: name.encode(encoding, "replace") for name in names}
    seen = {data.lower() for data in whole.values() if len(data) <= NAME_BYTES}
    found: dict[str, bytes] = {}
    for name, data in whole.items():
        if len(data) <= NAME_BYTES:
            continue
        numbers = (f"_{i}" if i < 10 else f"{i}" for i in range(1, 100))  # noqa: PLR2004 - two places
        tries = (data[:NAME_BYTES], *(data[:_STEM] + number.encode() for number in numbers))
        short = next((one for one in tries if one.lower() not in seen), None)
        if short is not None:
            seen.add(short.lower())
            found[name] = short
    return found


def _give_by_cut_name(
    headings: Sequence[HeaderCell],
    dictionary: HeaderDictionary,
    done: dict[int, Match],
    taken: dict[str, int],
) -> None:
    """Match names that a shapefile has cut, where no other column of ours could be meant.

    A numbered name tells which one it is only while all of the same beginning are there.
    """
    places: dict[str, list[HeaderCell]] = {}
    for heading in headings:
        places.setdefault(heading.text.casefold(), []).append(heading)
    for text, group in places.items():
        names = {
            one.names
            for one in dictionary.cut.get(text, ())
            if len(one.names) == len(group) and places.keys() >= {each.casefold() for each in one.alike}
        }
        for heading, name in zip(group, names.pop(), strict=True) if len(names) == 1 else ():
            target, how, _ = dictionary.look_up(name)
            if target is not None and target not in taken and heading.column not in done:
                done[heading.column] = Match(heading, target, how, dictionary.units.get(target, ""))
                taken[target] = heading.column


def _generic_contact(match: Match) -> str | None:
    text = core(match.heading.levels[-1]) if match.heading.levels else ""
    if text in _PHONES:
        return "phone"
    return "post" if text in _POSTS else None


def _context_needed(match: Match, done: Mapping[int, Match]) -> bool:
    """A bare 联系电话 beside a named role is that role's, whoever's alias it is."""
    return (
        match.target is not None
        and match.target.startswith("contact:")
        and not match.heading.text.count("-")
        and (_neighbour(match.heading.column, done) not in {None, match.target.split(":")[1]})
    )


def _neighbour(column: int, done: Mapping[int, Match]) -> str | None:
    """Return the contact role of the nearest column to the left, when it is a person's."""
    left = [c for c in done if c < column]
    if not left or column - max(left) > 1:
        return None
    target = done[max(left)].target or ""
    return target.split(":")[1] if target.startswith("contact:") else None


def _give_by_neighbour(headings: Sequence[HeaderCell], done: dict[int, Match], taken: dict[str, int]) -> None:
    for heading in headings:
        if heading.column in done or not heading.levels:
            continue
        part = _generic_contact(Match(heading, None, "left"))
        role = _neighbour(heading.column, done) if part else None
        if role is None:
            continue
        target = f"contact:{role}:{part}"
        if target not in taken:
            done[heading.column] = Match(heading, target, "normalised")
            taken[target] = heading.column
