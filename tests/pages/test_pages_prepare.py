"""The page 临灾: plans that change when a shelter closes, messages, papers and plan files."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from riskmap.actions.episode.duty import callout_view
from riskmap.actions.episode.events import close_shelters, shut_shelters
from riskmap.actions.episode.messages import messages
from riskmap.actions.records.editing import edit_point
from riskmap.actions.reports import callout_archive
from riskmap.actions.workspace import open_workspace
from riskmap.errors import Text
from riskmap.progress import Cancelled
from riskmap.web.frame import downloads, state
from riskmap.web.frame.running import long_actions
from riskmap.web.pages.prepare import calls
from tests.cli import riskmap
from tests.duty_workspace import ACTS, AT, WHO, copied, escalation
from tests.ledger_files import intake
from tests.pages_running import open_page, panel, panels, texts, use_workspace
from tests.prepare_workspace import A, B, people, prepare_workspace, written
from tests.register_workspace import bring, table
from tests.rooms.test_closures import HOURS, THIRD
from tests.unchanged import ledger_of

RAISED = [
    escalation("slopes", "BP1", "major"),
    escalation("waterlogging", "NL1", "large"),
    escalation("risk_points", "RP2", "general"),
]
ROADS = "起点经度,起点纬度,终点经度,终点纬度\n114.1121,22.5511,114.118,22.55\n114.118,22.55,114.12,22.55\n"


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    ws = prepare_workspace(tmp_path_factory.mktemp("page") / "ws")
    ws.ledger.commit_import(ws.ledger.plan_import(intake([THIRD], layer="shelters")), **WHO)
    written(ws.root / "data", "people.csv", people(("H1", 40), ("H2", 20)))
    written(ws.root / "data", "方案.pdf", "plan")
    edit_point(ws, "waterlogging", "NL1", seen=1, changes={"plan": "data/方案.pdf"}, **ACTS)
    config = ws.root / "workspace.toml"
    text = config.read_text("utf-8")
    config.write_text(text.replace('people = ""', 'people = "data/people.csv"'), "utf-8")
    for drill in (False, True):
        ws.ledger.open_scenario(
            title="演练" if drill else "苏拉", drill=drill, body={"times": HOURS, "closed": []}, at=AT,
            escalations=RAISED, by="x", why="x",
        )  # fmt: skip
    return ws


@pytest.fixture
def ws(ready, tmp_path, monkeypatch):
    ws = copied(ready, tmp_path / "ws")
    use_workspace(monkeypatch, ws.root)
    return ws


def opened(tab, scenario=1):
    at = open_page("prepare", scenario=str(scenario))
    return pressed(at.segmented_control(key="prepare-tab").set_value(tab).run())


def pressed(at):
    assert not at.exception, at.exception
    return at


def click(at, key):
    return pressed(at.button(key=key).click().run())


def named(at, key="prepare-person"):
    return pressed(at.text_input(key=key).set_value("值班员甲").run())


def said(at):
    return "\n".join(
        str(e.value)
        for kind in ("info", "error", "warning", "success", "markdown", "caption")
        for e in at.get(kind)
    )


def planned():
    return click(opened("move"), "prepare-move-run")


def closing(at):
    return next(one for one in at.multiselect if str(one.key).startswith("prepare-close-"))


def test_where_none_is_chosen_the_page_says_how_many_scenarios_there_are(ws):
    page = said(pressed(open_page("prepare")))
    assert f"已有 {len(ws.ledger.scenarios())} 个情景" in page
    assert "还没有情景" not in page


def test_a_plan_says_its_sums_and_which_distance_was_used(ws):
    page = said(planned())
    assert "需转移 **60** 人，安置 **60** 人，未安置 **0** 人" in page
    assert "直线 ×1.3" in page


def test_when_a_shelter_closes_the_plan_changes_least_and_the_log_keeps_who_said_so(ws):
    at = planned()
    assert closing(at).options[0] == "点BN1（60 人）"
    closing(at).set_value(["BN1"])
    click(at, "prepare-replan-run")
    assert "60 人" not in "".join(e.value for e in at.info)
    assert [e.value for e in at.warning]  # nobody said who sits there: nothing happens
    assert shut_shelters(ws, 1) == ()
    at.text_input(key="prepare-close-person").set_value("值班员甲")
    click(at, "prepare-replan-run")
    assert "60 人（2 组）改变去处，0 人不变" in "".join(e.value for e in at.info)
    rows = texts(panels(at)["prepare-move-changes"])
    assert rows == [["H1", "=三号小学", "40"], ["H2", "=三号小学", "20"]]
    (event,) = ws.ledger.events(1)
    assert (event.kind, event.code, event.who) == ("closure", "BN1", "值班员甲")
    assert "BN1" not in closing(at).options


@pytest.mark.parametrize("what", ["danger zones", "planning who goes where", "logging the closing"])
def test_a_closing_that_is_cancelled_is_not_logged_and_the_plan_stays(ws, monkeypatch, what):
    at = planned()
    at.text_input(key="prepare-close-person").set_value("值班员甲")
    closing(at).set_value(["BN1"])
    before, begin = ledger_of(ws), long_actions.begin

    def until(progress):
        """Stop when the step is told, as one who presses Cancel at that moment."""

        def tell(_share, said):
            if said.en == what:
                raise Cancelled

        return replace(progress, tell=tell)

    def stopped(owner, kind, act, **more):
        return begin(owner, kind, lambda progress: act(until(progress)), **more)

    with monkeypatch.context() as patch:
        patch.setattr(long_actions, "begin", stopped)
        click(at, "prepare-replan-run")
    assert ledger_of(ws) == before
    assert [one.value for one in at.error] == []
    assert "安置 **60** 人" in said(at)
    assert closing(at).options[0] == "点BN1（60 人）"


def test_a_trial_writes_nothing_and_closings_add_up(ws):
    at = planned()
    at.checkbox(key="prepare-close-log").uncheck()
    for code in ("BN1", "BN3"):
        closing(at).set_value([code])
        click(at, "prepare-replan-run")
    assert ws.ledger.events(1) == []
    used = {row[0] for row in texts(panels(at)["prepare-move-shelters"])}
    assert used == {"点BN2"}


def test_a_plan_that_somebody_elses_closing_has_overtaken_says_so(ws):
    at = planned()
    close_shelters(ws, 1, ["BN1"], **ACTS)
    pressed(at.run())
    assert "本方案仍有人去：点BN1" in "".join(e.value for e in at.error)
    assert closing(at).value == ["BN1"]


def test_people_without_a_place_are_named_with_the_reason(ws):
    close_shelters(ws, 1, ["BN1", "BN2", "BN3"], **ACTS)
    assert "没有可用的避难场所：60 人" in "".join(e.value for e in planned().error)


def test_roads_that_are_uploaded_are_walked_on_and_their_datum_is_asked_for(ws):
    at = opened("move")
    at.file_uploader(key="prepare-roads-file").set_value(("路.csv", ROADS.encode(), "text/csv")).run()
    assert at.selectbox(key="prepare-roads-datum").value == "wgs84"
    click(at, "prepare-move-run")
    assert "沿道路" in said(at)
    at = opened("move")
    at.file_uploader(key="prepare-roads-file").set_value(("路.csv", b"a,b\n1,2\n", "text/csv")).run()
    click(at, "prepare-move-run")
    assert "道路\\.csv" in "".join(e.value for e in at.error)


def test_a_message_is_sent_with_a_name_and_stands_in_the_list(ws):
    at = opened("calls")
    assert "未接入对外渠道" in said(at)
    text = "prepare-message-text-0"
    at.text_area(key=text).set_value("注意 <b>积水</b>").run()
    click(at, "prepare-message-send")
    assert messages(ws, 1) == []  # no name yet, and the text is still there
    assert at.text_area(key=text).value == "注意 <b>积水</b>"
    named(at)
    to = next(one for one in at.selectbox if str(one.key).startswith("prepare-message-to"))
    assert set(to.options) >= {A, B, "全区"} or to.options[-1] == "全区"
    click(at, "prepare-message-send")
    (sent,) = messages(ws, 1)
    assert (sent.status, sent.channel, sent.text) == ("sent", "file", "注意 <b>积水</b>")
    ((shown, status),) = texts(panels(at)["prepare-outbox"])
    assert (shown, status) == ("注意 <b>积水</b>", "已写入文件夹，待人转发")
    assert at.text_area(key="prepare-message-text-1").value in ("", None)


def test_in_a_drill_it_is_plain_that_nothing_is_sent(ws):
    at = named(opened("calls", 2))
    assert "不对外发送" in said(at)
    at.text_area(key="prepare-message-text-0").set_value("x").run()
    click(at, "prepare-message-send")
    assert texts(panels(at)["prepare-outbox"])[0][1] == "演习，未发送"
    assert not (ws.root / "data" / "outbox").exists()


def test_what_failed_shows_its_reason_and_can_be_tried_again(ws, monkeypatch):
    toml = ws.root / "workspace.toml"
    whole = toml.read_text("utf-8").partition("[outbox]")[0]
    toml.write_text(f'{whole}\n[outbox]\nkind = "webhook"\nurl = "http://127.0.0.1:1/"\n', "utf-8")
    use_workspace(monkeypatch, ws.root)
    at = named(opened("calls"))
    at.text_area(key="prepare-message-text-0").set_value("x").run()
    click(at, "prepare-message-send")
    row = panels(at)["prepare-outbox"]["rows"][0]["cells"]
    assert row[1]["text"] == "发送失败，待重发"
    assert "网址 127.0.0.1" in row[1]["note"]
    assert "web hook 127.0.0.1" in messages(ws, 1)[0].reason_en
    toml.write_text(f'{whole}\n[outbox]\nkind = "file"\n', "utf-8")
    use_workspace(monkeypatch, ws.root)
    click(at, "prepare-message-again")
    assert texts(panels(at)["prepare-outbox"])[0][1] == "已写入文件夹，待人转发"
    assert "1 条已发出，0 条仍未发出" in said(at)
    assert [m.attempts for m in messages(open_workspace(ws.root), 1)] == [2]


def test_the_contacts_of_the_chosen_record_can_be_written_to_and_its_plan_file_taken_along(ws):
    at = named(opened("calls"))
    spot = next(x for x in callout_view(ws, 1).callout.lines if x.code == "NL1")
    at.session_state["prepare-line"] = spot.feature_id
    pressed(at.run())
    (offered,) = panel(at, f"prepare-plan-{spot.feature_id}")["items"]
    assert offered["title"] == "一点一策：方案.pdf"
    plan = downloads.asked(state.signer(), offered["href"].removeprefix("download/"), "")
    assert plan.make() == b"plan"
    tower = next(x for x in callout_view(ws, 1).callout.lines if x.code == "RP2")
    at.session_state["prepare-line"] = tower.feature_id
    pressed(at.run())
    to = at.selectbox(key=f"prepare-message-to-{tower.feature_id}")
    assert "李*" in to.options[0]
    assert "点RP2" in to.options[0]
    at.text_area(key="prepare-message-text-0").set_value("请加固").run()
    click(at, "prepare-message-send")
    (sent,) = messages(ws, 1)
    assert (sent.code, sent.to, sent.status) == ("RP2", "李*", "sent")


def test_who_is_on_duty_is_said_written_to_and_kept_in_the_log_as_of_the_roster(ws, monkeypatch):
    tower = next(x for x in callout_view(ws, 1).callout.lines if x.code == "RP2")
    assert riskmap("layer", "add", "duty", "--workspace", ws.root).status == 0
    head = "所属街道,值班开始,值班结束,值班岗位,值班人员,联系电话"
    kept = f"{tower.subdistrict},2020-01-01 08:00,2090-01-01 08:00,带班领导,张三,13800000001"
    over = ",2020-01-01 08:00,2020-01-02 08:00,带班领导,王五,13800000003"
    assert bring(ws.root, "duty", table(ws.root, head, kept, over))["inserted"] == 2
    use_workspace(monkeypatch, ws.root)
    at = named(opened("calls"))
    at.session_state["prepare-line"] = tower.feature_id
    pressed(at.selectbox(key="prepare-call-place").set_value(tower.subdistrict).run())
    spoken = [one.value.replace("\\", "") for one in at.caption]
    assert f"{tower.subdistrict}值班室：带班领导 张* 138****0001" in spoken
    assert "张*" in at.selectbox(key=f"prepare-message-to-{tower.feature_id}").options[0]
    click(at, f"prepare-call-{tower.feature_id}-1")
    elsewhere = next(
        x
        for x in callout_view(open_workspace(ws.root), 1).callout.groups
        if x.subdistrict != tower.subdistrict
    )
    pressed(at.selectbox(key="prepare-call-place").set_value(elsewhere.subdistrict).run())
    assert ":red[区值班室：值班表上此刻无人值班，之后也没有排班]" in [one.value for one in at.markdown]
    log = opened("log")
    assert "RP2；黄贝街道；值班表；张*" in str(panel(log, "prepare-log")["rows"][0])


def test_brief_and_report_are_offered_for_word_and_as_pdf_where_there_are_letters_for_it(ws, monkeypatch):
    for tab, key in (("calls", "prepare-briefs"), ("log", "prepare-after")):
        offered = panel(opened(tab), key)["items"]
        assert {Path(one["name"]).suffix for one in offered} == {".docx", ".pdf"}
        for one in offered:
            # Made in a thread of the server, which knows neither page nor language.
            paper = downloads.asked(state.signer(), one["href"].removeprefix("download/"), "").make()
            assert paper[:4] == (b"%PDF" if one["name"].endswith(".pdf") else b"PK\3\4")
    monkeypatch.setattr(calls, "pdf_needs", lambda: Text("没有中文字体", "no Chinese fonts"))
    missing = next(
        one for one in panel(opened("log"), "prepare-after")["items"] if one["name"].endswith(".pdf")
    )
    assert (missing["href"], missing["help"]) == ("", "没有中文字体")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_call_out_comes_as_one_archive_with_a_book_for_every_sub_district(ws, lang):
    view = replace(callout_view(ws, 1))
    with zipfile.ZipFile(io.BytesIO(callout_archive(view, lang=lang))) as archive:
        names = archive.namelist()
        assert len(names) == len(view.callout.groups) == 2
        assert all(name.endswith(".xlsx") and "/" not in name for name in names)
        assert {place for place in (A, B) for name in names if place in name} == {A, B}
        assert archive.read(names[0])[:2] == b"PK"


def test_a_scenario_that_is_put_away_does_not_come_back_out_of_the_address(ws):
    at = open_page("prepare", scenario="1")
    assert at.selectbox(key="prepare-scenario").value == 1
    at.selectbox(key="prepare-scenario").set_value(None).run()
    assert at.selectbox(key="prepare-scenario").value is None
    assert "scenario" not in at.query_params
    assert open_page("prepare", scenario="999999").selectbox(key="prepare-scenario").value is None
