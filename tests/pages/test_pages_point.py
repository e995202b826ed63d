"""The point page: reasons, history, editing against a version, retiring, adding."""

from __future__ import annotations

import html as entities
import re
import shutil

import pytest

from riskmap.actions.records.editing import edit_point, reveal_contacts
from riskmap.actions.records.scoring import explain_point, one_feature
from riskmap.actions.workspace import open_workspace
from riskmap.errors import RiskmapError
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.map_workspace import HOSTILE, make_workspace
from tests.pages_running import html, open_page, panel, texts, use_workspace
from tests.register_workspace import bring, chosen, register_workspace, table

LAYER, CODE = "risk_points", "RP-LONE-general"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("point") / "w"
    make_workspace(root)
    return root


@pytest.fixture
def ws(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "w")
    use_workspace(monkeypatch, tmp_path / "w")
    return open_workspace(tmp_path / "w")


def opened():
    at = open_page("point", layer=LAYER, code=CODE)
    return at.button(key="point-edit").click().run()


def key(field, version=1):
    return f"form-{LAYER}-{CODE}-{version}-{field}"


def sign(at, by="张三", why="现场核查", version=1):
    at.text_input(key=key("sign-by", version)).set_value(by)
    at.text_input(key=key("sign-why", version)).set_value(why)
    return at


def save(at):
    submit = next(b for b in at.button if str(b.key).startswith("FormSubmitter"))
    submit.click().run()
    assert not at.exception, at.exception
    return at


def test_the_contributions_shown_sum_to_the_score(ws):
    at = open_page("point", layer=LAYER, code=CODE)
    explanation = explain_point(ws, LAYER, CODE)
    page = html(at)
    shown = [
        float(n.replace(",", "")) for n in re.findall(r"class=num data-field=[^>]+>([+-]?[\d.,]+)<", page)
    ]
    assert shown[0] == pytest.approx(explanation.reference["score"])
    assert sum(shown) == pytest.approx(explanation.score, rel=1e-3)
    assert "LEC" in " ".join(c.value for c in at.caption)


def test_an_unrated_point_says_what_it_lacks(ws):
    page = html(open_page("point", layer=LAYER, code="RP-LONE-unrated"))
    assert "缺少以下必要指标" in page
    assert "可能性L" in page
    assert "rm-tier-unrated" in page


def test_an_edit_is_saved_with_person_reason_and_version(ws):
    at = opened()
    at.text_input(key=key("likelihood")).set_value("10")
    save(sign(at))
    features = one_feature(ws, LAYER, CODE)
    assert features.records.values["likelihood"][0] == 10
    assert int(features.version[0]) == 2
    last = ws.ledger.history(LAYER, CODE)[-1]
    assert (last.who, last.why) == ("张三", "现场核查")
    assert any("由一般变为" in s.value for s in at.success)
    assert "可能性L：1 → 10" in texts(panel(at, "point-history"))[0][-1]


def test_an_edit_without_a_reason_is_not_written(ws):
    at = opened()
    at.text_input(key=key("likelihood")).set_value("10")
    save(sign(at, why=" "))
    assert any("原因" in w.value for w in at.warning)
    assert int(one_feature(ws, LAYER, CODE).version[0]) == 1


def test_a_form_left_as_it_was_changes_nothing(ws):
    save(sign(opened()))
    assert int(one_feature(ws, LAYER, CODE).version[0]) == 1


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("likelihood", "较高", "不是数值"),
        ("likelihood", "-3", "可能性L：-3 小于下限 0.1"),
        ("x", "东边", "位置：东边"),
        ("x", "", "坐标只有一半"),
        ("people_500m", "3.5", "不是整数"),
        ("surveyed_on", "2023年13月8日", "不是有效日期"),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_is_written(ws, field, text, said):
    at = opened()
    at.text_input(key=key(field)).set_value(text)
    save(sign(at))
    assert any(said in e.value.replace("\\", "") for e in at.error)
    assert int(one_feature(ws, LAYER, CODE).version[0]) == 1
    assert at.text_input(key=key(field)).value == text


def test_a_point_moves_by_coordinates_of_another_datum(ws):
    at = opened()
    at.text_input(key=key("x")).set_value("114.125097604")
    at.text_input(key=key("y")).set_value("22.545309128")
    at.selectbox(key=key("datum")).select("gcj02")
    save(sign(at))
    records = one_feature(ws, LAYER, CODE).records
    assert float(records.lon[0]) == pytest.approx(114.12, abs=1e-7)
    assert float(records.lat[0]) == pytest.approx(22.548, abs=1e-7)


def test_another_datum_alone_moves_nothing(ws):
    at = opened()
    at.selectbox(key=key("datum")).select("gcj02")
    save(sign(at))
    assert int(one_feature(ws, LAYER, CODE).version[0]) == 1


