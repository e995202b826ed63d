"""Laws that hold for every sheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskmap.coordinates import from_cgcs2000, parse_datum
from riskmap.io.files import RawSheet
from riskmap.io.files.file_checks import FileLimits
from riskmap.io.tables import reading
from riskmap.progress import UNWATCHED
from riskmap.rules import vocabulary
from riskmap.rules.position import Stated, place
from riskmap.values.import_plan import Intake
from tests.intake_files import layer, read

HEADERS = [
    "编号",
    "名称",
    "街道",
    "经度",
    "纬度",
    "L",
    "E",
    "C",
    "曾发生事故",
    "排查日期",
    "风险类型",
    "管控责任人",
    "联系电话",
    "备注",
]
CELL = st.one_of(
    st.none(),
    st.sampled_from(
        [
            "",
            " ",
            "/",
            "合计",
            "小计",
            "填表人：李四",
            "备注：x",
            "清空",
            "无",
            "114.1",
            "22.5",
            "0",
            "1",
            "3",
            "7",
            "有",
            "A1",
            "A2",
            "编号",
            "名称",
            "2023年9月8日",
            "2023年13月8日",
            "#REF!",
            "黄贝街道",
            "一、东门街道",
            "114.1,22.5",
            "13800138000",
            "消防",
            "1.38E+10",
            "\u202e",
            "'",
            "=1+1",
        ]
    ),
    st.text(max_size=12),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
ROW = st.lists(CELL, min_size=len(HEADERS), max_size=len(HEADERS))


def intake_of(rows: list[list[str | None]], monkeypatch: pytest.MonkeyPatch, path: Path) -> Intake:
    """Read rows as if the worker had found them in a workbook."""
    columns = [pa.array([row[c] for row in rows], pa.string()) for c in range(len(HEADERS))]
    table = pa.table(columns, names=[f"c{i}" for i in range(len(HEADERS))])
    monkeypatch.setattr(reading.file_checks, "check", lambda *_: "xlsx")
    monkeypatch.setattr(reading, "parse", lambda *_: [RawSheet("S", table)])
    return reading.read(
        path, layer(), datum="wgs84", subdistricts=(), limits=FileLimits(), progress=UNWATCHED, name="a.xlsx"
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
@given(rows=st.lists(ROW, max_size=12))
def test_every_row_is_a_record_a_rejected_row_or_counted(rows, monkeypatch, tmp_path):
    file = tmp_path / "a.xlsx"
    file.touch()
    intake = intake_of([HEADERS, *rows], monkeypatch, file)
    assert intake.rows == len(intake.records) + len(intake.rejected) + intake.skipped_non_data
    filled = sum(
        1
        for row in rows
        if any(
            cell and cell.strip(" \t\r\n\v\f\x00\u00a0\u3000\u200b\ufeff\u2003\u2002\u2009") for cell in row
        )
    )
    assert intake.rows == filled
    records = intake.records
    assert len(set(records.code)) == len(records.code)
    assert None not in records.code
    assert len(records.name) == len(records.lon) == len(intake.row) == len(records)
    assert all(len(column) == len(records) for column in records.values.values())
    located = np.isfinite(records.lon)
    assert (located == np.isfinite(records.lat)).all()
    assert ((records.lon[located] > 73) & (records.lon[located] < 137)).all()
    assert {i.row for i in intake.issues if i.severity == "error"} == {r.row for r in intake.rejected}
    assert all(r.issues and any(i.severity == "error" for i in r.issues) for r in intake.rejected)


PLACES = st.lists(
    st.tuples(st.floats(113.7, 114.7, allow_nan=False), st.floats(22.3, 22.9, allow_nan=False)),
    min_size=1,
    max_size=8,
)


@given(
    places=PLACES,
    datum=st.sampled_from(["wgs84", "cgcs2000", "gcj02", "bd09", "EPSG:4547", "EPSG:4526"]),
    turned=st.booleans(),
)
def test_a_position_survives_every_datum_and_a_swap(places, datum, turned):
    lon, lat = np.array(places).T
    system = parse_datum(datum)
    x, y = from_cgcs2000(lon, lat, system)
    every = np.ones(len(x), bool)
    pair = (y, x) if turned else (x, y)
    placed = place(Stated(*pair, every, every.copy(), lambda _: None, ~every), system)
    assert np.allclose(placed.lon, lon, atol=1e-8)
    assert np.allclose(placed.lat, lat, atol=1e-8)
    assert all(r.rule == "swapped_axes" for r in placed.remarks)
    assert len(placed.remarks) == (len(x) if turned else 0)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    names=st.lists(
        st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=30), min_size=1, max_size=6
    ),
    encoding=st.sampled_from(["utf-8-sig", "utf-16", "gb18030"]),
    separator=st.sampled_from([",", ";", "\t"]),
)
def test_a_csv_of_ours_carries_any_name(names, encoding, separator, tmp_path):
    rows = io.StringIO(newline="")
    writer = csv.writer(rows, delimiter=separator)
    writer.writerow(["编号", "名称", "记录版本"])
    for i, name in enumerate(names):
        writer.writerow([f"N{i}", "'" + name if name[0] in "=+-@\t'" else name, 1])
    file = tmp_path / "a.csv"
    file.write_bytes(rows.getvalue().encode(encoding))
    found = read(file, datum=None).records.name
    for name, got in zip(names, found, strict=True):
        text = name.strip(" \t\r\n\v\f\x00\u00a0\u3000\u200b\ufeff\u2003\u2002\u2009")
        if got is None:
            assert vocabulary.is_blank(text)
        elif isinstance(got, str):
            assert got == text.strip()
