"""The page of models: form and file are one draft, the preview follows, a save is a signed version."""

from __future__ import annotations

import shutil
import tomllib

import pytest

from riskmap.actions.model_saving import model_versions, open_model, save_model
from riskmap.actions.records import certainty
from riskmap.actions.workspace import create_workspace, open_workspace
from riskmap.errors import RiskmapError
from riskmap.rules.permissions import local_actor
from riskmap.web.frame import state
from tests.map_workspace import make_workspace
from tests.pages_running import faults, html, open_page, panel, panels, texts, use_workspace

LAYER = "risk_points"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("model") / "w"
    make_workspace(root).ledger.close()
    return root


@pytest.fixture
def ws(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "w")
    use_workspace(monkeypatch, tmp_path / "w")
    return open_workspace(tmp_path / "w")


def number(at, label):
    return next(n for n in at.number_input if n.label == label)


def text_input(at, label):
    return next(t for t in at.text_input if t.label == label)


def tiers(at):
    return {row[0]: row[1:] for row in texts(panel(at, "model-tiers"))}


def said(messages):
    return "\n".join(m.value.replace("\\", "") for m in messages)


def sign(at, by="张三", why="区里会议确定"):
    text_input(at, "经办人").set_value(by)
    text_input(at, "原因").set_value(why)


def file_text(ws, layer=LAYER):
    return open_model(ws, layer).text


def test_a_number_of_the_form_moves_the_preview_and_the_file_before_anything_is_saved(ws):
    at = open_page("model", layer=LAYER)
    assert tiers(at)["一般"] == ["4", "4", "0"]
    assert at.button(key="model-save").disabled
    number(at, "一般 ≥").set_value(91.0).run()
    assert tiers(at)["一般"] == ["4", "0", "−4"]
    assert tiers(at)["低"] == ["42", "46", "+4"]
    assert tomllib.loads(at.text_area[0].value)["limits"]["general"] == 91
    assert [row[2:] for row in texts(panel(at, "model-moved"))] == [["一般", "低"]] * 4
    assert "有未保存的改动" in html(at)
    assert tomllib.loads(file_text(ws))["limits"]["general"] == 70


def test_the_file_moves_the_form(ws):
    at = open_page("model", layer=LAYER)
    at.text_area[0].set_value(file_text(ws).replace("general = 70", "general = 91")).run()
    assert number(at, "一般 ≥").value == 91
    assert tiers(at)["低"][1] == "46"


def test_mistakes_are_listed_with_their_lines_and_cannot_be_saved(ws):
    at = open_page("model", layer=LAYER)
    number(at, "一般 ≥").set_value(200.0).run()
    assert any("1 处错误" in e.value for e in at.error)
    (row,) = texts(panel(at, "model-problems"))
    assert row[:2] == [str(file_text(ws).splitlines().index("[limits]") + 1), "limits"]
    assert at.button(key="model-save").disabled
    at.text_area[0].set_value("limits = [").run()
    assert not at.exception
    assert texts(panel(at, "model-problems"))
    at.button(key="model-reset").click().run()
    assert number(at, "一般 ≥").value == 70
    assert "model-problems" not in panels(at)


def test_a_save_is_signed_and_the_other_pages_follow(ws):
    at = open_page("model", layer=LAYER)
    number(at, "一般 ≥").set_value(91.0).run()
    assert text_input(at, "新版本号").value == "1.1"
    at.button(key="model-save").click().run()
    assert any("经办人" in w.value for w in at.warning)
    assert tomllib.loads(file_text(ws))["limits"]["general"] == 70
    sign(at)
    at.button(key="model-save").click().run()
    assert not at.exception
    assert "已保存版本 1.1 并重新评估：4 处等级有变化。" in said(at.success)
    assert tomllib.loads(file_text(ws))["limits"]["general"] == 91
    assert state.workspace().catalog.model_of(LAYER).version == "1.1"
    assert tiers(at)["低"] == ["46", "46", "0"]
    assert text_input(at, "新版本号").value == "1.2"
    assert not text_input(at, "原因").value
    new, old = texts(panel(at, "model-versions"))
    assert [new[0], new[1], new[3], new[4]] == ["1.1", "现用", "张三", "区里会议确定"]
    assert old[:2] == ["1.0", "曾用于评估"]
    overview = open_page("overview")
    row = next(r for r in texts(panel(overview, "overview-layers")) if r[0] == "风险点")
    assert row[4] == "46"
    moved = texts(panel(overview, "overview-moved"))
    assert {r[-1] for r in moved} == {"模型变化"}


