"""A record taken into another one on its page: every difference is chosen, nothing is guessed, both histories say so."""

from __future__ import annotations

import pytest

from riskmap.actions.workspace import open_workspace
from tests.pages_running import open_page, panels, use_workspace
from tests.register_workspace import bring, chosen, register_workspace, table


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = register_workspace(tmp_path / "w")
    rows = ("空洞编号,空洞名称,路段,备注", "KD1,东侧,LD001,", "KD2,西侧,LD001,雨后出现")
    bring(home, "cavities", table(home, *rows))
    bring(home, "visits", table(home, "空洞,隐患数", "KD2,3"))
    use_workspace(monkeypatch, home)
    return home


def look(drop):
    at = open_page("point", layer="cavities", code="KD1")
    at.button(key="point-merge").click().run()
    at.text_input(key="merge-cavities-KD1").set_value(drop).run()
    assert not at.exception, at.exception
    return at


def send(at, **stated):
    for one in at.text_input:
        name = str(one.key).rsplit("-", 1)[-1]
        if str(one.key).startswith("merge-cavities-KD1-KD2") and name in stated:
            one.set_value(stated[name])
    next(b for b in at.button if str(b.key).startswith("FormSubmitter:merge-")).click().run()
    assert not at.exception, at.exception
    return at


def test_a_duplicate_is_taken_in_once_what_differs_is_chosen(home):
    at = look("KD2")
    told = " ".join(one.value for one in at.markdown)
    assert "备注" in told
    assert "1 条" in told
    send(at, by="甲", why="同一处")
    assert [one.value for one in at.warning] == ["还有 1 项没有选"]
    assert set(chosen(home, "cavities")) == {"KD1", "KD2", "KD3"}
    (name,) = at.radio
    name.set_value("KD2")
    send(at, by="甲", why="同一处")
    now = chosen(home, "cavities")
    assert set(now) == {"KD1", "KD3"}
    assert (now["KD1"]["name"], now["KD1"]["fields"]["remarks"]) == ("西侧", "雨后出现")
    assert "并进了 KD2" in str(panels(open_page("point", layer="cavities", code="KD1")))
    assert "并入 KD1" in str(panels(open_page("point", layer="cavities", code="KD2")))
    assert open_workspace(home).ledger.check() == []


def test_a_code_that_is_none_is_said_beside_the_field(home):
    at = look("KD9")
    assert "KD9" in at.error[0].value
    assert not at.radio
