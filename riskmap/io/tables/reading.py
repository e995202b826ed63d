"""Join the steps of intake: one file in, one `Intake` out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from riskmap.catalog.layer import Layer
from riskmap.coordinates import Datum, Region, parse_datum
from riskmap.errors import RiskmapError, Text, UnreadableFileError
from riskmap.interface import option
from riskmap.io.files import SEPARATOR, RawSheet, file_checks
from riskmap.io.files.file_checks import FileLimits
from riskmap.io.files.sandbox import parse
from riskmap.io.tables import marks as datums
from riskmap.io.tables import marks as ours
from riskmap.io.tables.assemble import assemble
from riskmap.io.tables.block import BlockReader
from riskmap.io.tables.damage import read_rows
from riskmap.io.tables.geometry import (
    is_finer_part,
    stated_positions,
    stated_srid,
    unread_positions,
    with_found_position,
    with_joined_angles,
)
from riskmap.io.tables.headers import POSITION_TARGETS, HeaderCell, HeaderDictionary, Match, rival
from riskmap.io.tables.kept_columns import unknown_stumps
from riskmap.io.tables.layout import Header, Lines, Row, find_header, sort_lines, stated_header, trimmed
from riskmap.io.tables.position_headers import header_datum
from riskmap.io.tables.row_codes import RowCodes
from riskmap.io.tables.row_keys import RowKeys
from riskmap.io.tables.row_parts import Source, TableRows, say_of
from riskmap.io.tables.totals import differences
from riskmap.progress import UNWATCHED, Progress
from riskmap.reprojection import reprojection
from riskmap.rules.arrays import pc
from riskmap.rules.cell import Finding
from riskmap.rules.shape import SHAPE
from riskmap.rules.subdistricts import Naming, first_named, naming
from riskmap.values.import_plan import HeaderMatch, Intake, Issue, SheetReport
from riskmap.values.inventory import PRINTED

VERSION_HEADER = "记录版本"


_LOOKED_AT_ROWS = 64


_EXACT = 2.0  # metres to which an operation between two datums is taken as exact


_CELLS_BEYOND = Finding(
    "cells_beyond_header",
    "error",
    Text(
        "有多于表头的格；数字里不要用逗号（1,200 请写成 1200 或加引号），多余的格请删去",
        "cells beyond the last header; write 1200 or quote it instead of 1,200, and remove what is extra",
    ),
)


_STATED = re.compile(r"^[#＃]\s*(?P<key>[^:：]+?)\s*[:：]\s*(?P<value>.+?)[\s,;，；]*$")


_NO_LAYERS = re.compile(r"^(?:layer_styles|qgis_projects)$")


@dataclass(slots=True)
class Reading:
    """What one file's reading gathers."""

    parts: list[TableRows] = field(default_factory=list)
    reports: list[SheetReport] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    datum: str = ""
    foreign: list[str] = field(default_factory=list)  # other layers whose tables were left
    hidden: list[str] = field(default_factory=list)  # hidden sheets that were left
    texts: list[str] = field(default_factory=list)  # titles and notes, searched for a datum hint


def read(
    path: Path,
    layer: Layer,
    *,
    datum: str | None,
    subdistricts: Sequence[str],
    limits: FileLimits,
    progress: Progress,
    name: str,
    fallback: str | None = None,
    others: Mapping[str, str] | None = None,
    codes: RowCodes | RowKeys | None = None,
    region: Region = Region(),  # noqa: B008 - frozen
    hidden: bool = False,
) -> Intake:
    """Read a file; see `riskmap.io.tables.read_file`."""
    reading, joining = progress.parts(9, 1)
    done, kind, marks = read_tables(
        path,
        layer,
        datum=datum,
        subdistricts=subdistricts,
        limits=limits,
        progress=reading,
        name=name,
        fallback=fallback,
        others=others,
        coded=codes is not None,
        region=region,
        hidden=hidden,
    )
    joining.step(0, 1, Text(f"整理：{name}", f"joining: {name}"))
    with _placed_failures(name):
        if codes is not None and (note := codes.assign(done.parts)) is not None:
            done.issues.append(note)
        return assemble(
            layer,
            done.parts,
            file=name,
            digest=file_checks.digest(path, kind),
            datum=done.datum or (parse_datum(datum).id if datum else ""),
            reports=done.reports,
            issues=done.issues,
            batch=marks.batch,
        )


