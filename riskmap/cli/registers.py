"""Commands on registers: record, move, work."""

from __future__ import annotations

from typing import Annotated

import typer

from riskmap.cli.common import (
    LANG,
    AsOfOption,
    ByOption,
    EvidenceOption,
    JsonOption,
    StoreOption,
    WhyOption,
    WorkspaceOption,
    app,
    day,
    echo,
    past,
    person,
    print_json,
    read_evidence,
    reason,
    stated_pairs,
)


@app.command()
def move(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    words: Annotated[list[str], typer.Argument(metavar="CODE... MOVE|STATE")],
    on: Annotated[str | None, typer.Option("--on", metavar="DAY")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE")] = None,
    evidence: EvidenceOption = None,
    partial: Annotated[bool, typer.Option("--partial")] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Move records of a register to their next state, as one changeset."""
    from riskmap.actions.records.tickets import move_points, stated_in_move
    from riskmap.cli.common import open_workspace
    from riskmap.errors import RiskmapError

    if len(words) < 2:  # noqa: PLR2004 - a code and a move
        raise RiskmapError(
            "请写编号和步骤（或状态），例如 riskmap move major_hazards ZD199 accept",
            "name codes and the move (or state), such as riskmap move major_hazards ZD199 accept",
        )
    ws = open_workspace(workspace, store)
    stated = stated_in_move(ws.catalog.layer(layer), stated_pairs(set_ or ()))
    told = day(on)
    done = move_points(
        ws,
        layer,
        words[:-1],
        words[-1],
        stated=stated,
        on=None if told is None else told.isoformat(),
        evidence=read_evidence(evidence),
        partial=partial,
        by=person(by),
        why=reason(why),
        given_why=why or "",
    )
    if as_json:
        print_json(done.as_json(LANG))
        raise typer.Exit(done.status)
    for code, said in done.moves.refused.items():
        for one in said:
            typer.echo(f"  ✗ {code}：{one.message.text(LANG)}", err=True)
    for code, said in done.moves.warnings.items():
        for one in said:
            typer.echo(f"  ! {code}：{one.message.text(LANG)}", err=True)
    for one in done.moves.moved:
        typer.echo(f"{one.code}\t{one.before} → {one.after}\t{one.on}")
        for new in one.made:
            typer.echo(f"  + {new.layer}\t{new.code}")
    if done.moves.changeset is None:
        echo("没有办理，未写入", "nothing was moved, nothing was written", err=True)
    else:
        n, number = len(done.moves.moved), done.moves.changeset
        echo(
            f"已办理 {n} 件（变更 {number}）；撤销：riskmap undo {number} --why 原因",
            f"moved {n} (changeset {number}); to take it back: riskmap undo {number} --why REASON",
        )
    raise typer.Exit(done.status)


@app.command()
def record(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE")] = None,
    on: Annotated[str | None, typer.Option("--on", metavar="MOMENT")] = None,
    crs: Annotated[str | None, typer.Option("--crs", metavar="CRS")] = None,
    make: Annotated[str | None, typer.Option("--make", metavar="ID")] = None,
    source: Annotated[str | None, typer.Option("--from", metavar="LAYER:CODE")] = None,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Add one record of a register, and the one that is made of it."""
    from riskmap.actions.records.recording import record_one, recorded_json
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    done = record_one(
        ws,
        layer,
        stated_pairs(set_ or ()),
        on=on,
        crs=crs or "",
        make=make or "",
        source=source or "",
        by=person(by),
        why=reason(why),
    )
    if as_json:
        print_json(recorded_json(ws, done, LANG))
        return
    for said in done.warnings:
        typer.echo(f"  ! {said.text(LANG)}", err=True)
    for one in done.records:
        typer.echo(f"{one.layer}\t{one.code}")
    n, number = len(done.records), done.changeset
    echo(
        f"已登记 {n} 条（变更 {number}）；撤销：riskmap undo {number} --why 原因",
        f"recorded {n} (changeset {number}); to take it back: riskmap undo {number} --why REASON",
    )


@app.command()
def work(
    who: Annotated[str | None, typer.Option("--who", metavar="NAME")] = None,
    due: Annotated[int | None, typer.Option("--due", metavar="DAYS", min=0)] = None,
    overdue: Annotated[bool, typer.Option("--overdue")] = False,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """What is open in the registers: overdue, due soon, to accept."""
    from riskmap.actions.records.work import overdue_text, work_list
    from riskmap.cli.common import open_workspace, tell_past

    ws = open_workspace(workspace, store)
    then = past(as_of)
    found = work_list(ws, who=who, due=due, overdue=overdue, as_of=then)
    if then is not None:
        tell_past(ws, then)
    if as_json:
        print_json(found.as_json())
        return
    for one in found.items:
        record, state = one.record, ws.catalog.layer(one.record.layer).flow
        title = None if state is None else state.state(record.state)
        late = f"+{one.days}" if one.overdue else ""
        name = record.state if title is None else title.title.text(LANG)
        mark = "" if one.mark is None else one.mark.text(LANG)
        cells = (record.layer, record.code, record.name or "", name, record.due or "", late, mark)
        typer.echo("\t".join(cells))
    typer.echo(overdue_text(found).text(LANG), err=True)
