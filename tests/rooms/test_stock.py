"""Stock by double entry: what a line has, what no door lets out of it, and what an undo puts back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from riskmap.actions.workspace import open_workspace
from riskmap.catalog import load_catalog
from riskmap.errors import CatalogError
from riskmap.moments import CLOCK
from tests.cli import riskmap
from tests.register_workspace import bring, chosen, table
from tests.stock_workspace import LINES, balances, booked, moved, stock_workspace


@pytest.fixture(scope="module", autouse=True)
def today():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CLOCK, "2026-11-29T02:00:00Z")
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return stock_workspace(tmp_path_factory.mktemp("stock") / "w")


@pytest.fixture
def home(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "w"))


def test_before_any_movement_a_line_has_what_was_counted(home):
    assert balances(home) == {"KC1": 50, "KC2": 30, "KC3": 10}


def test_a_count_that_is_not_known_makes_a_balance_that_is_not_known_whatever_came(home):
    bring(home, "stock_lines", table(home, LINES[0], "KC9,折叠床,CK1,,"))
    assert moved(home, 5, into="KC9").status == 0
    assert balances(home)["KC9"] is None


def test_a_transfer_leaves_one_line_and_enters_another_and_the_sum_of_the_district_stays(home):
    done = moved(home, 8, out_of="KC1", into="KC2")
    assert done.status == 0
    assert balances(home) == {"KC1": 42, "KC2": 38, "KC3": 10}
    assert moved(home, 5, into="KC1").status == 0
    assert moved(home, 3, out_of="KC2").status == 0
    assert balances(home) == {"KC1": 47, "KC2": 35, "KC3": 10}


def test_what_was_moved_before_the_day_of_the_count_is_in_the_count_and_on_that_day_it_counts(home):
    moved(home, 7, out_of="KC1", at="2026-10-31T23:59+08:00")
    assert balances(home)["KC1"] == 50
    moved(home, 7, out_of="KC1", at="2026-11-01")
    assert balances(home)["KC1"] == 43
    bring(home, "stock_lines", table(home, LINES[0], "KC1,折叠床,CK1,44,2026-11-25"))
    assert balances(home)["KC1"] == 44


def test_a_movement_that_takes_more_than_is_there_is_refused_with_line_balance_and_ask(home):
    done = moved(home, 51, out_of="KC1")
    assert done.status == 2
    told = done.json["error"]["message"]
    assert all(word in told for word in ("KC1", "原为 50", "-51", "会成为 -1"))
    assert balances(home) == {"KC1": 50, "KC2": 30, "KC3": 10}
    assert not chosen(home, "stock_moves")


def test_of_a_file_the_rows_that_take_too_much_wait_and_the_others_go_in(home):
    said = booked(
        home,
        "2026-11-20,KC1,,40,领用",
        "2026-11-20,KC1,,30,领用",
        "2026-11-20,,KC2,5,采购入库",
        "2026-11-20,KC1,KC2,10,调拨",
    )
    assert (said["inserted"], said["held"], said["rejected"]) == (3, 1, 0)
    (message,) = [one["message"] for one in said["issues"] if one["rule"] == "not_below_nothing"]
    assert all(word in message for word in ("KC1", "原为 50", "-70", "会成为 -20"))
    assert balances(home) == {"KC1": 0, "KC2": 45, "KC3": 10}


def test_what_a_file_brings_in_counts_before_what_it_takes_out(home):
    said = booked(home, "2026-11-20,KC3,,15,领用", "2026-11-20,,KC3,6,采购入库")
    assert (said["inserted"], said["held"]) == (2, 0)
    assert balances(home)["KC3"] == 1


def test_a_row_that_feeds_another_one_takes_that_one_along_where_it_may_not_go_in(home):
    said = booked(home, "2026-11-20,KC2,,35,领用", "2026-11-20,KC3,KC2,12,调拨")
    assert (said["inserted"], said["held"]) == (0, 2)
    assert balances(home) == {"KC1": 50, "KC2": 30, "KC3": 10}


def test_a_waiting_row_goes_in_once_there_is_enough_and_not_before(home):
    booked(home, "2026-11-20,KC3,,15,领用")
    (waiting,) = open_workspace(home).ledger.held(layer="stock_moves")
    words = ("accept", waiting.id, "--why", "核对", "--workspace", home)
    early = riskmap(*words)
    assert early.status == 2
    assert "会成为 -5" in early.err
    moved(home, 5, into="KC3")
    assert riskmap(*words).status == 0
    assert balances(home)["KC3"] == 0


def test_a_row_that_waits_keeps_its_code_and_its_file_brought_again_changes_nothing(home):
    first = booked(home, "2026-11-20,KC3,,15,领用")
    again = booked(home, "2026-11-20,KC3,,15,领用", "2026-11-21,KC1,,1,领用")
    assert (first["held"], again["held"], again["inserted"]) == (1, 1, 1)
    assert [one.code for one in open_workspace(home).ledger.held(layer="stock_moves")] == ["CR2026-0001"]
    assert list(chosen(home, "stock_moves")) == ["CR2026-0002"]
    assert moved(home, 1, into="KC1").json["records"][0]["code"] == "CR2026-0003"


def test_an_undo_that_would_leave_less_than_nothing_is_refused_and_any_other_puts_all_back(home):
    came = moved(home, 20, into="KC3").json["changeset"]
    went = moved(home, 25, out_of="KC3").json["changeset"]
    refused = riskmap("undo", came, "--why", "误录", "--json", "--workspace", home)
    assert refused.status == 2
    assert "KC3" in refused.json["error"]["message"]
    for changeset in (went, came):
        assert riskmap("undo", changeset, "--why", "误录", "--workspace", home).status == 0
    assert balances(home) == {"KC1": 50, "KC2": 30, "KC3": 10}


def test_a_movement_that_comes_off_the_lists_is_judged_like_any_other_change(home):
    code = moved(home, 20, into="KC3").json["records"][0]["code"]
    moved(home, 25, out_of="KC3")
    assert riskmap("retire", "stock_moves", code, "--why", "误录", "--workspace", home).status == 2
    assert balances(home)["KC3"] == 5


def test_a_count_below_what_went_out_since_is_refused(home):
    moved(home, 45, out_of="KC1")
    said = riskmap(
        "edit-all",
        "stock_lines",
        "--where",
        "编号 = KC1",
        "--set",
        "库存数量=40",
        "--why",
        "复盘",
        "--json",
        "--workspace",
        home,
    )
    assert said.status == 2
    assert "会成为 -5" in said.json["error"]["message"]


@pytest.mark.parametrize(
    ("pair", "rule"),
    [("quantity=0", "大于 0"), ("into=KC1", "同一条库存"), ("out_of=", "至少写一个")],
)
def test_a_movement_says_how_many_from_where_to_where(home, pair, rule):
    stated = {"quantity": "3", "out_of": "KC1", **dict([pair.split("=")])}
    words = [word for k, v in stated.items() if v for word in ("--set", f"{k}={v}")]
    done = riskmap("record", "stock_moves", *words, "--on", "2026-11-20", "--json", "--workspace", home)
    assert done.status == 2
    assert rule in done.json["error"]["message"]


def test_as_of_a_past_day_a_line_has_what_it_had(home, monkeypatch):
    moved(home, 8, out_of="KC1")
    monkeypatch.setenv(CLOCK, "2026-12-02T02:00:00Z")
    moved(home, 10, out_of="KC1", at="2026-12-01")
    assert balances(home)["KC1"] == 32
    assert balances(home, "--as-of", "2026-11-29")["KC1"] == 42


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('start = "quantity"', 'start = "item"', "start"),
        ('since = "counted_on"', 'since = "piece"', "since"),
        (
            'minus = { by = "out_of", sum = "quantity" }',
            'minus = { by = "shelter", sum = "quantity" }',
            "minus",
        ),
        ('plus = { by = "into", sum = "quantity" }', 'plus = { by = "into", sum = "reason" }', "plus"),
        ('of = "stock_moves", start', 'of = "stock_moves", count = true, start', "rollups"),
        ('of = "stock_moves", start', 'of = "stock_moves", by = "into", start', "by"),
        ('field = "balance", op', 'field = "balanse", op', "balanse"),
    ],
)
def test_a_mistake_in_a_balance_is_named_with_its_place(home, old, new, said):
    path = home / "layers" / "stock_lines.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    try:
        faults = load_catalog(home).faults
        told = "\n".join(str(problem) for fault in faults for problem in fault.problems)
    except CatalogError as problem:
        told = str(problem)
    assert said in told
