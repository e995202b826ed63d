"""Commands for what waits for a person: held rows, rejected rows, changed tiers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from riskmap.cli.common import (
    LANG,
    ByOption,
    JsonOption,
    StoreOption,
    WorkspaceOption,
    app,
    person,
    print_json,
    say,
)

LayerOption = Annotated[str | None, typer.Option("--layer", help="只看一个图层 / one layer only")]


@app.command()
def held(
    layer: LayerOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """待确认的行 / rows that wait for confirmation."""
    from riskmap.usecases.workspace import open_workspace

    waiting = open_workspace(workspace, store).ledger.held(layer=layer)
    if as_json:
        print_json({"held": [{**asdict(h), "message": h.message.text(LANG)} for h in waiting]})
        return
    for h in waiting:
        typer.echo(f"{h.id}\t{h.layer}\t{h.code}\t{h.file}\t{h.row}\t{h.message.text(LANG)}")
    if not waiting:
        say("没有待确认的行", "nothing is held")


@app.command()
def accept(
    held_ids: Annotated[list[int], typer.Argument(metavar="ID...")],
    why: Annotated[str, typer.Option("--why", help="原因 / reason")],
    as_code: Annotated[
        str | None, typer.Option("--as-code", metavar="CODE", help="按新编号登记 / as a record of its own")
    ] = None,
    by: ByOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """接受待确认的行，作为一次改动 / let held rows in, as one changeset."""
    from riskmap.usecases.accepting import settle_held
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    done = settle_held(ws, held_ids, accept=True, as_code=as_code, by=person(by), why=why)
    say(f"已写入（第 {done} 批改动）", f"written (changeset {done})")


@app.command()
def decline(
    held_ids: Annotated[list[int], typer.Argument(metavar="ID...")],
    why: Annotated[str, typer.Option("--why", help="原因 / reason")],
    by: ByOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """不采用待确认的行 / leave held rows out."""
    from riskmap.usecases.accepting import settle_held
    from riskmap.usecases.workspace import open_workspace

    settle_held(open_workspace(workspace, store), held_ids, accept=False, by=person(by), why=why)
    say("未采用，原行仍留在台账中", "left out; the ledger keeps the row")


@app.command()
def rejected(
    layer: LayerOption = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="OUT.xlsx", help="另存为待改的工作簿 / workbook to correct")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """尚未改正的退回行 / rejected rows that are still open."""
    from riskmap.usecases.exporting import write_rejected
    from riskmap.usecases.workspace import open_workspace

    entries = open_workspace(workspace, store).ledger.rejected(layer=layer)
    if to and entries:
        batches = dict.fromkeys((e.file, e.batch) for e in entries)
        write_rejected(
            to,
            [
                (file, batch, tuple(e.row for e in entries if (e.file, e.batch) == (file, batch)))
                for file, batch in batches
            ],
        )
    if as_json:
        print_json(
            {
                "rejected": [
                    {
                        "id": e.id,
                        "layer": e.layer,
                        "file": e.file,
                        "sheet": e.row.sheet,
                        "row": e.row.row,
                        "code": e.row.code,
                        "reasons": [i.message.text(LANG) for i in e.row.issues],
                    }
                    for e in entries
                ]
            }
        )
        return
    for e in entries:
        reasons = "；".join(i.message.text(LANG) for i in e.row.issues)
        typer.echo(f"{e.layer}\t{e.row.code or ''}\t{reasons}")
    if not entries:
        say("没有未改正的退回行", "no rejected row is open")


@app.command("tier-changes")
def tier_changes(
    run: Annotated[int | None, typer.Option("--run", help="某次评估 / of one assessment run")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """等级变化及原因（数据或模型）/ tiers that changed, and whether data or model caused it."""
    from riskmap.records import TIER_TITLES
    from riskmap.usecases.workspace import open_workspace

    found = [c for c in open_workspace(workspace, store).ledger.tier_changes(run=run) if c.before]
    if as_json:
        print_json({"changes": [asdict(c) for c in found]})
        return
    for c in found:
        before, after = TIER_TITLES[c.before or "unrated"].text(LANG), TIER_TITLES[c.after].text(LANG)
        typer.echo(f"{c.at}\t{c.layer}\t{c.code}\t{before} → {after}\t{c.cause}")
    if not found:
        say("没有等级变化", "no tier changed")
