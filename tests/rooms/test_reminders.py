"""Lists that have not come and tickets that are overdue: each reminder goes out once, when a person sends what is due."""

from __future__ import annotations

import json
import threading

import pytest

from riskmap.actions.records.reminders import reminders_due, send_reminders
from riskmap.actions.workspace import open_workspace
from riskmap.moments import CLOCK
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.register_workspace import bring, register_workspace, table

TICKETS = """
id = "tickets"
title = { zh = "整改任务", en = "Tickets" }
geometry = "none"
counts = "work"
expected = { every = "month", by = 25 }
[aliases]
code = ["任务编号"]
[[fields]]
id = "found_on"
title = { zh = "发现日期", en = "Found on" }
type = "date"
[[fields]]
id = "due"
title = { zh = "整改期限", en = "Due" }
type = "date"
[[contacts]]
id = "owner"
title = { zh = "责任人", en = "Owner" }
[flow]
start = "open"
found = "found_on"
states = [
  { id = "open", title = { zh = "整改中", en = "Open" } },
  { id = "waiting", title = { zh = "挂起", en = "Paused" }, pause = true },
  { id = "done", title = { zh = "已销号", en = "Done" }, closed = true },
]
moves = [
  { id = "extend", title = { zh = "延期", en = "Extend" }, from = ["open"], to = "open", asks = ["due"] },
  { id = "pause", title = { zh = "挂起", en = "Pause" }, from = ["open"], to = "waiting" },
  { id = "close", title = { zh = "销号", en = "Close" }, from = ["open", "waiting"], to = "done" },
]
reminders = [
  { after_days = 0, to = "contact:owner" },
  { after_days = 7, to = "dispatcher", mark = { zh = "督办", en = "Supervised" } },
]
"""
ROWS = (
    "任务编号,街道,发现日期,整改期限,责任人,责任人电话",
    "R1,西城街道,2026-10-01,2026-11-20,张三,13800000001",
    "R2,西城街道,2026-10-01,2026-11-27,李四,13800000002",
    "R3,东城街道,2026-10-01,2026-12-20,王五,13800000003",
    "R4,东城街道,2026-10-01,2026-11-27,,",
)
BY = {"by": local_actor("值班员"), "why": "月底提醒"}


@pytest.fixture
def on(monkeypatch):
    """Set the day of the clock."""
    return lambda day: monkeypatch.setenv(CLOCK, f"{day}T02:00:00Z")


@pytest.fixture
def home(tmp_path, on):
    on("2026-10-20")
    home = register_workspace(tmp_path / "w")
    (home / "layers" / "tickets.toml").write_text(TICKETS, encoding="utf-8")
    bring(home, "tickets", table(home, *ROWS))
    on("2026-11-28")
    return home


def remind(home, *words):
    return riskmap("remind", "--json", "--workspace", home, *words)


def about(home):
    return {(one.about, one.to) for one in reminders_due(open_workspace(home))}


LATE = {("西城街道", "subdistrict"), ("东城街道", "subdistrict")}
OVERDUE = {
    ("tickets:R1", "contact:owner"),
    ("tickets:R1", "dispatcher"),
    ("tickets:R2", "contact:owner"),
    ("tickets:R4", "contact:owner"),
}


def test_streets_whose_list_has_not_come_this_month_are_named(home, on):
    on("2026-11-20")
    ran = riskmap("handed-in", "--json", "--workspace", home)
    (told,) = ran.json["layers"]
    assert (ran.status, told["month"], told["by"]) == (0, "2026-11", "2026-11-25")
    assert told["missing"] == ["东城街道", "西城街道"]
    (october,) = riskmap("handed-in", "--month", "2026-10", "--json", "--workspace", home).json["layers"]
    assert october["missing"] == []
    assert october["streets"]["西城街道"]["rows"] == 2
    bring(home, "tickets", table(home, *ROWS[:3]))
    (told,) = riskmap("handed-in", "--json", "--workspace", home).json["layers"]
    assert told["missing"] == ["东城街道"], "a list that changes nothing has come, too"
    on("2026-11-28")
    assert riskmap("handed-in", "--json", "--workspace", home).status == 1
    found = riskmap("check", "--json", "--workspace", home).json["findings"]
    (one,) = [one for one in found if one["what"] == "handed_in"]
    assert one["severity"] == "warning"
    assert "1 个街道未报送（2026-11-25 前）：东城街道" in one["message"]


def test_a_list_that_was_taken_back_has_not_come_and_one_without_streets_counts_by_its_records(home):
    codes = table(home, "任务编号,备注", "R1,已巡", name="codes")
    said = bring(home, "tickets", codes)
    (told,) = riskmap("handed-in", "--json", "--workspace", home).json["layers"]
    assert told["missing"] == ["东城街道"]
    riskmap("undo", said["changeset"], "--why", "错文件", "--workspace", home)
    (told,) = riskmap("handed-in", "--json", "--workspace", home).json["layers"]
    assert told["missing"] == ["东城街道", "西城街道"]


