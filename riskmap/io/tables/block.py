"""One table of one sheet → judged columns, positions, and the verdict on every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.catalog.layer import Field, Layer
from riskmap.coordinates import Datum, Region
from riskmap.errors import Text
from riskmap.io.tables.geometry import fuller, stated_ends, stated_positions
from riskmap.io.tables.headers import POSITION_TARGETS, HeaderDictionary, Match
from riskmap.io.tables.kept_columns import kept_columns
from riskmap.io.tables.marks import contradiction
from riskmap.io.tables.row_codes import missing_code
from riskmap.io.tables.row_parts import Source, TableRows, say_of
from riskmap.moments import lacks_zone
from riskmap.rules import position, shape, vocabulary
from riskmap.rules.arrays import pc
from riskmap.rules.cell import Finding, shown
from riskmap.rules.column import distinct, holding
from riskmap.rules.judge import PIECES, LayerRules, contacts_of
from riskmap.rules.shape import SHAPE
from riskmap.rules.subdistricts import Naming
from riskmap.values.import_plan import Issue

_NOT_STATED = Finding(
    "not_stated", "error", Text("是空的或写着缺测；请填写", "is blank or says that it is missing; write it")
)


class BlockReader:
    """Judges the tables of one file against one layer; with `coded` rows without a code get one afterwards."""

    def __init__(
        self,
        layer: Layer,
        names: Naming,
        units: Mapping[str, str] | None = None,
        region: Region = Region(),  # noqa: B008 - frozen
        *,
        coded: bool = False,
    ) -> None:
        self._layer = layer
        self._region = region
        self._rules = LayerRules(layer, names)
        self._units, self._coded = units or {}, coded
        self._dictionary = HeaderDictionary(layer)
        self._fields = {field.id: field for field in layer.fields}

    def read(self, source: Source, datum: Datum | None) -> TableRows:
        """Return the judged rows of one table. `datum` is None where it states no position."""
        targets = {m.target: m for m in source.header.matches if m.target}
        count = len(source.rows)
        no_shapes: list[bytes | None] = [None] * count
        part = TableRows(
            source=source,
            code=[None] * count,
            name=[None] * count,
            subdistrict=list(source.subdistrict),
            lon=np.full(count, np.nan),
            lat=np.full(count, np.nan),
            shapes=None if not self._layer.drawn else no_shapes,
            values={},
            checklist=None,
            contacts=None,
            versions=None,
        )
        if not count:
            return part
        self._codes(part, targets)
        _faults(part)
        part.name = self._judged(part, targets, "name") or part.name
        stated = self._judged(part, targets, "subdistrict") or [None] * count
        part.subdistrict = self._around(part, stated)
        for item in self._layer.stated_fields:
            if (values := self._judged(part, targets, item.id)) is not None:
                part.values[item.id] = values
        if not self._layer.table:
            part.values.update(kept_columns(source, self._dictionary))
        self._hours(part, targets)
        self._checklist(part, targets)
        self._contacts(part, targets)
        self._versions(part, targets.get("version"))
        if datum is not None:
            self._positions(part, targets, datum)
            self._ends(part, targets, datum)
        return part

    def _around(self, part: TableRows, stated: list[Any]) -> list[Any]:
        """Return each row's sub-district: its own, else what a section, sheet, title or file name says, judged alike."""
        rule = self._rules.of("subdistrict")
        verdicts = {name: rule.value(name) for name in set(part.subdistrict) if name is not None}
        found: list[Any] = []
        for row, (own, around) in enumerate(zip(stated, part.subdistrict, strict=True)):
            if own is not None or around is None:
                found.append(own)
                continue
            value, finding = verdicts[around]
            if finding is not None:
                say_of(part, row, None, finding, value=around, target="subdistrict")
            found.append(value)
        return found

    def _judged(
        self, part: TableRows, targets: dict[str, Match], target: str, *, fill: bool = True
    ) -> list[Any] | None:
        """Return the judged column of a target, None where the table has none; what is said is written down."""
        match = targets.get(target)
        if match is None:
            return None
        return self._column(part, target, match, targets, fill=fill)

    def _column(
        self, part: TableRows, target: str, match: Match, targets: dict[str, Match], *, fill: bool = True
    ) -> list[Any]:
        item = self._fields.get(target)
        if match.foreign and item is not None:
            return _foreign(part, item, match)
        texts = part.source.column(match.heading.column, fill=fill)
        if (
            item is not None
            and (unit := targets.get(item.unit_from))
            and not (item.type == "moment" and match.unit)
        ):
            stated = part.source.column(unit.heading.column, fill=True)
            texts = _with_zones(texts, stated) if item.type == "moment" else _with_units(texts, stated)
        column = self._rules.of(target).column(texts, unit=self._unit(target, match, targets))
        if target == "code":  # first, so that what is said of a code names it
            part.code = cast("list[str | None]", column.values)
        for row, text, finding in column.findings():
            say_of(part, row, match, finding, value=text)
        if item is not None and item.required:
            _not_stated(part, match, column.values)
        return column.values

    def _unit(self, target: str, match: Match, targets: dict[str, Match]) -> str:
        """Return the unit of a column; a zone that one column of moments states holds for the others as well."""
        if match.unit or target not in self._dictionary.moments:
            return match.unit or self._units.get(target, "")
        zones = {m.unit for t, m in targets.items() if t in self._dictionary.moments and m.unit}
        return zones.pop() if len(zones) == 1 else self._units.get(target, "")

    def _hours(self, part: TableRows, targets: dict[str, Match]) -> None:
        """Judge the columns of a wide table, each under the moment that heads it."""
        if self._layer.wide is None:
            return
        part.zone = self._units.get(self._layer.wide.names, "")
        for match in part.source.header.matches:
            if match.target is None and self._dictionary.is_moment(match.heading.text):
                part.hours[match.heading.column] = self._column(part, self._layer.wide.values, match, targets)

    def _ends(self, part: TableRows, targets: dict[str, Match], datum: Datum) -> None:
        for each in self._layer.positions:
            stated = stated_ends(part.source, targets, each.id)
            if stated is None:
                continue
            cells = [targets[t] for t in each.headers if t in targets]
            for row in np.flatnonzero(~(stated.has_x | stated.has_y)).tolist():
                say_of(part, row, cells[0], _NOT_STATED, value=None, also=cells)
            placed = position.place(stated, datum, self._region)
            part.ends[each.id] = (placed.lon, placed.lat)
            for remark in placed.remarks:
                said = Finding(remark.rule, remark.severity, remark.say)
                say_of(part, remark.at, cells[0], said, value=remark.value, also=cells)

    def _codes(self, part: TableRows, targets: dict[str, Match]) -> None:
        self._judged(part, targets, "code", fill=False)
        if "code" not in self._layer.unique or self._coded:
            return
        for row, code in enumerate(part.code):
            if code is None and row not in part.errors:
                say_of(part, row, targets.get("code"), missing_code(), value=None, target="code")

    def _checklist(self, part: TableRows, targets: dict[str, Match]) -> None:
        items = self._layer.checklist.items if self._layer.checklist else ()
        answers = [self._judged(part, targets, f"checklist:{item.id}") for item in items]
        if any(column is not None for column in answers):
            empty = [None] * len(part.code)
            part.checklist = list(zip(*(empty if c is None else c for c in answers), strict=True))

    def _contacts(self, part: TableRows, targets: dict[str, Match]) -> None:
        columns = {
            (role.id, piece): column
            for role in self._layer.contacts
            for piece in PIECES
            if (column := self._judged(part, targets, f"contact:{role.id}:{piece}")) is not None
        }
        if columns:
            part.contacts, said = contacts_of(self._layer.contacts, columns, len(part.code))
            for row, role, finding in said:
                match = targets.get(f"contact:{role}:name")
                text = None if match is None else part.source.column(match.heading.column)[row].as_py()
                say_of(part, row, match, finding, value=text)

    def _versions(self, part: TableRows, match: Match | None) -> None:
        if match is None:
            return
        texts = part.source.column(match.heading.column).to_pylist()
        versions: list[int | None] = [None] * len(texts)
        part.versions = versions
        for row, text in enumerate(texts):
            if not text:
                continue
            plain = text.removesuffix(".0")
            if plain.isascii() and plain.isdigit() and len(plain) < 12:  # noqa: PLR2004 - no such version
                versions[row] = int(plain)
            else:
                say_of(
                    part,
                    row,
                    match,
                    Finding(
                        "unreadable_version",
                        "warning",
                        Text(
                            f"{shown(text)} 不是记录版本，已忽略；请勿改动该列",
                            f"{shown(text)} is not a record version and was ignored; leave that column alone",
                        ),
                    ),
                    value=text,
                )

    def _positions(self, part: TableRows, targets: dict[str, Match], datum: Datum) -> None:
        if part.source.shapes is not None:
            self._geometry(part, targets, datum)
            return
        taken = np.zeros(len(part.code), bool)
        if part.shapes is not None and (match := targets.get(SHAPE)):
            taken = self._wkt(part, match, datum)
        stated = stated_positions(part.source, targets, datum)
        if stated is None:
            return
        stated.has_x &= ~taken
        stated.has_y &= ~taken
        placed = position.place(stated, datum, self._region)
        self._placed(part, targets, placed, ~taken)
        self._cleared_positions(part, targets)

    def _cleared_positions(self, part: TableRows, targets: dict[str, Match]) -> None:
        """Note the rows whose every position cell reads 清空; say where it cannot be done."""
        cells = [targets[t] for t in POSITION_TARGETS if t in targets]
        cleared: dict[int, list[tuple[Match, str]]] = {}
        for match in cells:
            source = distinct(part.source.column(match.heading.column))
            for at in holding(source.texts, vocabulary.CLEAR_WORD):
                text = source.texts[at].as_py()
                if vocabulary.plain(text) != vocabulary.CLEAR_WORD:
                    continue
                for row in source.rows_of(at).tolist():
                    cleared.setdefault(row, []).append((match, text))
        for row, found in cleared.items():
            placed = not np.isnan(part.lon[row])
            if not self._layer.drawn and len(found) == len(cells) and not placed:
                part.unplaced.add(row)
                continue
            say = (
                Text(
                    "坐标要整个清空：经度和纬度都写“清空”；本行坐标未改",
                    "a position is cleared as a whole: write 清空 for longitude and latitude; this one stays",
                )
                if not self._layer.drawn
                else Text(
                    "面状图层的范围不能用“清空”删除，已保留；请导入新的范围",
                    "the shape of an area layer cannot be cleared and stays as it is; import the new shape",
                )
            )
            match, text = found[0]
            say_of(part, row, match, Finding("cannot_clear", "warning", say), value=text)

    def _geometry(self, part: TableRows, targets: dict[str, Match], datum: Datum) -> None:
        column = part.source.shapes
        assert column is not None
        if len(part.source.rows) != len(column):
            column = column.take(pa.array(part.source.rows))
        values = column.to_pylist()
        found, broken = shape.damaged(values, shape.from_wkb(values))
        self._remark(part, targets, broken)
        if self._layer.drawn:
            shaped = shape.shape(found, datum, self._layer.shape_kind, self._region)
            part.shapes, part.lon, part.lat = shaped.shapes, shaped.lon, shaped.lat
            self._remark(part, targets, shaped.remarks)
            return
        x, y, remarks = shape.points_of(found)
        self._remark(part, targets, remarks)
        has = np.isfinite(x) | np.isfinite(y)
        stated = position.Stated(
            x, y, has, has.copy(), lambda i: f"{x[i]:.10g}, {y[i]:.10g}", np.zeros(len(x), bool)
        )
        if datum.kind == "geographic" and not has.all():
            # A row without a shape may state its place in columns, where these are in the same system.
            same = {t: m for t, m in targets.items() if not contradiction(m.hint, datum)}
            columns = stated_positions(part.source, same, datum)
            stated = stated if columns is None else fuller(stated, columns)
        placed = position.place(stated, datum, self._region)
        self._placed(part, targets, placed, np.ones(len(x), bool))

    def _wkt(self, part: TableRows, match: Match, datum: Datum) -> NDArray[np.bool_]:
        texts = part.source.column(match.heading.column).to_pylist()
        found, broken = shape.damaged((), shape.from_wkt(texts))
        self._remark(part, {SHAPE: match}, broken)
        shaped = shape.shape(found, datum, self._layer.shape_kind, self._region)
        part.shapes, part.lon, part.lat = shaped.shapes, shaped.lon, shaped.lat
        shaped.remarks += [
            shape.unreadable_text(i, text)
            for i, text in enumerate(texts)
            if text and found[i] is None and "EMPTY" not in text.upper()
        ]
        self._remark(part, {SHAPE: match}, shaped.remarks)
        return np.array([bool(t) for t in texts])

    def _placed(
        self, part: TableRows, targets: dict[str, Match], placed: position.Placed, where: NDArray[np.bool_]
    ) -> None:
        part.lon, part.lat = np.where(where, placed.lon, part.lon), np.where(where, placed.lat, part.lat)
        self._remark(part, targets, placed.remarks)
        if position.mostly_turned(placed):
            part.issues.append(
                Issue(
                    part.source.sheet,
                    None,
                    None,
                    "position",
                    None,
                    "warning",
                    "swapped_axes",
                    Text(
                        f"{part.source.file} › {part.source.sheet}：整列坐标填反了（经纬度或东北坐标），已全部对调；请核对表头",
                        f"{part.source.file} › {part.source.sheet}: the coordinate columns as a whole were the wrong way "
                        "round and were turned; check the header",
                    ),
                )
            )

    @staticmethod
    def _remark(part: TableRows, targets: dict[str, Match], remarks: Sequence[position.PositionNote]) -> None:
        cells = [m for t, m in targets.items() if t in {*POSITION_TARGETS, SHAPE}]
        for remark in remarks:
            match = targets.get(remark.target) or next(iter(cells), None)
            say_of(
                part,
                remark.at,
                match,
                Finding(remark.rule, remark.severity, remark.say),
                value=remark.value,
                target=remark.target,
                also=cells if remark.severity == "error" else (),
            )


