"""`riskmap prepare`: its document, its sums, its exit status, what it stores and what it refuses."""

from __future__ import annotations

import json
import re
import warnings

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from tests import cli
from tests.duty_workspace import copied
from tests.prepare_workspace import A, B, bulletin, people, prepare_workspace, rain, written

PERSON = ("--by", "值班员", "--why", "测试")
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
AT = ("--at", "2024-09-05 10:00")
TIERS = ("low", "unrated", "general", "large", "major")


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    """A workspace into which nothing is kept."""
    return prepare_workspace(tmp_path_factory.mktemp("command") / "ws")


@pytest.fixture
def own(ws, tmp_path):
    return copied(ws, tmp_path / "ws")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issued")
    return {
        "track": written(folder, "苏拉.csv", bulletin()),
        "rain": written(folder, "雨量.csv", rain()),
        "people": written(folder, "人口.csv", people(("H1", 40), ("H2", 50))),
    }


def run(ws, *words):
    return cli.riskmap(*words, "--workspace", ws.root)


def prepared(ws, *words):
    return run(ws, "prepare", *words, *PERSON, "--json")


def storm_words(files):
    return ("--track", files["track"], "--rain", files["rain"], "--warning", f"台风:橙@{B}", "--people", files["people"], "--crs", "cgcs2000")  # fmt: skip


@pytest.fixture(scope="module")
def done(ws, files, tmp_path_factory):
    """A workspace of its own with one kept scenario, and what the command said."""
    copy = copied(ws, tmp_path_factory.mktemp("done") / "ws")
    before = run(copy, "select", "--json").json
    ran = prepared(copy, *storm_words(files), "--response", "II", "--title", "苏拉", *AT)
    return copy, before, ran


def test_the_document_is_the_contract(done):
    _, _, ran = done
    document = json.loads(ran.out)  # one document and nothing else
    assert (document["scenario"], document["at"], document["response"]) == (
        "苏拉",
        "2024-09-05T02:00:00Z",
        "II",
    )
    assert document["escalations"]
    for one in document["escalations"]:
        assert {"layer", "code", "from", "to", "cause", "start", "expiry"} <= one.keys()
        assert ISO.fullmatch(one["start"])
        assert ISO.fullmatch(one["expiry"])
        assert one["start"] < one["expiry"]
        assert TIERS.index(one["to"]) > TIERS.index(one["from"])
        assert one["cause"]
    moves = document["evacuation"]
    assert {"people", "placed", "unplaced", "assignments"} <= moves.keys()
    assert moves["people"] == moves["placed"] + moves["unplaced"] == 90
    assert sum(one["people"] for one in moves["assignments"]) == moves["placed"] == 60
    assert {one["code"] for one in document["closed_shelters"]} == {"BN2"}
    assert all(
        ISO.fullmatch(one[edge]) for one in document["closed_shelters"] for edge in ("start", "expiry")
    )
    assert isinstance(document["callout"], list)


def test_the_exit_status_says_that_somebody_has_no_place_or_something_is_not_known(done, ws):
    assert done[2].status == 1
    calm = prepared(ws, "--warning", f"地质灾害:红@{A}", *AT, "--dry-run")
    assert calm.json["unknown"] == [{"layer": "risk_points", "code": "RP1", "name": "点RP1", "zh": "缺风险类型", "en": "not known: kind"}]  # fmt: skip
    assert calm.status == 1
    whole = prepared(ws, "--warning", f"森林火险:红@{B}", *AT, "--dry-run")
    assert (whole.status, whole.json["unknown_count"]) == (0, 0)
    assert [one["code"] for one in whole.json["escalations"]][:1] == ["FG1"]


def test_a_geological_warning_in_yellow_raises_slopes(ws):
    """Every yellow one that could be found in Shenzhen came with defence orders."""
    calm = prepared(ws, "--warning", f"地质灾害:蓝@{A},{B}", *AT, "--dry-run").json
    yellow = prepared(ws, "--warning", f"地质灾害:黄@{A},{B}", *AT, "--dry-run").json
    raised = [
        (one["code"], one["from"], one["to"]) for one in yellow["escalations"] if one["layer"] == "slopes"
    ]
    assert not [one for one in calm["escalations"] if one["layer"] == "slopes"]
    assert raised
    assert {to for _, _, to in raised} == {"general"}
    red = prepared(ws, "--warning", f"地质灾害:红@{A},{B}", *AT, "--dry-run").json
    worst: dict[str, str] = {}
    for one in red["escalations"]:
        if one["layer"] == "slopes":
            worst[one["code"]] = max(worst.get(one["code"], "low"), one["to"], key=TIERS.index)
    assert worst.keys() >= {code for code, _, _ in raised}
    assert set(worst.values()) == {"major"}, red["escalations"]


