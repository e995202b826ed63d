"""A drill from the storm to the report: list, calls, moves and figures all tell of the same records and people."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter

import pytest

from riskmap.moments import BEIJING
from tests import cli

ORDER = ("unrated", "low", "general", "large", "major")
PERSON = ("--by", "值班员", "--why", "演练")
STATIONS = ((114.06, 22.53, 0.9), (114.10, 22.56, 1.0), (114.14, 22.55, 1.1), (114.12, 22.59, 1.2))


@pytest.fixture(
    scope="module", params=["a made-up storm over 2,000 points", "Mangkhut over the whole demo district"]
)
def drill(request, tmp_path_factory):
    """What a drill said: the lists before and after it, its document, call-out, events and report."""
    storm, _, district = request.param.partition(" over ")
    folder = tmp_path_factory.mktemp("drill") / "demo"
    if storm == "Mangkhut":
        data = request.getfixturevalue("test_data")
        table = folder.parent / "雨量.csv"
        table.write_text(mangkhut_rain(), "utf-8")
        given = ("--track", data / "tracks" / "mangkhut_2018_jma.txt", "--rain", table)
        day = "2018-09-15"
    else:
        given, day = ("--made-storm",), "2026-08-31"
    number = ("--points", 2000) if "2,000" in district else ()
    assert cli.riskmap("init", folder, "--demo", *number, "--by", "测试员").status in (0, 1)

    def demo(*words):
        ran = cli.riskmap(*words, "--workspace", folder, "--json")
        assert ran.status in (0, 1), ran.err
        return ran.json

    assert demo("assess")["run"]
    before = tiers(demo("select"))
    people = folder / "data" / "people.csv"
    document = demo(
        *("prepare", *given, "--drill", "--title", "演练", "--at", f"{day} 08:00", "--warning", "台风:红"),
        *("--response", "I", "--people", people, "--crs", "cgcs2000", *PERSON),
    )
    first = next(r for group in document["callout"] for r in group["records"] if r["contacts"])
    name = f"{first['layer']}:{first['code']}"
    for kind, at, more in (
        ("call", "08:05", ("--record", name)),
        ("acknowledgement", "08:09", ("--record", name)),
        ("moved", "09:00", ("--people", document["evacuation"]["placed"])),
    ):
        demo("log", "演练", kind, *more, "--at", f"{day} {at}", *PERSON)
    closed = ",".join(one["code"] for one in document["closed_shelters"])
    return {
        "before": before,
        "after": tiers(demo("select")),
        "document": document,
        "events": demo("events", "演练")["events"],
        "callout": demo("callout", "演练", "--now", f"{day} 10:00"),
        "report": demo("after", "演练", "--now", f"{day} 10:00"),
        "again": demo(
            *("evacuate", *danger(document), "--people", people, "--crs", "cgcs2000"),
            *("--typhoon", "--close", closed, "--radius", 100),
        ),
    }


def mangkhut_rain() -> str:
    """Made-up hourly rain as the storm passed: some 300 mm at four stations, most of it before noon of 16 September."""
    start = dt.datetime(2018, 9, 15, 8, tzinfo=BEIJING)
    top = start + dt.timedelta(hours=26)
    lines = ["站号,经度,纬度,时间(北京时间),雨量(mm)"]
    for number, (lon, lat, share) in enumerate(STATIONS, 1):
        for hour in range(48):
            time = start + dt.timedelta(hours=hour)
            away = (time - top).total_seconds() / 3600
            amount = 25 * share * math.exp(-((away / 7) ** 2))
            lines.append(f"G{number},{lon},{lat},{time:%Y-%m-%d %H:%M},{amount:.1f}")
    return "\n".join(lines) + "\n"


def tiers(listed):
    return {(f["layer"], f["code"]): f["tier"] or "unrated" for f in listed["features"]}


def danger(document):
    moved = {"slopes", "underground_spaces", "waterlogging", "forest_fire_grids"}
    codes = {
        f"{e['layer']}:{e['code']}"
        for e in document["escalations"]
        if e["to"] == "major" and e["layer"] in moved
    }
    return "--danger", ",".join(sorted(codes))


def test_every_record_is_raised_from_the_tier_of_the_list_and_the_list_stays(drill):
    entries = drill["document"]["escalations"]
    assert entries
    for one in entries:
        assert one["from"] == drill["before"][one["layer"], one["code"]]
        assert ORDER.index(one["to"]) > ORDER.index(one["from"])
        assert one["start"] < one["expiry"]
        assert one["cause"]
    assert drill["after"] == drill["before"]


def test_the_sums_of_list_call_out_and_report_are_of_the_same_records(drill):
    document = drill["document"]
    worst = {}
    for one in document["escalations"]:
        key = one["layer"], one["code"]
        worst[key] = max(worst.get(key, 0), ORDER.index(one["to"]))
    counted = Counter(ORDER[rank] for rank in worst.values())
    assert document["raised"] == {tier: counted.get(tier, 0) for tier in document["raised"]}
    records = [r for group in document["callout"] for r in group["records"]]
    assert {(r["layer"], r["code"]): ORDER.index(r["to"]) for r in records} == worst
    assert len(records) == len(worst) == drill["callout"]["count"]
    answers = drill["report"]["acknowledgement"]
    assert (answers["records"], answers["answered"], answers["median_minutes"]) == (len(worst), 1, 4.0)


def test_nobody_is_lost_on_the_way_and_no_shelter_in_danger_is_used(drill):
    document, report, again = drill["document"], drill["report"], drill["again"]
    moves = document["evacuation"]
    assert moves["people"] == moves["placed"] + moves["unplaced"] > 0
    assert sum(one["people"] for one in moves["assignments"]) == moves["placed"]
    closed = {one["code"] for one in document["closed_shelters"]}
    raised = {one["code"] for one in document["escalations"] if one["layer"] == "shelters"}
    assert not (closed | raised) & {one["shelter"] for one in moves["assignments"]}
    assert report["moved"]["people"] == moves["placed"]
    assert (again["people"], again["placed"]) == (moves["people"], moves["placed"])


def test_the_log_holds_what_happened_and_the_report_counts_it(drill):
    events, report = drill["events"], drill["report"]
    assert [e["kind"] for e in events] == ["warning", "response", "call", "acknowledgement", "moved"]
    assert report["scenario"]["drill"] is True
    assert (report["warnings"], report["responses"], report["tied"]) == (1, 1, 1)
    assert (report["calls"], report["events"], report["adds_up"]) == (1, len(events), True)
