"""A register of hazards as a district keeps it: taken over, closed by files, reopened, with its past."""

from __future__ import annotations

from datetime import date

import openpyxl
import pytest

from riskmap.moments import CLOCK
from tests.cli import riskmap
from tests.register_files import LAYER, table, workspace


@pytest.fixture
def on(monkeypatch):
    """Set the day of the clock."""
    return lambda day: monkeypatch.setenv(CLOCK, f"{day}T02:00:00Z")


@pytest.fixture
def ws(tmp_path, on):
    on("2026-11-27")
    made = workspace(tmp_path / "ws")
    taken = bring(made, table("major_hazards"), "--crs", "wgs84")
    assert (taken["inserted"], taken["taken_over"], taken["rejected"], taken["held"]) == (200, 198, 0, 0)
    return made


def bring(ws, path, *more, by="甲"):
    ran = riskmap("import", LAYER, path, "--by", by, "--json", "--workspace", ws.root, *more)
    return ran.json["files"][0]


def states(ws, as_of=None):
    moment = None if as_of is None else date.fromisoformat(as_of)
    found = riskmap(
        "select", LAYER, "--json", "--workspace", ws.root, *(["--as-of", as_of] if moment else [])
    )
    told: dict[str, int] = {}
    for one in found.json["features"]:
        told[one["fields"]["state"]] = told.get(one["fields"]["state"], 0) + 1
    return told


def work(ws, *more):
    return riskmap("work", "--json", "--workspace", ws.root, *more).json


def row(path, **cells):
    book = openpyxl.Workbook()
    book.active.append(list(cells))
    book.active.append(list(cells.values()))
    book.save(path)
    return path


def closed(ws, on):
    on("2026-11-28")
    assert bring(ws, table("close1"))["held"] == 1
    riskmap("accept", 1, "--by", "乙", "--why", "核对", "--set", "整改照片=a.jpg", "--workspace", ws.root)


def test_two_hundred_are_198_closed_and_two_open_and_closed_late_is_not_overdue(ws):
    assert states(ws) == {"closed": 198, "rectifying": 2}
    assert ws.ledger.states(ws.catalog.layer(LAYER)) == {
        "found": 0, "rectifying": 2, "waiting": 0, "rectified": 0, "closed": 198,
    }  # fmt: skip
    late = riskmap("select", LAYER, "--where", "closed_on > due", "--json", "--workspace", ws.root).json
    assert late["count"] == 76
    found = work(ws)
    assert (found["counts"]["overdue"], found["counts"]["due"], len(found["items"])) == (2, 0, 2)
    assert [one["code"] for one in found["items"]] == ["ZD199", "ZD200"]


def test_a_closing_without_picture_and_second_person_waits_and_accepting_it_with_one_is_that_persons_act(
    ws, on
):
    on("2026-11-28")
    held = bring(ws, table("close1"))
    assert (held["held"], held["updated"], held["issues"][0]["rule"]) == (1, 0, "asks")
    for by, more in (("甲", ["--set", "evidence=a.jpg"]), ("乙", [])):
        assert riskmap("accept", 1, "--by", by, "--why", "核对", *more, "--workspace", ws.root).status == 2
    assert states(ws) == {"closed": 198, "rectifying": 2}
    closed(ws, on)
    assert states(ws) == {"closed": 199, "rectifying": 1}
    last = riskmap("history", LAYER, "ZD199", "--json", "--workspace", ws.root).json["revisions"][-1]
    assert (last["who"], last["kind"], last["on"]) == ("乙", "accept", "2024-12-20")
    assert last["changes"]["state"] == ["rectifying", "closed"]
    assert last["changes"]["closed_on"] == [None, "2024-12-20"]


def test_a_closing_before_the_day_found_is_rejected_with_its_cells_as_they_came(ws, tmp_path):
    out = tmp_path / "rejects.xlsx"
    done = bring(ws, table("close2"), "--rejects", out)
    assert (done["rejected"], done["accepted"], done["rows"]) == (1, 0, 1)
    (issue,) = done["issues"]
    assert (issue["rule"], issue["field"], issue["value"], issue["code"]) == (
        "before",
        "closed_on",
        "2023-01-01",
        "ZD200",
    )
    (entry,) = ws.ledger.rejected()
    assert dict(entry.row.cells) == {"隐患编号": "ZD200", "状态": "已销号", "销号日期": "2023-01-01"}
    cells = [[cell.value for cell in line] for line in openpyxl.load_workbook(out).worksheets[0].iter_rows()]
    assert "2023-01-01" in str(cells)


