"""Models that compare with the whole layer, in a workspace: one edit moves one score."""

from __future__ import annotations

import json
import sys
import types
from datetime import date

import numpy as np
import pytest

from riskmap.actions.records.certainty import point_certainty, residual_json, uncertainty_json
from riskmap.actions.records.editing import create_point, edit_point
from riskmap.actions.records.scoring import assess_layers, explain_point, explanation_json, load_artefacts
from riskmap.actions.workspace import create_workspace, open_workspace
from riskmap.errors import ArtefactError
from riskmap.rules.judge import rules_of
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.index_models import Slope, head, leaf, learned, model_of, node
from tests.pages_running import open_page, use_workspace

WHO = {"by": "测试员", "why": "测试"}
ACTS = WHO | {"by": local_actor(WHO["by"])}
LAYER = "risk_points"
RANK = 'normalise = { method = "percentile_rank" }'
RANKED = (
    head("s")
    + leaf("l", RANK, field="likelihood")
    + leaf("c", RANK, field="consequence")
    + node("s", "mean", ["l", "c"])
)


def use(root, text, name="risk_points_lec"):
    """Put a model in the place of the layer's own."""
    (root / "models" / f"{name}.toml").write_text(
        text.replace('id = "index"', f'id = "{name}"'), encoding="utf-8"
    )
    return open_workspace(root)


@pytest.fixture
def ws(tmp_path):
    made = create_workspace(tmp_path / "ws")
    made = use(made.root, RANKED)
    layer = made.ledger
    for i, code in enumerate("ABCDE"):
        values = {"name": code, "likelihood": i + 1, "consequence": (i + 1) ** 2, "exposure": 1}
        layer.create_record(LAYER, code, values=rules_of(made.catalog.layer(LAYER)).record(values), **WHO)
    assess_layers(made, [LAYER], **ACTS)
    return made


def scores(ws):
    found = ws.ledger.features(LAYER)
    return dict(zip(found.records.code, found.score.tolist(), strict=True))


def test_a_whole_run_keeps_its_fit(ws):
    assert scores(ws) == {"A": 0, "B": 0.25, "C": 0.5, "D": 0.75, "E": 1}
    model = ws.catalog.model_of(LAYER)
    kept = ws.ledger.last_fit(LAYER, model.digest)
    assert json.loads(kept.text)["nodes"]["l"]["values"] == [1, 2, 3, 4, 5]
    assert kept.at == ws.ledger.written_at(ws.ledger.state)
    assert ws.ledger.last_fit(LAYER, "another") is None


def test_an_edit_moves_one_score_and_no_other(ws):
    before = scores(ws)
    edit_point(ws, LAYER, "A", seen=1, changes={"likelihood": 9.0, "consequence": 99.0}, **ACTS)
    assert scores(ws) == before | {"A": 1}
    changes = ws.ledger.tier_changes(since=ws.ledger.state - 1)
    assert [(c.code, c.before, c.after, c.cause) for c in changes] == [("A", "low", "major", "data")]
    create_point(ws, LAYER, "F", values={"name": "F", "likelihood": 1, "consequence": 1}, **ACTS)
    assert scores(ws) == before | {"A": 1, "F": 0}


def test_the_next_whole_run_compares_anew_and_says_that_the_others_moved(ws):
    edit_point(ws, LAYER, "A", seen=1, changes={"likelihood": 9.0, "consequence": 99.0}, **ACTS)
    document = assess_layers(ws, [LAYER], **ACTS)
    assert document["layers"][0]["fit"] != document["layers"][0]["digest"]
    assert scores(ws) == {"A": 1, "B": 0, "C": 0.25, "D": 0.5, "E": 0.75}
    changes = ws.ledger.tier_changes(run=document["run"])
    assert {c.cause for c in changes} == {"fit"}
    assert assess_layers(ws, [LAYER], **ACTS)["run"] is None  # nothing new: nothing is written


