"""A tier carries its model: wherever it stands, the version that made it is said, not the one adopted since."""

from __future__ import annotations

import shutil

import docx
import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.actions.episode.duty import review_of
from riskmap.actions.episode.inputs import Given
from riskmap.actions.episode.scenario import keep, prepare
from riskmap.actions.inventory.exporting import export_selection
from riskmap.actions.inventory.listing import make_selection, select_json
from riskmap.actions.model_saving import next_version, open_model, save_model
from riskmap.actions.records.certainty import point_certainty
from riskmap.actions.records.editing import edit_point
from riskmap.actions.records.scoring import (
    assess_layers,
    explain_point,
    explanation_json,
    one_feature,
    tier_basis,
)
from riskmap.actions.reports import export_after_report
from riskmap.actions.tier_models import outdated
from riskmap.actions.workspace import create_workspace, open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog.model_text import changed_text, with_version
from riskmap.cli.duty_documents import review_json
from riskmap.moments import local_now
from riskmap.rules.permissions import local_actor
from riskmap.selection import find
from riskmap.values.hazards import IssuedWarning
from riskmap.vocabulary import RANKS
from riskmap.web.widgets.map import card
from tests.cli import riskmap
from tests.ledger_files import ACTS, LAYER, WHO, bring, point
from tests.prepare_workspace import prepare_workspace

BY = {"by": local_actor("张三"), "why": "区里会议确定"}


def row(code, likelihood=1.0, **more):
    """A row of the LEC method: 90 × likelihood, so 1 is general, 3 large and 10 major."""
    return point(code, likelihood=likelihood, exposure=6.0, consequence=15.0, **more)


@pytest.fixture
def ws(tmp_path):
    made = create_workspace(tmp_path / "ws")
    bring(made.ledger, [row("A"), row("B"), row("C", 3.0)])
    assess_layers(made, [LAYER], **ACTS)
    yield made
    assert made.ledger.check() == []


def adopt(ws, **limits):
    """Save a next version with other limits, without assessing; return the workspace that has it."""
    here = open_model(ws, LAYER)
    text = changed_text(here.text, {("limits", tier): limit for tier, limit in limits.items()})
    text = with_version(text, next_version(here.version, [here.version]))
    return save_model(ws, LAYER, text, base_digest=here.digest, assess=False, **BY).workspace


def models(ws, **narrowed):
    """Return code → version that made its tier, as `select --json` says it."""
    document = select_json(ws, make_selection(ws, layers=[LAYER]), **narrowed)
    return {one["code"]: one["model"] and one["model"]["version"] for one in document["features"]}


def tier(ws, code):
    return RANKS[int(one_feature(ws, LAYER, code).rank[0])]


def cover(ws, tmp_path, lang="zh"):
    export_selection(ws, make_selection(ws, layers=[LAYER]), tmp_path / "a.xlsx", lang=lang)
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets[0]
    return "\n".join(str(cell) for line in sheet.iter_rows(values_only=True) for cell in line if cell)


def test_a_record_that_nothing_has_assessed_has_no_model(tmp_path):
    ws = create_workspace(tmp_path / "ws")
    bring(ws.ledger, [row("A")])
    assert models(ws) == {"A": None}
    told = explanation_json(explain_point(ws, LAYER, "A"))
    assert (told["made_by"], told["adopted"]["version"]) == (None, "1.0")
    assert outdated(ws) == ()
    assert "未评估" in cover(ws, tmp_path)


def test_tiers_keep_the_model_that_made_them_until_they_are_assessed_again(ws):
    newer = adopt(ws, general=91)
    assert models(newer) == dict.fromkeys("ABC", "1.0")
    (one,) = outdated(newer)
    assert (one.layer, [m.version for m in one.made], one.adopted.version) == (LAYER, ["1.0"], "1.1")
    assess_layers(newer, [LAYER], **ACTS)
    assert models(newer) == dict.fromkeys("ABC", "1.1")
    assert outdated(newer) == ()