def _faults(part: TableRows) -> None:
    """Note the rows that the file itself holds damaged."""
    source = part.source
    if not source.faults:
        return
    at = {int(row): i for i, row in enumerate(source.rows)}
    columns = {match.heading.column: match for match in source.header.matches}
    for row, column, say in source.faults:
        if row in at:
            finding = Finding("damaged", "error", say)
            say_of(part, at[row], columns.get(column), finding, value=None, target="" if column < 0 else None)


def _not_stated(part: TableRows, match: Match, values: Sequence[Any]) -> None:
    """Note the rows that lack what every row has to state."""
    for row, value in enumerate(values):
        if value is None and match.heading.column not in part.bad.get(row, ()):
            say_of(part, row, match, _NOT_STATED, value=None)


def _foreign(part: TableRows, item: Field, match: Match) -> list[Any]:
    """Note a header whose unit is none of the column's: its numbers would be believed otherwise."""
    place = f"{part.source.file} › {part.source.sheet}"
    say = Text(
        f"{place} › 表头 {match.heading.text}：单位是 {match.foreign}，不是{item.title.zh}的单位；"
        f"请换算成 {item.unit}",
        f"{place} › header {match.heading.text}: the unit is {match.foreign}, none of {item.title.en}; "
        f"convert it to {item.unit}",
    )
    part.issues.append(
        Issue(part.source.sheet, None, None, item.id, match.foreign, "error", "foreign_unit", say)
    )
    return [None] * len(part.code)


def _with_zones(column: pa.ChunkedArray | pa.Array, zones: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return the moments with the zone that their row states behind them, where they state none."""
    pairs = zip(column.to_pylist(), zones.to_pylist(), strict=True)
    return pa.array([f"{c} {z}" if c and z and lacks_zone(c) else c for c, z in pairs], pa.string())


def _with_units(column: pa.ChunkedArray | pa.Array, units: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return the cells with the unit that their row states behind them, where they are bare numbers."""
    cells, stated = (c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in (column, units))
    bare = pc.fill_null(pc.match_substring_regex(cells, r"^[-+]?[\d.,]+(?:[eE][-+]?\d+)?$"), fill_value=False)
    return pc.if_else(
        pc.and_(bare, pc.is_valid(stated)), pc.binary_join_element_wise(cells, stated, " "), cells
    )
