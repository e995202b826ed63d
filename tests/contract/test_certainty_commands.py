"""What stands beside a tier on the command line and on the point page: probabilities, age, residual risk."""

from __future__ import annotations

import shutil
import sys
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from riskmap.actions.records.certainty import point_certainty
from riskmap.actions.workspace import open_workspace
from riskmap.scoring.sensitivity import sensitivity
from riskmap.vocabulary import TIERS
from tests.assess_rows import scoring
from tests.cli import Ran, riskmap
from tests.pages_running import html, open_page, use_workspace

TODAY = date.today()  # noqa: DTZ011 - the local day, as the commands take it


def ago(days: int) -> str:
    return str(TODAY - timedelta(days=days))


SLOPES = f"""编号,名称,街道,经度,纬度,坡高,坡度,稳定状态,变形迹象,是否雨毁,威胁人数,威胁财产,工程治理,治理工程核验日期,自动化监测,监测状态,监测核验日期,排查日期
S1,甲坡,东门街道,114.12,22.55,12,50,欠稳定,否,否,600,100,是,{ago(350)},是,在线,{ago(80)},{ago(10)}
S2,乙坡,东门街道,114.13,22.55,12,50,欠稳定,否,否,600,100,是,{ago(400)},否,,,{ago(300)}
S3,丙坡,东门街道,114.14,22.55,12,50,欠稳定,否,否,600,100,是,,是,离线,{ago(1)},
S4,丁坡,东门街道,,,12,,,,,600,100,,,,,,
"""
POINTS = """编号,名称,街道,经度,纬度,L,E,C
A1,甲,东门街道,114.12,22.55,3,6,15
A2,乙,南湖街道,114.13,22.55,10,10,100
A3,丙,南湖街道,114.14,22.55,,6,15
"""


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certainty") / "ws"
    assert riskmap("init", folder).status == 0
    for layer, text in (("slopes", SLOPES), ("risk_points", POINTS)):
        file = folder.parent / f"{layer}.csv"
        file.write_text(text, encoding="utf-8")
        done = riskmap("import", layer, file, "--crs", "wgs84", "--workspace", folder)
        assert done.status == 0, done.err + done.out
    assert riskmap("assess", "--workspace", folder).status == 0
    return folder


def run(ws: Path, *words: object) -> Ran:
    return riskmap(*words, "--workspace", ws)


def test_explain_states_probabilities_completeness_age_and_residual(ws: Path):
    told = run(ws, "explain", "slopes", "S1", "--json").json
    assert told["tier"] == "large"
    assert set(told["probabilities"]) == set(TIERS)
    assert sum(told["probabilities"].values()) == pytest.approx(1)
    assert told["probability_method"] == "exact"
    assert (told["completeness"], told["age_days"], told["fresh"]) == (1, 10, True)
    left = told["residual"]
    assert left["tier"] == "general"
    assert left["score"] == pytest.approx(told["score"] * 0.8)
    works, watch = left["measures"]
    assert works == {
        "id": "works",
        "in_force": True,
        "expires_on": str(TODAY + timedelta(days=15)),
        "why_not": None,
    }
    assert (watch["id"], watch["in_force"], watch["expires_on"]) == (
        "monitoring",
        True,
        str(TODAY + timedelta(days=10)),
    )


def test_measures_that_do_not_count_say_why_and_leave_the_tier(ws: Path):
    for code, reasons in (("S2", ["expired", "not_in_place"]), ("S3", ["not_verified", "not_in_place"])):
        told = run(ws, "explain", "slopes", code, "--json").json
        assert told["residual"]["tier"] == told["tier"] == "large"
        assert [one["why_not"] for one in told["residual"]["measures"]] == reasons
    old = run(ws, "explain", "slopes", "S2", "--json").json
    assert (old["age_days"], old["fresh"]) == (300, False)


