"""The one judge: what the file of a layer lets be said of its records, whichever door it comes through.

A single value, a whole column and a record get the same verdict; the ledger takes nothing but what
was judged here. Not stated are None, NaN, NA and blank; `CLEAR` (清空 in a cell) erases.

Responsible persons from their columns: one contact per role that names anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from riskmap.catalog.layer import ContactRole, Field, Layer
from riskmap.catalog.problems import closest
from riskmap.coordinates import Datum, Region, parse_datum
from riskmap.errors import RefusedError, Text, UnknownNameError, meant
from riskmap.rules import cell, column, position, shape, vocabulary
from riskmap.rules.cell import Finding, Judge, Verdict
from riskmap.rules.column import Distinct, JudgedColumn, Known, distinct
from riskmap.rules.masks import is_masked
from riskmap.rules.people import by_role, pairs, people_of
from riskmap.rules.shape import SHAPE
from riskmap.rules.subdistricts import Naming, naming
from riskmap.values.boundaries import Boundaries
from riskmap.values.records import CLEAR, Contact, Features

CGCS2000: Final = parse_datum("cgcs2000")


_TITLES: Final[Mapping[str, Text]] = {
    "code": Text("编号", "Code"),
    "name": Text("名称", "Name"),
    "subdistrict": Text("所属街道", "Sub-district"),
    "position": Text("位置", "Position"),
    SHAPE: Text("范围", "Shape"),
}


_PIECES: Final[Mapping[str, Text]] = {
    "name": Text("姓名", "name"),
    "phone": Text("电话", "phone"),
    "post": Text("职务", "post"),
    "verified": Text("核实日期", "verified on"),
}


_MASKED: Final = Finding(
    "masked",
    "error",
    Text(
        "带星号，台账中没有原值可沿用；请写完整",
        "is masked and the ledger has nothing it could stand for; write it in full",
    ),
)


_CANNOT_CLEAR: Final = Finding(
    "cannot_clear",
    "warning",
    Text(
        "坐标要整个清空：经度和纬度都写“清空”；坐标未改",
        "a position is cleared as a whole: write 清空 for longitude and latitude; this one stays",
    ),
)


class Position(NamedTuple):
    """A position as it is stated: `x` longitude or easting, `y` latitude or northing, texts or numbers."""

    x: object
    y: object
    datum: str = "cgcs2000"


class Located(NamedTuple):
    """Longitude and latitude (CGCS2000), None where not stated or refused, CLEAR to erase; and what is said."""

    value: Any
    findings: tuple[Finding, ...] = ()


def _none_plain(_source: Distinct, _unit: str) -> Known | None:
    return None


@dataclass(frozen=True, slots=True)
class TargetRule:
    """What may be said of one target of a layer, by a single value or by a whole column.

    `judge`: unit of the header → judge of a text. `plain` finds the texts that need no judge.
    """

    title: Text
    judge: Callable[[str], Judge]
    plain: Callable[[Distinct, str], Known | None] = _none_plain
    number: Field | None = None

    def value(self, stated: object, *, unit: str = "") -> Verdict:
        """Judge a text or a Python value; `unit` holds where the text itself states none."""
        text = cell.as_text(stated)
        return Verdict(None) if text is None else self.judge(unit)(text)

    def column(self, stated: pa.Array | pa.ChunkedArray, *, unit: str = "") -> JudgedColumn:
        """Judge a column of texts or of typed values: every distinct one once, clean ones not even that."""
        whole = stated.combine_chunks() if isinstance(stated, pa.ChunkedArray) else stated
        if self.number is not None and (known := column.typed_numbers(whole, self.number, unit)):
            return column.judged_numbers(whole, known, self.judge(unit))
        source = distinct(column.texts_of(whole))
        return column.judged(source, self.judge(unit), self.plain(source, unit))


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be written of one record. Made by `LayerRules` only.

    `values`: name, subdistrict, position, shape, checklist, contacts or a field id → value; CLEAR
    erases, and what is not stated is not there. `findings`: what was said, by target.
    """

    layer: Layer
    values: Mapping[str, Any]
    findings: tuple[tuple[str, Finding], ...] = ()

    @property
    def errors(self) -> tuple[tuple[str, Finding], ...]:
        """The findings that refuse a value."""
        return tuple(found for found in self.findings if found[1].severity == "error")

    def said(self, code: str, severity: str) -> list[Text]:
        """Return what was said of the record's values, each with its place in front."""
        rules = LayerRules(self.layer, naming(()))
        return [
            placed(self.layer, code, rules.title(t), f) for t, f in self.findings if f.severity == severity
        ]


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """Many records of one layer, row by row. Made by `LayerRules` only."""

    layer: Layer
    rows: tuple[Judged, ...]

    @property
    def findings(self) -> tuple[tuple[int, str, Finding], ...]:
        """What was said: (row, target, finding)."""
        return tuple((i, *found) for i, row in enumerate(self.rows) for found in row.findings)


