"""Import of a register's table against reading its cells alone: findings of a year, closed and open."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from pathlib import Path

import python_calamine
import xlsxwriter

from benchmarks.files import RUNS, paired
from benchmarks.measure import Line, say, spent
from riskmap.actions.importing import import_files
from riskmap.actions.shipped_layers import take_layers
from riskmap.actions.workspace import Workspace, create_workspace, open_workspace
from riskmap.ledger import Ledger
from riskmap.rules.permissions import local_actor

FINDINGS, OPEN = 16_834, 4_493
_HEADERS = (
    *("隐患编号", "隐患名称", "街道", "经度", "纬度", "隐患类别", "隐患等级", "隐患描述", "原因", "发现日期"),
    *("整改期限", "责任单位", "整改资金", "销号日期", "状态", "整改责任人姓名", "整改责任人电话"),
)


def registers(home: Path, _large: int) -> list[Line]:
    """A table of findings into an empty register, in turns with reading its cells."""
    book = home / "findings.xlsx"
    if not book.exists():
        say(f"  {FINDINGS:,} findings")
        _write(book)
    ws = _workspace(home / "registers")
    turns = []
    for number in range(RUNS + 1):
        file = home / f"findings-{number}.sqlite"
        reading = spent(lambda: _cells(book), runs=1)
        turns.append((reading, spent(lambda file=file: _bring(ws, book, file), runs=1)))
    reading, whole = (
        tuple(itertools.chain(*(one.cpus for one in runs))) for runs in zip(*turns[1:], strict=True)
    )
    what = f"{FINDINGS:,} findings, {len(_HEADERS)} columns"
    return [
        Line(f"python-calamine reads {what}", min(reading), "s", None, "CPU at best"),
        Line(f"import of {what}, file to ledger", min(whole), "s", None, "CPU at best; with its subprocess"),
        Line(
            "import ÷ reading the cells, findings, CPU",
            paired(whole, reading),
            "×",
            5.0,
            f"median of {RUNS} pairs",
        ),
    ]


def _cells(book: Path) -> None:
    with python_calamine.CalamineWorkbook.from_path(book) as opened:
        for sheet in opened.sheet_names:
            opened.get_sheet_by_name(sheet).to_python()


def _workspace(root: Path) -> Workspace:
    if not root.exists():
        create_workspace(root)
        with (root / "workspace.toml").open("a", encoding="utf-8") as settings:
            settings.write('\n[registers]\ntakeover = "2025-12-31"\n')
        take_layers(open_workspace(root), ["hazards"])
    return open_workspace(root)


def _bring(ws: Workspace, book: Path, file: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    Ledger.create(f"sqlite:///{file}").close()
    empty = open_workspace(ws.root, f"sqlite:///{file}")
    done = import_files(
        empty, "hazards", [book], datum="cgcs2000", by=local_actor("benchmark"), why="benchmark"
    )
    assert not done.rejected


def _write(path: Path) -> None:
    draw = random.Random(0)
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, _HEADERS)
    for n in range(FINDINGS):
        found = dt.date(2025, 1, 1) + dt.timedelta(days=draw.randrange(300))
        closed = n >= OPEN
        row = [
            f"YH{n:05d}",
            f"隐患{n}",
            f"演示街道{n % 10}",
            round(114 + draw.random() / 5, 6),
            round(22.5 + draw.random() / 5, 6),
            draw.choice("墙坡河坑管路树"),
            draw.choice(("重大", "一般")),
            f"第{n}处：坡面开裂、排水不畅",
            "年久失修",
            found.isoformat(),
            (found + dt.timedelta(days=30)).isoformat(),
            draw.choice(("住建局", "水务局", "城管局")),
            round(draw.random() * 50, 1),
            (found + dt.timedelta(days=20)).isoformat() if closed else "",
            "已销号" if closed else "整改中",
            f"张{n}",
            f"139{n:08d}",
        ]
        sheet.write_row(n + 1, 0, row)
    book.close()