def test_static_tiers_stay_and_every_raised_record_is_one_that_select_lists(done):
    ws, before, ran = done
    after = run(ws, "select", "--json").json
    assert [(f["layer"], f["code"], f["tier"], f["version"]) for f in after["features"]] == [
        (f["layer"], f["code"], f["tier"], f["version"]) for f in before["features"]
    ]
    listed = {(f["layer"], f["code"]): f["tier"] or "unrated" for f in after["features"]}
    for one in ran.json["escalations"]:
        assert listed[one["layer"], one["code"]] == one["from"]


def test_all_totals_are_the_same_records(done):
    ws, before, ran = done
    document = ran.json
    distinct = {(one["layer"], one["code"]) for one in document["escalations"]}
    assert sum(document["raised"].values()) == len(distinct)
    records = [r for group in document["callout"] for r in group["records"]]
    assert {(r["layer"], r["code"]) for r in records} == distinct
    assert len(records) == len(distinct)
    assert run(ws, "callout", "苏拉", "--now", "2024-09-05 10:00", "--json").json["count"] == len(distinct)
    by_tier = {tier: sum(r["to"] == tier for r in records) for tier in document["raised"]}
    assert by_tier == document["raised"]
    summary = run(ws, "summary", "--json").json
    others = sum(one["count"] for one in summary["others"].values())  # shelters: listed, in no total
    assert summary["total"] + others == before["count"]
    assert distinct <= {(f["layer"], f["code"]) for f in before["features"]}


def test_the_response_is_what_was_said_and_never_follows_from_a_colour(done, ws):
    ran, folder = done[2], done[0]
    silent = prepared(ws, "--warning", "台风:红", "--warning", "暴雨:红", *AT, "--dry-run")
    assert silent.json["response"] is None
    events = run(folder, "events", "苏拉", "--json").json["events"]
    assert [(e["kind"], e["body"].get("level")) for e in events if e["kind"] == "response"] == [
        ("response", "II")
    ]
    assert [e["body"]["colour"] for e in events if e["kind"] == "warning"] == ["orange"]
    assert {e["who"] for e in events} == {"值班员"}
    assert ran.json["response"] == "II"


def test_a_drill_is_kept_as_one(own):
    assert prepared(own, "--warning", "暴雨:红", "--drill", *AT).json["drill"] is True
    assert prepared(own, "--warning", "暴雨:红", *AT).json["drill"] is False
    assert [s["drill"] for s in run(own, "scenarios", "--json").json["scenarios"]] == [False, True]


def test_the_same_files_again_say_the_same(ws, files):
    first, again = (prepared(ws, *storm_words(files), "--dry-run").json for _ in range(2))
    assert first["escalations"] == again["escalations"]
    assert first["evacuation"]["assignments"] == again["evacuation"]["assignments"]
    assert first["unknown"] == again["unknown"]


def state(ws):
    made = run(ws, "scenarios", "--json").json
    ledger = (ws.ledger.state, len(ws.ledger.exports()))
    return made, ledger, run(ws, "summary", "--json").json["total"]


def test_a_dry_run_computes_all_but_the_callout_and_stores_nothing(ws, files):
    before = state(ws)
    document = prepared(ws, *storm_words(files), "--response", "I", "--dry-run").json
    assert (document["id"], document["callout"]) == (None, [])
    assert document["evacuation"]["people"] == 90
    assert document["escalations"]
    assert state(ws) == before


def raster(path, values, *, crs: str | None = "EPSG:4326", unit="mm"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", driver="GTiff", width=8, height=8, count=len(values), dtype="float32", crs=crs,
            transform=Affine(0.1, 0, 113.8, 0, -0.1, 22.9),
        ) as out:  # fmt: skip
            for band, value in enumerate(values, 1):
                out.write(np.full((8, 8), value, np.float32), band)
                out.set_band_unit(band, unit)
                out.set_band_description(band, f"2024-09-05T{5 + band:02d}:00Z")
    return path