def accepted(layer: str, judged: Mapping[str, Judged]) -> dict[str, Mapping[str, Any]]:
    """Return code → values of records of one layer; RefusedError names every value that was refused."""
    said: list[Text] = []
    for code, one in judged.items():
        if one.layer.id != layer:
            raise RefusedError(
                (),
                f"{layer} › {code}：内容是按图层 {one.layer.id} 核对的，未写入；请按本图层核对",
                f"{layer} › {code}: was judged as layer {one.layer.id}; nothing was written, judge it as this layer",
            )
        said += one.said(code, "error")
    if said:
        raise RefusedError.of(said)
    return {code: one.values for code, one in judged.items()}


def placed(layer: Layer, code: str, title: Text, finding: Finding) -> Text:
    """Return what was said of a value of a record, its place in front."""
    zh = " › ".join(part for part in (layer.title.zh, code, title.zh) if part)
    en = " › ".join(part for part in (layer.title.en, code, title.en) if part)
    return Text(f"{zh}：{finding.message.zh}", f"{en}: {finding.message.en}")


def rules_of(
    layer: Layer,
    subdistricts: Sequence[str] = (),
    region: Region = Region(),  # noqa: B008 - frozen
) -> LayerRules:
    """Return the rules of a layer. `subdistricts`: the district's own names, () where they are not known."""
    return LayerRules(layer, naming(subdistricts), region)