def test_a_version_is_shown_and_put_back_into_the_draft(ws):
    here = open_model(ws, LAYER)
    changed = here.text.replace("general = 70", "general = 91").replace('"1.0"', '"1.1"')
    save_model(ws, LAYER, changed, base_digest=here.digest, by=local_actor("李四"), why="试行")
    state.workspace.cache_clear()
    at = open_page("model", layer=LAYER)
    at.session_state["model-version-shown"] = (LAYER, here.digest)
    at.run()
    at.button(key="model-put-back").click().run()
    assert number(at, "一般 ≥").value == 70
    assert text_input(at, "新版本号").value == "1.2"
    assert tiers(at)["低"][2] == "−4"
    sign(at, why="放回")
    at.button(key="model-save").click().run()
    assert [v.version for v in model_versions(ws, LAYER)][:2] == ["1.2", "1.1"]
    assert state.workspace().catalog.model_of(LAYER).limits.lower["general"] == 70


def test_two_people_see_both_texts_and_nothing_is_overwritten(ws):
    at = open_page("model", layer=LAYER)
    number(at, "一般 ≥").set_value(91.0).run()
    here = open_model(ws, LAYER)
    theirs = here.text.replace("large = 160", "large = 150").replace('"1.0"', '"1.5"')
    kept = save_model(ws, LAYER, theirs, base_digest=here.digest, by=local_actor("李四"), why="别的改动")
    sign(at)
    at.button(key="model-save").click().run()
    assert "现为版本 1.5" in said(at.error)
    shown = [c.value for c in at.code]
    assert any("+general = 91" in c for c in shown)
    assert any("+large = 150" in c for c in shown)
    assert file_text(ws) == kept.model.text
    at.button(key="model-stale-keep").click().run()
    assert number(at, "一般 ≥").value == 91
    assert text_input(at, "新版本号").value == "1.6"
    assert not at.exception


def test_a_file_that_was_changed_by_hand_is_followed(ws):
    at = open_page("model", layer=LAYER)
    here = open_model(ws, LAYER)
    here.file.write_text(here.text.replace("general = 70", "general = 91"), encoding="utf-8")
    at.run()
    assert number(at, "一般 ≥").value == 91
    line = here.text.splitlines().index("[limits]") + 1
    assert f"1 处的数改了，来源还是原来的（第 {line} 行起）" in said(at.warning)
    assert state.workspace().catalog.model_of(LAYER).limits.lower["general"] == 91
    assert any("4 处变化" in c.value for c in at.caption)  # tiers of the ledger are of the old text


def test_a_broken_file_is_named_and_mended_on_the_page(ws):
    at = open_page("model", layer=LAYER)
    here = open_model(ws, LAYER)
    here.file.write_text(here.text.replace("general = 70", "general = "), encoding="utf-8")
    at.run()
    assert f"models/{here.file.name}" in faults(at)
    assert texts(panel(at, "model-problems"))
    at.text_area(key=f"model-text-{LAYER}").set_value(here.text.replace('"1.0"', '"1.1"')).run()
    sign(at)
    at.button(key="model-save").click().run()
    assert not at.exception
    assert state.workspace().catalog.model_of(LAYER).version == "1.1"
    assert not faults(at)


def test_somebody_elses_save_is_said_to_who_has_a_draft(ws):
    at = open_page("model", layer=LAYER)
    number(at, "一般 ≥").set_value(91.0).run()
    here = open_model(ws, LAYER)
    theirs = here.text.replace("large = 160", "large = 150").replace('"1.0"', '"1.5"')
    save_model(ws, LAYER, theirs, base_digest=here.digest, by=local_actor("李四"), why="别的改动")
    at.run()
    assert "已另存为版本 1.5" in said(at.warning)
    assert number(at, "一般 ≥").value == 91


def test_other_layers_have_a_form_and_a_card_and_english_ones_hold_no_chinese_of_ours(ws):
    for layer in ("slopes", "underground_spaces", "shelters"):
        at = open_page("model", layer=layer, lang="en")
        assert not at.error
        assert len(at.number_input) >= 3
        assert texts(panel(at, "model-indicators"))
        words = [c["title"] for data in panels(at).values() for c in data.get("columns", [])]
        words += [e.label for kind in (at.button, at.number_input, at.expander, at.tabs) for e in kind]
        assert not [w for w in words if any("\u4e00" <= c <= "\u9fff" for c in w)]