def test_an_explanation_says_with_what_it_compared_and_when(ws):
    document = explanation_json(explain_point(ws, LAYER, "D"))
    assert document["reference"]["fit"].keys() == {"rows", "digest", "at"}
    assert document["reference"]["fit"]["rows"] == 5
    assert document["gates"] == []
    total = document["reference"]["score"] + sum(c["contribution"] for c in document["contributions"])
    assert total == pytest.approx(document["score"], abs=1e-9)
    told = riskmap("explain", LAYER, "D", "--workspace", ws.root)
    assert told.status == 0
    assert "5 条记录" in told.out or "5 records" in told.out


def test_a_tier_of_an_older_version_is_explained_by_it_until_a_whole_run(ws):
    before = explain_point(ws, LAYER, "D").score
    ws = use(ws.root, RANKED.replace('version = "1"', 'version = "2"').replace('"mean"', '"max"'))
    told = explain_point(ws, LAYER, "D")
    assert (told.score, told.made_by.version, told.adopted.version) == (before, "1", "2")
    edit_point(ws, LAYER, "A", seen=1, changes={"likelihood": 4}, **ACTS)
    assert scores(ws) == {"A": 0.5, "B": 0.25, "C": 0.5, "D": 0.75, "E": 1}
    assert ws.ledger.last_fit(LAYER, ws.catalog.model_of(LAYER).digest) is not None


def test_equal_fits_are_kept_once_and_never_change(ws):
    edit_point(ws, LAYER, "A", seen=1, changes={"name": "甲"}, **ACTS)
    assess_layers(ws, [LAYER], **ACTS)
    with ws.ledger._store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM model_fit").scalar() == 1
        runs = connection.exec_driver_sql("SELECT count(DISTINCT fit), count(*) FROM run_layer").one()
    assert runs[0] == 1
    assert runs[1] >= 2
    with pytest.raises(Exception, match="append-only"), ws.ledger._store.writing() as connection:
        connection.exec_driver_sql("UPDATE model_fit SET digest = 'x'")
    assert ws.ledger.check() == []


# ------------------------------------------------------------------ artefacts


@pytest.fixture
def loader(monkeypatch):
    asked = []
    module = types.ModuleType("riskmap.scoring.learned")

    def load_learned(path, *, digest):
        asked.append((path, digest))
        return Slope()

    module.load_learned = load_learned
    monkeypatch.setitem(sys.modules, "riskmap.scoring.learned", module)
    return asked


def test_an_artefact_is_loaded_from_beside_the_model_by_its_digest(tmp_path, loader):
    (tmp_path / "slide.skops").write_bytes(b"x")
    model = model_of(learned())
    found = load_artefacts(tmp_path, model)
    assert set(found) == {"p"}
    assert loader == [(tmp_path / "slide.skops", "0" * 64)]
    assert load_artefacts(tmp_path, model_of(RANKED)) == {}


def test_an_artefact_that_is_missing_or_does_not_fit_the_model_is_refused(tmp_path, loader):
    with pytest.raises(ArtefactError, match=r"no file .*slide\.skops"):
        load_artefacts(tmp_path, model_of(learned()))
    (tmp_path / "slide.skops").write_bytes(b"x")
    other = learned().replace("angle = ", "tilt = ")
    with pytest.raises(ArtefactError, match="inputs name tilt, wet, the artefact predicts from angle, wet"):
        load_artefacts(tmp_path, model_of(other))


def test_a_reference_that_the_artefact_knows_nothing_of_is_refused(tmp_path, loader, monkeypatch):
    (tmp_path / "slide.skops").write_bytes(b"x")
    monkeypatch.setattr(Slope, "predict", lambda _, given: np.full(len(given["angle"]), np.nan))
    with pytest.raises(ArtefactError, match="outside what was trained"):
        load_artefacts(tmp_path, model_of(learned()))


