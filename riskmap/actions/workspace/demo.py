"""The demo workspace: a made-up district, its terrain, boundaries and records."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from riskmap.actions.shipped_layers import shipped_layers, take_layers
from riskmap.actions.workspace import Workspace, create_workspace, open_workspace
from riskmap.catalog.form_file import FOLDER as FORMS
from riskmap.demo_district import DemoDistrict, make_demo, write_boundaries, write_superior_form
from riskmap.errors import Text
from riskmap.moments import utc_now
from riskmap.progress import UNWATCHED, Cancelled, Progress
from riskmap.rules.permissions import Actor
from riskmap.values.import_plan import Intake
from riskmap.values.records import Records

DEMO_POINTS = 42_336


def create_demo_workspace(
    directory: Path,
    *,
    points: int = DEMO_POINTS,
    seed: int = 0,
    registers: bool = False,
    by: Actor,
    why: str | None = None,
    store: str | None = None,
    progress: Progress = UNWATCHED,
) -> Workspace:
    """Make a workspace and fill it with the demo district, through the ledger's ordinary import.

    `registers`: with every register that is shipped, filled to the sums that districts publish; what is closed in
    them was taken over. No tier is stored: the district's figures come out of `assess_layers`. Stopped by its
    `progress`, it raises Cancelled and the directory is not there; one that was there before, or another store,
    is filled to the end.
    """
    fresh = store is None and not directory.exists()
    making, filling = progress.parts(1, 4)
    making.step(0, 1, Text("生成演示数据", "making demo data"))
    today = utc_now().date()
    demo = make_demo(points=points, seed=seed, today=today, registers=registers)
    takeover = today.isoformat() if registers else None
    ws = create_workspace(directory, name=demo.name, demo=True, takeover=takeover, store=store)
    try:
        if registers:
            take_layers(ws, shipped_layers())
            ws.ledger.close()
            ws = open_workspace(ws.root, store)
        _fill(ws, demo, seed=seed, by=by, why=why, progress=filling if fresh else filling.written)
    except Cancelled:
        ws.ledger.close()
        shutil.rmtree(ws.root)
        raise
    return ws


def _fill(
    ws: Workspace, demo: DemoDistrict, *, seed: int, by: Actor, why: str | None, progress: Progress
) -> None:
    write_boundaries(demo, ws.root / "data")
    write_superior_form(ws.root / FORMS)
    every = {**demo.layers, **demo.registers}
    for done, (layer, records) in enumerate(every.items()):
        title = ws.catalog.layer(layer).title
        progress.step(done, len(every), Text(f"写入台账：{title.zh}", f"writing to the ledger: {title.en}"))
        name = f"演示数据 demo data · {title.zh}"
        plan = ws.ledger.plan_import(records_as_intake(layer, records, seed=seed, name=name))
        ws.ledger.commit_import(plan, by=by.name, why=why or f"演示数据 demo data (seed {seed})")


def records_as_intake(layer: str, records: Records, *, seed: int = 0, name: str = "") -> Intake:
    """Wrap made-up records as a file that was read, so that they take the ordinary way in."""
    name = name or f"演示数据 demo data · {layer}"
    return Intake(
        file=name,
        digest=hashlib.sha256(f"{name}-{seed}-{len(records)}".encode()).hexdigest(),
        layer=layer,
        datum="cgcs2000",
        sheets=(),
        rows=len(records),
        skipped_non_data=0,
        records=records,
        sheet=["演示"] * len(records),
        row=range(1, len(records) + 1),
        stated_version=None,
        rejected=(),
        issues=(),
    )
