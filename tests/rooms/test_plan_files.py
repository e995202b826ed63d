"""A record's own plan names a file: only documents inside the workspace leave, everything else is text."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from riskmap.actions.reports import LARGEST, plan_file, read_plan
from riskmap.actions.workspace import create_workspace
from riskmap.errors import RiskmapError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = tmp_path_factory.mktemp("plans")
    ws = create_workspace(home / "ws", name="测试区")
    (ws.root / "一点一策").mkdir()
    (ws.root / "一点一策" / "NL1 处置.pdf").write_bytes(b"%PDF plan")
    (ws.root / "plan.docx").write_bytes(b"word")
    (ws.root / ".hidden").mkdir()
    (ws.root / ".hidden" / "plan.pdf").write_bytes(b"x")
    (ws.root / "data" / "outbox").mkdir(parents=True)
    (ws.root / "data" / "outbox" / "0001-000001.txt").write_text("13900000001", "utf-8")
    (ws.root / "people.txt").write_text("编号,人数\n", "utf-8")
    (ws.root / "list.xlsx").write_bytes(b"PK")
    (home / "outside.pdf").write_bytes(b"secret")
    return replace(ws, config=replace(ws.config, people="people.txt"))


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("一点一策/NL1 处置.pdf", b"%PDF plan"),
        ("一点一策\\NL1 处置.pdf", b"%PDF plan"),
        (" ./plan.docx \n", b"word"),
    ],
)
def test_a_document_inside_the_workspace_is_offered(made, text, content):
    assert plan_file(made, text) is not None
    assert read_plan(made, text) == content


@pytest.mark.parametrize(
    "text",
    [
        *("../outside.pdf", "一点一策/../../outside.pdf", "..\\outside.pdf", "a/../plan.docx"),
        *("/etc/passwd", "/etc/hostname.txt", "C:\\plan.docx", "c:plan.docx", "\\plan.docx", "\\\\server\\a\\plan.docx"),
        *("~/plan.docx", "file:///plan.docx", "plan.docx\0.pdf", "plan.docx\n.pdf", "x" * 5000 + ".pdf"),
        *("workspace.toml", "data/ledger.sqlite", "data/secret", "people.txt", "list.xlsx"),
        *("data/outbox/0001-000001.txt", ".hidden/plan.pdf", "一点一策", "一点一策.pdf", "", "   ", "."),
        "立即封闭桥下道路，撤离 3 户",
    ],
)  # fmt: skip
def test_everything_else_is_only_text(made, text):
    assert plan_file(made, text) is None
    with pytest.raises(RiskmapError):
        read_plan(made, text)


def test_an_absolute_path_into_the_workspace_is_only_text_too(made):
    assert plan_file(made, str(made.root / "plan.docx")) is None


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights there")
def test_a_link_that_leads_outside_or_to_what_may_not_leave_is_only_text(made):
    links = {
        "out.pdf": made.root.parent / "outside.pdf",
        "folder": made.root.parent,
        "ledger.pdf": made.root / "data" / "ledger.sqlite",
        "loop.pdf": made.root / "loop.pdf",
        "gone.pdf": made.root / "nowhere.pdf",
        "inside.pdf": made.root / "plan.docx",
    }
    for name, target in links.items():
        (made.root / name).symlink_to(target)
    for name in ("out.pdf", "folder/outside.pdf", "ledger.pdf", "loop.pdf", "gone.pdf"):
        assert plan_file(made, name) is None, name
    assert read_plan(made, "inside.pdf") == b"word"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes there")
def test_only_regular_files_of_bearable_size_are_plans(made):
    os.mkfifo(made.root / "pipe.pdf")
    (made.root / "folder.pdf").mkdir()
    with (made.root / "large.pdf").open("wb") as out:
        out.truncate(LARGEST + 1)
    assert [plan_file(made, name) for name in ("pipe.pdf", "folder.pdf", "large.pdf")] == [None] * 3
