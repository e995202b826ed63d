"""edit-all, select --retired and reinstate, as programs and people meet them."""

from __future__ import annotations

import shutil

import pytest

from riskmap.actions.records.editing import undo_changeset
from riskmap.actions.workspace import open_workspace
from tests.cli import riskmap
from tests.ledger_files import ACTS
from tests.map_workspace import make_workspace

LAYER = "risk_points"
CROWD = ("edit-all", LAYER, "--where", "name ~ 普通点")
DUTY = ("--by", "王五", "--why", "街道复核")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("selections") / "ws"
    make_workspace(root).ledger.close()
    return root


@pytest.fixture
def root(made, tmp_path):
    return shutil.copytree(made, tmp_path / "ws")


@pytest.fixture
def run(root):
    return lambda *words: riskmap(*words, "--workspace", root)


def test_a_dry_run_says_what_would_change_and_writes_nothing(run):
    before = run("changes", "--json").json
    ran = run(*CROWD, "--set", "可能性L=10", "--dry-run", "--json")
    assert ran.status == 0
    document = ran.json
    assert set(document) == {
        *("layer", "dry_run", "selected", "changed", "unchanged"),
        *("refused", "warnings", "tiers", "changeset"),
    }
    assert (document["layer"], document["dry_run"], document["changeset"]) == (LAYER, True, None)
    assert (document["selected"], document["changed"], document["unchanged"]) == (40, 40, 0)
    assert document["tiers"]["moved"] == 40
    assert document["tiers"]["counts"]["low"]["major"] == 40
    assert document["tiers"]["points"][0] == {
        "code": "RP-CROWD-00", "name": "普通点00", "from": "low", "to": "major"
    }  # fmt: skip
    assert run("changes", "--json").json == before


def test_a_selection_is_changed_as_one_changeset_and_undone_by_its_number(run):
    before = run("select", LAYER, "--json").json
    document = run(*CROWD, "--set", "likelihood=10", "--empty", "name", *DUTY, "--json").json
    after = {one["code"]: one for one in run("select", LAYER, "--json").json["features"]}
    assert {one["tier"] for code, one in after.items() if "CROWD" in code} == {"major"}
    assert {one["name"] for code, one in after.items() if "CROWD" in code} == {None}
    (last,) = [c for c in run("changes", "--json").json["changesets"] if c["id"] == document["changeset"]]
    assert (last["kind"], last["who"], last["why"], last["counts"]) == (
        "edit", "王五", "街道复核", {"updated": 40}
    )  # fmt: skip
    again = run(*CROWD[:2], "--where", "likelihood == 10", "--set", "likelihood=10", *DUTY, "--json")
    assert (again.status, again.json["changed"], again.json["changeset"]) == (0, 0, None)
    assert run("undo", document["changeset"], "--why", "误", "--json").json["restored"] == 40
    same = [{**one, "version": 0} for one in before["features"]]
    assert [{**one, "version": 0} for one in run("select", LAYER, "--json").json["features"]] == same


def test_refused_records_stop_the_whole_unless_they_are_to_be_skipped(run, root):
    ws = open_workspace(root)
    some = ws.ledger.features(LAYER, contacts=True).records.code[:3]
    erase = run(
        "edit-all",
        LAYER,
        "--where",
        "code in " + ",".join(some),
        "--empty",
        "contact.responsible.phone",
        *DUTY,
    )
    assert erase.status == 0, erase.err
    whole = ("edit-all", LAYER, "--whole-layer", "--set", "contact.responsible.phone=138****0000")
    seen = run(*whole, "--set", "managing_department=应急办", "--dry-run", "--json")
    assert seen.status == 1
    assert [one["code"] for one in seen.json["refused"]] == some
    assert all(one["reasons"] for one in seen.json["refused"])
    refused = run(*whole, "--set", "managing_department=应急办", *DUTY, "--json")
    assert refused.refused
    assert some[0] in refused.err
    skipped = run(*whole, "--set", "managing_department=应急办", "--skip-refused", *DUTY, "--json")
    assert skipped.status == 1
    assert skipped.json["changed"] == 57 - len(some)
    found = run("select", LAYER, "--where", "managing_department == 应急办", "--json").json
    assert found["count"] == 57 - len(some)


@pytest.mark.parametrize(
    "words",
    [
        ("edit-all", LAYER, "--set", "likelihood=1", *DUTY),
        ("edit-all", LAYER, "--whole-layer", "--tier", "major", "--set", "likelihood=1", *DUTY),
        (*CROWD, *DUTY),
        (*CROWD, "--set", "likelihood", *DUTY),
        (*CROWD, "--set", "likelihood=", *DUTY),
        (*CROWD, "--set", "likelihoo=1", *DUTY),
        (*CROWD, "--set", "code=1", *DUTY),
        (*CROWD, "--set", "likelihood=1", "--empty", "L值", *DUTY),
        (*CROWD, "--set", "likelihood=11", *DUTY),
        (*CROWD, "--set", "likelihood=1"),
        (*CROWD, "--set", "likelihood=1", "--why", " "),
        ("edit-all", "nothing", "--whole-layer", "--set", "likelihood=1", *DUTY),
    ],
)
def test_what_is_not_clear_is_refused_with_one_message_and_nothing_is_written(run, words):
    before = run("changes", "--json").json
    assert run(*words, "--json").refused
    assert run("changes", "--json").json == before


