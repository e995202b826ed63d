"""The notice above every page where a newer model is in use than made the tiers."""

from __future__ import annotations

import pytest

from riskmap.actions.model_saving import open_model, save_model
from riskmap.actions.tier_models import outdated
from riskmap.actions.workspace import open_workspace
from riskmap.catalog.model_text import changed_text, with_version
from riskmap.rules.permissions import local_actor
from riskmap.web.frame import state
from riskmap.web.pages import pages
from tests.map_workspace import make_workspace
from tests.pages_running import html, open_page, use_workspace

LAYER = "risk_points"
TOLD = "风险点：现用版本 1.1；由版本 1.0 评出的等级尚未重新评估"


@pytest.fixture
def ws(tmp_path, monkeypatch):
    make_workspace(tmp_path / "w").ledger.close()
    use_workspace(monkeypatch, tmp_path / "w")
    return open_workspace(tmp_path / "w")


def adopt(ws, layer=LAYER):
    here = open_model(ws, layer)
    text = with_version(changed_text(here.text, {("limits", "general"): 91}), "1.1")
    by = local_actor("张三")
    save_model(ws, layer, text, base_digest=here.digest, by=by, why="会议", assess=False)
    state.workspace.cache_clear()


def test_no_page_speaks_of_models_while_the_one_in_use_made_every_tier(ws):
    at = open_page("overview")
    assert "尚未重新评估" not in html(at)
    assert not [b for b in at.button if b.key == "outdated-assess"]


@pytest.mark.parametrize("page", pages())
def test_every_page_says_that_a_newer_model_is_in_use(ws, page):
    adopt(ws)
    assert TOLD in html(open_page(page))
    assert "version 1.1 is in use" in html(open_page(page, lang="en"))


def test_assess_now_asks_who_and_assesses_and_the_notice_goes(ws):
    adopt(ws)
    at = open_page("map")
    at.button(key="outdated-assess").click().run()
    assert any("经办人" in w.value for w in at.warning)
    assert outdated(open_workspace(ws.root))
    at.text_input(key="outdated-by").set_value("李四")
    at.button(key="outdated-assess").click().run()
    assert not at.exception
    assert at.toast[0].value == "已按现用版本重新评估：4 处等级有变化。"
    assert TOLD not in html(at)
    assert outdated(open_workspace(ws.root)) == ()
    last = ws.ledger.changesets()[0]
    assert (last.who, last.why) == ("李四", "按现用模型版本重新评估")