def bad_input(folder, files):
    """Name → (words of the command, what the message must say)."""
    track, table = files["track"], files["rain"]

    def new(name, text):
        return written(folder, name, text)

    headed = "种类,颜色,街道,发布时间(北京时间)\n台风,橙色,,2024-09-05 09:00\n"
    return {
        "a track that jumps": (
            ("--track", new("跳.csv", bulletin().replace("22.20,114.1", "22.20,134.1"))), ("跳.csv", "第 7 行"),
        ),
        "two averaging times": (
            ("--track", new("混.csv", bulletin(minutes=(2, 10)))), ("混.csv", "第 5 行", "10 分钟"),
        ),
        "a raster without CRS": (("--rain", raster(folder / "无.tif", (1, 2), crs=None)), ("无.tif",)),
        "a raster in mm/h": (("--rain", raster(folder / "率.tif", (1, 2), unit="mm/h")), ("率.tif", "mm/h")),
        "a negative raster": (("--rain", raster(folder / "负.tif", (1, -2))), ("负.tif", "第 2 波段", "-2")),
        "stations in mm/h": (("--rain", new("率.csv", rain(unit="mm/h"))), ("率.csv", "mm/h")),
        "negative rain": (("--rain", new("负.csv", rain((0, -3, 1)))), ("负.csv", "第 3 行", "-3")),
        "an unknown sub-district": (("--warning", "台风:橙@无名街道"), ("无名街道", A)),
        "an unknown kind": (("--warning", "地震:橙"), ("地震",)),
        "an unknown colour": (("--warning", "台风:紫"), ("紫",)),
        "no kind at all": (("--warning", "橙色"), ("橙色", "种类:颜色")),
        "an unknown level": (("--warning", "台风:橙", "--response", "V"), ("V",)),
        "an unknown sub-district in a file": (
            ("--track", track, "--warning", new("街.csv", headed.replace("色,,", "色,无名街道,"))), ("街.csv", "第 2 行", "无名街道"),
        ),
        "a file of another year": (
            ("--track", track, "--warning", new("年.csv", headed.replace("2024-", "2026-"))), ("年.csv", "2024-09-05", "2026-09"),
        ),
        "no track there": (("--track", folder / "没有.csv"), ("没有.csv", "没有这个文件")),
        "no rain there": (("--rain", folder / "没有.tif"), ("没有.tif", "没有这个文件")),
        "no warning there": (("--warning", folder / "没有.json"), ("没有.json", "没有这个文件")),
        "no people there": (("--rain", table, "--people", folder / "没人.csv"), ("没人.csv", "没有这个文件")),
        "people without a number": (
            ("--rain", table, "--crs", "cgcs2000", "--people", new("空.csv", "甲,乙\n1,2\n")), ("空.csv",),
        ),
        "papers of no known kind": (("--rain", table, "--to", folder / "单.odt"), ("单.odt", ".docx")),
        "papers of a dry run": (("--rain", table, "--dry-run", "--to", folder / "单.xlsx"), ("单.xlsx", "--dry-run")),
        "a made-up storm in earnest": (("--made-storm",), ("--drill",)),
        "a wind model there is not": (("--track", track, "--model", "x1"), ("x1", "holland2010")),
        "no moment": (("--rain", table, "--at", "昨天"), ("昨天",)),
        "nothing": ((), ("至少给一项",)),
    }  # fmt: skip


def test_what_cannot_be_used_ends_in_one_message_and_nothing_is_stored(ws, files, tmp_path):
    before = state(ws)
    for name, (words, said) in bad_input(tmp_path, files).items():
        ran = run(ws, "prepare", *words, *PERSON, "--json")
        assert ran.refused, (name, ran)
        assert "Traceback" not in ran.err, name
        assert len(ran.err.strip().splitlines()) == 1, (name, ran.err)
        for word in said:
            assert word in ran.err, (name, word, ran.err)
    assert state(ws) == before


def test_a_broken_table_of_the_workspace_does_not_hide_what_is_in_danger(own, files):
    written(own.root / "data", "人口.csv", "甲,乙\n1,2\n")
    settings = own.root / "workspace.toml"
    settings.write_text(
        settings.read_text("utf-8").replace('people = ""', 'people = "data/人口.csv"'), "utf-8"
    )
    ran = prepared(own, "--rain", files["rain"])
    assert ran.status == 1
    assert ran.json["escalations"]
    assert any("人口.csv" in note["zh"] for note in ran.json["notes"])


def test_without_json_it_says_what_was_raised_kept_and_not_looked_at(own, files, tmp_path):
    ran = run(own, "prepare", "--rain", files["rain"], "--to", tmp_path / "叫应.xlsx", *PERSON)
    assert "升级 5 个点位（重大 2、较大 1、一般 2）" in ran.out
    assert "riskmap callout 1" in ran.out
    assert "outdoor_wind" in ran.err
    assert "点RP1" not in ran.out
    assert (tmp_path / "叫应.xlsx").is_file()