def read_tables(
    path: Path,
    layer: Layer,
    *,
    datum: str | None,
    name: str,
    subdistricts: Sequence[str] = (),
    limits: FileLimits = FileLimits(),  # noqa: B008 - frozen
    progress: Progress = UNWATCHED,
    fallback: str | None = None,
    others: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    coded: bool = False,
    region: Region = Region(),  # noqa: B008 - frozen
    hidden: bool = False,
) -> tuple[Reading, str, ours.Marks]:
    """Return the judged tables of a file, its kind, and what it says of itself if riskmap wrote it.

    `units`: field → unit (of a moment the zone) of columns whose header states none. `coded`: rows without a
    code are not refused, they get one. `hidden`: whether hidden sheets are read as well. Errors as `read_file`.
    """
    declared = parse_datum(datum) if datum else None
    parsing, judging = progress.parts(6, 4)
    parsing.step(0, 1, Text(f"检查文件：{name}", f"inspecting: {name}"))
    kind = file_checks.check(path, name, limits)
    parsing.step(0, 1, Text(f"读取：{name}", f"reading: {name}"))
    sheets = parse(path, kind, name, limits, parsing)
    marks = ours.marks_of(sheets)
    reader = _FileReader(
        layer,
        declared=ours.datum_of_marks(marks, declared, name) or declared,
        fallback=parse_datum(fallback) if fallback else None,
        names=naming(subdistricts),
        file=name,
        kind=kind,
        marks=marks,
        others=others or {},
        units=units or {},
        coded=coded,
        region=region,
        hidden=hidden,
    )
    for i, sheet in enumerate(sheets):
        what = f"{name} › {sheet.name}"
        judging.step(i, len(sheets), Text(f"核对：{what}", f"judging: {what}"))
        with _placed_failures(f"{name} › {sheet.name}"):
            reader.sheet(sheet)
    if not reader.done.parts and not layer.table and not (reader.done.foreign or reader.done.hidden):
        reader.marks_of_map(sheets)
    if not reader.done.parts:
        if reader.done.foreign:
            raise ours.only_other_layers(name, reader.done.foreign)
        if reader.done.hidden:
            raise _only_hidden(name, reader.done.hidden)
        raise _no_header(name, layer)
    return reader.done, kind, marks


@contextmanager
def _placed_failures(place: str) -> Iterator[None]:
    """Turn whatever goes wrong with what a file holds into an error that names the place."""
    try:
        yield
    except RiskmapError:
        raise
    except Exception as problem:
        what = type(problem).__name__
        raise UnreadableFileError(
            f"{place}：内容无法处理（{what}）；请另存为 xlsx 或 UTF-8 的 csv 后再导入，并报告此文件",
            f"{place}: cannot be processed ({what}); save it as xlsx or as csv in UTF-8 and import that, and report this file",
        ) from problem


def _only_hidden(name: str, sheets: Sequence[str]) -> UnreadableFileError:
    listed, ask, ask_en = "、".join(sheets), option("hidden-sheets"), option("hidden-sheets", "en")
    return UnreadableFileError(
        f"{name}：只有隐藏的工作表（{listed}）里有台账；请取消隐藏，或用 {ask} 一并读取",
        f"{name}: only hidden sheets ({listed}) hold a list; unhide them, or read them with {ask_en}",
    )


def _no_header(name: str, layer: Layer) -> UnreadableFileError:
    if "code" not in layer.unique:
        ends = [p.headers[f"{p.id}:longitude"][0] for p in layer.positions]
        needed = [f.title for f in layer.fields if f.required]
        columns = [*ends, *(title.zh for title in needed)]
        english = [*ends, *(title.en for title in needed)]
        return UnreadableFileError(
            f"{name}：没有找到“{layer.title.zh}”的表头；需要有 {'、'.join(columns)} 等列名的一行",
            f"{name}: no header of {layer.title.en} was found; it needs a line with {', '.join(english)}",
        )
    coarser = [layer.field(each).title.zh for each in layer.unique_of if each in layer.field_ids]
    codes = "、".join([*layer.aliases.get("code", ("编号",))[-3:], *coarser])
    return UnreadableFileError(
        f"{name}：没有找到“{layer.title.zh}”的表头；请保留写有编号（如 {codes}）等列名的一行，并核对所选图层",
        f"{name}: no header of {layer.title.en} was found; keep the line with the column names (code: {codes}) and check "
        "that this is the right layer",
    )