def test_an_unrated_point_has_no_probabilities_and_no_residual_tier(ws: Path):
    for layer, code in (("slopes", "S4"), ("risk_points", "A3")):
        told = run(ws, "explain", layer, code, "--json").json
        assert told["state"] == "unrated"
        assert told["probabilities"] is None
        assert told["residual"]["tier"] is told["residual"]["score"] is None
        assert told["completeness"] < 1


def test_explain_reads_as_text(ws: Path):
    said = run(ws, "explain", "slopes", "S1").out
    assert "各等级概率（精确）" in said
    assert "剩余风险：一般" in said
    assert "已过期" in run(ws, "explain", "slopes", "S2").out


def test_uncertainty_lists_the_most_doubtful_points_first(ws: Path):
    document = run(ws, "uncertainty", "--json").json
    points, slopes = (
        next(x for x in document["layers"] if x["layer"] == name) for name in ("risk_points", "slopes")
    )
    assert (points["method"], points["draws"], points["points"], points["unknown"]) == ("exact", 0, 2, 1)
    assert [flip["code"] for flip in points["flips"]] == ["A1"]
    assert points["flips"][0]["stays"] == pytest.approx(0.544)
    assert sum(points["expected"].values()) == pytest.approx(2)
    assert slopes["points"] == 3
    for layer in document["layers"]:
        stays = [flip["stays"] for flip in layer["flips"]]
        assert stays == sorted(stays)
        assert all(flip["probabilities"][flip["tier"]] == flip["stays"] <= 0.95 for flip in layer["flips"])
    assert run(ws, "uncertainty", "risk_points", "--least", "0.5", "--json").json["layers"][0]["flips"] == []
    assert "精确计算" in run(ws, "uncertainty").out


@pytest.mark.parametrize(
    "words", [("--weights", "1.5"), ("--weights", "-1"), ("--least", "2"), ("--draws", "0"), ("risk_pionts",)]
)
def test_what_cannot_be_asked_is_refused_with_one_line(words, ws: Path):
    ran = run(ws, "uncertainty", *words)
    assert ran.refused
    assert len(ran.err.strip().splitlines()) == 1


def test_a_model_without_doubts_gives_null_and_no_fake_certainty(ws: Path, tmp_path: Path):
    folder = tmp_path / "ws"
    shutil.copytree(ws, folder)
    model = folder / "models" / "risk_points_lec.toml"
    model.write_text(model.read_text(encoding="utf-8").partition("[uncertainty]")[0], encoding="utf-8")
    assert run(folder, "assess", "risk_points").status == 0
    told = run(folder, "explain", "risk_points", "A1", "--json").json
    assert told["probabilities"] is told["probability_method"] is None
    (layer,) = run(folder, "uncertainty", "risk_points", "--json").json["layers"]
    assert layer["method"] is layer["expected"] is None
    (layer,) = run(folder, "uncertainty", "risk_points", "--weights", "0.2", "--json").json["layers"]
    assert layer["expected"]["major"] == 1
    assert run(folder, "retire", "risk_points", "A1", "--why", "拆除").status == 0
    retired = point_certainty(open_workspace(folder), "risk_points", "A1", on=TODAY)
    assert (retired.tier, retired.probabilities) == ("large", None)


def test_residual_counts_inherent_by_residual_and_lists_what_ends_soon(ws: Path):
    document = run(ws, "residual", "slopes", "--within", "15", "--json").json
    (slopes,) = document["layers"]
    assert document["on"] == str(TODAY)
    assert slopes["inherent"] == {"major": 0, "large": 3, "general": 0, "low": 0, "unrated": 1}
    assert slopes["residual"] == {"major": 0, "large": 2, "general": 1, "low": 0, "unrated": 1}
    assert (slopes["counts"]["large"]["general"], slopes["lowered"]) == (1, 1)
    assert slopes["measures"] == {"works": 1, "monitoring": 1}
    assert [(x["measure"], x["then"]) for x in slopes["expiring"]] == [
        ("monitoring", "general"),
        ("works", "large"),
    ]
    assert [
        x["measure"]
        for x in run(ws, "residual", "slopes", "--within", "10", "--json").json["layers"][0]["expiring"]
    ] == ["monitoring"]
    later = TODAY + timedelta(days=16)
    (slopes,) = run(ws, "residual", "slopes", "--on", later, "--json").json["layers"]
    assert slopes["residual"] == slopes["inherent"]
    assert run(ws, "residual", "--on", "x").status == run(ws, "residual", "--within", "-1").status == 2
    assert "剩余" in run(ws, "residual").out