@dataclass(frozen=True, slots=True)
class LayerRules:
    """What a layer lets be said of its records."""

    layer: Layer
    names: Naming
    region: Region = Region()  # noqa: RUF009 - frozen

    def of(self, target: str) -> TargetRule:
        """Return the rule of a target.

        A field id, name, code, subdistrict, checklist:ITEM or contact:ROLE:name|phone|post|verified.
        UnknownNameError names a target that the layer does not have.
        """
        title = self.title(target)
        match target.split(":"):
            case ["code"]:
                return _fixed(title, cell.judge_code, column.plain_codes)
            case ["name"]:
                return _text(title, cell.NAME_CHARS)
            case ["subdistrict"]:
                return _fixed(title, partial(_judge_subdistrict, self.names))
            case ["checklist", _]:
                return _fixed(title, cell.judge_answer)
            case ["contact", _, "phone"]:
                return _fixed(title, cell.judge_phone, column.plain_phones)
            case ["contact", _, "verified"]:
                return _fixed(title, cell.judge_day)
            case ["contact", _, _]:
                return _fixed(title, cell.judge_person, lambda s: column.plain_persons(s, cell.PERSON_CHARS))
            case ["community"] if self.names.communities:
                return _fixed(title, partial(_judge_community, self.names.communities))
            case _:
                return _of_field(self.layer.field(target), kept=not self.layer.table)

    def title(self, target: str) -> Text:
        """Return how people call a target; UnknownNameError where the layer does not have it."""
        if target in _TITLES:
            return _TITLES[target]
        match target.split(":"):
            case ["checklist", item] if self.layer.checklist:
                titles = {i.id: i.title for i in self.layer.checklist.items}
                if item in titles:
                    return titles[item]
            case ["contact", role, piece] if piece in _PIECES:
                titles, last = {r.id: r.title for r in self.layer.contacts}, _PIECES[piece]
                if role in titles:
                    return Text(f"{titles[role].zh} · {last.zh}", f"{titles[role].en} · {last.en}")
            case ["file", field] if one := self.layer.file_field(field):
                return one.title
            case [field] if field in self.layer.field_ids:
                return self.layer.field(field).title
        raise _unknown(self.layer, target)

    def position(self, first: object, second: object, datum: Datum = CGCS2000) -> Located:
        """Judge a position: `first` longitude or easting, `second` latitude or northing, texts or numbers.

        What was turned round comes back turned, with a warning; so does a zone in front of an easting.
        """
        texts = [cell.as_text(v) for v in (first, second)]
        erased = [vocabulary.plain(t or "") == vocabulary.CLEAR_WORD for t in texts]
        if all(erased):
            return Located(CLEAR)
        placed = _place(texts[:1], texts[1:], datum, self.region)
        findings = tuple(_of_remark(r) for r in placed.remarks)
        if any(erased) and not findings:
            return Located(None, (_CANNOT_CLEAR,))
        here = (float(placed.lon[0]), float(placed.lat[0]))
        return Located(None if np.isnan(here).any() else here, findings)

    def record(
        self,
        stated: Mapping[str, object],
        *,
        before: Features | None = None,
        at: int | None = 0,
        places: Boundaries | None = None,
    ) -> Judged:
        """Judge what is stated of one record.

        `stated`: a target of `of`, position (`Position` or a pair in CGCS2000), shape (WKB or WKT in
        CGCS2000), checklist (a mark for each item) or contacts (people) → what is stated. Row `at` of
        `before` is the record as the ledger holds it, contacts included: what is masked stands for
        its values; None for a record that the ledger does not have.
        """
        columns: dict[str, Sequence[Any]] = {}
        findings: list[tuple[str, Finding]] = []
        for target, value in self._targets(stated):
            verdict = self.of(target).value(value)
            columns[target] = (verdict.value,)
            findings += [] if verdict.finding is None else [(target, verdict.finding)]
        values = self._row(columns, 0, findings)
        if people := self._people(stated.get("contacts"), findings):
            values["contacts"] = (*values.get("contacts", ()), *people)
        located = self._located(stated.get("position"))
        values |= self._drawn(stated.get(SHAPE), findings)
        findings += [("position", finding) for finding in located.findings]
        if located.value is not None:
            values["position"] = located.value
        for key in ("checklist", "contacts"):
            if stated.get(key) is CLEAR:
                values[key] = CLEAR
        return self._judged(values, findings, None if at is None else before, at or 0, places)

    def columns(
        self,
        stated: Mapping[str, pa.Array],
        *,
        units: Mapping[str, str] | None = None,
        datum: Datum = CGCS2000,
        before: Features | None = None,
        places: Boundaries | None = None,
    ) -> JudgedRows:
        """Judge many records, column by column: target of `of`, longitude, latitude or shape → its column.

        All columns have one length; `units` are those of their headers. Row i of `before` is the
        record that row i speaks of.
        """
        count = max((len(c) for c in stated.values()), default=0)
        columns: dict[str, Sequence[Any]] = {}
        findings: list[list[tuple[str, Finding]]] = [[] for _ in range(count)]
        for target in stated.keys() - {"longitude", "latitude", SHAPE}:
            judged = self.of(target).column(stated[target], unit=(units or {}).get(target, ""))
            columns[target] = judged.values
            for row, _, finding in judged.findings():
                findings[row].append((target, finding))
        blank = pa.nulls(count, pa.string())
        x, y = (column.texts_of(stated.get(k, blank)).to_pylist() for k in ("longitude", "latitude"))
        shapes = stated[SHAPE].to_pylist() if SHAPE in stated else [None] * count
        rows = []
        for i in range(count):
            values = self._row(columns, i, findings[i]) | self._drawn(shapes[i], findings[i])
            located = self.position(x[i], y[i], datum)
            findings[i] += [("position", finding) for finding in located.findings]
            if located.value is not None:
                values["position"] = located.value
            rows.append(self._judged(values, findings[i], before, i, places))
        return JudgedRows(self.layer, tuple(rows))

    def _drawn(self, stated: Any, findings: list[tuple[str, Finding]]) -> dict[str, Any]:
        """Return the shape that is stated, with a position on it."""
        if stated is None or stated is CLEAR:
            return {} if stated is None else {SHAPE: CLEAR}
        found = shape.from_wkt([stated]) if isinstance(stated, str) else shape.from_wkb([stated])
        if found[0] is None:
            findings.append((SHAPE, _of_remark(shape.unreadable_text(0, ""))))
            return {}
        shaped = shape.shape(found, CGCS2000, self.layer.shape_kind, self.region)
        findings += [(SHAPE, _of_remark(remark)) for remark in shaped.remarks]
        if shaped.shapes[0] is None:
            return {}
        return {SHAPE: shaped.shapes[0], "position": (float(shaped.lon[0]), float(shaped.lat[0]))}

    def _targets(self, stated: Mapping[str, object]) -> Iterator[tuple[str, object]]:
        """Yield each target with what is stated of it: checklists in their parts."""
        for key, value in stated.items():
            if key in {"position", "contacts", SHAPE} or (key == "checklist" and value in (None, CLEAR)):
                continue
            if key == "checklist":
                yield from zip(self._items(value), value, strict=False)  # type: ignore[arg-type]
            else:
                yield key, value

    def _items(self, marks: Any) -> list[str]:
        items = [i.id for i in self.layer.checklist.items] if self.layer.checklist else []
        return [f"checklist:{i}" for i in (*items, *map(str, range(len(items) + 1, len(marks) + 1)))]

    def _people(self, stated: Any, findings: list[tuple[str, Finding]]) -> list[Contact]:
        """Return whom people stated as contacts mean, each part judged."""
        found: list[Contact] = []
        for person in () if stated is None or stated is CLEAR else stated:
            parts: list[Any] = []
            said = (person.name, person.phone, person.post, person.verified_on)
            for piece, value in zip(PIECES, said, strict=True):
                target = f"contact:{person.role}:{piece}"
                verdict = self.of(target).value(value)
                parts.append(verdict.value)
                findings += [] if verdict.finding is None else [(target, verdict.finding)]
            if any(part is not None for part in parts):
                found += _told(person.role, parts, findings)
        return found

    def _row(
        self, columns: Mapping[str, Sequence[Any]], at: int, findings: list[tuple[str, Finding]]
    ) -> dict[str, Any]:
        """Return what one row of judged columns states."""
        values = {t: c[at] for t, c in columns.items() if ":" not in t and t != "code" and c[at] is not None}
        if self.layer.checklist:
            names = [f"checklist:{i.id}" for i in self.layer.checklist.items]
            marks = tuple(columns[n][at] if n in columns else None for n in names)
            if any(mark is not None for mark in marks):
                values["checklist"] = marks
        people: list[Contact] = []
        for role in self.layer.contacts:
            names = [f"contact:{role.id}:{piece}" for piece in PIECES]
            parts = [columns[n][at] if n in columns else None for n in names]
            if any(part is not None for part in parts):
                people += _told(role.id, parts, findings)
        return values | ({"contacts": tuple(people)} if people else {})

    def _located(self, stated: Any) -> Located:
        if stated is None or stated is CLEAR:
            return Located(stated)
        where = Position(*stated)
        return self.position(where.x, where.y, parse_datum(where.datum))

    def _judged(
        self,
        values: dict[str, Any],
        findings: list[tuple[str, Finding]],
        before: Features | None,
        at: int,
        places: Boundaries | None,
    ) -> Judged:
        findings += [(target, _MASKED) for target in self._masked(values, before, at)]
        here = values.get("position")
        if places is not None and isinstance(here, tuple):
            named = values.get("subdistrict") or (before and before.records.subdistrict[at])
            lon, lat = (np.array([degrees], np.float64) for degrees in here)
            for _, rule, say in position.astray_rows(lon, lat, [named], places):
                findings.append(("position", Finding(rule, "warning", say)))
        return Judged(self.layer, values, tuple(findings))

    def _masked(self, values: Mapping[str, Any], before: Features | None, at: int) -> Iterator[str]:
        """Yield the targets that are masked while the ledger holds nothing that they could stand for."""
        records = before.records if before is not None else None
        people = records.contacts[at] if records is not None and records.contacts else None
        known, contacts = by_role(people or ()), values.get("contacts", ())
        for role, persons in by_role(() if contacts is CLEAR else contacts).items():
            for person, old in pairs(persons, known.get(role, ())):
                for piece in ("name", "phone"):
                    if is_masked(getattr(person, piece)) and not (old and getattr(old, piece)):
                        yield f"contact:{role}:{piece}"
        for field in self.layer.fields:
            if field.personal and is_masked(values.get(field.id)):
                held = records.values.get(field.id) if records is not None else None
                if held is None or held[at] is None:
                    yield field.id


