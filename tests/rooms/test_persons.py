"""Persons: each found once with all they answer for, and a number that changes everywhere with one undo."""

from __future__ import annotations

import pytest

from riskmap.actions.records.editing import edit_point, undo_changeset
from riskmap.actions.records.persons import change_number, find_persons
from riskmap.actions.records.scoring import one_feature
from riskmap.actions.workspace import open_workspace
from riskmap.errors import NotAllowedError, RefusedError, RiskmapError, UnknownNameError
from riskmap.ledger.columns import read_contacts
from riskmap.moments import CLOCK
from riskmap.rules.permissions import RIGHTS, Actor, local_actor
from riskmap.values.records import Contact
from riskmap.vocabulary import RANKS
from tests.cli import riskmap
from tests.register_workspace import bring, table

BY = {"by": local_actor("甲"), "why": "换号"}
OLD, NEW = "13800000001", "13900000009"


@pytest.fixture
def home(tmp_path):
    """Two 张三 with two numbers: one on a slope, a risk point and a grid, the other on a slope; 李四 has the first number too."""
    home = tmp_path / "w"
    assert riskmap("init", home).status == 0
    assert riskmap("layer", "add", "persons", "--workspace", home).status == 0
    bring(
        home,
        "slopes",
        table(
            home,
            "编号,街道,责任人,责任人电话,监测人,监测人电话",
            f"B1,梅坳街道,张三,{OLD},张三,{OLD}",
            "B2,云渡街道,张三,13800000002,,",
            f"B3,云渡街道,李四,{OLD},,",
            "B4,云渡街道,张三,,,",
        ),
    )
    bring(
        home, "risk_points", table(home, "编号,街道,挂点街道领导,挂点电话", "R1,梅坳街道,张三,138 0000 0001")
    )
    bring(
        home,
        "forest_fire_grids",
        table(home, "编号,责任人,责任人电话", f"G1,张三,{OLD}", "G2,张三丰,13800000005"),
    )
    bring(
        home,
        "persons",
        table(
            home,
            "人员编号,街道,姓名,手机号码,核实日期,责任人类别,所在单位",
            f"P1,梅坳街道,张三,{OLD},2026-05-01,成员单位,水务局",
            "P2,云渡街道,王五,13800000007,,社区网格,某社区",
        ),
    )
    return home


@pytest.fixture
def ws(home):
    return open_workspace(home)


def held(found):
    return [(one.layer, one.code, one.contact.role) for one in found.held]


def numbers(ws, layer):
    """Return code → the numbers of a record's contacts."""
    return {code: [one.phone for one in people] for code, people in ws.ledger.contacts(layer).items()}


MINE = [
    ("forest_fire_grids", "G1", "patrol_leader"),
    ("risk_points", "R1", "leader"),
    ("slopes", "B1", "prevention"),
    ("slopes", "B1", "monitoring"),
]


def test_a_person_is_found_by_code_with_every_record_in_every_role(ws):
    (found,) = find_persons(ws, "P1")
    assert held(found) == MINE
    assert found.by_layer == {"forest_fire_grids": 1, "risk_points": 1, "slopes": 1}
    assert (found.subdistrict, found.stated["unit"], found.stated["class"]) == (
        "梅坳街道",
        "水务局",
        "member",
    )


def test_those_of_one_name_stand_apart_and_without_a_number_may_be_several(ws):
    found = find_persons(ws, "张三", unmasked=True, **BY)
    assert [(one.person.phone, one.code, len(one.held), one.several) for one in found] == [
        (OLD, "P1", 4, False),
        ("13800000002", None, 1, False),
        (None, None, 1, True),
    ]


def test_a_number_alone_joins_nobody(ws):
    found = find_persons(ws, OLD, unmasked=True, **BY)
    assert [(one.person.name, len(one.held)) for one in found] == [("张三", 4), ("李四", 1)]


def test_looking_by_name_asks_for_the_right_and_is_recorded_without_the_name(ws):
    with pytest.raises(NotAllowedError):
        find_persons(ws, "张三", by=Actor("乙", None, frozenset(RIGHTS) - {"read_contacts"}), why="看看")
    assert ws.ledger.exports(limit=1) == []
    found = find_persons(ws, "张三", **BY)
    (entry,) = ws.ledger.exports(limit=5)
    assert (entry.who, entry.what, entry.unmasked) == ("甲", "责任人 张*：查找", True)
    assert {one.person.name for one in found} == {"张*"}
    assert {one.contact.name for one in found[0].held} == {"张*"}


def test_looking_by_code_shows_a_masked_person_and_records_nothing(ws):
    (found,) = find_persons(ws, "P1")
    assert (found.person.name, found.person.phone) == ("张*", "138****0001")
    assert ws.ledger.exports(limit=1) == []


