"""Tables by declaration: every spelling of a header, csv and workbook alike, one list of words for missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlsxwriter

from riskmap.catalog.layer_file import read_layer
from riskmap.errors import CatalogError, DatumError, RiskmapError, TableFileError, UnreadableFileError
from riskmap.io.readers.evacuation import read_roads
from riskmap.io.tables.declared import declaration

ENDS = ["起点经度", "起点纬度", "终点经度", "终点纬度"]
EDGE = ["114.1", "22.5", "114.11", "22.5"]


def table(folder: Path, rows: list[list[str]], kind: str = "csv", name: str = "表") -> Path:
    """Write a table as a comma file (every cell quoted) or a workbook (numbers as numbers)."""
    path = folder / f"{name}.{kind}"
    if kind == "csv":
        lines = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path
    with xlsxwriter.Workbook(str(path), {"strings_to_numbers": True}) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    return path


def refusal(read, path: Path) -> str:
    with pytest.raises(RiskmapError) as caught:
        read(path)
    return caught.value.text("zh")


def roads_of(path: Path):
    return read_roads(path, crs="wgs84")


METRES = [
    "长度", "长度(m)", "长度（m）", "长度（米）", "长度 （ 米 ）", "路段长度(米)", "length (m)", "length_m", "Length [M]", "metres",
    "长度/米", "长度m", "长度米", "长度，米", "长度（单位：米）", "路段长度", "总长度",
]  # fmt: skip
KILOMETRES = [
    "长度km", "长度(km)", "长度（KM）", "长度（公里）", "长度（千米）", "长度公里", "length_km", "长度/km", "道路长度（km）",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize(
    ("header", "cell"),
    [
        *((h, "5,000") for h in METRES),
        *((h, "5") for h in KILOMETRES),
        ("长度", "5km"),
        ("长度", "５０００米"),
    ],
)
def test_a_stated_length_of_5000_m_is_5000_however_it_is_headed(tmp_path, kind, header, cell):
    roads = roads_of(table(tmp_path, [[*ENDS, header], [*EDGE, cell]], kind))
    assert roads.length.tolist() == [5000]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("blank", ["", "/", "缺测", "////", "无", "NaN", "—"])
def test_a_length_that_is_missing_is_the_straight_line(tmp_path, kind, blank):
    roads = roads_of(table(tmp_path, [[*ENDS, "长度(m)"], [*EDGE, blank]], kind))
    assert roads.length.tolist() == [pytest.approx(1029, abs=2)]


def test_a_length_that_cannot_be_read_is_never_replaced_by_the_straight_line(tmp_path):
    for header, said in (("长度(英里)", "英里"), ("长度系数x", "看不懂"), ("长度（s）", "单位是 s")):
        assert said in refusal(roads_of, table(tmp_path, [[*ENDS, header], [*EDGE, "5"]]))
    assert "大于上限" in refusal(roads_of, table(tmp_path, [[*ENDS, "长度km"], [*EDGE, "5000"]]))


def test_every_bad_cell_of_an_edge_is_named_at_once(tmp_path):
    path = table(tmp_path, [[*ENDS, "长度"], [*EDGE, "-3"], ["114.1", "", "x", "22.5", "9"], [*EDGE, "9"]])
    with pytest.raises(TableFileError) as caught:
        roads_of(path)
    said = caught.value.text("zh")
    assert len(caught.value.problems) == 3
    assert all(
        word in said for word in ("第 2 行 › 长度：-3", "第 3 行 › 起点经度", "第 3 行 › 终点经度", "表.csv")
    )


def test_ends_that_were_exchanged_are_turned_and_may_stand_in_one_cell(tmp_path):
    turned = roads_of(table(tmp_path, [ENDS, ["22.5", "114.1", "114.11", "22.5"]]))
    assert turned.lon.tolist() == [114.1, 114.11]
    both = roads_of(table(tmp_path, [["起点坐标", "终点坐标"], ["114.1,22.5", "114.11，22.5"]], "xlsx"))
    assert both.lon.tolist() == turned.lon.tolist()


def test_an_unquoted_thousand_in_a_comma_file_is_refused_by_its_line(tmp_path):
    path = tmp_path / "路.csv"
    path.write_text(f"{','.join(ENDS)},长度\n{','.join(EDGE)},5,000\n", encoding="utf-8")
    assert "第 2 行：有多于表头的格" in refusal(roads_of, path)


def test_a_road_table_without_its_ends_or_its_datum_is_refused(tmp_path):
    path = table(tmp_path, [ENDS[:3], EDGE[:3]])
    with pytest.raises(UnreadableFileError, match="终点纬度"):
        roads_of(path)
    with pytest.raises(DatumError, match="没有声明坐标系"):
        read_roads(table(tmp_path, [ENDS, EDGE]), crs=None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('unique = ["code", "at"]', "unique"),
        ('on_bad_row = "refuse"', "on_bad_row"),
        (
            '[[fields]]\nid = "mm"\ntitle = { zh = "毫米", en = "Mm" }\ntype = "number"\ntrace = ["T"]',
            "trace",
        ),
    ],
)
def test_what_only_a_table_may_state_is_refused_in_a_layer(line, said):
    text = f'id = "x"\ntitle = {{ zh = "某", en = "X" }}\ngeometry = "point"\nmodel = "lec"\n{line}\n'
    with pytest.raises(CatalogError) as caught:
        read_layer(text, "x.toml")
    assert said in caught.value.text("zh")


@pytest.mark.parametrize(
    "name", ["people", "points", "rain", "roads", "tracks", "warnings", "weather", "zones"]
)
def test_every_declaration_is_sound_and_is_a_table(name):
    assert declaration(name).table