def test_swapped_coordinates_are_put_right_as_in_a_file(ws):
    at = opened()
    at.text_input(key=key("x")).set_value("22.548")
    at.text_input(key=key("y")).set_value("114.12")
    save(sign(at))
    records = one_feature(ws, LAYER, CODE).records
    assert (records.lon[0], records.lat[0]) == (114.12, 22.548)
    assert any("填反" in s.value for s in at.success)


def test_an_emptied_input_erases_and_only_that(ws):
    at = opened()
    at.text_input(key=key("likelihood")).set_value("")
    at.text_input(key=key("contact-responsible-phone")).set_value("")
    save(sign(at))
    records = one_feature(ws, LAYER, CODE, contacts=True).records
    assert records.values.get("likelihood", [None])[0] is None
    assert records.values["consequence"][0] is not None
    assert (records.contacts[0][0].name, records.contacts[0][0].phone) == ("张三丰", None)


def test_a_phone_that_nobody_can_dial_is_kept_and_said(ws):
    at = opened()
    at.text_input(key=key("contact-responsible-phone")).set_value("12345")
    save(sign(at))
    assert one_feature(ws, LAYER, CODE, contacts=True).records.contacts[0][0].phone == "12345"
    assert any("不像手机号" in s.value for s in at.success)


def test_a_stale_edit_is_refused_and_shows_both_versions(ws):
    at = opened()
    edit_point(ws, LAYER, CODE, seen=1, changes={"likelihood": 3.0}, by=local_actor("李四"), why="先到")
    at.text_input(key=key("likelihood")).set_value("10")
    at.text_input(key=key("name")).set_value("新名字")
    save(sign(at))
    assert int(one_feature(ws, LAYER, CODE).version[0]) == 2
    page = html(at)
    assert "<div>10</div>" in page
    assert "<div>3</div>" in page
    assert "新名字" in page
    assert at.button(key="stale-save").disabled  # a field that both changed has to be decided

    at.radio(key="stale-2-likelihood").set_value(False).run()
    at.button(key="stale-save").click().run()
    assert not at.exception
    records = one_feature(ws, LAYER, CODE).records
    assert records.name[0] == "新名字"
    assert records.values["likelihood"][0] == 3
    assert ws.ledger.history(LAYER, CODE)[-1].who == "张三"


def test_a_stale_edit_can_be_dropped(ws):
    at = opened()
    edit_point(ws, LAYER, CODE, seen=1, changes={"likelihood": 3.0}, by=local_actor("李四"), why="先到")
    at.text_input(key=key("likelihood")).set_value("10")
    save(sign(at))
    at.button(key="stale-drop").click().run()
    assert int(one_feature(ws, LAYER, CODE).version[0]) == 2
    assert any("已放弃" in i.value for i in at.info)


def test_contacts_are_masked_and_stay_unchanged_when_left_masked(ws):
    at = opened()
    assert at.text_input(key=key("contact-responsible-phone")).value == "138****1234"
    at.text_input(key=key("contact-responsible-post")).set_value("主任")
    save(sign(at))
    (contact,) = one_feature(ws, LAYER, CODE, contacts=True).records.contacts[0]
    assert (contact.phone, contact.post) == ("13800001234", "主任")


def test_full_contacts_are_shown_after_a_reason_and_recorded(ws):
    at = open_page("point", layer=LAYER, code=CODE)
    assert "13800001234" not in str(panel(at, "point-contacts"))
    at.text_input(key="reveal-by").set_value("王五").run()
    at.text_input(key="reveal-why").set_value("台风叫应").run()
    at.button(key="contacts-show").click().run()
    assert "13800001234" in str(panel(at, "point-contacts"))
    (entry,) = ws.ledger.exports(limit=1)
    assert (entry.who, entry.why, entry.unmasked) == ("王五", "台风叫应", True)


def test_full_contacts_need_a_reason(ws):
    with pytest.raises(RiskmapError):
        reveal_contacts(ws, LAYER, CODE, by=local_actor("王五"), why=" ")
    assert ws.ledger.exports(limit=1) == []


def test_a_retired_point_says_why_and_can_come_back(ws):
    at = open_page("point", layer=LAYER, code=CODE)
    at.button(key="point-retire").click().run()
    at.text_input(key="retire-by").set_value("张三").run()
    at.text_input(key="retire-why").set_value("已拆除").run()
    at.button(key="retire-go").click().run()
    assert one_feature(ws, LAYER, CODE).retired[0] == "已拆除"
    assert any("已拆除" in w.value for w in at.warning)
    assert at.button(key="point-edit").disabled
    at.button(key="point-reinstate").click().run()
    at.text_input(key="reinstate-why").set_value("核实仍在").run()
    at.button(key="reinstate-go").click().run()
    assert one_feature(ws, LAYER, CODE).retired[0] is None


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_name_is_shown_as_written(ws, number):
    at = open_page("point", layer=LAYER, code=f"RP-EVIL-{number}")
    page = html(at)
    assert "<img" not in page.replace("&lt;", "")
    assert page.count("<script") == page.count('<script src="assets/') == 1, (
        "the frame's own, of its own file"
    )
    shown = re.search(r"<h1>(.*?)</h1>", page)
    assert shown is not None
    assert entities.unescape(shown[1]) == HOSTILE[number]


