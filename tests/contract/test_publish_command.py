"""The demo district's year: kept from publishing by its 48 unrated points, passed by two persons, made again later."""

from __future__ import annotations

import json

import pytest

from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from tests.cli import riskmap

FOUR = "points.four_tiers"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("year") / "区"
    assert riskmap("init", home, "--demo", "--registers").status == 0
    assert riskmap("assess", "--workspace", home).status == 0
    return home


def unrated(home):
    found = riskmap("select", "risk_points", "--state", "unrated", "--json", "--workspace", home).json
    return sorted(one["code"] for one in found["features"])


def test_the_year_of_the_demo_is_blocked_passed_and_made_again_after_500_edits(home):
    waiting = unrated(home)
    assert len(waiting) == 48
    ran = riskmap("publish", "--as", "2024年度", "--json", "--workspace", home)
    assert (ran.status, ran.json["published"]) == (1, False)
    (broken,) = (one for one in ran.json["statements"] if one["agrees"] is not True)
    assert (broken["id"], broken["left"], broken["right"]) == (FOUR, 42_336, 42_288)
    assert broken["missing"] == waiting
    assert "42,336 = 42,288（0 + 8 + 2,876 + 39,404）" in broken["why"]
    told = riskmap("publish", "--as", "2024年度", "--workspace", home)
    assert told.status == 1
    assert all(code in told.err for code in waiting)

    words = ("--despite", FOUR, "--why", "48 个未评点已列入下月评估", "--by", "张三", "--second")
    assert riskmap("publish", "--as", "2024年度", *words, "张三", "--workspace", home).refused
    done = riskmap("publish", "--as", "2024年度", *words, "李四", "--json", "--workspace", home)
    assert (done.status, done.json["published"]) == (0, True)
    figures = json.loads((home / "publications" / "2024年度" / "figures.json").read_bytes())["figures"]
    texts = {one["id"]: one["text"] for one in figures}
    assert (texts["points.points"], texts["firms.rate"], texts["hazards.rate"]) == (
        "42,336",
        "73.31%",
        "99.00%",
    )

    codes = current_snapshot(open_workspace(home)).table("risk_points")["code"].to_pylist()[:500]
    where = f"code in {','.join(codes)}"
    edited = riskmap(
        "edit-all",
        "risk_points",
        "--where",
        where,
        "--set",
        "likelihood=10",
        "--why",
        "复核",
        "--workspace",
        home,
    )
    assert edited.status == 0, edited.err
    now = riskmap("figures", "points.tier", "--json", "--workspace", home).json["figures"][0]
    assert now["groups"] != next(one["groups"] for one in figures if one["id"] == "points.tier")
    again = riskmap("publish", "--reproduce", "2024年度", "--json", "--workspace", home)
    assert (again.status, again.json["reproduced"]) == (0, True)
    assert again.json["found"] == done.json["digest"]