def _told(role: str, parts: Sequence[Any], findings: list[tuple[str, Finding]]) -> tuple[Contact, ...]:
    people, said = contacts_in(role, parts)
    if said is not None:
        findings.append((f"contact:{role}:name", said))
    return people


def _fixed(
    title: Text, judge: Judge, plain: Callable[[Distinct], Known | None] = lambda _source: None
) -> TargetRule:
    return TargetRule(title, lambda _unit: judge, lambda source, _unit: plain(source))


def _text(title: Text, most: int) -> TargetRule:
    return _fixed(title, cell.judge_text(most), lambda source: column.plain_texts(source, most))


_DERIVED: Final = Verdict(
    None,
    Finding(
        "derived",
        "error",
        Text(
            "由其他记录汇总得出，不能填写；请改那些记录",
            "is worked out of other records and cannot be stated; change those",
        ),
    ),
)


def _of_field(field: Field, *, kept: bool) -> TargetRule:
    if field.derived:
        return _fixed(field.title, lambda _text: _DERIVED)
    if field.role in {"phone", "leader_phone"}:
        return _fixed(field.title, cell.judge_phone, column.plain_phones)
    if field.type == "text":
        return _text(field.title, cell.TEXT_CHARS)
    judge = lambda unit: cell.judge_field(field, header_unit=unit, kept=kept)  # noqa: E731
    if field.type in {"number", "integer"}:
        return TargetRule(field.title, judge, lambda s, unit: column.plain_numbers(s, field, unit), field)
    if field.type == "moment" and kept:
        return TargetRule(
            field.title,
            judge,
            lambda s, unit: column.plain_moments(s, cell.zone_of(field, unit) or "beijing"),
        )
    return TargetRule(field.title, judge)