def test_assessing_again_confirms_the_tiers_that_it_leaves_as_they_were(ws):
    newer = adopt(ws, large=150)
    run = assess_layers(newer, [LAYER], **ACTS)
    assert run["layers"][0]["changed"] == 0
    assert models(newer) == dict.fromkeys("ABC", "1.1")


def test_an_edit_under_a_newer_model_has_that_model_and_the_others_keep_theirs(ws):
    newer = adopt(ws, general=91)
    edit_point(newer, LAYER, "A", seen=1, changes={"likelihood": 3.0}, **ACTS)
    assert models(newer) == {"A": "1.1", "B": "1.0", "C": "1.0"}
    assert [m.version for m in outdated(newer)[0].made] == ["1.0"]


def test_an_edit_that_leaves_the_tier_as_it_was_has_the_model_that_scored_it(ws):
    newer = adopt(ws, large=150)
    before = tier(newer, "A")
    edit_point(newer, LAYER, "A", seen=1, changes={"name": "别名"}, **ACTS)
    assert tier(newer, "A") == before
    assert models(newer)["A"] == "1.1"


def test_a_past_day_says_which_model_made_the_tiers_of_that_day(ws):
    newer = adopt(ws, general=91)
    today = local_now().date()
    assess_layers(newer, [LAYER], **ACTS)
    assert models(newer, as_of=today) == dict.fromkeys("ABC", "1.1")
    assert ws.ledger.makers(LAYER, as_of=local_now().replace(year=2000)).whole is None


def test_an_explanation_is_that_of_the_model_that_made_the_tier(ws):
    newer = adopt(ws, general=91)
    told = explain_point(newer, LAYER, "A")
    assert (told.tier, tier(newer, "A")) == ("general", "general")
    assert told.outdated
    document = explanation_json(told)
    assert document["digest"] == document["made_by"]["digest"] != document["adopted"]["digest"]
    assert [document[key]["version"] for key in ("made_by", "adopted")] == ["1.0", "1.1"]
    basis = tier_basis(newer, LAYER, one_feature(newer, LAYER, "A"))
    assert basis.model.limits.lower["general"] == 70
    assert point_certainty(newer, LAYER, "A", on=local_now().date()).tier == "general"
    assess_layers(newer, [LAYER], **ACTS)
    told = explain_point(newer, LAYER, "A")
    assert (told.tier, told.outdated) == ("low", False)


def test_a_kept_model_that_no_longer_fits_the_layer_leaves_the_adopted_one_to_explain(ws, monkeypatch):
    newer = adopt(ws, general=91)
    monkeypatch.setattr(type(newer.ledger), "model_text", lambda *_: 'version = "1.0"')
    told = explanation_json(explain_point(newer, LAYER, "A"))
    assert told["digest"] == told["adopted"]["digest"]
    assert told["made_by"]["version"] == "1.0"
    assert models(newer)["A"] == "1.0"


def test_the_command_says_which_version_explains_and_that_a_newer_one_is_in_use(ws):
    adopt(ws, general=91)
    said = riskmap("explain", LAYER, "A", "--workspace", str(ws.root))
    assert "版本 1.0" in said.out
    assert "现用版本为 1.1" in said.out
    assert f"riskmap assess {LAYER}" in said.out


def test_the_cover_of_an_export_says_what_made_the_tiers_and_that_a_newer_model_is_in_use(ws, tmp_path):
    plain = cover(ws, tmp_path)
    assert "版本 1.0" in plain
    assert "模型已更新" not in plain
    newer = adopt(ws, general=91)
    edit_point(newer, LAYER, "A", seen=1, changes={"likelihood": 3.0}, **ACTS)
    told = cover(newer, tmp_path)
    assert "版本 1.0" in told
    assert "版本 1.1" in told
    assert "现用版本 1.1；由版本 1.0 评出的等级尚未重新评估" in told
    assert "version 1.1 is in use" in cover(newer, tmp_path, lang="en")


