"""The call-out with a duty roster: who is on duty is called first, nobody on duty is said, without a roster all is as before."""

from __future__ import annotations

import datetime as dt

import orjson
import pytest

from riskmap.actions.episode.duty import callout_view, find_scenario
from riskmap.actions.episode.events import Entry, log_event
from riskmap.actions.episode.messages import deliver, send_message
from riskmap.actions.workspace import open_workspace
from riskmap.cli.duty_documents import callout_json
from riskmap.moments import CLOCK
from tests.cli import riskmap
from tests.duty_workspace import ACTS, AT, ESCALATIONS, WHO, duty_workspace, minutes
from tests.register_workspace import bring, table

# AT is 2023-09-07 16:00 in Beijing. 桂园街道 has a leader and an officer until 18:00 and another leader overnight;
# the district a leader all day; 黄贝街道 was on duty the day before only.
ROSTER = (
    "所属街道,值班开始,值班结束,值班岗位,值班人员,联系电话",
    "桂园街道,2023-09-07 08:00,2023-09-07 18:00,值班员,白天员,13700000002",
    "桂园街道,2023-09-07 08:00,2023-09-07 18:00,带班领导,白天领,13700000001",
    "桂园街道,2023-09-07 18:00,2023-09-08 08:00,带班领导,晚上领,13700000003",
    ",2023-09-07 08:00,2023-09-07 20:00,带班领导,区里领,13700000004",
    "黄贝街道,2023-09-06 08:00,2023-09-06 18:00,带班领导,昨天领,13700000005",
)
LATE = dt.timedelta(hours=3)  # 19:00: the next shift of 桂园街道


@pytest.fixture
def bare(tmp_path):
    """A scenario with four raised records, and no roster."""
    ws = duty_workspace(tmp_path / "w")
    ws.ledger.open_scenario(title="苏拉", at=AT, drill=False, body={}, escalations=ESCALATIONS, **WHO)
    return ws


@pytest.fixture
def ws(bare):
    bare.ledger.close()
    home = bare.root
    assert riskmap("layer", "add", "duty", "--workspace", home).status == 0
    assert bring(home, "duty", table(home, *ROSTER))["inserted"] == 5
    return open_workspace(home)


def called(ws, now=AT, **more):
    """Return code → (number, name, title) of whom the call-out calls, in order."""
    view = callout_view(ws, 1, now=now, **more)
    return {
        line.code: [(c.number, c.contact.name, c.title.zh) for c in line.callees]
        for line in view.callout.lines
    }


def full(ws, now=AT):
    return called(ws, now, unmasked=True, **ACTS)


def test_who_is_on_duty_at_the_desk_of_the_street_is_called_first_and_the_contacts_stay(ws):
    assert full(ws)["BP1"] == [
        (1, "白天领", "桂园街道值班室带班领导（值班表）"),
        (2, "白天员", "桂园街道值班室值班员（值班表）"),
        (3, "李防灾", "防灾责任人"),
        (4, "张监测", "监测责任人"),
        (5, "王挂点", "挂点领导"),
    ]


def test_the_next_shift_takes_over_at_its_first_moment(ws):
    handover = dt.datetime(2023, 9, 7, 10, tzinfo=dt.UTC)  # 18:00 in Beijing
    assert [name for _, name, _ in full(ws, handover - dt.timedelta(minutes=1))["NL1"]] == [
        "白天领",
        "白天员",
        "孙一",
    ]
    assert [name for _, name, _ in full(ws, handover)["NL1"]] == ["晚上领", "孙一"]


def test_a_street_without_anybody_has_the_district_called_and_says_so(ws):
    view = callout_view(ws, 1, now=AT, unmasked=True, **ACTS)
    line = next(one for one in view.callout.lines if one.code == "BP2")
    assert (line.callees[0].contact.name, line.callees[0].title.zh) == (
        "区里领",
        "区值班室带班领导（值班表）",
    )
    assert line.gaps[0].text.zh == "黄贝街道值班室此刻无人值班"
    assert all(
        gap.kind != "nobody_on_duty" for one in view.callout.lines if one.code == "BP1" for gap in one.gaps
    )


def test_where_nobody_is_on_duty_at_all_both_desks_are_said_and_the_contacts_are_called(ws):
    at = dt.datetime(2023, 9, 7, 13, tzinfo=dt.UTC)  # 21:00: the district's shift is over
    view = callout_view(ws, 1, now=at)
    line = next(one for one in view.callout.lines if one.code == "BP2")
    assert [gap.text.zh for gap in line.gaps][:2] == ["黄贝街道值班室此刻无人值班", "区值班室此刻无人值班"]
    assert [c.number for c in line.callees] == [1, 2]
    assert all(c.source is None for c in line.callees)


def test_a_register_of_duty_without_a_shift_leaves_the_call_out_as_it_was(bare):
    before = callout_json(callout_view(bare, 1, now=AT))
    assert riskmap("layer", "add", "duty", "--workspace", bare.root).status == 0
    after = callout_json(callout_view(open_workspace(bare.root), 1, now=AT))
    assert (after, after["count"], "duty" in after) == (before, 4, False)