def test_measures_matrices_bands_and_floors_can_be_edited(ws):
    at = open_page("model", layer="slopes")
    number(at, "第 1 档到（不含）").set_value(6.0)
    number(at, "第 1 行第 2 列").set_value(2.0)
    number(at, "核验后有效天数").set_value(300)
    next(s for s in at.selectbox if s.label == "最低降到").set_value("low")
    at.run()
    data = tomllib.loads(at.text_area[0].value)
    assert data["indicators"][0]["bands"][0]["below"] == 6
    assert data["combinations"][0]["matrix"][0][1] == 2
    assert data["measures"][0]["valid_days"] == 300
    assert data["measures"][0]["floor"] == "low"


def test_the_sum_of_weights_is_shown(ws):
    at = open_page("model", layer="underground_spaces")
    assert any("权重之和" in c.value for c in at.caption)


def test_sensitivity_is_computed_when_asked_and_says_what_is_missing(ws, monkeypatch):
    at = open_page("model", layer="forest_fire_grids")
    at.button(key="model-certainty-go").click().run()
    assert texts(panel(at, "model-certainty-tiers"))

    def absent(*_, **__):
        raise RiskmapError("敏感性分析需要 SALib", "sensitivity needs SALib")

    with monkeypatch.context() as patch:
        patch.setattr(certainty, "sensitivity", absent)
        at.button(key="model-sensitivity-go").click().run()
        assert any("SALib" in e.value for e in at.error)
    pytest.importorskip("SALib", reason="system part: the extra sensitivity is not installed")
    at.button(key="model-sensitivity-go").click().run()
    assert 'class="rm-model-bars"' in html(at)
    assert "可燃物" in html(at)


def test_a_model_can_be_changed_before_there_is_any_record(tmp_path, monkeypatch):
    create_workspace(tmp_path / "empty", name="新区")
    use_workspace(monkeypatch, tmp_path / "empty")
    at = open_page("model", layer="slopes")
    number(at, "较大 ≥").set_value(8.0).run()
    assert not at.exception
    assert tiers(at)["合计"] == ["0", "0", ""]
    assert not at.button(key="model-save").disabled


def test_the_source_of_a_changed_number_is_asked_for_and_its_adoption_too(ws):
    at = open_page("model", layer=LAYER)
    ask, tick = "这些数的来源（文件、会议或标准）", "model-adopt-risk_points-0"
    assert not [t for t in at.text_input if t.label == ask]
    assert not [c for c in at.checkbox if c.key == tick]
    number(at, "一般 ≥").set_value(91.0).run()
    assert "数已改，原来的来源不再作数：LEC 法" in html(at)
    assert "1 处的数已改而没有重新写明来源" in said(at.caption)
    assert "保存后这个模型为草案" in said(at.caption)
    text_input(at, ask).set_value("区安委办〔2026〕12号").run()
    assert "没有重新写明来源" not in said(at.caption)
    at.checkbox(key=tick).check().run()
    assert "保存后这个模型为草案" not in said(at.caption)
    sign(at)
    at.button(key="model-save").click().run()
    assert not at.exception
    model = state.workspace().catalog.model_of(LAYER)
    assert model.limits.source.startswith("区安委办〔2026〕12号（张三，")
    assert model.adopted.startswith("区里会议确定（张三，")
    assert f"已采用：{model.adopted}" in html(at)


def test_a_lost_source_is_said_until_somebody_states_it(ws):
    at = open_page("model", layer=LAYER)
    number(at, "一般 ≥").set_value(91.0).run()
    sign(at)
    at.button(key="model-save").click().run()
    assert (file_text(ws).count('source = ""'), state.workspace().catalog.model_of(LAYER).status) == (
        1,
        "draft",
    )
    assert "1 处来源待重新说明" in html(at)
    text_input(at, "这些数的来源（文件、会议或标准）").set_value("区安委办〔2026〕12号").run()
    sign(at)
    at.button(key="model-save").click().run()
    assert "待重新说明" not in html(at)
    at.checkbox(key="model-adopt-risk_points-2").check().run()
    sign(at, why="区常务会")
    at.button(key="model-save").click().run()
    assert state.workspace().catalog.model_of(LAYER).adopted.startswith("区常务会（张三，")
