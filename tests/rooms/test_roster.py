"""A duty roster: a file of shifts, who is on duty at a moment, and what is wrong with it."""

from __future__ import annotations

import pytest

from riskmap.moments import CLOCK
from tests.cli import riskmap
from tests.register_workspace import bring, chosen, table

HEAD = "所属街道,值班开始,值班结束,值班岗位,值班人员,联系电话"
# The street is held overnight by 张三 and by day by 李四; the district only by day.
ROSTER = (
    "桂园街道,2026-11-29 18:00,2026-11-30 08:00,带班领导,张三,13800000001",
    "桂园街道,2026-11-29 18:00,2026-11-30 08:00,值班员,赵六,13800000006",
    "桂园街道,2026-11-30 08:00,2026-11-30 18:00,带班领导,李四,13800000002",
    ",2026-11-30 08:00,2026-11-30 18:00,带班领导,王五,13800000003",
)
PERSON = ("--by", "甲", "--why", "夜间叫应")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A workspace with an empty register of duty; it is 20:00 of 2026-11-29 in Beijing."""
    monkeypatch.setenv(CLOCK, "2026-11-29T12:00:00Z")
    home = tmp_path / "w"
    assert riskmap("init", home).status == 0
    assert riskmap("layer", "add", "duty", "--workspace", home).status == 0
    return home


@pytest.fixture
def kept(home):
    said = bring(home, "duty", table(home, HEAD, *ROSTER))
    assert (said["inserted"], said["rejected"], said["held"]) == (4, 0, 0)
    return home


def asked(home, *words, contacts=True):
    """Return who is on duty by desk (None: the district's), and the command's status."""
    more = ("--contacts", *PERSON) if contacts else ()
    ran = riskmap("duty", *words, *more, "--json", "--workspace", home)
    desks = {one["subdistrict"]: [who["name"] for who in one["on_duty"]] for one in ran.json["desks"]}
    return desks, ran.status


def findings(home):
    ran = riskmap("check", "--json", "--workspace", home)
    return [one["message"] for one in ran.json["findings"] if one["what"] == "duty"]


@pytest.mark.parametrize(
    ("at", "street", "district", "status"),
    [
        ("2026-11-29 17:59", [], [], 1),
        ("2026-11-29 18:00", ["张三", "赵六"], [], 1),
        ("2026-11-30 02:00", ["张三", "赵六"], [], 1),
        ("2026-11-30 07:59", ["张三", "赵六"], [], 1),
        ("2026-11-30 08:00", ["李四"], ["王五"], 0),
        ("2026-11-30 17:59", ["李四"], ["王五"], 0),
        ("2026-11-30 18:00", [], [], 1),
    ],
)
def test_a_shift_lasts_from_its_first_moment_until_before_its_last(kept, at, street, district, status):
    assert asked(kept, "--at", at) == ({"桂园街道": street, None: district}, status)


def test_without_a_moment_it_is_now(kept):
    assert asked(kept)[0]["桂园街道"] == ["张三", "赵六"]


def test_one_desk_is_asked_by_its_street_and_the_district_by_its_name(kept):
    assert asked(kept, "--desk", "桂园街道") == ({"桂园街道": ["张三", "赵六"]}, 0)
    assert asked(kept, "--desk", "区") == ({None: []}, 1)
    assert asked(kept, "--desk", "黄贝街道") == ({"黄贝街道": []}, 1)


def test_nobody_on_duty_is_said_with_the_next_shift(kept):
    ran = riskmap("duty", "--workspace", kept)
    assert ran.status == 1
    assert "区值班室：值班表上此刻无人值班，下一班 2026-11-30 08:00 开始" in ran.out
    assert "桂园街道值班室\t带班领导\t张*\t138****0001" in ran.out


def test_names_and_numbers_are_masked_but_by_right_which_is_recorded(kept):
    assert asked(kept, contacts=False)[0]["桂园街道"] == ["张*", "赵*"]
    assert not kept_exports(kept)
    asked(kept)
    assert kept_exports(kept) == ["值班表：联系方式"]
    refused = riskmap("duty", "--contacts", "--by", "甲", "--why", " ", "--json", "--workspace", kept)
    assert refused.status == 2


def kept_exports(home):
    from riskmap.actions.workspace import open_workspace

    return [one.what for one in open_workspace(home).ledger.exports() if one.unmasked]


def test_the_same_file_twice_changes_nothing_and_a_corrected_number_is_that_of_its_shift(kept):
    again = bring(kept, "duty", table(kept, HEAD, *ROSTER))
    assert (again["inserted"], again["updated"], again["unchanged"]) == (0, 0, 4)
    mended = [ROSTER[0].replace("13800000001", "13900000009"), *ROSTER[1:]]
    said = bring(kept, "duty", table(kept, HEAD, *mended))
    assert (said["inserted"], said["updated"], said["unchanged"]) == (0, 1, 3)
    (one,) = chosen(kept, "duty", "--where", "值班开始 < 2026-11-30", "--where", "值班岗位 = leader").values()
    assert (one["version"], one["fields"]["phone"]) == (2, "139****0009")


def test_a_shift_that_ends_before_it_begins_is_rejected_and_one_after_midnight_is_not(home):
    said = bring(
        home,
        "duty",
        table(
            home,
            HEAD,
            "桂园街道,2026-11-30 08:00,2026-11-29 18:00,带班领导,张三,13800000001",
            "桂园街道,2026-11-30 08:00,2026-11-30 08:00,带班领导,张三,13800000001",
            "桂园街道,2026-11-30,2026-11-30 06:00,带班领导,李四,13800000002",  # 6 in Beijing is yesterday in UTC
        ),
    )
    assert (said["inserted"], said["rejected"]) == (1, 2)
    assert asked(home, "--at", "2026-11-30 05:59")[0] == {"桂园街道": ["李四"]}
    assert asked(home, "--at", "2026-11-30 00:00")[0] == {"桂园街道": ["李四"]}
    assert asked(home, "--at", "2026-11-29 23:59")[0] == {"桂园街道": []}


def test_a_list_with_a_row_for_each_shift_has_its_leader_in_columns_of_their_own(home):
    lines = (
        "所属街道,值班开始,值班结束,带班领导,带班电话,值班人员,值班电话",
        "桂园街道,2026-11-29 18:00,2026-11-30 08:00,张三,13800000001,赵六,13800000006",
    )
    assert bring(home, "duty", table(home, *lines))["inserted"] == 1
    ran = riskmap("duty", "--contacts", *PERSON, "--json", "--workspace", home)
    (desk,) = ran.json["desks"]
    assert desk["leader"] == "张三"
    assert [(one["leads"], one["name"], one["phone"]) for one in desk["on_duty"]] == [
        (True, "张三", "13800000001"),
        (False, "赵六", "13800000006"),
    ]


def test_the_only_number_of_a_row_with_a_leader_alone_is_the_leaders(home):
    lines = (
        "所属街道,值班开始,值班结束,带班领导,联系电话",
        "桂园街道,2026-11-29 18:00,2026-11-30 08:00,张三,13800000001",
    )
    bring(home, "duty", table(home, *lines))
    ran = riskmap("duty", "--contacts", *PERSON, "--json", "--workspace", home)
    (one,) = ran.json["desks"][0]["on_duty"]
    assert (one["leads"], one["name"], one["phone"]) == (True, "张三", "13800000001")


def test_check_names_overlaps_of_a_post_but_not_two_who_are_on_duty_together(home):
    lines = (
        "桂园街道,2026-11-29 18:00,2026-11-30 08:00,值班员,赵六,13800000006",
        "桂园街道,2026-11-29 18:00,2026-11-30 08:00,值班员,孙七,13800000007",
        "桂园街道,2026-11-29 18:00,2026-11-30 08:00,带班领导,张三,13800000001",
    )
    bring(home, "duty", table(home, HEAD, *lines))
    assert findings(home) == []
    more = "桂园街道,2026-11-30 07:00,2026-11-30 18:00,带班领导,李四,13800000002"
    bring(home, "duty", table(home, HEAD, more))
    (said,) = findings(home)
    assert "重叠" in said
    assert "2026-11-30 07:00 — 2026-11-30 08:00" in said
    assert "张" not in said


def test_check_names_the_hours_without_anybody_and_a_roster_that_has_ended(home):
    lines = (
        "桂园街道,2026-11-28 08:00,2026-11-29 08:00,带班领导,张三,13800000001",
        "桂园街道,2026-11-30 08:00,2026-12-01 08:00,带班领导,张三,13800000001",
        "黄贝街道,2026-11-28 08:00,2026-11-29 08:00,带班领导,李四,13800000002",
    )
    bring(home, "duty", table(home, HEAD, *lines))
    assert sorted(findings(home)) == [
        "桂园街道值班室无人值班：2026-11-29 20:00 — 2026-11-30 08:00",
        "黄贝街道值班室的值班表到 2026-11-29 08:00 为止",
    ]


def test_a_row_that_calls_nobody_is_named_and_counts_for_nothing(home):
    lines = (
        "值班开始,值班结束,值班室,值班人员",
        "2026-11-29 18:00,2026-11-30 08:00,街道,张三",
        "2026-11-29 18:00,2026-11-30 08:00,区,",
        "2026-11-29 18:00,,区,李四",
    )
    assert bring(home, "duty", table(home, *lines))["inserted"] == 3
    assert asked(home) == ({}, 1)
    (said,) = findings(home)
    for part in ("没有写哪个街道", "没有写谁值班", "没有写全值班开始和结束"):
        assert part in said


def test_an_empty_roster_is_said_and_without_a_register_it_is_named_what_to_do(home, tmp_path):
    ran = riskmap("duty", "--workspace", home)
    assert (ran.status, ran.out) == (1, "")
    assert "值班表是空的" in ran.err
    bare = tmp_path / "bare"
    riskmap("init", bare)
    ran = riskmap("duty", "--workspace", bare)
    assert ran.status == 2
    assert "duty" in ran.err