class _FileReader:
    def __init__(
        self,
        layer: Layer,
        *,
        declared: Datum | None,
        fallback: Datum | None,
        names: Naming,
        file: str,
        kind: str,
        marks: ours.Marks,
        others: Mapping[str, str],
        units: Mapping[str, str],
        coded: bool,
        region: Region,
        hidden: bool,
    ) -> None:
        self._layer = layer
        self._declared = declared
        self._fallback = fallback
        self._marks = marks
        self._others = others
        self._hidden = hidden
        self._region = region
        self._names = names
        self._file = file
        self._kind = kind
        self._dictionary = HeaderDictionary(layer)
        self._blocks = BlockReader(layer, names, units, region, coded=coded)
        self.done = Reading()

    def sheet(self, sheet: RawSheet) -> None:
        """Read one sheet or vector layer."""
        if sheet.name == ours.MARKER_SHEET:
            return
        if sheet.header is not None:
            self._layer_of_file(sheet)
        else:
            self._spreadsheet(sheet)

    def marks_of_map(self, sheets: Sequence[RawSheet]) -> None:
        """Read the layers of a map that know names only, where the file holds nothing else: codes can be given."""
        drawn = [sheet for sheet in sheets if sheet.header is not None and sheet.shapes is not None]
        self.done.reports = [
            report for report in self.done.reports if report.sheet not in {s.name for s in drawn}
        ]
        for sheet in drawn:
            with _placed_failures(f"{self._file} › {sheet.name}"):
                self._layer_of_file(sheet, named=True)

    def _remembered(self, sheet: str) -> Datum | None:
        """Return what rejected rows were read as when they came, else the workspace's own datum."""
        datum = self._marks.datums.get(sheet)
        return parse_datum(datum) if datum else self._fallback

    def _suited(self, header: Header | None, sheet: str) -> Header | None:
        datum = self._declared or self._remembered(sheet)
        return None if header is None else datums.suited(header, datum, self._dictionary)

    def _layer_of_file(self, sheet: RawSheet, *, named: bool = False) -> None:
        header = (
            None
            if _NO_LAYERS.match(sheet.name)
            else self._suited(stated_header(sheet, self._dictionary, named=named), sheet.name)
        )
        if header is None or self._of_other_layer(sheet, header):
            self.done.reports.append(SheetReport(sheet.name, None, 0, 0, ()))
            return
        count = sheet.table.num_rows
        rows = np.arange(count)
        columns = trimmed(sheet)
        foreign = ours.foreign_rows(header, columns, self._layer.id, self._others)
        if foreign is not None:
            rows = np.flatnonzero(~foreign)
            self._note_foreign(sheet, header, columns, foreign)
        # Where no feature has a geometry, the positions stand in the columns, if anywhere.
        drawn = sheet.shapes is not None and sheet.shapes.null_count < len(sheet.shapes)
        around = reversed(sheet.name.split(SEPARATOR))  # the innermost folder first
        default = first_named(self._names, (*around, Path(self._file).stem))
        source = Source(
            self._file,
            sheet.name,
            header,
            columns,
            rows,
            [default] * len(rows),
            shapes=sheet.shapes if drawn else None,
            faults=sheet.faults,
        )
        source = self._placed(source)
        datum = self._datum_of_layer(sheet, source)
        part = read_rows(self._blocks, source, datum)
        self._report(sheet, [header], [part], count, count - len(rows))
        for zh, en in sheet.meta.get("notes", ()):
            place = f"{self._file} › {sheet.name}"
            self._note(sheet.name, None, "linked_content", Text(f"{place}：{zh}", f"{place}: {en}"))

    def _of_other_layer(self, sheet: RawSheet, header: Header) -> bool:
        if self._marks.layers.get(sheet.name) == PRINTED:  # the same records once more, for paper
            return True
        other = ours.other_layer(sheet.name, header, self._marks, self._layer.id, self._others)
        if other is None:
            return False
        self.done.foreign.append(other)
        self._note(sheet.name, None, "other_layer", ours.foreign_note(f"{self._file} › {sheet.name}", other))
        return True

    def _note_foreign(
        self,
        sheet: RawSheet,
        header: Header,
        columns: Sequence[pa.ChunkedArray],
        foreign: np.ndarray[tuple[int], np.dtype[np.bool_]],
    ) -> None:
        at = next(m.heading.column for m in header.matches if m.heading.text == "layer")
        names = sorted({columns[at][int(i)].as_py() for i in np.flatnonzero(foreign)})
        place = f"{self._file} › {sheet.name}"
        self._note(
            sheet.name, None, "other_layer", ours.foreign_note(place, "、".join(names), int(foreign.sum()))
        )

    def _datum_of_layer(self, sheet: RawSheet, source: Source) -> Datum | None:
        if source.shapes is None:
            return self._datum_of_cells(source, [])
        declared = self._declared or (None if sheet.crs and sheet.crs_stated else self._fallback)
        datum, remark = datums.of_layer(sheet, declared, self._file)
        if remark is not None:
            self._note(sheet.name, "position", "datum_overrides_file", remark)
        self.done.datum = datum.id
        self._note_accuracy(sheet.name, datum)
        return datum

    def _spreadsheet(self, sheet: RawSheet) -> None:
        columns = trimmed(sheet)
        top = _rows(columns, 0, _LOOKED_AT_ROWS)
        header = self._suited(find_header(top, sheet, self._dictionary), sheet.name)
        if header is not None and self._of_other_layer(sheet, header):
            self.done.reports.append(SheetReport(sheet.name, None, 0, 0, ()))
            return
        if header is None:
            self.done.texts += [text for row in top for text in row if text]
            self.done.reports.append(SheetReport(sheet.name, None, 0, 0, ()))
            return
        if self._left_hidden(sheet, header, columns):
            self.done.reports.append(SheetReport(sheet.name, None, 0, 0, ()))
            return
        if self._kind == "csv":
            columns = _unescaped(columns, header)
        titles = [text for row in top[: header.first] for text in row if text]
        self.done.texts += titles
        default = first_named(
            self._names, (sheet.name if self._kind != "csv" else None, *titles, Path(self._file).stem)
        )
        width = max((m.heading.column for m in header.matches if m.heading.text), default=-1) + 1
        beyond = range(width, len(columns)) if self._kind == "csv" and self._layer.table else range(0)
        if self._layer.table:
            header, columns = _stated_above(titles, header, columns, self._dictionary)
        headers, parts, rows, skipped = [header], [], 0, 0
        start, stop = header.last + 1, len(columns[0])
        while True:
            table = [c.slice(0, stop) for c in columns]
            lines = sort_lines(
                table,
                header,
                start=start,
                spellings=self._dictionary.spellings,
                is_section=self._names.section,
            )
            follower = self._following(sheet, columns, lines.breaks)
            if follower is not None:
                # Another table with other columns begins here: read up to it first.
                stop = follower.first
                table = [c.slice(0, stop) for c in columns]
                lines = sort_lines(
                    table,
                    header,
                    start=start,
                    spellings=self._dictionary.spellings,
                    is_section=self._names.section,
                )
            source = Source(
                self._file,
                sheet.name,
                header,
                table,
                lines.data,
                _by_section(lines.data, lines.sections, default),
                merges=sheet.merges,
                faults=sheet.faults,
            )
            source = self._placed(source)
            notes = _notes(table, start, lines) if lines.skipped else []
            part = read_rows(self._blocks, source, self._datum_of_cells(source, [*titles, *notes]))
            _refuse_cells_beyond(part, beyond)
            if not self._layer.table:
                self.done.issues += differences(self._file, sheet.name, header, table, lines)
            parts.append(part)
            rows += len(lines.data) + lines.skipped
            skipped += lines.skipped
            if follower is None:
                break
            depth = follower.last - follower.first + 1
            rows, skipped = rows + depth, skipped + depth
            header, start, stop = follower, follower.last + 1, len(columns[0])
            headers.append(header)
        self._report(sheet, headers, parts, rows, skipped)
        self._note_hidden_rows(sheet, parts)

    def _left_hidden(self, sheet: RawSheet, header: Header, columns: Sequence[pa.ChunkedArray]) -> bool:
        """Tell whether a sheet is left out because it is hidden; say so, with how many lines it has."""
        if not sheet.hidden or self._hidden:
            return False
        filled = np.zeros(len(columns[0]), bool)
        for column in columns:
            filled |= np.asarray(column.is_valid(), dtype=bool)
        count = int(filled[header.last + 1 :].sum())
        if count:
            self.done.hidden.append(sheet.name)
            ask, ask_en = option("hidden-sheets"), option("hidden-sheets", "en")
            self._note(
                sheet.name,
                None,
                "hidden_sheet",
                Text(
                    f"{self._file} › {sheet.name}：隐藏的工作表，{count} 行未读入；需要时请取消隐藏，或用 {ask} 一并读取",
                    f"{self._file} › {sheet.name}: a hidden sheet, {count} lines were not read; unhide it if it is meant, "
                    f"or read it with {ask_en}",
                ),
            )
        return True

    def _note_hidden_rows(self, sheet: RawSheet, parts: Sequence[TableRows]) -> None:
        """Say that rows which a filter or a person hid were read like the others."""
        if not sheet.hidden_rows:
            return
        data = {part.number(i) for part in parts for i in range(len(part.code))}
        hidden = sorted(data & {row + 1 for row in sheet.hidden_rows})
        if hidden:
            some = "、".join(map(str, hidden[:5])) + ("…" if len(hidden) > 5 else "")  # noqa: PLR2004 - a glance
            self._note(
                sheet.name,
                None,
                "hidden_rows",
                Text(
                    f"{self._file} › {sheet.name}：有 {len(hidden)} 行被隐藏或筛选掉（第 {some} 行），也已读取；"
                    "不需要的请从文件中删除",
                    f"{self._file} › {sheet.name}: {len(hidden)} rows are hidden or filtered out ({some}) and were read too; "
                    "take those out that are not meant",
                ),
            )

    def _following(
        self, sheet: RawSheet, columns: Sequence[pa.ChunkedArray], breaks: Sequence[int]
    ) -> Header | None:
        for at in breaks:
            found = self._suited(find_header(_rows(columns, at, 3), sheet, self._dictionary), sheet.name)
            if found is not None and found.first == 0:
                return Header(at, at + found.last, found.matches)
        return None

    def _placed(self, source: Source) -> Source:
        """Return a table of points with the position that stands under another header, 位置 or shape.

        Without a coordinate system nobody is asked for one on a guess: such a column is named as unread.
        """
        points = not self._layer.table and self._layer.geometry == "point" and source.shapes is None
        known = self._declared is not None or self._remembered(source.sheet) is not None
        source = with_joined_angles(source) if points else source
        return with_found_position(source, self._region.around) if points and known else source

    def _datum_of_cells(self, source: Source, titles: Sequence[str]) -> Datum | None:
        """Return the datum of a table's numbers; asked for only where it states a position."""
        placing = self._dictionary.positions | {SHAPE}
        targets = {m.target: m for m in source.header.matches if m.target in placing}
        if not targets:
            return None
        own = stated_srid(source, {str(t): m for t, m in targets.items()})
        declared = self._declared or ours.datum_of_headers(source.header)
        if own is not None:
            declared = datums.of_cells(own, declared, f"{self._file} › {source.sheet}")
        declared = declared or self._remembered(source.sheet)
        if declared is None and not self._layer.positions:
            stated = stated_positions(source, {str(t): m for t, m in targets.items()}, None)
            shaped = SHAPE in targets and self._layer.drawn
            if not shaped and (stated is None or not (stated.has_x | stated.has_y).any()):
                return None
        place = f"{self._file} › {source.sheet}"
        if declared is None:
            headers = [m.heading.text for m in targets.values()]
            raise datums.needed(place, [*headers, *titles, *self.done.texts])
        self.done.datum = declared.id
        headings = [(m.heading.text, m.hint) for m in targets.values()]
        for text, hint in (*headings, *datums.named_beside(source, titles)):
            if hint and datums.contradiction(hint, declared):
                raise datums.contradicted(place, text, hint, declared)
        self._note_accuracy(source.sheet, declared)
        return declared

    def _note_accuracy(self, sheet: str, datum: Datum) -> None:
        """Say where the operation to CGCS2000 is known to no better than some metres."""
        metres = reprojection(datum.proj).accuracy if datum.id.startswith("EPSG:") else 0.0
        if metres > _EXACT:
            say = Text(
                f"{self._file} › {sheet}：{datum.id}（{datum.base}）到 CGCS2000 的公开换算只准到 {metres:g} 米；"
                "要更准请由测绘部门换算后再导入",
                f"{self._file} › {sheet}: the published operation from {datum.id} ({datum.base}) to CGCS2000 is good to "
                f"{metres:g} m only; have the data converted for better",
            )
            self._note(sheet, "position", "datum_accuracy", say)

    def _report(
        self, sheet: RawSheet, headers: Sequence[Header], parts: Sequence[TableRows], rows: int, skipped: int
    ) -> None:
        self.done.parts += parts
        self._note_rivals(sheet, headers)
        for part in parts:
            self._note_unread_positions(part)
            self._note_cut_names(part)
        matches = tuple(dict.fromkeys(m for part in parts for m in _understood(part.source)))
        last = None if headers[0].last < 0 else headers[0].last + 1
        self.done.reports.append(SheetReport(sheet.name, last, rows, skipped, matches))

    def _note_unread_positions(self, part: TableRows) -> None:
        """Say where no row got a position though columns that nobody read look like one."""
        source = part.source
        if self._layer.table or not self._layer.placed or np.isfinite(part.lon).any():
            return
        if any(issue.field in {*POSITION_TARGETS, SHAPE} for row in part.errors.values() for issue in row):
            return  # said already, row by row
        columns = unread_positions(source, self._region.around)
        if columns:
            place = f"{self._file} › {source.sheet}"
            say = Text(
                f"{place}：没有读到坐标列，{len(source.rows)} 行都没有位置；未读取的列“{'”“'.join(columns)}”像是坐标；"
                "请把列名改为“经度”“纬度”（平面坐标用“东坐标”“北坐标”，一格两数用“坐标”）后重新导入",
                f"{place}: no position column was read and all {len(source.rows)} rows are without a position; the unread "
                f"columns “{'”, “'.join(columns)}” look like one; name them longitude and latitude (easting and "
                "northing, or position for both in one cell) and import again",
            )
            self._note(source.sheet, "position", "unread_position", say)

    def _note_cut_names(self, part: TableRows) -> None:
        """Name the columns of a shapefile of ours that lost their names on the way."""
        left = unknown_stumps(part.source, self._dictionary)
        if left:
            place = f"{self._file} › {part.source.sheet}"
            say = Text(
                f"{place}：列名“{'”“'.join(left)}”在 shapefile 里被截短，认不出是哪一列，未读取；请连同字段说明.csv 一起压缩，"
                "或改用 gpkg、xlsx",
                f"{place}: the shapefile has cut the column names “{'”, “'.join(left)}”, which tell no column any more and "
                "were not read; pack Fields.csv with it, or use gpkg or xlsx",
            )
            self._note(part.source.sheet, None, "cut_names", say)

    def _note_rivals(self, sheet: RawSheet, headers: Sequence[Header]) -> None:
        for header in headers:
            for match in header.matches:
                target = rival(match, self._dictionary)
                taken = None if target is None else header.column_of(target)
                if taken is None or target == "position":
                    continue  # 坐标 over two columns is one position
                used = next(m.heading.text for m in header.matches if m.heading.column == taken)
                if target in POSITION_TARGETS and header_datum(match.heading.text) != header_datum(used):
                    continue  # the same place in another datum
                if target in POSITION_TARGETS and is_finer_part(match.heading.text):
                    continue  # read with its degrees
                self._note(
                    sheet.name,
                    target,
                    "two_columns_for_one",
                    Text(
                        f"{self._file} › {sheet.name}：“{used}”和“{match.heading.text}”两列含义相同，只读取了“{used}”；"
                        "请合并或改名",
                        f"{self._file} › {sheet.name}: the columns “{used}” and “{match.heading.text}” mean the same; only "
                        f"“{used}” was read, merge or rename them",
                    ),
                )

    def _note(self, sheet: str, target: str | None, rule: str, say: Text) -> None:
        self.done.issues.append(Issue(sheet, None, None, target, None, "warning", rule, say))


