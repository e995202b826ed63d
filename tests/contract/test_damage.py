"""A ledger with damaged pages, and a disk without room: every command names the cause and the remedy, or is not touched by it."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest

from tests.cli import riskmap
from tests.map_workspace import make_workspace

COMMANDS = (
    ("summary",),
    ("select", "risk_points"),
    ("explain", "risk_points", "RP-LONE-low"),
    ("history", "risk_points", "RP-LONE-low"),
    ("changes",),
    ("export", "--to", "OUT/x.xlsx"),
    ("assess",),
    ("retire", "risk_points", "RP-LONE-low", "--why", "x"),
    ("undo", "1", "--why", "x"),
    ("check",),
    ("backup", "OUT/b.zip"),
    ("held",),
    ("scenarios",),
)
ALWAYS = {"backup", "check"}  # these look at every page
CAUSES = ("损坏", "不完好", "读不了")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("damage") / "ws"
    make_workspace(root).ledger.close()
    shutil.rmtree(root / "data" / "cache", ignore_errors=True)
    return root


def garbage(raw: bytearray, start: int, size: int) -> None:
    raw[start : start + size] = b"\xa5" * size


def cut(raw: bytearray, _start: int, _size: int) -> None:
    del raw[len(raw) // 2 :]


def letters(raw: bytearray, _start: int, _size: int) -> None:
    found = raw.find(b'{"')
    while found >= 0:
        raw[found + 2 : found + 5] = b"\xff\xfe\xff"
        found = raw.find(b'{"', found + 1)


def times(raw: bytearray, _start: int, _size: int) -> None:
    for year in (b"2024-", b"2025-", b"2026-", b"2027-"):
        raw[:] = raw.replace(year, b"2\xe5\x99\xa8-"[: len(year)])


DAMAGES = [
    *(
        ("garbage", table, garbage)
        for table in ("revision", "feature", "changeset", "assessment", "chain_link")
    ),
    ("cut", "revision", cut),
    ("letters", "revision", letters),
    ("times", "changeset", times),
]


@pytest.fixture(params=DAMAGES, ids=lambda one: f"{one[0]}-{one[1]}")
def damaged(request, made, tmp_path) -> Path:
    _, table, damage = request.param
    ledger = made / "data" / "ledger.sqlite"
    with sqlite3.connect(ledger) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = raw.execute("PRAGMA page_size").fetchone()
    raw.close()
    content = bytearray(ledger.read_bytes())
    damage(content, (page - 1) * size, size)
    (tmp_path / "damaged").write_bytes(content)
    return tmp_path / "damaged"


def test_every_command_names_the_damage_and_the_way_back_or_is_not_touched_by_it(damaged, made, tmp_path):
    for number, words in enumerate(COMMANDS):
        root, out = tmp_path / f"ws{number}", tmp_path / f"out{number}"
        shutil.copytree(made, root)
        shutil.copyfile(damaged, root / "data" / "ledger.sqlite")
        out.mkdir()
        ran = riskmap(*(word.replace("OUT", str(out)) for word in words), "--workspace", root)
        said = ran.out + ran.err
        assert "没有完成" not in said, (words, said)
        if ran.status == 2 or words[0] in ALWAYS:
            assert any(cause in said for cause in CAUSES), (words, said)
            assert "riskmap restore" in said, (words, said)
            assert ran.status > 0
            assert not list(out.iterdir()), words


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize(
    "words",
    [("import", "risk_points", "OUT/a.csv"), ("export", "--to", "OUT/x.xlsx"), ("backup", "OUT/b.zip")],
)
def test_a_full_disk_is_named_whatever_file_it_met_first(made, tmp_path, monkeypatch, words, number):
    def full(*_, **__):
        raise OSError(number, os.strerror(number), str(tmp_path / "somewhere"))

    (tmp_path / "a.csv").write_text("编号,名称\n1,2\n", encoding="utf-8")
    for maker in ("mkdtemp", "mkstemp", "TemporaryDirectory"):
        monkeypatch.setattr(tempfile, maker, full)
    ran = riskmap(*(word.replace("OUT", str(tmp_path)) for word in words), "--workspace", made)
    assert ran.status == 2
    assert "磁盘空间不足" in ran.err
    assert "清理磁盘" in ran.err
