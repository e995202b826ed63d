"""A small workspace with two warehouses, what lies in them, and a book of what comes and goes."""

from __future__ import annotations

from pathlib import Path

from tests.cli import riskmap
from tests.register_workspace import bring, chosen, table

LINES = (
    "库存编号,物资名称,所属仓库编号,库存数量,盘点日期",
    "KC1,折叠床,CK1,50,2026-11-01",
    "KC2,折叠床,CK2,30,2026-11-01",
    "KC3,水泵,CK2,10,2026-11-01",
)
HEADERS = "时间,调出库存,调入库存,数量,事由"


def stock_workspace(home: Path) -> Path:
    """Make it: beds 50 at CK1 and 30 at CK2, ten pumps at CK2; return it."""
    assert riskmap("init", home).status == 0
    assert riskmap("layer", "add", "stock_lines", "stock_moves", "--workspace", home).status == 0
    places = ("仓库编号,仓库名称,经度,纬度", "CK1,一号仓库,114.10,22.60", "CK2,二号仓库,114.12,22.60")
    bring(home, "warehouses", table(home, *places, name="places"))
    bring(home, "stock_lines", table(home, *LINES, name="lines"))
    return home


def balances(home: Path, *words: object) -> dict[str, float | None]:
    """Return what each stock line has: code → pieces, None where that is not known."""
    return {code: one["fields"]["balance"] for code, one in chosen(home, "stock_lines", *words).items()}


def booked(home: Path, *rows: str) -> dict:
    """Import movements: 时间,调出库存,调入库存,数量,事由; return what was said of the file."""
    return bring(home, "stock_moves", table(home, HEADERS, *rows, name="moves"))


def moved(home: Path, quantity: float, out_of: str = "", into: str = "", at: str = "2026-11-20T10:00+08:00"):
    """Record one movement by hand; return what the command printed."""
    sets = [
        f"quantity={quantity}",
        *([f"out_of={out_of}"] if out_of else []),
        *([f"into={into}"] if into else []),
    ]
    words = [word for one in sets for word in ("--set", one)]
    return riskmap("record", "stock_moves", *words, "--on", at, "--json", "--workspace", home)