def _notes(table: Sequence[pa.ChunkedArray], start: int, lines: Lines) -> list[str]:
    """Return the texts of the lines below a header that are no data: notes, signatures, totals."""
    beside = pa.array(np.setdiff1d(np.arange(start, len(table[0])), lines.data))
    return [text for column in table for text in column.take(beside).drop_null().to_pylist()]


def _understood(source: Source) -> Iterator[HeaderMatch]:
    """Yield how each column was understood; one without a header is named where it carries data."""
    position: Match | None = None
    for match in source.header.matches:
        heading = match.heading
        if match.target == "position":
            position = match
        if (
            position is not None
            and match.target is None
            and heading.column == position.heading.column + 1
            and heading.text == position.heading.text
        ):
            # 坐标 merged over two columns: the second number was read with the first.
            yield HeaderMatch(heading.column, heading.text, "position", position.how)
        elif heading.text:
            yield HeaderMatch(heading.column, heading.text, match.target, match.how)
        elif (
            match.target is None
            and heading.column < len(source.columns)
            and (column := source.column(heading.column)).null_count < len(column)
        ):
            yield HeaderMatch(heading.column, f"第 {heading.column + 1} 列（无表头）", None, "left")


def _stated_above(
    titles: Sequence[str], header: Header, columns: list[pa.ChunkedArray], dictionary: HeaderDictionary
) -> tuple[Header, list[pa.ChunkedArray]]:
    """Return the table with what lines such as `# 时区: 北京时` state above it, each as a column of one value."""
    for found in filter(None, map(_STATED.match, titles)):
        target = dictionary.look_up(found["key"])[0]
        if target is not None and header.column_of(target) is None:
            heading = HeaderCell(len(columns), (found["key"],))
            header = Header(header.first, header.last, (*header.matches, Match(heading, target, "alias")))
            columns = [*columns, pa.chunked_array([[found["value"]] * len(columns[0])], pa.string())]
    return header, columns


