"""What is worked out of the records that name another one, and moves that one's tier with them."""

from __future__ import annotations

import datetime as dt

import pytest

import riskmap as face
from riskmap.actions.records.editing import edit_point, undo_changeset
from riskmap.actions.records.scoring import explain_point
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import load_catalog
from riskmap.errors import RefusedError
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.register_workspace import bring, chosen, table

WHO = {"by": local_actor("测试"), "why": "测试"}
WALLS = """
id = "walls"
title = { zh = "挡墙", en = "Walls" }
geometry = "point"
counts = "risk"
model = "walls_sum"
aliases = { code = ["挡墙编号"] }
fields = [{ id = "lean", title = { zh = "倾斜", en = "Lean" }, type = "number", min = 0 }]
rollups = [
  { id = "open_hazards", title = { zh = "在册隐患", en = "Open hazards" }, of = "faults", by = "wall", count = true, where = [{ field = "stage", op = "!=", value = "closed" }] },
  { id = "last_found", title = { zh = "最近发现", en = "Last found" }, of = "faults", by = "wall", max = "found_on" },
  { id = "cost", title = { zh = "整改资金", en = "Cost" }, of = "faults", by = "wall", sum = "cost" },
]
"""
MODEL = """
id = "walls_sum"
title = { zh = "挡墙", en = "Walls" }
version = "1"
status = "draft"
source = "示例"
unit = { zh = "分", en = "points" }
score = "lean"
limits = { major = 30, large = 20, general = 10, source = "示例" }
indicators = [{ id = "lean", title = { zh = "倾斜", en = "Lean" }, field = "lean", reference = 0, source = "示例" }]
rules = [{ id = "open", title = { zh = "有在册隐患", en = "Open hazard" }, tier = "large", when = [{ field = "open_hazards", op = ">=", value = 1 }], source = "示例" }]
"""
FAULTS = """
id = "faults"
title = { zh = "墙体隐患", en = "Faults" }
geometry = "inherit"
position_from = ["wall"]
counts = "work"
aliases = { code = ["隐患编号"] }
fields = [
  { id = "wall", title = { zh = "所在挡墙", en = "Wall" }, type = "record", of = { counts = "risk" } },
  { id = "found_on", title = { zh = "发现日期", en = "Found" }, type = "date" },
  { id = "cost", title = { zh = "资金", en = "Cost" }, type = "number" },
  { id = "stage", title = { zh = "状态", en = "Stage" }, type = "choice", choices = [
    { id = "open", title = { zh = "未整改", en = "Open" } }, { id = "closed", title = { zh = "已销号", en = "Closed" } } ] },
]
"""


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "w"
    assert riskmap("init", home).status == 0
    for path in (home / "layers").glob("*.toml"):
        path.unlink()
    for name, text in (("layers/walls", WALLS), ("layers/faults", FAULTS), ("models/walls_sum", MODEL)):
        (home / f"{name}.toml").write_text(text, encoding="utf-8")
    bring(home, "walls", table(home, "挡墙编号,倾斜,经度,纬度", "W1,5,114.1,22.6", "W2,25,114.2,22.6"))
    return home


def tiers(home):
    return {code: one["tier"] for code, one in chosen(home, "walls").items()}


def derived(home, code="W1"):
    fields = chosen(home, "walls")[code]["fields"]
    return fields["open_hazards"], fields["last_found"], fields["cost"]


def hazards(home, *rows):
    return bring(home, "faults", table(home, "隐患编号,所在挡墙,发现日期,资金,状态", *rows))


def test_a_register_that_was_never_filled_is_not_known_and_one_that_was_counts_none_as_0(home):
    assert derived(home) == (None, None, None)
    riskmap("assess", "--workspace", home)
    assert tiers(home) == {"W1": "low", "W2": "large"}
    hazards(home, "H1,W2,2026-01-02,3,未整改")
    assert derived(home) == (0, None, 0)
    assert derived(home, "W2") == (1, "2026-01-02", 3)


def test_a_hazard_raises_the_tier_of_the_record_it_hangs_on_in_the_same_commit_and_closing_it_lowers_it(home):
    riskmap("assess", "--workspace", home)
    hazards(home, "H1,W1,2026-01-02,3,未整改", "H2,W1,2026-03-02,4.5,未整改")
    assert (tiers(home)["W1"], derived(home)) == ("large", (2, "2026-03-02", 7.5))
    ws = open_workspace(home)
    for code in ("H1", "H2"):
        assert tiers(home)["W1"] == "large"
        done = edit_point(ws, "faults", code, seen=1, changes={"stage": "closed"}, **WHO)
    assert [(one.code, one.after) for one in done.tiers] == [("W1", "low")]
    assert tiers(home)["W1"] == "low"
    undo_changeset(ws, done.changeset, **WHO)
    assert tiers(home)["W1"] == "large"
    assert explain_point(ws, "walls", "W1").rules


