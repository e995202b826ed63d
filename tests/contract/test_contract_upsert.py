"""What a file says is merged into what is known: nothing is erased, overwritten or moved without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.ledger.merging import cut_short, same_shape
from tests.cli import Ran, riskmap

HEADER = "编号,名称,街道,经度,纬度,L,E,C,地址,责任人,联系电话,申报等级"
BASE = f"""{HEADER}
A1,甲厂,东门街道,114.12,22.55,1,2,3,一路1号,张三丰,13800138000,重大
A2,乙厂,南湖街道,114.13,22.55,1,2,3,二路1号,李四,13800138001,低
A3,丙厂,南湖街道,114.14,22.55,1,2,3,,,,
"""


class Office:
    """A workspace, and files that arrive at it."""

    def __init__(self, root: Path) -> None:
        self.root, self.ws = root, root / "ws"
        assert riskmap("init", self.ws).status == 0

    def run(self, *words: object) -> Ran:
        return riskmap(*words, "--workspace", self.ws)

    def file(self, name: str, text: str) -> Path:
        path = self.root / name
        path.write_text(text, encoding="utf-8")
        return path

    def bring(self, text: str | Path, *more: object, name: str = "来表.csv") -> dict[str, Any]:
        path = text if isinstance(text, Path) else self.file(name, text)
        ran = self.run("import", "risk_points", path, "--crs", "wgs84", "--json", *more)
        assert ran.status in {0, 1}, ran.err
        (done,) = ran.json["files"]
        assert done["accepted"] == done["inserted"] + done["updated"] + done["unchanged"] + done["held"]
        return done

    def record(self, code: str) -> dict[str, Any] | None:
        found = self.run("select", "risk_points", "--json").json["features"]
        return next((f for f in found if f["code"] == code), None)

    def versions(self, code: str) -> list[dict[str, Any]]:
        return self.run("history", "risk_points", code, "--json").json["revisions"]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    assert made.bring(BASE)["inserted"] == 3
    return made


def fates(done: dict[str, Any]) -> tuple[int, int, int, int]:
    return done["inserted"], done["updated"], done["unchanged"], done["held"]


def test_the_same_file_again_changes_nothing(office: Office):
    assert fates(office.bring(BASE)) == (0, 0, 3, 0)
    assert [v["version"] for v in office.versions("A1")] == [1]


def test_what_a_file_lacks_or_leaves_empty_stays_known(office: Office):
    assert fates(office.bring("编号,名称,L\nA1,甲厂,3\n")) == (0, 1, 0, 0)
    assert fates(office.bring(f"{HEADER}\nA2{',' * 11}\n")) == (0, 0, 1, 0)
    a1, a2 = office.record("A1"), office.record("A2")
    assert (a1["fields"]["likelihood"], a1["fields"]["exposure"], a1["fields"]["address"]) == (
        3,
        2,
        "一路1号",
    )
    assert (a1["lon"], a1["subdistrict"], a1["contacts"]) == (114.12, "东门街道", 1)
    assert (a2["name"], a2["fields"]["declared_tier"], a2["contacts"]) == ("乙厂", "low", 1)


def test_an_explicit_clear_erases_a_position_too_when_it_is_whole(office: Office):
    done = office.bring("编号,地址,申报等级,L,街道\nA1,清空,清空,清空,清空\n")
    assert fates(done) == (0, 1, 0, 0)
    a1 = office.record("A1")
    assert (a1["fields"]["address"], a1["fields"]["declared_tier"], a1["fields"]["likelihood"]) == (
        None,
        None,
        None,
    )
    assert a1["subdistrict"] is None
    done = office.bring("编号,经度,纬度\nA1,清空,\n")
    assert [i["rule"] for i in done["issues"]] == ["cannot_clear"]
    assert office.record("A1")["lon"] == 114.12
    done = office.bring("编号,经度,纬度\nA1,清空,清空\n")
    assert (fates(done), done["issues"], done["unlocated"]) == ((0, 1, 0, 0), [], 1)
    assert (office.record("A1")["lon"], office.record("A1")["lat"]) == (None, None)
    done = office.bring("编号,经度,纬度\nA1,清空,清空\n")
    assert fates(done) == (0, 0, 1, 0)


def test_a_cleared_position_waits_with_a_held_row_and_goes_when_it_is_accepted(office: Office):
    done = office.bring("编号,街道,经度,纬度\nA1,南湖街道,清空,清空\n")
    assert fates(done) == (0, 0, 0, 1)
    (entry,) = office.run("held", "--json").json["held"]
    assert entry["stated"]["position"] == "清空"
    assert office.run("accept", entry["id"], "--why", "核实").status == 0
    a1 = office.record("A1")
    assert (a1["lon"], a1["subdistrict"]) == (None, "南湖街道")


def test_a_record_that_moves_far_under_its_own_name_goes_in_and_says_so(office: Office):
    done = office.bring("编号,经度,纬度\nA1,114.15,22.55\n")
    assert fates(done) == (0, 1, 0, 0)
    assert [(i["rule"], i["severity"], i["code"]) for i in done["issues"]] == [("moved_far", "warning", "A1")]
    assert "米" in done["issues"][0]["message"]


def test_a_clear_takes_a_contact_away_and_stands_for_nothing_in_a_new_record(office: Office):
    done = office.bring("编号,管控责任人,联系电话\nA1,清空,清空\nZ9,清空,清空\n")
    assert fates(done) == (1, 1, 0, 0)
    assert done["issues"] == []
    assert office.record("A1")["contacts"] == office.record("Z9")["contacts"] == 0


def test_a_masked_contact_is_unchanged_and_one_that_stands_for_nothing_is_not_stated(office: Office):
    assert fates(office.bring("编号,责任人,联系电话\nA1,张*,138****8000\n")) == (0, 0, 1, 0)
    done = office.bring("编号,名称,责任人,联系电话\nA9,新厂,王*,139****9999\n")
    assert fates(done) == (1, 0, 0, 0)
    assert [(i["code"], i["rule"], i["severity"]) for i in done["issues"]] == [("A9", "masked", "warning")]
    assert office.record("A9")["contacts"] == 0
    assert "*" not in str([v["changes"] for v in office.versions("A9")])


def test_an_exported_file_older_than_the_ledger_is_a_conflict_shown_before_anything_is_written(
    office: Office,
):
    sheet = office.root / "导出.xlsx"
    office.run("export", "risk_points", "--to", sheet)
    book = openpyxl.load_workbook(sheet)
    rows = book["风险点"]
    titles = [c.value for c in rows[1]]
    for row in rows.iter_rows(min_row=2):
        if row[titles.index("编号")].value in {"A1", "A3"}:
            row[titles.index("地址")].value = "我改的"
    edited = office.root / "改过.xlsx"
    book.save(edited)
    office.bring("编号,地址\nA1,别人改的\n")
    before = office.run("changes", "--json").out
    shown = office.bring(edited, "--dry-run")
    assert fates(shown) == (0, 1, 1, 1)
    assert [(i["code"], i["rule"]) for i in shown["issues"]] == [("A1", "stale_version")]
    assert office.run("changes", "--json").out == before
    assert fates(office.bring(edited)) == (0, 1, 1, 1)
    assert office.record("A1")["fields"]["address"] == "别人改的"
    assert office.record("A3")["fields"]["address"] == "我改的"


def test_a_code_from_another_subdistrict_or_another_place_is_held(office: Office):
    done = office.bring("编号,名称,街道,L\nA1,甲厂,翠竹街道,6\n")
    assert (fates(done), done["issues"][0]["rule"]) == ((0, 0, 0, 1), "other_subdistrict")
    done = office.bring("编号,名称,经度,纬度\nA1,完全不同,114.20,22.60\n")
    assert (fates(done), done["issues"][0]["rule"]) == ((0, 0, 0, 1), "other_point")
    assert fates(office.bring("编号,名称,经度,纬度\nA1,甲厂（新）,114.12001,22.55\n")) == (0, 1, 0, 0)
    a1 = office.record("A1")
    assert (a1["name"], a1["subdistrict"], a1["fields"]["likelihood"]) == ("甲厂（新）", "东门街道", 1)


def test_a_declared_full_list_names_what_it_lacks_and_only_then(office: Office):
    short = "\n".join(BASE.splitlines()[:3])
    assert office.bring(short)["absent"] == []
    assert office.bring(short, "--full-list", "--dry-run")["absent"] == ["A3"]
    assert office.record("A3") is not None


def test_an_import_is_undone_as_one_and_not_over_later_work(office: Office):
    done = office.bring("编号,名称,地址\nA1,甲厂,改\nN1,新,\n")
    assert office.run("undo", done["changeset"], "--why", "传错").status == 0
    assert office.record("N1") is None
    assert office.record("A1")["fields"]["address"] == "一路1号"
    assert office.run("undo", done["changeset"], "--why", "传错").status == 2
    assert fates(office.bring("编号,名称,地址\nA1,甲厂,又改\n")) == (0, 1, 0, 0)
    refused = office.run("undo", 1, "--why", "传错")
    assert refused.status == 2
    assert "A1" in refused.err


def test_a_retired_record_leaves_the_lists_and_comes_back_only_by_a_person(office: Office):
    assert office.run("retire", "risk_points", "A3", "--why", "拆除", "--by", "王五").status == 0
    assert office.record("A3") is None
    last = office.versions("A3")[-1]
    assert (last["kind"], last["who"], last["why"]) == ("retire", "王五", "拆除")
    done = office.bring("编号,名称,地址\nA3,丙厂,回来\n")
    assert (fates(done), done["issues"][0]["rule"]) == ((0, 0, 0, 1), "retired")
    assert office.record("A3") is None


def test_the_declared_tier_stands_beside_the_assessed_one(office: Office):
    assert office.run("assess").status == 0
    a1 = office.record("A1")
    assert (a1["fields"]["declared_tier"], a1["tier"]) == ("major", "low")
    assert "declared_differs" in a1["flags"]
    assert "declared_differs" not in office.record("A2")["flags"]


def test_rejected_rows_come_back_corrected_and_are_open_no_more(office: Office):
    out = office.root / "退回.xlsx"
    bad = "编号,名称,L,经度,纬度\nB1,新甲,很高,114.1,22.5\nB2,新乙,3,114.1,\n"
    assert office.bring(bad, "--rejects", out)["rejected"] == 2
    assert office.run("summary", "--json").json["rejected_rows"] == 2
    book = openpyxl.load_workbook(out)
    sheet = next(s for s in book if [c.value for c in s[1]][:2] == ["编号", "名称"])
    titles = [c.value for c in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        if row[0].value == "B1":
            row[titles.index("L")].value = 6
    book.save(out)
    done = office.bring(out)
    assert (done["inserted"], done["rejected"]) == (1, 1)
    assert office.run("summary", "--json").json["rejected_rows"] == 1


corner = st.tuples(st.integers(0, 40), st.integers(0, 40))


@given(st.sets(corner, min_size=4, max_size=12), st.integers(0, 11), st.booleans(), st.booleans())
@settings(max_examples=60)
def test_a_ring_is_the_same_wherever_it_starts_and_whichever_way_it_turns(corners, start, turned, wrapped):
    hull = shapely.MultiPoint([(114 + x / 1000, 22.5 + y / 1000) for x, y in corners]).convex_hull
    if hull.geom_type != "Polygon":
        return
    ring = list(hull.exterior.coords)[:-1]
    ring = ring[start % len(ring) :] + ring[: start % len(ring)]
    again = shapely.Polygon(ring[::-1] if turned else ring)
    other = shapely.MultiPolygon([again]) if wrapped else again
    assert same_shape(hull.wkb, other.wkb)
    moved = shapely.Polygon([(ring[0][0] + 1e-5, ring[0][1] + 1e-5), *ring[1:]])
    assert not same_shape(hull.wkb, moved.wkb)


@given(st.text(st.characters(blacklist_categories=("Cs",)), min_size=60, max_size=400))
@settings(max_examples=60)
def test_only_a_text_that_a_shapefile_cut_counts_as_unchanged(text):
    cut = text.encode()[:254].decode(errors="ignore")
    assert cut_short(cut, text) == (len(text.encode()) > 254)
    assert not cut_short(text, text)
    assert (
        not cut_short(text[:-30], text[:-25])
        or len(text[:-30].encode()) > 250
        or len(text[:-30].encode("gb18030")) > 250
    )


def test_a_clear_takes_back_the_answer_to_one_item_of_a_checklist(tmp_path: Path):
    ws = tmp_path / "ws"
    assert riskmap("init", ws).status == 0
    for text, marks in (
        ("编号,十个有-一,十个有-二\nU1,有,无\n", [True, False]),
        ("编号,十个有-一\nU1,清空\n", [None, False]),
    ):
        file = tmp_path / "空间.csv"
        file.write_text(text, encoding="utf-8")
        done = riskmap("import", "underground_spaces", file, "--crs", "wgs84", "--json", "--workspace", ws)
        assert done.status == 0, done.out
        found = riskmap("select", "underground_spaces", "--json", "--workspace", ws).json["features"][0]
        assert found["checklist"][:2] == marks