def test_people_read_counts_refusals_and_how_to_take_it_back(run):
    ran = run(*CROWD, "--set", "likelihood=10", *DUTY)
    assert ran.status == 0
    assert "选中 40 条，已改 40 条" in ran.out
    assert "低 → 重大\t40" in ran.out
    assert "riskmap undo" in ran.out
    seen = run(*CROWD, "--set", "likelihood=1", "--dry-run")
    assert "没有写入" in seen.out


def test_retired_records_are_listed_counted_filtered_and_reinstated(run, root):
    total = run("summary", "--json").json["total"]
    before = run("select", LAYER, "--json").json["features"]
    assert run("select", "--retired", "--json").json == {"count": 0, "features": []}
    for code in ("RP-LONE-major", "RP-EVIL-0"):
        assert run("retire", LAYER, code, "--why", "已拆除", "--by", "李四").status == 0
    assert run("summary", "--json").json["total"] == total - 2
    found = run("select", "--retired", "--json").json
    assert found["count"] == 2
    gone = {one["code"]: one for one in found["features"]}
    assert gone["RP-LONE-major"]["tier"] == "major"
    how = gone["RP-EVIL-0"]["retired"]
    assert (how["who"], how["why"], how["how"]) == ("李四", "已拆除", "retired")
    assert how["at"].endswith(("Z", "+00:00"))
    assert run("select", LAYER, "--retired", "--tier", "major", "--json").json["count"] == 1
    assert run("select", "--retired", "--where", "name ~ img", "--json").json["count"] == 1
    assert "已注销 2 条" in run("select", "--retired").out
    back = run("reinstate", LAYER, *gone, "--why", "核实仍在", "--by", "王五", "--json").json
    assert (back["layer"], set(back["reinstated"])) == (LAYER, set(gone))
    assert run("select", "--retired", "--json").json["count"] == 0
    same = [{**one, "version": 0} for one in before]
    assert [{**one, "version": 0} for one in run("select", LAYER, "--json").json["features"]] == same
    ws = open_workspace(root)
    undo_changeset(ws, back["changeset"], **ACTS)
    assert run("select", "--retired", "--json").json["count"] == 2


def test_records_of_an_undone_import_are_told_from_retired_ones_and_can_come_back_too(run, root, tmp_path):
    file = tmp_path / "新.csv"
    file.write_text(
        "编号,名称,经度,纬度,可能性,暴露频率,后果\nNEW-1,新点,114.111,22.551,6,6,15\n", encoding="utf-8-sig"
    )
    done = run("import", LAYER, file, "--crs", "cgcs2000", "--json")
    assert done.status == 0, done.err
    number = run("changes", "--json").json["changesets"]
    changeset = next(c["id"] for c in number if c["kind"] == "import")
    assert run("undo", changeset, "--why", "错表").status == 0
    (gone,) = run("select", "--retired", "--json").json["features"]
    assert (gone["code"], gone["retired"]["how"], gone["retired"]["why"]) == ("NEW-1", "undone", "错表")
    assert run("reinstate", LAYER, "NEW-1", "--why", "其实是对的").status == 0
    (back,) = run("select", LAYER, "--where", "code == NEW-1", "--json").json["features"]
    assert (back["name"], back["tier"]) == ("新点", "major")


def test_what_the_layer_file_of_today_refuses_does_not_come_back_unless_it_is_left_empty(run, root):
    assert run("retire", LAYER, "RP-LONE-major", "--why", "误").status == 0
    file = root / "layers" / "risk_points.toml"
    text = file.read_text(encoding="utf-8")
    at = text.index('id = "likelihood"')
    today = text[at:].replace("max = 10", "max = 6", 1).replace("3, 6, 10]", "3, 6]", 1)
    file.write_text(text[:at] + today, encoding="utf-8")
    refused = run("reinstate", LAYER, "RP-LONE-major", "--why", "仍在", "--json")
    assert refused.refused
    assert "可能性L" in refused.err
    assert run("select", "--retired", "--json").json["count"] == 1
    back = run("reinstate", LAYER, "RP-LONE-major", "--why", "仍在", "--empty-refused", "--json")
    assert back.status == 0, back.err
    (one,) = run("select", LAYER, "--where", "code == RP-LONE-major", "--json").json["features"]
    assert (one["fields"]["likelihood"], one["fields"]["consequence"], one["tier"]) == (None, 15, None)
    last = run("history", LAYER, "RP-LONE-major", "--json").json["revisions"][-1]
    assert last["kind"] == "reinstate"
    assert last["changes"]["likelihood"] == [10, None]


@pytest.mark.parametrize(
    "words",
    [
        ("reinstate", LAYER, "RP-LONE-low", "--why", "x"),
        ("reinstate", LAYER, "NONE", "--why", "x"),
        ("reinstate", LAYER, "RP-LONE-low", "--why", ""),
        ("reinstate", LAYER, "RP-EVIL-1", "RP-LONE-low", "--why", "x"),
    ],
)
def test_what_is_not_retired_is_not_reinstated(run, words):
    assert run("retire", LAYER, "RP-EVIL-1", "--why", "误").status == 0
    before = run("changes", "--json").json
    assert run(*words, "--json").refused
    assert run("changes", "--json").json == before


def test_retired_records_of_a_past_day_are_asked_for_like_any_list(run):
    assert run("retire", LAYER, "RP-EVIL-1", "--why", "误").status == 0
    assert run("select", "--retired", "--as-of", "2000-01-01", "--json").json["count"] == 0
    assert "RP-EVIL-1" in run("select", "--retired", "--as-of", "2099-01-01", "--json").out