def test_a_link_that_moves_takes_the_tier_of_both_with_it(home):
    riskmap("assess", "--workspace", home)
    hazards(home, "H1,W1,2026-01-02,3,未整改")
    ws = open_workspace(home)
    edit_point(ws, "faults", "H1", seen=1, changes={"wall": "W2"}, **WHO)
    assert tiers(home) == {"W1": "low", "W2": "large"}
    assert (derived(home)[0], derived(home, "W2")[0]) == (0, 1)


def test_a_patched_snapshot_counts_as_one_built_anew(home):
    riskmap("assess", "--workspace", home)
    hazards(home, "H1,W1,2026-01-02,3,未整改")
    ws = open_workspace(home)
    current_snapshot(ws)
    edit_point(ws, "faults", "H1", seen=1, changes={"stage": "closed"}, **WHO)
    patched = current_snapshot(ws).table("walls").to_pylist()
    for old in (home / "data" / "cache").glob("snapshot-*"):
        for file in old.iterdir():
            file.unlink()
    again = riskmap("select", "walls", "--json", "--workspace", home).json["features"]
    assert (
        [one["f:open_hazards"] for one in patched]
        == [one["fields"]["open_hazards"] for one in again]
        == [0, 0]
    )


def test_the_past_is_counted_as_it_was(home):
    hazards(home, "H1,W1,2026-01-02,3,未整改")
    ws = open_workspace(home)
    then = ws.ledger.written_at(ws.ledger.state)
    edit_point(ws, "faults", "H1", seen=1, changes={"stage": "closed"}, **WHO)
    past = ws.ledger.features("walls", as_of=dt.datetime.fromisoformat(then))
    assert (past.records.values["open_hazards"][0], derived(home)[0]) == (1, 0)


def test_what_is_worked_out_is_a_column_that_nobody_states(home):
    hazards(home, "H1,W1,2026-01-02,3,未整改")
    ws = open_workspace(home)
    with pytest.raises(RefusedError, match="汇总"):
        edit_point(ws, "walls", "W1", seen=1, changes={"open_hazards": 5}, **WHO)
    for name in ("out.xlsx", "out.geojson", "out.csv"):
        riskmap("export", "walls", "--to", home / name, "--workspace", home)
        back = bring(home, "walls", home / name)
        assert (back["unchanged"], back["updated"]) == (2, 0), name
    assert list(chosen(home, "walls", "--where", "open_hazards >= 1")) == ["W1"]
    frame = face.open(home)["walls"].frame()
    assert frame["open_hazards"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            'of = "faults", by = "wall", count',
            'of = "nothing", by = "wall", count',
            "rollups[open_hazards].of",
        ),
        ('by = "wall", count', 'by = "cost", count', "rollups[open_hazards].by"),
        ('max = "found_on"', 'max = "stage"', "rollups[last_found].max"),
        ('sum = "cost"', 'sum = "cost", count = true', "rollups[cost]"),
        ('field = "stage", op', 'field = "stag", op', "rollups[open_hazards].where[1]"),
    ],
)
def test_a_rollup_that_asks_for_what_there_is_not_is_named_with_its_line(home, before, after, said):
    path = home / "layers" / "walls.toml"
    path.write_text(WALLS.replace(before, after), encoding="utf-8")
    faults = load_catalog(home).faults
    assert any(said in str(one.error()) for one in faults), [str(one.error()) for one in faults]
    assert "faults" in load_catalog(home).layers


TICKETS = (
    FAULTS[: FAULTS.index('  { id = "stage"')]
    + """]
[flow]
start = "found"
found = "found_on"
states = [
  { id = "found", title = { zh = "已发现", en = "Found" } },
  { id = "closed", title = { zh = "已销号", en = "Closed" }, closed = true },
]
moves = [{ id = "close", title = { zh = "销号", en = "Close" }, from = ["found"], to = "closed" }]
"""
)


def test_a_move_says_which_tiers_went_with_it(home):
    (home / "layers" / "faults.toml").write_text(TICKETS, encoding="utf-8")
    walls = WALLS.replace('field = "stage", op = "!="', 'field = "state", op = "!="')
    (home / "layers" / "walls.toml").write_text(walls, encoding="utf-8")
    riskmap("assess", "--workspace", home)
    bring(home, "faults", table(home, "隐患编号,所在挡墙,发现日期", "H1,W1,2026-01-02", "H2,W2,2026-01-02"))
    assert tiers(home)["W1"] == "large"
    done = riskmap("move", "faults", "H1", "H2", "close", "--by", "甲", "--json", "--workspace", home)
    assert [one["parents"] for one in done.json["moved"]] == [
        [{"layer": "walls", "code": "W1", "tier": ["large", "low"]}],
        [],
    ]
