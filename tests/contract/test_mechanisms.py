"""The mechanisms of districts, row by row as docs/mechanisms.md states them: every command is run, every figure compared."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest

from riskmap.moments import utc_now
from tests.attached_files import photo
from tests.cli import riskmap
from tests.mechanism_table import FILE, Mechanism, mechanisms, reading

ROWS = mechanisms(FILE.read_text(encoding="utf-8"))
RUN = sorted((one for one in ROWS if one.words), key=lambda one: one.writes)


@pytest.fixture(scope="module")
def district(tmp_path_factory):
    """The demo district with its registers, assessed; beside it the files that commands of the table name."""
    folder = tmp_path_factory.mktemp("mechanisms")
    home = folder / "区"
    assert riskmap("init", home, "--demo", "--registers").status == 0
    assert riskmap("assess", "--workspace", home).status == 0
    (folder / "照片.jpg").write_bytes(photo())
    lines = "巡查完成率35.21%。", "巡查完成率50.92%。", "事故18起，去年同期26起，下降25%。"
    (folder / "文稿.txt").write_text("\n".join(lines), encoding="utf-8")
    now = utc_now()
    readings(folder / "读数.csv", "YS-CG-002", [(now - dt.timedelta(minutes=10), 1.0), (now, 1.1)])
    readings(folder / "超限.csv", "YS-CG-001", [(now - dt.timedelta(hours=1), 1.0), (now, 2.5)])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield home


def readings(path: Path, sensor: str, tilts: list[tuple[dt.datetime, float]]) -> None:
    rows = [f"{sensor},{at:%Y-%m-%dT%H:%M}Z,倾角,{tilt}" for at, tilt in tilts]
    path.write_text("\n".join(("传感器,监测时间,监测指标,监测值", *rows)) + "\n", encoding="utf-8")


def test_every_number_from_1_to_93_stands_in_exactly_one_row():
    assert Counter(number for one in ROWS for number in one.numbers) == Counter(range(1, 94))


@pytest.mark.parametrize("row", ROWS, ids=lambda one: one.title)
def test_a_row_has_a_command_and_its_figures_or_says_what_it_lacks(row: Mechanism):
    assert len(row.readings) == len(row.figures)
    assert bool(row.words) == bool(row.figures)
    assert row.words or row.lacks


@pytest.mark.parametrize("row", RUN, ids=lambda one: one.title)
def test_the_figure_of_a_row_is_what_its_command_says(district, row: Mechanism):
    assert row.seen(district) == row.figures


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ("count", 3),
        ("a.b", 7),
        ("个数 list", 2),
        ("条数 kind=x", 2),
        ("条数 kind=y", 1),
        ("条数 kind=x&done=true", 1),
        ("条数 kind!=无", 2),
        ("条数 done=true", 1),
        ("条数 kind=无", 1),
        ("合计 many", "5.5"),
        ("种数 done", 2),
    ],
)
def test_what_a_reading_finds_is_counted_by_hand_here(how, found):
    rows = [
        {"code": "1", "fields": {"kind": "x", "many": 2.5, "done": True}},
        {"code": "2", "fields": {"kind": ["x", "y"], "many": 3, "done": False}},
        {"code": "3", "fields": {"kind": None, "many": None, "done": None}},
    ]
    assert reading({"count": 3, "a": {"b": 7}, "list": [0, 0], "features": rows}, how) == found