def test_the_document_says_from_where_the_number_is_and_who_is_on_duty(ws):
    document = orjson.loads(orjson.dumps(callout_json(callout_view(ws, 1, now=AT))))
    ((first, *_),) = [
        one["contacts"] for group in document["callout"] for one in group["records"] if one["code"] == "NL1"
    ]
    assert (first["name"], first["phone"], first["source"]) == ("白*", "137****0001", "值班表")
    assert [(one["subdistrict"], one["leader"]) for one in document["duty"]] == [
        (None, "区*"),
        ("桂园街道", "白*"),
        ("黄贝街道", None),
    ]
    assert document["missing"]["nobody_on_duty"] == 2  # BP2 and BP3 in 黄贝街道


def test_a_call_to_one_shift_is_no_call_to_the_next_and_an_answer_stays_one(ws):
    log_event(ws, 1, Entry("call", record="waterlogging:NL1", at=minutes(1)), **ACTS)
    number = next(line.feature_id for line in callout_view(ws, 1, now=AT).callout.lines if line.code == "NL1")
    day = callout_view(ws, 1, now=minutes(2)).states[number]
    assert (day.status, day.callee, day.next) == ("called", 1, 2)
    late = callout_view(ws, 1, now=AT + LATE).states[number]
    assert (late.status, late.next) == ("overdue", 1)  # who is on duty now was not called
    log_event(ws, 1, Entry("acknowledgement", record="waterlogging:NL1", at=minutes(3)), **ACTS)
    assert callout_view(ws, 1, now=AT + LATE).states[number].status == "answered"


def test_that_the_shift_called_last_did_not_answer_can_be_written_down_after_the_handover(ws):
    log_event(ws, 1, Entry("call", record="waterlogging:NL1", at=minutes(119)), **ACTS)
    event = log_event(ws, 1, Entry("no_answer", record="waterlogging:NL1", at=minutes(121)), **ACTS)
    assert event.body == {"role": "duty:ZB2023-0002"}
    number = event.feature_id
    state = callout_view(ws, 1, now=minutes(122)).states[number]
    assert (state.status, state.next) == (
        "overdue",
        1,
    )  # within the minutes to answer: refused, not waited for


def test_a_contact_that_was_called_is_the_same_when_fewer_are_on_duty(ws):
    """By day two are on duty before 孙一 (3), in the evening one (2): the log means 孙一 all the while."""
    log_event(ws, 1, Entry("call", record="waterlogging:NL1", contact=3, at=minutes(1)), **ACTS)
    number = next(line.feature_id for line in callout_view(ws, 1, now=AT).callout.lines if line.code == "NL1")
    assert callout_view(ws, 1, now=minutes(2)).states[number].callee == 3
    assert callout_view(ws, 1, now=AT + LATE).states[number].callee == 2
    (event,) = ws.ledger.events(find_scenario(ws, 1).id)
    assert (event.body["contact"], event.body["role"], event.body["name"]) == (1, "contact_1", "孙*")


def test_a_message_goes_to_who_is_on_duty_and_not_to_a_shift_that_is_over(ws, monkeypatch):
    monkeypatch.setenv(CLOCK, "2023-09-07T09:00:00Z")
    entry = Entry("message", record="waterlogging:NL1", contact=1, text="请核实积水")
    sent = send_message(ws, 1, entry, **ACTS)
    assert (sent.status, sent.to) == ("sent", "白*")
    (file,) = (ws.root / "data" / "outbox").glob("*.json")
    assert orjson.loads(file.read_bytes())["to"] == {"name": "白天领", "phone": "13700000001"}


def test_a_message_goes_to_the_second_of_two_in_one_role_when_it_was_written_to_them(bare):
    lines = ("编号,街道,联系人1,联系人1电话", "NL2,桂园街道,孙一、周二,13900000006、13900000007")
    assert bring(bare.root, "waterlogging", table(bare.root, *lines))["inserted"] == 1
    ws = open_workspace(bare.root)
    send_message(ws, 1, Entry("message", record="waterlogging:NL2", contact=2, text="请核实积水"), **ACTS)
    (file,) = (ws.root / "data" / "outbox").glob("*.json")
    assert orjson.loads(file.read_bytes())["to"] == {"name": "周二", "phone": "13900000007"}


def test_a_message_that_waited_past_its_shift_stays_and_says_so(ws, monkeypatch):
    monkeypatch.setenv(CLOCK, "2023-09-07T09:00:00Z")
    (ws.root / "data").joinpath("outbox").write_text("in the way")
    entry = Entry("message", record="waterlogging:NL1", contact=1, text="请核实积水")
    assert send_message(ws, 1, entry, **ACTS).status == "failed"
    (ws.root / "data" / "outbox").unlink()
    monkeypatch.setenv(CLOCK, "2023-09-07T11:00:00Z")
    (tried,) = deliver(ws, 1, **ACTS)
    assert (tried.status, "已经交班" in tried.reason) == ("failed", True)


def test_printed_and_typed_call_outs_say_from_where_the_number_is(ws, tmp_path):
    ran = riskmap(
        "callout", "1", "--now", "2023-09-07T16:00", "--to", tmp_path / "a.xlsx", "--workspace", ws.root
    )
    assert "1 桂园街道值班室带班领导（值班表） 白* 137****0001" in ran.out
    assert "黄贝街道值班室此刻无人值班" in ran.out
    from openpyxl import load_workbook

    cells = [
        cell
        for sheet in load_workbook(tmp_path / "a.xlsx")
        for row in sheet.iter_rows(values_only=True)
        for cell in row
    ]
    assert "桂园街道值班室带班领导（值班表） 白*" in cells