def test_a_learned_model_scores_and_explains_a_layer(tmp_path, loader):
    made = create_workspace(tmp_path / "ws")
    (made.root / "models" / "slide.skops").write_bytes(b"x")
    text = learned().replace('"slope_deg"', '"people_500m"').replace('"wetness"', '"exposure"')
    ws = use(made.root, text)
    create_point(ws, LAYER, "A", values={"name": "A", "people_500m": 40, "exposure": 1}, **ACTS)
    create_point(ws, LAYER, "B", values={"name": "B", "exposure": 1.0}, **ACTS)
    found = ws.ledger.features(LAYER)
    assert found.score[0] == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-9)
    assert found.missing == [(), ("people_500m",)]
    assert explain_point(ws, LAYER, "A").tier == "major"


# ------------------------------------------------------------------ before the first whole run


DOUBTED = RANKED + (
    '[uncertainty]\nstatus = "draft"\nsource = "t"\nweights = 0.2\ndraws = 50\n'
    "[uncertainty.indicators.l]\nclass_up = 0.1\n"
)


def test_a_layer_that_is_not_fitted_is_null_with_one_clear_message(ws):
    ws = use(ws.root, DOUBTED)  # another version, and no whole run by it yet
    for command in ("uncertainty", "residual"):
        told = riskmap(command, LAYER, "slopes", "--workspace", ws.root, "--json")
        assert told.status == 0
        unfitted, other = told.json["layers"]
        assert "riskmap assess" in unfitted["problem"]["en"]
        assert other["problem"] is None
        said = riskmap(command, LAYER, "--workspace", ws.root)
        assert (said.status, said.out, len(said.err.strip().splitlines())) == (0, "", 1)
        assert "riskmap assess" in said.err
    (layer,) = uncertainty_json(ws, [LAYER])["layers"]
    assert layer["method"] is layer["tiers"] is layer["expected"] is None
    (layer,) = residual_json(ws, [LAYER], on=date(2026, 7, 1))["layers"]
    assert layer["residual"] is layer["counts"] is None
    ran = riskmap("sensitivity", LAYER, "--workspace", ws.root)
    assert (ran.status, ran.out, len(ran.err.strip().splitlines())) == (2, "", 1)
    ran = riskmap("explain", LAYER, "D", "--workspace", ws.root)
    assert ran.status == 0
    assert f"riskmap assess {LAYER}" in ran.out


def test_the_point_page_of_a_layer_with_a_newer_model_explains_the_tier_that_stands(ws, monkeypatch):
    ws = use(ws.root, DOUBTED)
    use_workspace(monkeypatch, ws.root)
    page = open_page("point", layer=LAYER, code="D")
    assert not page.error
    adopted = ws.catalog.model_of(LAYER).version
    assert any(adopted in str(one.value) for one in page.caption)


def test_after_a_whole_run_everything_beside_the_tier_is_there(ws):
    ws = use(ws.root, DOUBTED)
    assess_layers(ws, [LAYER], **ACTS)
    point = point_certainty(ws, LAYER, "D", on=date(2026, 7, 1))
    assert (point.tier, point.score, point.residual_tier) == ("major", 0.75, "major")
    assert point.method == "sampled"
    assert sum(point.probabilities.values()) == pytest.approx(1)
    (layer,) = uncertainty_json(ws, [LAYER])["layers"]
    assert (layer["points"], layer["method"], layer["problem"]) == (5, "sampled", None)
    (layer,) = residual_json(ws, [LAYER], on=date(2026, 7, 1))["layers"]
    assert layer["residual"] == layer["inherent"]
    # An edited point takes its place in the kept fit, and no other point's probabilities move.
    before = {flip["code"]: flip for flip in uncertainty_json(ws, [LAYER], least=0)["layers"][0]["flips"]}
    edit_point(ws, LAYER, "A", seen=1, changes={"likelihood": 9.0}, **ACTS)
    after = {flip["code"]: flip for flip in uncertainty_json(ws, [LAYER], least=0)["layers"][0]["flips"]}
    assert {c: f for c, f in before.items() if c != "A"} == {c: f for c, f in after.items() if c != "A"}