def test_an_unknown_code_is_said_plainly(ws):
    at = open_page("point", layer=LAYER, code=":red[x]")
    assert len(at.error) == 1
    assert "\\:red\\[x\\]" in at.error[0].value


def test_a_point_is_found_by_name(ws):
    at = open_page("point")
    at.text_input(key="point-search").set_value("孤点major").run()
    assert [row[2] for row in texts(panel(at, "point-found"))] == ["RP-LONE-major"]


def test_a_new_point_needs_a_code(ws):
    at = open_page("point")
    at.button(key="point-new").click().run()
    at.text_input(key="form-risk_points--0-name").set_value("新点")
    at.text_input(key="new-sign-by").set_value("张三")
    at.text_input(key="new-sign-why").set_value("巡查发现")
    save(at)
    assert any("编号" in e.value for e in at.error)
    assert at.text_input(key="form-risk_points--0-name").value == "新点"


def test_a_new_record_of_a_layer_that_makes_codes_needs_none(tmp_path, monkeypatch):
    home = register_workspace(tmp_path / "w")
    use_workspace(monkeypatch, home)
    at = open_page("point")
    at.button(key="point-new").click().run()
    at.selectbox(key="new-layer").select("visits").run()
    assert at.text_input(key="new-visits-code").placeholder == "留空即自动编号"
    at.text_input(key="form-visits--0-cavity").set_value("KD1")
    at.text_input(key="new-sign-by").set_value("张三")
    at.text_input(key="new-sign-why").set_value("巡查")
    save(at)
    assert list(chosen(home, "visits")) == ["KD1-001"]


def test_what_was_looked_for_stands_in_the_address(ws):
    at = open_page("point", q="孤点", layer="risk_points")
    assert at.text_input(key="point-search").value == "孤点"
    assert {row[1] for row in texts(panel(at, "point-found"))} == {
        f"孤点{tier}" for tier in ("major", "large", "general", "low", "unrated")
    }
    at.text_input(key="point-search").set_value("孤点low").run()
    assert (at.query_params["q"], at.query_params["layer"]) == ("孤点low", "risk_points")
    assert open_page("point", layer="moon").selectbox(key="point-search-layer").value is None


def test_what_is_said_of_a_position_is_said_before_it_is_saved(ws):
    at = opened()
    at.text_input(key=key("x")).set_value("113.9").run()
    assert any("不在本区范围" in w.value for w in at.warning)
    at.text_input(key=key("x")).set_value("东边").run()
    assert any("不是坐标" in e.value for e in at.error)
    at.selectbox(key=key("datum")).select("gcj02")
    at.text_input(key=key("x")).set_value("114.125097604")
    at.text_input(key=key("y")).set_value("22.545309128").run()
    assert any("114.120000, 22.548000" in c.value for c in at.caption)
    assert int(one_feature(ws, LAYER, CODE).version[0]) == 1


def test_a_person_is_shown_masked_with_all_they_answer_for_and_in_full_after_a_reason(tmp_path, monkeypatch):
    home = tmp_path / "w"
    assert riskmap("init", home).status == 0
    assert riskmap("layer", "add", "persons", "--workspace", home).status == 0
    bring(home, "slopes", table(home, "编号,责任人,责任人电话", "B1,张三,13800000001", "B2,李四,13800000001"))
    bring(home, "persons", table(home, "人员编号,姓名,手机号码", "P1,张三,13800000001"))
    use_workspace(monkeypatch, home)
    at = open_page("point", layer="persons", code="P1")
    assert [row["cells"][2]["text"] for row in panel(at, "point-held")["rows"]] == ["B1"]
    assert "<h1>张*</h1>" in html(at)
    assert not {"张三", "13800000001"} & {word for word in ("张三", "13800000001") if word in html(at)}
    at.text_input(key="reveal-by").set_value("王五").run()
    at.text_input(key="reveal-why").set_value("台风叫应").run()
    at.button(key="contacts-show").click().run()
    assert any("张三 13800000001" in one.value for one in at.info)
    at.button(key="point-edit").click().run()
    at.text_input(key="form-persons-P1-1-phone").set_value("13900000009")
    at.text_input(key="form-persons-P1-1-sign-by").set_value("王五")
    at.text_input(key="form-persons-P1-1-sign-why").set_value("换号")
    save(at)
    assert any("同一人的旧号码一并改了：边坡 1" in one.value for one in at.success)
    people = open_workspace(home).ledger.contacts("slopes")
    assert {code: one.phone for code, (one,) in people.items()} == {"B1": "13900000009", "B2": "13800000001"}