def test_the_card_on_the_map_says_what_made_the_tier(ws):
    newer = adopt(ws, general=91)
    now = current_snapshot(newer)
    lines = card(newer, now, find(now, LAYER, "A"), "zh")["model"]
    assert "版本 1.0" in lines[0]
    assert "1.1" in lines[1]
    assess_layers(newer, [LAYER], **ACTS)
    now = current_snapshot(newer)
    (line,) = card(newer, now, find(now, LAYER, "A"), "en")["model"]
    assert "version 1.1" in line


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    root = tmp_path_factory.mktemp("kept") / "ws"
    made = create_workspace(root)
    bring(made.ledger, [row("A"), row("B"), row("C", 3.0)])
    assess_layers(made, [LAYER], **ACTS)
    made.ledger.close()
    return root


acts = st.lists(
    st.sampled_from(["adopt", "assess", "edit A", "edit B", "retire C", "reinstate C"]), max_size=7
)


@given(acts=acts)
@settings(max_examples=12)
def test_the_explanation_always_gives_the_tier_that_the_ledger_holds(kept, tmp_path_factory, acts):
    root = tmp_path_factory.mktemp("law") / "ws"
    shutil.copytree(kept, root)
    ws, limits, likelihood, out = open_workspace(root), iter((91, 60, 95, 50, 80, 85, 75)), 1.0, False
    for act in acts:
        if act == "adopt":
            ws = adopt(ws, general=next(limits))
        elif act == "assess":
            assess_layers(ws, [LAYER], **ACTS)
        elif act.startswith("edit"):
            likelihood = 4.0 - likelihood
            version = int(one_feature(ws, LAYER, act[-1]).version[0])
            edit_point(ws, LAYER, act[-1], seen=version, changes={"likelihood": likelihood}, **ACTS)
        elif act.startswith("retire") != out:
            (ws.ledger.reinstate if out else ws.ledger.retire)(LAYER, "C", **WHO)
            out = not out
    for code in "AB":
        told = explain_point(ws, LAYER, code)
        assert told.tier == tier(ws, code)
        assert told.made_by is not None
        assert told.digest == told.made_by.digest


@pytest.mark.parametrize("command", [("summary",), ("select", LAYER), ("export", LAYER, "--to", "a.csv")])
def test_every_list_says_on_the_side_that_a_newer_model_is_in_use_and_how_to_assess(
    ws, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(tmp_path)
    assert "版本" not in riskmap(*command, "--workspace", str(ws.root)).err
    adopt(ws, general=91)
    said = riskmap(*command, "--workspace", str(ws.root))
    assert "现用版本 1.1；由版本 1.0 评出的等级尚未重新评估" in said.err
    assert f"riskmap assess {LAYER}" in said.err
    riskmap("assess", LAYER, "--workspace", str(ws.root))
    assert "版本" not in riskmap(*command, "--workspace", str(ws.root)).err


def test_a_list_of_another_layer_or_of_a_past_day_says_nothing_of_it(ws):
    adopt(ws, general=91)
    today = local_now().date().isoformat()
    assert "版本" not in riskmap("select", "slopes", "--workspace", str(ws.root)).err
    assert "版本" not in riskmap("summary", "--as-of", today, "--workspace", str(ws.root)).err


def test_a_scenario_and_its_after_action_report_keep_naming_the_model_of_their_day(tmp_path):
    ws = prepare_workspace(tmp_path / "storm")
    warning = IssuedWarning("rainstorm", "red", np.datetime64("2024-09-05T00:00"))
    number = keep(ws, prepare(ws, Given(warnings=(warning,), drill=True)), **ACTS)
    here = open_model(ws, "slopes")
    text = with_version(changed_text(here.text, {("limits", "major"): 21}), "1.1")
    save_model(ws, "slopes", text, base_digest=here.digest, **BY)
    found = review_of(ws, number)
    (model,) = review_json(found)["scenario"]["body"]["tier_models"]["slopes"]
    assert (model["version"], model["digest"]) == ("1.0", here.digest)
    export_after_report(found, tmp_path / "总结.docx")
    words = "\n".join(p.text for p in docx.Document(str(tmp_path / "总结.docx")).paragraphs)
    assert "边坡可能性 × 后果矩阵，版本 1.0（草案）" in words
    assert "版本 1.1" not in words