def _refuse_cells_beyond(part: TableRows, columns: Iterable[int]) -> None:
    """Reject the rows of a comma file with cells behind the last header: an unquoted 1,200 is two cells."""
    beyond = np.zeros(len(part.source.rows), bool)
    for at in columns:
        beyond |= np.asarray(part.source.column(at).is_valid(), dtype=bool)
    for row in np.flatnonzero(beyond).tolist():
        say_of(part, row, None, _CELLS_BEYOND, value=None)


def _rows(columns: Sequence[pa.ChunkedArray], start: int, count: int) -> list[Row]:
    if not columns:
        return []
    return [list(row) for row in zip(*(c.slice(start, count).to_pylist() for c in columns), strict=True)]


def _by_section(
    data: np.ndarray[tuple[int], np.dtype[np.int64]], sections: dict[int, str], default: str | None
) -> list[str | None]:
    if not sections:
        return [default] * len(data)
    starts = sorted(sections)
    found: list[str | None] = [default] * len(data)
    for start, end in pairwise([*starts, 1 << 62]):
        low, high = np.searchsorted(data, [start, end])
        found[low:high] = [sections[start]] * int(high - low)
    return found


def _unescaped(columns: Sequence[pa.ChunkedArray], header: Header) -> list[pa.ChunkedArray]:
    """Undo what a CSV does to keep text as text.

    Ours (it carries record versions) puts ' before = + - @ tab and before a genuine '; Excel's
    ="00123" is unwrapped in any other.
    """
    if any(m.target == "version" and m.heading.text == VERSION_HEADER for m in header.matches):
        return [pc.replace_substring_regex(c, r"^'([=+\-@\t\r'])", r"\1") for c in columns]
    return [pc.replace_substring_regex(c, r'^="([^"]*)"$', r"\1") for c in columns]
