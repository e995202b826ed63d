"""Two records of one place made one, and one made two: what names them follows, both sides say so, one undo restores."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from riskmap.actions.records.attaching import attach_files
from riskmap.actions.records.editing import edit_point, undo_changeset
from riskmap.actions.records.uniting import merge_points, plan_merge, split_point
from riskmap.actions.workspace import open_workspace
from riskmap.errors import LedgerError, RefusedError, RiskmapError, StaleRevisionError
from riskmap.ledger import Reference
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.register_workspace import bring, chosen, register_workspace, table

WHO = {"by": local_actor("测试"), "why": "同一处"}
PICTURES = """
[[fields]]
id = "photos"
title = { zh = "照片", en = "Photos" }
type = "file"
several = true
[[fields]]
id = "near"
title = { zh = "相邻空洞", en = "Near" }
type = "record"
of = ["cavities"]
several = true
[[contacts]]
id = "keeper"
title = { zh = "管养人", en = "Keeper" }
"""
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636000000002000148afa4710000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = register_workspace(tmp_path_factory.mktemp("uniting") / "w")
    layer = home / "layers" / "cavities.toml"
    layer.write_text(layer.read_text(encoding="utf-8") + PICTURES, encoding="utf-8")
    rows = [
        "空洞编号,空洞名称,路段,备注,管养人,管养人电话,相邻空洞",
        "KD1,东侧空洞,LD001,,张三,13800000001,KD2",
        "KD2,西侧空洞,LD001,雨后出现,李四,13800000002,KD1",
        "KD3,南侧空洞,LD002,,,,KD2",
    ]
    bring(home, "cavities", table(home, *rows))
    bring(home, "visits", table(home, "空洞,隐患数", "KD2,3", "KD2,5", "KD1,1"))
    ws = open_workspace(home)
    attach_files(ws, "cavities", "KD2", "photos", [("雨后.png", PNG)], **WHO)
    return home


@pytest.fixture
def home(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "w"))


def seen(home) -> dict:
    """Return all that a user sees of the records, but versions and moments."""
    ws = open_workspace(home)
    out = {}
    for layer in ws.catalog.layers:
        found = riskmap("select", layer, "--json", "--workspace", home).json["features"]
        gone = riskmap("select", layer, "--retired", "--json", "--workspace", home).json["features"]
        left = {"version", "retired"}
        out[layer] = [{k: v for k, v in one.items() if k not in left} for one in (*found, *gone)]
        out[f"{layer} people"] = ws.ledger.contacts(layer)
        files = ws.ledger.attached(layer)
        out[f"{layer} files"] = {
            code: [(f.field, f.name) for f in some]
            for code, some in files.items()
            if code in {one["code"] for one in found}
        }
    return out


def merged(home, keep="KD1", drop="KD2", **more):
    ws = open_workspace(home)
    return ws, merge_points(ws, "cavities", keep, drop, choices={"*": f"@{keep}"}, **(WHO | more))


def test_what_only_the_other_states_goes_over_and_what_differs_is_listed_and_chosen(home):
    ws = open_workspace(home)
    plan = plan_merge(ws, "cavities", "KD1", "KD2")
    assert set(plan.taken) == {"remarks", "photos"}
    assert {one.key: one.words for one in plan.conflicts} == {
        "name": ("东侧空洞", "西侧空洞"),
        "contact.keeper": ("张* 138****0001", "李* 138****0002"),
    }
    assert set(plan.naming) == {
        Reference("cavities", "KD3"),
        Reference("visits", "KD2-001"),
        Reference("visits", "KD2-002"),
    }
    with pytest.raises(RefusedError, match=r"KD1 为“东侧空洞”，KD2 为“西侧空洞”(.|\n)*138\*\*\*\*0002"):
        merge_points(ws, "cavities", "KD1", "KD2", choices={}, **WHO)
    choices = {"名称": "@KD2", "contact.keeper": "@KD1"}
    merge_points(ws, "cavities", "KD1", "KD2", choices=choices, **WHO)
    record = chosen(home, "cavities")["KD1"]
    assert (record["name"], record["fields"]["remarks"]) == ("西侧空洞", "雨后出现")
    assert [one.name for one in ws.ledger.contacts("cavities")["KD1"]] == ["张三"]
    assert [one.name for one in ws.ledger.attached("cavities")["KD1"]] == ["雨后.png"]


def test_a_value_that_neither_has_may_settle_a_difference(home):
    ws = open_workspace(home)
    choices = {"name": "合并后的空洞", "*": "@KD2"}
    merge_points(ws, "cavities", "KD1", "KD2", choices=choices, **WHO)
    assert chosen(home, "cavities")["KD1"]["name"] == "合并后的空洞"
    assert [one.name for one in ws.ledger.contacts("cavities")["KD1"]] == ["李四"]


def test_children_and_all_that_named_the_other_name_the_one_that_stays_and_it_never_names_itself(home):
    ws, done = merged(home)
    assert len(done.done.relinked) == 3
    visits = chosen(home, "visits")
    assert {code: one["fields"]["cavity"] for code, one in visits.items()} == {
        "KD1-001": "KD1",
        "KD2-001": "KD1",
        "KD2-002": "KD1",
    }
    cavities = chosen(home, "cavities")
    assert list(cavities) == ["KD1", "KD3"]
    assert cavities["KD3"]["fields"]["near"] == ["KD1"]
    assert cavities["KD1"]["fields"]["near"] is None
    assert cavities["KD1"]["children"]["visits"] == 3
    assert ws.ledger.check() == []


def test_both_histories_say_what_was_merged_into_what_and_the_past_stays_readable(home):
    ws, done = merged(home)
    kept, left = ws.ledger.history("cavities", "KD1")[-1], ws.ledger.history("cavities", "KD2")
    assert (kept.kind, kept.other.code, kept.other.part) == ("merge", "KD2", "from")
    assert (left[-1].other.code, left[-1].other.part) == ("KD1", "into")
    assert left[0].changes["road"] == (None, "LD001"), "its past is there as it was"
    told = riskmap("history", "cavities", "KD2", "--json", "--workspace", home).json["revisions"][-1]
    assert told["other"] == {"code": "KD1", "part": "into"}
    assert done.done.changeset == left[-1].changeset


def test_one_undo_of_a_merge_restores_everything_and_an_undo_of_that_merges_again(home):
    before = seen(home)
    ws, done = merged(home)
    after = seen(home)
    assert after != before
    back = undo_changeset(ws, done.done.changeset, **WHO)
    assert seen(home) == before
    undo_changeset(ws, back.changeset, **WHO)
    assert seen(home) == after
    assert bring(home, "cavities", table(home, "空洞编号,路段", "KD2,LD001"))["held"] == 1
    assert ws.ledger.check() == []


def test_a_later_file_with_the_old_code_waits_and_says_where_the_record_went(home):
    merged(home)
    said = bring(home, "cavities", table(home, "空洞编号,空洞名称,路段", "KD2,西侧空洞,LD001"))
    assert (said["held"], said["inserted"], said["updated"]) == (1, 0, 0)
    (issue,) = said["issues"]
    assert issue["rule"] == "merged"
    assert "并入 KD1" in issue["message"]
    assert list(chosen(home, "cavities")) == ["KD1", "KD3"]
    merged(home, "KD3", "KD1")
    (issue,) = bring(home, "cavities", table(home, "空洞编号,路段", "KD2,LD001"))["issues"]
    assert "并入 KD3" in issue["message"], "what was merged further is named by what it is now"


def test_a_later_row_that_names_the_old_record_waits_and_says_which_one_to_name(home):
    merged(home)
    said = bring(home, "visits", table(home, "空洞,隐患数", "KD2,9"))
    assert (said["held"], said["inserted"]) == (1, 0)
    assert any("已并入 KD1" in one["message"] for one in said["issues"])


def test_shapes_that_differ_are_a_difference_and_the_place_goes_with_the_shape(home):
    ws = open_workspace(home)
    before = ws.ledger.features("roads").records
    assert [one.key for one in plan_merge(ws, "roads", "LD001", "LD002").conflicts] == ["name", "shape"]
    merge_points(ws, "roads", "LD001", "LD002", choices={"name": "@LD001", "范围": "@LD002"}, **WHO)
    after = ws.ledger.features("roads").records
    assert after.shapes == [before.shapes[1]]
    assert after.lon[0] == before.lon[1]
    assert chosen(home, "cavities")["KD3"]["fields"]["road"] == "LD001"


def test_what_has_moved_on_since_it_was_read_is_not_merged(home):
    ws = open_workspace(home)
    plan = plan_merge(ws, "cavities", "KD1", "KD2")
    edit_point(ws, "cavities", "KD2", seen=plan.versions["KD2"], changes={"remarks": "另说"}, **WHO)
    with pytest.raises(StaleRevisionError, match="KD2"):
        merged(home, seen=plan.versions)
    assert list(chosen(home, "cavities")) == ["KD1", "KD2", "KD3"]


@pytest.mark.parametrize(("keep", "drop", "why"), [("KD1", "KD1", "同一个"), ("KD1", "KD9", "KD9")])
def test_a_record_is_merged_neither_with_itself_nor_with_none(home, keep, drop, why):
    with pytest.raises(RiskmapError, match=why):
        merged(home, keep, drop)


def test_what_is_gone_cannot_be_merged_and_an_undo_over_a_later_change_is_refused(home):
    ws, done = merged(home)
    with pytest.raises(LedgerError, match="注销"):
        merged(home, "KD3", "KD2")
    version = ws.ledger.history("cavities", "KD1")[-1].version
    edit_point(ws, "cavities", "KD1", seen=version, changes={"remarks": "后来"}, **WHO)
    with pytest.raises(LedgerError, match="后来又改过"):
        undo_changeset(ws, done.done.changeset, **WHO)


def test_the_command_tells_what_it_would_do_and_needs_a_reason_to_do_it(home):
    words = ("merge", "cavities", "KD1", "KD2", "--workspace", home)
    told = riskmap(*words, "--dry-run", "--json").json
    assert {one["key"] for one in told["conflicts"]} == {"name", "contact.keeper"}
    assert list(chosen(home, "cavities")) == ["KD1", "KD2", "KD3"]
    assert riskmap(*words, "--set", "*=@KD1").refused, "no reason"
    assert riskmap(*words, "--why", "同一处").refused, "nobody settled what differs"
    done = riskmap(*words, "--set", "*=@KD1", "--why", "同一处", "--json").json
    assert (done["codes"], len(done["relinked"])) == (["KD1", "KD2"], 3)
    assert riskmap("undo", done["changeset"], "--why", "误合并", "--workspace", home).status == 0
    assert list(chosen(home, "cavities")) == ["KD1", "KD2", "KD3"]


def test_a_record_is_made_of_another_with_fields_files_and_children_that_go_over(home):
    before = seen(home)
    ws = open_workspace(home)
    done = split_point(
        ws,
        "cavities",
        "KD2",
        new_code="KD7",
        move=["备注", "photos"],
        copy=["路段"],
        stated={"name": "新空洞"},
        naming=[Reference("visits", "KD2-002")],
        **WHO,
    )
    now = chosen(home, "cavities")
    assert (now["KD7"]["name"], now["KD7"]["fields"]["remarks"], now["KD7"]["fields"]["road"]) == (
        "新空洞",
        "雨后出现",
        "LD001",
    )
    assert (now["KD2"]["name"], now["KD2"]["fields"]["remarks"]) == ("西侧空洞", None)
    assert {code: one["fields"]["cavity"] for code, one in chosen(home, "visits").items()} == {
        "KD1-001": "KD1",
        "KD2-001": "KD2",
        "KD2-002": "KD7",
    }
    files = ws.ledger.attached("cavities")
    assert list(files) == ["KD7"]
    of, made = ws.ledger.history("cavities", "KD7")[-1].other, ws.ledger.history("cavities", "KD2")[-1].other
    assert (of.code, of.part, made.code, made.part) == ("KD2", "of", "KD7", "made")
    undo_changeset(ws, done.done.changeset, **WHO)
    assert {**seen(home), "cavities": seen(home)["cavities"][:3]} == before
    assert ws.ledger.check() == []


def test_a_split_takes_only_what_names_the_record_and_a_code_that_is_free(home):
    ws = open_workspace(home)
    with pytest.raises(LedgerError, match="visits:KD1-001 没有挂在它上面"):
        split_point(ws, "cavities", "KD2", new_code="KD7", naming=[Reference("visits", "KD1-001")], **WHO)
    with pytest.raises(LedgerError, match="已有这个编号"):
        split_point(ws, "cavities", "KD2", new_code="KD3", **WHO)
    assert list(chosen(home, "cavities")) == ["KD1", "KD2", "KD3"]


def test_a_child_that_is_split_gets_the_next_code_of_its_parent(home):
    ran = riskmap("split", "visits", "KD2-001", "--move", "found", "--workspace", home, "--json")
    assert ran.json["codes"] == ["KD2-003", "KD2-001"]
    visits = chosen(home, "visits")
    assert (visits["KD2-003"]["fields"]["found"], visits["KD2-001"]["fields"]["found"]) == (3, None)


LEADERS = """
[[contacts]]
id = "leader"
title = { zh = "挂点领导", en = "Leader" }
"""


@pytest.mark.parametrize(("chosen_of", "keepers"), [("KD1", ["张三", "李四"]), ("KD2", ["王五", "赵六"])])
def test_of_several_persons_in_one_role_none_is_lost_whichever_side_is_chosen(tmp_path, chosen_of, keepers):
    home = register_workspace(tmp_path / "w")
    layer = home / "layers" / "cavities.toml"
    layer.write_text(layer.read_text(encoding="utf-8") + PICTURES + LEADERS, encoding="utf-8")
    rows = [
        "空洞编号,路段,管养人,管养人电话,挂点领导,挂点领导电话",
        "KD1,LD001,张三、李四,13800000001、13800000002,孙一、孙二,13800000005、13800000006",
        "KD2,LD001,王五、赵六,13800000003、13800000004,,",
    ]
    bring(home, "cavities", table(home, *rows))
    ws = open_workspace(home)
    assert [one.key for one in plan_merge(ws, "cavities", "KD1", "KD2").conflicts] == ["contact.keeper"]
    ran = riskmap(
        *("merge", "cavities", "KD1", "KD2", "--set", f"contact.keeper=@{chosen_of}"),
        *("--by", "测试", "--why", "同一处", "--workspace", home),
    )
    assert ran.status == 0, ran.err
    people = open_workspace(home).ledger.contacts("cavities")["KD1"]
    assert [one.name for one in people if one.role == "keeper"] == keepers
    assert [one.name for one in people if one.role == "leader"] == ["孙一", "孙二"]