def test_the_tier_in_lists_and_totals_stays_the_inherent_one(ws: Path):
    listed = run(ws, "select", "slopes", "--json").json["features"]
    assert {f["code"]: f["tier"] for f in listed} == {"S1": "large", "S2": "large", "S3": "large", "S4": None}
    assert run(ws, "summary", "--json").json["layers"]["slopes"]["tiers"]["large"] == 3


def test_the_day_is_passed_in(ws: Path):
    opened = open_workspace(ws)
    last = TODAY + timedelta(days=15)
    assert point_certainty(opened, "slopes", "S1", on=last).residual_tier == "general"
    assert point_certainty(opened, "slopes", "S1", on=last + timedelta(days=1)).residual_tier == "large"


def test_sobol_indices_of_lec_are_those_of_a_product():
    # Independent factors x with r = var/mean²: V/m² = Π(1 + r) − 1, first order r_i, total r_i·Π_others(1 + r).
    seen = pa.table({"f:likelihood": [1.0, 3.0], "f:exposure": [1.0, 6.0], "f:consequence": [7.0, 15.0]})
    r = {"likelihood": 1 / 4, "exposure": 6.25 / 12.25, "consequence": 16 / 121}
    whole = (1 + r["likelihood"]) * (1 + r["exposure"]) * (1 + r["consequence"])
    found = sensitivity(*scoring("risk_points"), seen)
    for field, own in r.items():
        assert found.indices[field]["first"] == pytest.approx(own / (whole - 1), abs=0.03)
        assert found.indices[field]["total"] == pytest.approx(own / (1 + own) * whole / (whole - 1), abs=0.03)
    assert sensitivity(*scoring("risk_points"), seen).indices == found.indices


def test_sensitivity_ranks_the_factors_of_a_layer(ws: Path):
    document = run(ws, "sensitivity", "risk_points", "--method", "morris", "--json").json
    sizes = [one["mu_star"] for one in document["factors"]]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size > 0 for size in sizes)
    assert (document["layer"], document["model"], document["fixed"]) == ("risk_points", "risk_points_lec", [])
    assert "暴露" in run(ws, "sensitivity", "risk_points", "--method", "morris").out


def test_fields_that_are_all_alike_are_held_and_named(ws: Path):
    found = run(ws, "sensitivity", "slopes", "--method", "morris")
    assert found.status == 2  # every factor of these slopes is alike
    assert len(found.err.strip().splitlines()) == 1
    assert run(ws, "sensitivity", "risk_points", "--method", "sobel").status == 2


def test_without_salib_the_extra_is_named(ws: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("SALib.analyze", "SALib.sample"):
        monkeypatch.setitem(sys.modules, name, None)
    ran = run(ws, "sensitivity", "risk_points")
    assert ran.refused
    assert "riskmap[sensitivity]" in ran.err


def test_the_point_page_shows_the_bar_and_the_measures(ws: Path, monkeypatch: pytest.MonkeyPatch):
    use_workspace(monkeypatch, ws)
    page = html(open_page("point", layer="slopes", code="S1"))
    assert 'class="rm-sure"' in page
    assert "rm-tier-large" in page
    assert f"有效，至 {TODAY + timedelta(days=15)}" in page
    assert "资料完整度 100%" in page
    unrated = open_page("point", layer="slopes", code="S4")
    assert 'class="rm-sure"' not in html(unrated)
    assert any("未知不等于低风险" in c.value for c in unrated.caption)
