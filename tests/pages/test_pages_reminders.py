"""The page of what is open says whose list has not come, and sends the reminders that are due when somebody presses."""

from __future__ import annotations

import pytest

from riskmap.moments import CLOCK
from tests.pages_running import open_page, use_workspace
from tests.register_workspace import bring, register_workspace, table
from tests.rooms.test_reminders import ROWS, TICKETS


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(CLOCK, "2026-10-20T02:00:00Z")
    home = register_workspace(tmp_path / "w")
    (home / "layers" / "tickets.toml").write_text(TICKETS, encoding="utf-8")
    bring(home, "tickets", table(home, *ROWS))
    monkeypatch.setenv(CLOCK, "2026-11-28T02:00:00Z")
    use_workspace(monkeypatch, home)
    return home


def test_a_press_sends_what_is_due_and_says_what_was_not(home):
    at = open_page("work")
    assert not at.exception, at.exception
    assert "未报送：东城街道、西城街道" in " ".join(one.value for one in at.warning)
    assert not (home / "data" / "outbox").exists()
    send = next(b for b in at.button if str(b.key).startswith("FormSubmitter:reminders"))
    assert send.label == "发送 6 条提醒"
    send.click().run()
    assert not (home / "data" / "outbox").exists(), "nobody has signed"
    for one in at.text_input:
        if str(one.key).startswith("reminders-sign"):
            one.set_value("甲")
    next(b for b in at.button if str(b.key).startswith("FormSubmitter:reminders")).click().run()
    assert not at.exception, at.exception
    assert len(list((home / "data" / "outbox").glob("*.json"))) == 5
    told = " ".join(one.value for one in at.warning)
    assert "发出 5 条，未发出 1 条" in told
    assert "R4：责任人没有人或没有电话" in told
    send = next(b for b in at.button if str(b.key).startswith("FormSubmitter:reminders"))
    assert send.label == "发送 1 条提醒", "what failed is still due"


def test_the_past_sends_nothing(home):
    at = open_page("work", asof="2026-11-27")
    assert not [b for b in at.button if str(b.key).startswith("FormSubmitter:reminders")]
