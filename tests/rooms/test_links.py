"""Records that name others: judged by the ledger, kept both ways, never pointing to nothing."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

import riskmap as face
from riskmap.actions.records.editing import edit_point, retire_point, undo_changeset
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import LedgerError, RefusedError
from riskmap.rules.permissions import local_actor
from riskmap.selection import Selection, tile
from tests.cli import riskmap
from tests.register_workspace import bring, chosen, register_workspace, table

CASES = Path(__file__).parents[1] / "cases" / "registers"
WHO = {"by": local_actor("测试"), "why": "测试"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return register_workspace(tmp_path_factory.mktemp("registers") / "w")


@pytest.fixture
def home(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "w"))


def links(home):
    with closing(sqlite3.connect(home / "data" / "ledger.sqlite")) as raw:
        query = (
            "SELECT a.code, k.field, b.code, k.valid_to IS NULL FROM link k JOIN feature a ON a.id = k.from_id "
            "JOIN feature b ON b.id = k.to_id ORDER BY a.code, k.valid_from"
        )
        return raw.execute(query).fetchall()


def test_a_record_is_named_by_its_code_or_by_a_name_that_only_it_has(home):
    assert links(home) == [
        ("KD1", "road", "LD001", 1),
        ("KD2", "road", "LD001", 1),
        ("KD3", "road", "LD002", 1),
    ]
    assert [one["fields"]["road"] for one in chosen(home, "cavities").values()] == ["LD001", "LD001", "LD002"]
    assert list(chosen(home, "cavities", "--where", "road = LD001")) == ["KD1", "KD2"]


def test_a_row_that_names_a_record_which_there_is_not_waits_for_a_person(home):
    said = bring(home, "cavities", CASES / "link.xlsx")
    assert (said["held"], said["inserted"]) == (1, 0)
    (issue,) = [one for one in said["issues"] if one["rule"] == "no_such_record"]
    assert "LD999" in issue["message"]
    assert "KD900" not in chosen(home, "cavities")
    ws = open_workspace(home)
    (held,) = ws.ledger.held()
    with pytest.raises(RefusedError, match="LD999"):
        ws.ledger.accept_held([held.id], by="测试", why="仍没有这条路")


def test_an_edit_that_names_nothing_is_refused_and_one_that_names_another_moves_the_link(home):
    ws = open_workspace(home)
    with pytest.raises(RefusedError, match="LD9"):
        edit_point(ws, "cavities", "KD1", seen=1, changes={"road": "LD9"}, **WHO)
    edit_point(ws, "cavities", "KD1", seen=1, changes={"road": "LD002"}, **WHO)
    assert links(home)[:2] == [("KD1", "road", "LD001", 0), ("KD1", "road", "LD002", 1)]
    undo_changeset(ws, ws.ledger.state, **WHO)
    assert links(home)[2] == ("KD1", "road", "LD001", 1)
    assert ws.ledger.check() == []


def test_what_hangs_on_a_record_stands_where_that_stands_and_follows_it(home):
    before = chosen(home, "cavities")
    assert before["KD1"]["lon"] == pytest.approx(114.10)
    assert before["KD1"]["flags"] == []
    moved = (
        (home / "roads.geojson")
        .read_text(encoding="utf-8")
        .replace("114.10,", "114.30,")
        .replace("114.11,", "114.31,")
    )
    (home / "moved.geojson").write_text(moved, encoding="utf-8")
    bring(home, "roads", home / "moved.geojson")
    after = chosen(home, "cavities")
    assert after["KD1"]["lon"] == pytest.approx(114.30)
    assert after["KD3"]["lon"] == before["KD3"]["lon"]
    assert after["KD1"]["version"] == 1, "nothing was written: the place is worked out"


def test_a_record_with_a_place_of_its_own_keeps_it(home):
    bring(home, "cavities", table(home, "空洞编号,路段,经度,纬度", "KD9,LD001,114.15,22.65"))
    assert chosen(home, "cavities")["KD9"]["lon"] == pytest.approx(114.15)


@pytest.mark.parametrize("name", ["out.xlsx", "out.csv", "out.geojson", "out.gpkg"])
def test_what_is_exported_with_the_place_of_another_record_comes_back_without_one_of_its_own(home, name):
    bring(home, "cavities", table(home, "空洞编号,路段,经度,纬度", "KD9,LD001,114.15,22.65"))
    assert riskmap("export", "cavities", "--to", home / name, "--workspace", home).status == 0
    back = bring(home, "cavities", home / name)
    assert (back["unchanged"], back["updated"], back["inserted"]) == (4, 0, 0)


def test_a_place_that_comes_with_a_new_record_is_its_own_unless_it_is_that_of_the_record_it_names(home):
    road = chosen(home, "roads")["LD001"]
    here, there = (f"{road['lon'] + away!r},{road['lat']!r}" for away in (0, 0.001))
    bring(home, "cavities", table(home, "空洞编号,路段,经度,纬度", f"KD8,LD001,{here}", f"KD9,LD001,{there}"))
    found = open_workspace(home).ledger.features("cavities").records
    kept = dict(zip(found.code, found.lon, strict=True))
    assert math.isnan(kept["KD8"])
    assert kept["KD9"] == pytest.approx(road["lon"] + 0.001)


def test_a_retired_record_can_be_named_by_nothing_new_and_names_nothing(home):
    ws = open_workspace(home)
    retire_point(ws, "cavities", "KD3", **WHO)
    assert links(home)[-1] == ("KD3", "road", "LD002", 0)
    retire_point(ws, "roads", "LD002", **WHO)
    with pytest.raises(RefusedError, match="注销"):
        edit_point(ws, "cavities", "KD1", seen=1, changes={"road": "LD002"}, **WHO)


def test_a_parent_is_not_retired_under_its_children(home):
    bring(home, "visits", table(home, "空洞,隐患数", "KD1,3"))
    ws = open_workspace(home)
    with pytest.raises(LedgerError, match="visits:KD1-001"):
        retire_point(ws, "cavities", "KD1", **WHO)
    retire_point(ws, "visits", "KD1-001", **WHO)
    retire_point(ws, "cavities", "KD1", **WHO)


def test_an_undo_does_not_take_a_record_away_from_under_its_links(home):
    ws = open_workspace(home)
    first = next(one.id for one in ws.ledger.changesets() if one.kind == "import" and one.id == 1)
    with pytest.raises(LedgerError, match="KD1"):
        undo_changeset(ws, first, **WHO)
    assert ws.ledger.check() == []


def test_two_rows_of_one_parent_are_two_children_and_the_same_file_changes_nothing(home):
    lines = (
        "空洞,隐患数,时间,类别",
        "KD1,3,2023-05-16 10:20,墙、坡",
        "KD1,5,2023-06-11,坡",
        "KD1,5,2023-06-11,坡",
    )
    first = bring(home, "visits", table(home, *lines))
    assert (first["inserted"], first["unlocated"]) == (3, 0)
    again = bring(home, "visits", table(home, *lines))
    assert (again["unchanged"], again["inserted"]) == (3, 0)
    assert list(chosen(home, "visits")) == ["KD1-001", "KD1-002", "KD1-003"]


def test_a_child_without_a_parent_is_rejected_and_one_of_an_unknown_parent_waits(home):
    said = bring(home, "visits", table(home, "空洞,隐患数", ",1", "KD77,1"))
    assert (said["rejected"], said["held"]) == (1, 1)
    assert {one["rule"] for one in said["issues"]} >= {"no_parent", "no_such_record"}


def test_a_moment_keeps_its_minute_and_a_day_stays_a_day(home):
    bring(home, "visits", table(home, "空洞,时间", "KD1,2023-05-16 00:20", "KD2,2023-06-11"))
    at = [one["fields"]["at"] for one in chosen(home, "visits").values()]
    assert at == ["2023-05-15T16:20Z", "2023-06-11"]
    assert list(chosen(home, "visits", "--where", "at = 2023-05-16")) == ["KD1-001"]


def test_a_cell_with_several_choices_is_found_by_each_and_comes_back(home):
    bring(home, "visits", table(home, "空洞,类别", "KD1,坡；墙", "KD2,坡"))
    found = chosen(home, "visits")
    assert found["KD1-001"]["fields"]["kind"] == ["wall", "slope"]
    assert list(chosen(home, "visits", "--where", "kind = 墙")) == ["KD1-001"]
    assert list(chosen(home, "visits", "--where", "kind != 墙")) == ["KD2-001"]
    for name in ("out.xlsx", "out.csv", "out.geojson", "out.gpkg"):
        assert riskmap("export", "visits", "--to", home / name, "--workspace", home).status == 0
        back = bring(home, "visits", home / name)
        assert (back["unchanged"], back["updated"], back["inserted"]) == (2, 0, 0), name


def test_records_without_a_place_are_no_matter_for_the_map_and_none_are_missing_on_it(home):
    bring(home, "visits", table(home, "空洞,类别", "KD1,坡"))
    (one,) = chosen(home, "visits").values()
    assert (one["lon"], one["flags"]) == (None, [])


def test_a_frame_gives_links_moments_and_several_choices_as_values(home):
    bring(home, "visits", table(home, "空洞,时间,类别", "KD1,2023-05-16 10:20,墙、坡"))
    frame = face.open(home)["visits"].frame()
    assert frame["kind"].tolist() == [("wall", "slope")]
    assert str(frame["at"].iloc[0]) == "2023-05-16 02:20:00+00:00"
    assert frame["cavity"].tolist() == ["KD1"]


def test_a_list_tells_what_a_record_names_and_how_many_name_it(home):
    bring(home, "visits", table(home, "空洞,隐患数", "KD1,3", "KD1,4"))
    cavity, road = chosen(home, "cavities")["KD1"], chosen(home, "roads")["LD001"]
    assert cavity["links"] == {"road": [{"layer": "roads", "code": "LD001", "name": "一号路"}]}
    assert cavity["children"] == {"visits": 2}
    assert road["children"] == {"cavities": 2}
    assert "links" not in road


def test_check_names_a_link_that_somebody_altered(home):
    with closing(sqlite3.connect(home / "data" / "ledger.sqlite")) as raw:
        raw.execute("DROP TRIGGER revision_fixed")
        raw.execute(
            "UPDATE revision SET body = json_remove(body, '$.road') WHERE feature_id = (SELECT id FROM feature WHERE code = 'KD1')"
        )
        raw.commit()
    said = json.dumps(riskmap("check", "--json", "--workspace", home).json, ensure_ascii=False)
    assert "KD1" in said


def test_a_layer_without_tiers_is_coloured_by_a_choice_and_one_class_more_says_that_it_is_not_stated(home):
    path = home / "layers" / "cavities.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        'colour = "depth"\n'
        + text
        + '[[fields]]\nid = "depth"\ntitle = { zh = "深浅", en = "Depth" }\ntype = "choice"\n'
        'choices = [{ id = "deep", title = { zh = "深", en = "Deep" } }, { id = "flat", title = { zh = "浅", en = "Flat" } }]\n',
        encoding="utf-8",
    )
    bring(home, "cavities", table(home, "空洞编号,深浅", "KD1,浅", "KD2,深"))
    snapshot = current_snapshot(open_workspace(home))
    assert snapshot.table("cavities")["class"].to_pylist() == [1, 0, 2]
    data = tile(snapshot, Selection(layers=("cavities",)), 14, *_tile_of(114.2, 22.6, 14))
    (n,) = struct.unpack_from("<I", data)
    kinds = data[4 + 12 * n :]
    assert (n, [kind & 7 for kind in kinds]) == (1, [2])
    assert [kind >> 3 for kind in kinds] == [snapshot.layers.index("cavities")]


def _tile_of(lon, lat, zoom):
    side = 2**zoom
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * side), int(y * side)


def test_a_selection_lists_under_each_record_those_that_name_it(home):
    bring(home, "visits", table(home, "空洞,隐患数", "KD1,3", "KD1,4", "KD3,5"))
    found = chosen(home, "cavities", "--with-children", "visits")
    assert {code: [child["code"] for child in one["with"]["visits"]] for code, one in found.items()} == {
        "KD1": ["KD1-001", "KD1-002"],
        "KD2": [],
        "KD3": ["KD3-001"],
    }
    assert found["KD3"]["with"]["visits"][0]["fields"]["found"] == 5
    told = riskmap("select", "cavities", "--with-children", "visits", "--workspace", home).out
    assert "+ visits\tKD1-001" in told
    refused = riskmap("select", "roads", "--with-children", "visits", "--workspace", home)
    assert (refused.status, "检查" in refused.err) == (2, True)
