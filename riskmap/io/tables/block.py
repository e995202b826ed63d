"""One table of one sheet → judged columns, positions, and the verdict on every row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.catalog.layer import Layer
from riskmap.coordinates import Datum
from riskmap.errors import Say
from riskmap.io.tables.geometry import stated_positions
from riskmap.io.tables.headers import POSITION_TARGETS, Match
from riskmap.io.tables.row_parts import Part, Source, say_of
from riskmap.rules import position, shape, vocabulary
from riskmap.rules.cell import Finding, shown
from riskmap.rules.column import distinct, holding
from riskmap.rules.judge import LayerRules
from riskmap.rules.record import PIECES, contacts_of
from riskmap.rules.shape import SHAPE
from riskmap.rules.subdistricts import Naming
from riskmap.values.import_plan import Issue


class BlockReader:
    """Judges the tables of one file against one layer."""

    def __init__(self, layer: Layer, names: Naming) -> None:
        self._layer = layer
        self._rules = LayerRules(layer, names)

    def read(self, source: Source, datum: Datum | None) -> Part:
        """Return the judged rows of one table. `datum` is None where it states no position."""
        targets = {m.target: m for m in source.header.matches if m.target}
        count = len(source.rows)
        no_shapes: list[bytes | None] = [None] * count
        part = Part(
            source=source,
            code=[None] * count,
            name=[None] * count,
            subdistrict=list(source.subdistrict),
            lon=np.full(count, np.nan),
            lat=np.full(count, np.nan),
            shapes=None if self._layer.geometry == "point" else no_shapes,
            values={},
            checklist=None,
            contacts=None,
            versions=None,
        )
        if not count:
            return part
        self._codes(part, targets)
        part.name = self._judged(part, targets, "name") or part.name
        stated = self._judged(part, targets, "subdistrict") or [None] * count
        part.subdistrict = [
            around if s is None else s for s, around in zip(stated, part.subdistrict, strict=True)
        ]
        for item in self._layer.fields:
            if (values := self._judged(part, targets, item.id)) is not None:
                part.values[item.id] = values
        self._checklist(part, targets)
        self._contacts(part, targets)
        self._versions(part, targets.get("version"))
        if datum is not None:
            self._positions(part, targets, datum)
        return part

    def _judged(
        self, part: Part, targets: dict[str, Match], target: str, *, fill: bool = True
    ) -> list[Any] | None:
        """Return the judged column of a target, None where the table has none; what is said is written down."""
        match = targets.get(target)
        if match is None:
            return None
        column = self._rules.of(target).column(
            part.source.column(match.heading.column, fill=fill), unit=match.unit
        )
        if target == "code":  # first, so that what is said of a code names it
            part.code = cast("list[str | None]", column.values)
        for row, text, finding in column.findings():
            say_of(part, row, match, finding, value=text)
        return column.values

    def _codes(self, part: Part, targets: dict[str, Match]) -> None:
        self._judged(part, targets, "code", fill=False)
        missing = Finding("missing_code", "error", Say("没有编号；请填写编号", "no code; write the code"))
        for row, code in enumerate(part.code):
            if code is None and row not in part.errors:
                say_of(part, row, targets.get("code"), missing, value=None, target="code")

    def _checklist(self, part: Part, targets: dict[str, Match]) -> None:
        items = self._layer.checklist.items if self._layer.checklist else ()
        answers = [self._judged(part, targets, f"checklist:{item.id}") for item in items]
        if any(column is not None for column in answers):
            empty = [None] * len(part.code)
            part.checklist = list(zip(*(empty if c is None else c for c in answers), strict=True))

    def _contacts(self, part: Part, targets: dict[str, Match]) -> None:
        columns = {
            (role.id, piece): column
            for role in self._layer.contacts
            for piece in PIECES
            if (column := self._judged(part, targets, f"contact:{role.id}:{piece}")) is not None
        }
        if columns:
            part.contacts = contacts_of(self._layer.contacts, columns, len(part.code))

    def _versions(self, part: Part, match: Match | None) -> None:
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
                        Say(
                            f"{shown(text)} 不是记录版本，已忽略；请勿改动该列",
                            f"{shown(text)} is not a record version and was ignored; leave that column alone",
                        ),
                    ),
                    value=text,
                )

    def _positions(self, part: Part, targets: dict[str, Match], datum: Datum) -> None:
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
        placed = position.place(stated, datum)
        self._placed(part, targets, placed, ~taken)
        self._cleared_positions(part, targets)

    def _cleared_positions(self, part: Part, targets: dict[str, Match]) -> None:
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
            if self._layer.geometry == "point" and len(found) == len(cells) and not placed:
                part.unplaced.add(row)
                continue
            say = (
                Say(
                    "坐标要整个清空：经度和纬度都写“清空”；本行坐标未改",
                    "a position is cleared as a whole: write 清空 for longitude and latitude; this one stays",
                )
                if self._layer.geometry == "point"
                else Say(
                    "面状图层的范围不能用“清空”删除，已保留；请导入新的范围",
                    "the shape of an area layer cannot be cleared and stays as it is; import the new shape",
                )
            )
            match, text = found[0]
            say_of(part, row, match, Finding("cannot_clear", "warning", say), value=text)

    def _geometry(self, part: Part, targets: dict[str, Match], datum: Datum) -> None:
        column = part.source.shapes
        assert column is not None
        if len(part.source.rows) != len(column):
            column = column.take(pa.array(part.source.rows))
        found = shape.from_wkb(column.to_pylist())
        if self._layer.geometry != "point":
            shaped = shape.shape(found, datum, self._layer.geometry)
            part.shapes, part.lon, part.lat = shaped.shapes, shaped.lon, shaped.lat
            self._remark(part, targets, shaped.remarks)
            return
        x, y, remarks = shape.points_of(found)
        self._remark(part, targets, remarks)
        has = np.isfinite(x) | np.isfinite(y)
        stated = position.Stated(
            x, y, has, has.copy(), lambda i: f"{x[i]:.10g}, {y[i]:.10g}", np.zeros(len(x), bool)
        )
        self._placed(part, targets, position.place(stated, datum), np.ones(len(x), bool))

    def _wkt(self, part: Part, match: Match, datum: Datum) -> NDArray[np.bool_]:
        texts = part.source.column(match.heading.column).to_pylist()
        found = shape.from_wkt(texts)
        shaped = shape.shape(found, datum, self._layer.geometry)
        part.shapes, part.lon, part.lat = shaped.shapes, shaped.lon, shaped.lat
        shaped.remarks += [
            shape.unreadable_text(i, text)
            for i, text in enumerate(texts)
            if text and found[i] is None and "EMPTY" not in text.upper()
        ]
        self._remark(part, {SHAPE: match}, shaped.remarks)
        return np.array([bool(t) for t in texts])

    def _placed(
        self, part: Part, targets: dict[str, Match], placed: position.Placed, where: NDArray[np.bool_]
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
                    Say(
                        f"{part.source.file} › {part.source.sheet}：整列坐标填反了（经纬度或东北坐标），已全部对调；请核对表头",
                        f"{part.source.file} › {part.source.sheet}: the coordinate columns as a whole were the wrong way "
                        "round and were turned; check the header",
                    ),
                )
            )

    @staticmethod
    def _remark(part: Part, targets: dict[str, Match], remarks: Sequence[position.Remark]) -> None:
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