def test_who_is_nobody_is_said_without_the_name(ws):
    with pytest.raises(UnknownNameError) as told:
        find_persons(ws, "赵六七", **BY)
    assert "赵六七" not in str(told.value)


def test_a_number_is_changed_once_and_everywhere_and_taken_back_at_once(ws):
    before = {layer: numbers(ws, layer) for layer in ("slopes", "risk_points", "forest_fire_grids")}
    done = change_number(ws, "P1", NEW, **BY)
    assert done.by_layer == {"forest_fire_grids": 1, "persons": 1, "risk_points": 1, "slopes": 1}
    assert numbers(ws, "slopes") == before["slopes"] | {"B1": [NEW, NEW]}
    assert numbers(ws, "risk_points") == {"R1": [NEW]}
    assert numbers(ws, "forest_fire_grids") == {"G1": [NEW], "G2": ["13800000005"]}
    row = one_feature(ws, "persons", "P1").records.values
    assert row["phone"][0] == NEW
    assert row.get("phone_verified", [None])[0] is None, "the old number was checked, not this one"
    undo_changeset(ws, done.changeset, **BY)
    assert {layer: numbers(ws, layer) for layer in before} == before
    assert one_feature(ws, "persons", "P1").records.values["phone_verified"][0] == "2026-05-01"


def test_an_edit_of_the_row_of_a_person_does_the_same(ws):
    done = edit_point(
        ws, "persons", "P1", seen=1, changes={"phone": NEW, "phone_verified": "2026-11-01"}, **BY
    )
    assert done.followed == {"forest_fire_grids": 1, "risk_points": 1, "slopes": 1}
    (one,) = ws.ledger.contacts("risk_points")["R1"]
    assert (one.phone, one.verified_on) == (NEW, "2026-11-01")
    assert one_feature(ws, "risk_points", "R1").rank[0] == RANKS.index("unrated")


def test_so_does_a_file_of_persons_and_one_undo_takes_all_of_it_back(home, ws):
    before = numbers(ws, "slopes")
    said = bring(
        home, "persons", table(home, "人员编号,姓名,手机号码", f"P1,张三,{NEW}", "P2,王五,13800000007")
    )
    assert (said["updated"], said["unchanged"]) == (1, 1)
    assert numbers(ws, "slopes") == before | {"B1": [NEW, NEW]}
    last = ws.ledger.changesets(limit=5)
    undo_changeset(ws, next(one.id for one in last if one.kind == "import"), **BY)
    assert numbers(ws, "slopes") == before


def test_another_person_in_the_same_post_takes_nobody_along(ws):
    done = edit_point(ws, "persons", "P1", seen=1, changes={"person": "赵六", "phone": NEW}, **BY)
    assert done.followed == {}
    assert numbers(ws, "slopes")["B1"] == [OLD, OLD]


def test_of_several_of_a_name_the_one_meant_has_to_be_named(ws):
    with pytest.raises(RiskmapError, match="3 人"):
        change_number(ws, "张三", NEW, **BY)
    done = change_number(ws, "张三", NEW, old="138-0000-0002", **BY)
    assert done.by_layer == {"slopes": 1}
    assert numbers(ws, "slopes")["B2"] == [NEW]
    assert numbers(ws, "slopes")["B1"] == [OLD, OLD]


def test_what_is_no_number_is_refused_and_an_unusual_one_is_said(ws):
    with pytest.raises(RefusedError):
        change_number(ws, "P1", "无", **BY)
    assert change_number(ws, "P1", "12345", **BY).warnings


def test_the_past_keeps_the_old_number_and_who_changed_it(home, ws, monkeypatch):
    change_number(ws, "P1", NEW, **BY)
    last = ws.ledger.history("slopes", "B1")[-1]
    assert (last.who, last.why, list(last.changes)) == ("甲", "换号", ["contacts"])
    assert OLD not in str(last.changes)


def test_a_retired_record_is_nobodys_any_more(home, ws):
    assert riskmap("retire", "slopes", "B1", "--why", "已拆", "--workspace", home).status == 0
    (found,) = find_persons(ws, "P1")
    assert held(found) == MINE[:2]


def test_the_command_lists_and_changes(home):
    shown = riskmap("person", "P1", "--json", "--workspace", home).json
    (one,) = shown["persons"]
    assert (shown["count"], shown["masked"], one["phone"]) == (1, True, "138****0001")
    assert one["records"][1] == {
        "layer": "risk_points",
        "code": "R1",
        "name": None,
        "subdistrict": "梅坳街道",
        "role": "leader",
        "tier": "unrated",
    }
    full = riskmap(
        "person", "张三", "--contacts", "--by", "甲", "--why", "叫应", "--json", "--workspace", home
    ).json
    assert [p["phone"] for p in full["persons"]] == [OLD, "13800000002", None]
    ran = riskmap("person", "张三", "--phone", NEW, "--workspace", home)
    assert ran.status == 2
    assert "--old" in ran.err
    ran = riskmap("person", "张三", "--phone", NEW, "--old", OLD, "--json", "--workspace", home)
    assert ran.json["by_layer"] == {"forest_fire_grids": 1, "persons": 1, "risk_points": 1, "slopes": 1}
    assert "张三" not in riskmap("changes", "--workspace", home).out