def _judge_subdistrict(names: Naming, text: str) -> Verdict:
    value, finding = cell.judge_text(100)(text)
    if not isinstance(value, str):
        return Verdict(value, finding)
    name, ours = names.canonical(value)
    if (before := names.renamed(value)) is not None and name == before[1]:
        return _renamed(*before)
    if ours:
        return Verdict(name, finding)
    return cell.warn(
        name,
        "unknown_subdistrict",
        f"{cell.shown(value)} 不是本区的街道，已按原文保留；请核对",
        f"{cell.shown(value)} is not a sub-district of this district and was kept as written; check it",
    )


def _judge_community(former: Mapping[str, str], text: str) -> Verdict:
    value, finding = cell.judge_text(cell.TEXT_CHARS)(text)
    if isinstance(value, str) and value in former:
        return _renamed(value, former[value])
    return Verdict(value, finding)


def _renamed(before: str, name: str) -> Verdict:
    return cell.warn(
        name,
        "renamed_street",
        f"{before} 已改为 {name}，按 {name} 读入",
        f"{before} is called {name} now and was read so",
    )


def _place(x: Sequence[str | None], y: Sequence[str | None], datum: Datum, region: Region) -> position.Placed:
    cells = [distinct(pa.array(texts, pa.string())) for texts in (x, y)]
    return position.place(position.in_two_cells(cells[0], cells[1], len(x)), datum, region)


def _of_remark(remark: position.PositionNote) -> Finding:
    return Finding(remark.rule, remark.severity, remark.say)


def _unknown(layer: Layer, target: str) -> UnknownNameError:
    end = meant(closest(target, layer.field_ids), Text("；请核对字段名", "; check the field's name"))
    return UnknownNameError(
        f"{layer.title.zh} › {target}：本图层没有这一项{end.zh}",
        f"{layer.title.en} › {target}: the layer has no such item{end.en}",
    )


_NOBODY = (None, None, None)


PIECES: Final = ("name", "phone", "post", "verified")


def contacts_of(
    roles: Sequence[ContactRole], columns: Mapping[tuple[str, str], list[Any]], count: int
) -> tuple[list[tuple[Contact, ...]], list[tuple[int, str, Finding]]]:
    """Return every row's contacts, in the order of the layer's roles, and what is said: row, role, finding.

    `columns`: (role, name|phone|post|verified) → column. A role without a name, phone or post in a
    row has no contact there; a cell that reads 清空 travels as that word.
    """
    empty: list[Any] = [None] * count
    by_role: list[list[tuple[Contact, ...]]] = []
    said: list[tuple[int, str, Finding]] = []
    for role in roles:
        names, phones, posts, verified = (columns.get((role.id, piece), empty) for piece in PIECES)
        if names is phones is posts is empty:
            continue
        # One person answers for many records: made once, shared by all of them.
        known: dict[tuple[Any, ...], tuple[tuple[Contact, ...], Finding | None]] = {}
        of_role: list[tuple[Contact, ...]] = []
        for row, cells in enumerate(zip(names, phones, posts, verified, strict=True)):
            found = known.get(cells)
            if found is None:
                found = known[cells] = ((), None) if cells[:3] == _NOBODY else contacts_in(role.id, cells)
            of_role.append(found[0])
            if found[1] is not None:
                said.append((row, role.id, found[1]))
        by_role.append(of_role)
    if not by_role:  # columns that name nobody, only when somebody was asked
        return [()] * count, []
    return reduce(lambda before, people: list(map(add, before, people)), by_role), said


def contacts_in(role: str, cells: Sequence[Any]) -> tuple[tuple[Contact, ...], Finding | None]:
    """Return whom the judged cells of a role mean, name, phone, post, date, and what is to be said of it."""
    return people_of(Contact(role, *(CLEAR.value if cell is CLEAR else cell for cell in cells)))