def test_nothing_goes_out_by_itself_and_a_press_sends_what_is_due_once(home):
    assert about(home) == OVERDUE | LATE
    assert len(remind(home, "--dry-run").json["due"]) == 6
    outbox = home / "data" / "outbox"
    assert not outbox.exists()
    ran = remind(home, "--by", "值班员")
    done = {(one["about"], one["status"]) for one in ran.json["sent"]}
    assert ran.status == 1, "one has nobody to go to"
    assert ("tickets:R4", "failed") in done
    assert len(list(outbox.glob("*.json"))) == 5
    papers = [json.loads(one.read_text(encoding="utf-8")) for one in outbox.glob("*.json")]
    told = {one["record"]: one for one in papers if one["to"]}
    assert told["tickets:R2"]["to"] == {"name": "李四", "phone": "13800000002"}
    assert "期限 2026-11-27，已超期 1 天" in told["tickets:R2"]["text"]
    (marked,) = [one for one in papers if "督办" in one["text"]]
    assert (marked["record"], "督办" in marked["subject"]) == ("tickets:R1", True)
    assert {one["subdistrict"] for one in papers if one["record"] is None} == {"西城街道", "东城街道"}
    again = remind(home)
    assert [one["about"] for one in again.json["sent"]] == ["tickets:R4"], "only what failed is tried again"
    assert len(list(outbox.glob("*.json"))) == 5
    assert len(remind(home, "--sent").json["sent"]) == 6


def test_what_failed_goes_out_once_somebody_fills_the_role(home):
    remind(home)
    words = ("--set", "contact.owner.name=赵六", "--set", "contact.owner.phone=13800000004")
    riskmap("edit-all", "tickets", "--where", "code = R4", *words, "--why", "补", "--workspace", home)
    (one,) = remind(home).json["sent"]
    assert (one["about"], one["status"], one["to"]) == ("tickets:R4", "sent", "赵*")
    assert remind(home).json["sent"] == []


def test_a_new_deadline_is_reminded_of_anew_and_what_is_paused_or_closed_is_not(home, on):
    remind(home)
    riskmap("move", "tickets", "R1", "extend", "--set", "due=2026-12-01", "--workspace", home)
    riskmap("move", "tickets", "R2", "pause", "--workspace", home)
    riskmap("move", "tickets", "R4", "close", "--workspace", home)
    assert about(home) == set()
    on("2026-12-02")
    assert about(home) == {("tickets:R1", "contact:owner")}, "of December's lists the day has not come"
    on("2026-12-26")
    assert about(home) == LATE | {
        ("tickets:R1", "contact:owner"),
        ("tickets:R1", "dispatcher"),
        ("tickets:R3", "contact:owner"),
    }


def test_two_who_send_at_once_send_each_reminder_once(home):
    ready, done = threading.Barrier(2), []

    def press():
        ws = open_workspace(home)
        due = reminders_due(ws)
        ready.wait()
        done.append(send_reminders(ws, due, **BY))

    both = [threading.Thread(target=press) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    sent = [one.key for some in done for one in some.notices if one.status == "sent"]
    assert len(sent) == len(set(sent)) == 5
    assert len(list((home / "data" / "outbox").glob("*.json"))) == 5


def test_a_phone_that_leaves_is_recorded_and_the_ledger_keeps_no_name(home):
    remind(home, "--by", "值班员")
    ws = open_workspace(home)
    noted = ws.ledger.exports(what="提醒")
    assert len(noted) == 2
    assert all(one.unmasked for one in noted)
    kept = json.dumps([dict(one.body) for one in ws.ledger.notices()], ensure_ascii=False)
    assert "13800000001" not in kept
    assert "张三" not in kept
    assert ws.ledger.check() == []


def test_a_ticket_is_called_supervised_from_the_day_that_its_register_says(home, on):
    marks = {
        one["code"]: one.get("mark") for one in riskmap("work", "--json", "--workspace", home).json["items"]
    }
    assert marks == {"R1": "督办", "R2": None, "R3": None, "R4": None}
    on("2026-11-26")
    assert all("mark" not in one for one in riskmap("work", "--json", "--workspace", home).json["items"])


def test_a_street_that_was_renamed_has_handed_in_what_came_under_its_old_name(home):
    bring(home, "tickets", table(home, *ROWS))
    riskmap("streets", "rename", "西城街道", "西湖街道", "--why", "改名", "--workspace", home)
    (told,) = riskmap("handed-in", "--json", "--workspace", home).json["layers"]
    assert (sorted(told["streets"]), told["missing"]) == (["东城街道", "西湖街道"], [])


@pytest.mark.parametrize("month", ["2026-13", "November", "2026"])
def test_what_is_no_month_is_refused(home, month):
    assert riskmap("handed-in", "--month", month, "--json", "--workspace", home).refused


def test_a_reminder_names_a_role_that_the_layer_has(home):
    file = home / "layers" / "tickets.toml"
    file.write_text(TICKETS.replace("contact:owner", "contact:boss", 1), encoding="utf-8")
    found = riskmap("check", "--json", "--workspace", home).json["findings"]
    assert any("contact:boss" in one["message"] for one in found)