def test_what_comes_back_has_no_closing_day_and_keeps_its_past(ws, on):
    closed(ws, on)
    on("2026-11-29")
    done = bring(ws, table("reopen"))
    assert (done["updated"], done["moved"], done["held"], done["rejected"]) == (2, 1, 0, 0)
    assert states(ws) == {"closed": 198, "rectifying": 2}
    found = riskmap("select", LAYER, "--where", "编号 = ZD199", "--json", "--workspace", ws.root).json[
        "features"
    ][0]
    assert (found["fields"]["closed_on"], found["fields"]["evidence"], found["fields"]["due"]) == (
        None,
        None,
        "2026-12-10",
    )
    assert states(ws, "2026-11-28") == {"closed": 199, "rectifying": 1}
    past = riskmap("history", LAYER, "ZD199", "--json", "--workspace", ws.root).json["revisions"]
    assert [one["changes"]["state"][1] for one in past] == ["rectifying", "closed", "rectifying"]
    assert work(ws, "--as-of", "2026-11-28")["counts"]["overdue"] == 1


def test_a_closing_that_is_taken_back_is_open_again_and_its_row_waits_again(ws, on):
    closed(ws, on)
    changeset = ws.ledger.changesets(limit=1)[0].id
    assert riskmap("undo", changeset, "--why", "误收", "--workspace", ws.root).status == 0
    assert states(ws) == {"closed": 198, "rectifying": 2}
    assert work(ws)["counts"]["overdue"] == 2
    assert [one.code for one in ws.ledger.held()] == ["ZD199"]


def test_the_same_file_twice_changes_nothing(ws):
    again = bring(ws, table("major_hazards"), "--crs", "wgs84")
    assert (again["unchanged"], again["updated"], again["held"]) == (200, 0, 0)


@pytest.mark.parametrize(
    ("cells", "fate", "rule"),
    [
        (
            {"状态": "已销号", "销号日期": "2024-12-21"},
            "rejected",
            "no_such_move",
        ),  # closed already, on another day
        ({"状态": "已发现"}, "rejected", "no_such_move"),
        ({"发现日期": "2024-10-21"}, "rejected", "before"),  # after it was closed
        ({"整改期限": "2024-01-01"}, "rejected", "due_after_found"),
        ({"状态": "整改中", "整改期限": "2026-12-10"}, "updated", None),
    ],
)
def test_a_row_about_a_closed_hazard(ws, tmp_path, cells, fate, rule):
    done = bring(ws, row(tmp_path / "one.xlsx", 隐患编号="ZD001", **cells))
    assert done[fate] == 1, done
    assert [one["rule"] for one in done["issues"]] == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("cells", "fate", "rule"),
    [
        ({"状态": "已销号", "销号日期": "2025-12-31"}, "inserted", None),
        ({"状态": "已销号", "销号日期": "2026-01-01"}, "held", "arrives_closed"),
        ({"状态": "已销号", "销号日期": "2024-01-01"}, "rejected", "before"),
        ({"状态": "已销号", "销号日期": "2027-01-01"}, "rejected", "in_future"),
        ({"状态": "整改中", "销号日期": "2025-01-01"}, "rejected", "no_such_move"),
        ({}, "inserted", None),
    ],
)
def test_a_row_that_arrives_is_taken_over_held_or_rejected_by_its_days(ws, tmp_path, cells, fate, rule):
    cells = {"隐患编号": "ZD900", "发现日期": "2024-02-01", "经度": 114.1, "纬度": 22.6, **cells}
    done = bring(ws, row(tmp_path / "one.xlsx", **cells), "--crs", "wgs84")
    assert done[fate] == 1, done
    assert {one["rule"] for one in done["issues"]} == ({rule} if rule else set())
    if fate == "inserted":
        (one,) = riskmap("select", LAYER, "--where", "编号 = ZD900", "--json", "--workspace", ws.root).json[
            "features"
        ]
        assert one["fields"]["state"] == ("closed" if cells.get("状态") else "found")


@pytest.mark.parametrize(
    ("stated", "taken", "held"), [("", 0, 198), ('\n[registers]\ntakeover = "2024-10-31"\n', 122, 76)]
)
def test_a_register_without_a_day_of_takeover_has_that_of_the_workspace_or_none(
    tmp_path, on, stated, taken, held
):
    on("2026-11-27")
    made = workspace(tmp_path / "ws")
    file = made.root / "layers" / f"{LAYER}.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace('takeover = "2025-12-31"\n', ""), encoding="utf-8"
    )
    settings = made.root / "workspace.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + stated, encoding="utf-8")
    done = bring(made, table("major_hazards"), "--crs", "wgs84")
    assert (done.get("taken_over", 0), done["held"], done["inserted"]) == (taken, held, taken + 2)


def test_what_is_exported_comes_back_as_it_is_in_every_format(ws, tmp_path, on):
    closed(ws, on)
    for ending in ("xlsx", "csv", "geojson", "gpkg", "shp.zip"):
        file = tmp_path / f"register.{ending}"
        assert riskmap("export", LAYER, "--to", file, "--workspace", ws.root).status == 0
        back = bring(ws, file, "--crs", "cgcs2000", "--dry-run")
        assert (back["rows"], back["unchanged"]) == (200, 200), ending
