"""Who is on duty, on the pages: a calm line where somebody is at every desk, a loud one where nobody is, nothing without a roster."""

from __future__ import annotations

import shutil

import pytest

from riskmap.moments import CLOCK
from tests.cli import riskmap
from tests.map_workspace import make_workspace
from tests.pages_running import open_page, panel, panels, use_workspace
from tests.register_workspace import bring, table

HEAD = "所属街道,值班开始,值班结束,值班岗位,值班人员,联系电话"
DISTRICT = ",2026-11-29 08:00,2026-11-30 08:00,带班领导,王五,13800000003"
STREET = "桂园街道,2026-11-29 18:00,2026-11-30 08:00,带班领导,张三,13800000001"
OFFICER = "桂园街道,2026-11-29 18:00,2026-11-30 08:00,值班员,赵六,13800000006"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("duty") / "w"
    make_workspace(root)
    return root


@pytest.fixture
def home(made, tmp_path, monkeypatch):
    """A workspace with an empty register of duty; it is 20:00 of 2026-11-29 in Beijing."""
    home = tmp_path / "w"
    shutil.copytree(made, home)
    monkeypatch.setenv(CLOCK, "2026-11-29T12:00:00Z")
    use_workspace(monkeypatch, home)
    assert riskmap("layer", "add", "duty", "--workspace", home).status == 0
    return home


def calm(at):
    return [one.value for one in at.markdown if "值班" in one.value]


def loud(at):
    return [one.value for one in at.warning if "值班" in one.value]


def test_without_a_shift_nothing_is_said(home):
    at = open_page("overview")
    assert (calm(at), loud(at)) == ([], [])
    assert "overview-duty" not in panels(at)


def test_who_leads_is_one_calm_line_with_every_desk_behind_it_masked(home):
    bring(home, "duty", table(home, HEAD, DISTRICT, STREET, OFFICER))
    at = open_page("overview")
    (line,) = calm(at)
    plain = line.replace("\\", "")
    assert (
        "此刻带班领导 王* 138****0003（区值班室，到 2026-11-30 08:00）；1 个街道值班室，1 个有人值班" in plain
    )
    assert loud(at) == []
    rows = [[cell["text"] for cell in row["cells"]] for row in panel(at, "overview-duty")["rows"]]
    assert rows == [
        ["区值班室", "带班领导 王* 138****0003", "2026-11-30 08:00"],
        ["桂园街道值班室", "带班领导 张* 138****0001", "2026-11-30 08:00"],
    ]


def test_a_desk_without_anybody_is_a_warning(home):
    bring(home, "duty", table(home, HEAD, DISTRICT, STREET.replace("11-29 18:00", "11-29 21:00")))
    at = open_page("overview")
    assert calm(at) == []
    (line,) = loud(at)
    assert "1 个街道值班室，0 个有人值班；无人值班：桂园街道值班室" in line.replace("\\", "")
    assert panel(at, "overview-duty")["rows"][1]["cells"][1]["text"] == "无人值班"