def people(ws, code):
    return [(one.name, one.phone, one.post, one.verified_on) for one in ws.ledger.contacts("slopes")[code]]


def three(home, *lines):
    return bring(home, "slopes", table(home, "编号,责任人,责任人电话,责任人职务,责任人核实日期", *lines))


def test_three_in_a_cell_are_three_persons_and_only_the_first_has_post_and_day(home, ws):
    three(home, "B5,张三、李四、王五,13800000001、13800000002,站长,2026-05-01")
    first = [
        ("张三", OLD, "站长", "2026-05-01"),
        ("李四", "13800000002", None, None),
        ("王五", None, None, None),
    ]
    assert people(ws, "B5") == first
    found = find_persons(ws, "王五", unmasked=True, **BY)
    assert [(one.code, one.person.phone, [h.code for h in one.held]) for one in found] == [
        ("P2", "13800000007", []),
        (None, None, ["B5"]),
    ]


def test_a_file_that_names_some_again_keeps_what_it_does_not_state_and_takes_off_who_is_not_named(home, ws):
    three(home, "B5,张三、李四、王五,13800000001、13800000002,站长,2026-05-01")
    three(home, "B5,李四、张三,,,")
    assert people(ws, "B5") == [("李四", "13800000002", None, None), ("张三", OLD, "站长", "2026-05-01")]
    three(home, "B5,,,,2026-06-01")
    assert people(ws, "B5")[0] == ("李四", "13800000002", None, None), "a day alone names nobody"
    three(home, "B5,赵六,13800000006,,")
    assert people(ws, "B5") == [("赵六", "13800000006", None, None)]


def test_several_in_a_role_leave_in_one_cell_and_come_back_unchanged_masked_or_not(home, ws, tmp_path):
    three(home, "B5,张三、李四、王五,13800000001、13800000002,站长,2026-05-01")
    before = people(ws, "B5")
    for name, more in (("masked.xlsx", ()), ("open.csv", ("--contacts", "--by", "甲", "--why", "交接"))):
        file = tmp_path / name
        assert "5 条" in riskmap("export", "slopes", "--to", file, *more, "--workspace", home).out
        said = bring(home, "slopes", file)
        assert (said["updated"], said["held"], said["unchanged"]) == (0, 0, 5)
        assert people(ws, "B5") == before


def test_a_list_that_an_older_ledger_has_as_one_contact_is_read_as_several(ws):
    told = '[{"role":"leader","name":"张三、李四","phone":"13800000001、13800000002","post":"组长"}]'
    assert read_contacts(told) == (
        Contact("leader", "张三", OLD, "组长"),
        Contact("leader", "李四", "13800000002"),
    )


def test_a_number_of_one_of_several_changes_and_the_others_stay(home, ws):
    three(home, "B5,王五、张三、李四,13800000007、13800000001、13800000002,,")
    change_number(ws, "P1", NEW, **BY)
    assert people(ws, "B5") == [
        ("王五", "13800000007", None, None),
        ("张三", NEW, None, None),
        ("李四", "13800000002", None, None),
    ]


def listed(home, name):
    return [row["code"] for row in riskmap("list", name, "--json", "--workspace", home).json["rows"]]


def test_terms_and_numbers_to_be_checked_and_vacant_roles_are_lists(home, monkeypatch):
    monkeypatch.setenv(CLOCK, "2026-11-29T02:00:00Z")
    rows = table(
        home,
        "人员编号,姓名,手机号码,核实日期,任职起,任职止",
        "P3,甲一,13800000011,2026-06-01,2024-01-01,2026-12-29",
        "P4,乙一,13800000012,2026-06-02,2024-01-01,2026-12-30",
        "P5,丙一,13800000013,,2024-01-01,2026-03-01",
        "P6,丁一,13800000014,2026-11-01,2026-03-01,2024-01-01",
    )
    assert bring(home, "persons", rows)["rejected"] == 1, "a post that ends before it begins"
    assert listed(home, "term_list") == ["P5", "P3"], "30 days from 2026-11-29 are 2026-12-29"
    assert listed(home, "unverified_phone_list") == ["P1", "P3"], "180 days before 2026-11-29 are 2026-06-02"
    assert listed(home, "never_verified_list") == ["P2", "P5"]
    assert "R1" in listed(home, "vacancy_list"), "a leader, and nobody responsible"
    found = riskmap("select", "slopes", "--where", "职责空缺 >= 2", "--json", "--workspace", home).json
    assert [one["code"] for one in found["features"]] == ["B2", "B3", "B4"]
