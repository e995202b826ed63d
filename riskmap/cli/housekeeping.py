"""Commands that put a ledger in order: merge, split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from riskmap.cli.common import (
    LANG,
    ByOption,
    JsonOption,
    StoreOption,
    WhyOption,
    WorkspaceOption,
    app,
    echo,
    person,
    print_json,
    reason,
    stated_pairs,
)

if TYPE_CHECKING:
    from riskmap.actions.records.uniting import United
    from riskmap.actions.workspace import Workspace
    from riskmap.ledger import MergePlan

_SHOWN = 20  # records that are listed


@app.command()
def merge(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    keep: Annotated[str, typer.Argument(metavar="KEEP")],
    drop: Annotated[str, typer.Argument(metavar="DROP")],
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=@CODE|VALUE")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Make two records of one place one, as one changeset: values, links, children, tickets and files go over."""
    from riskmap.actions.records import uniting
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    if dry_run:
        plan = uniting.plan_merge(ws, layer, keep, drop)
        if as_json:
            print_json(uniting.plan_json(ws.catalog.layer(layer), plan))
        else:
            _tell_plan(ws, plan)
        return
    done = uniting.merge_points(
        ws, layer, keep, drop, choices=stated_pairs(set_ or ()), by=person(by), why=why or ""
    )
    _tell(done, as_json=as_json)
    if not as_json:
        number, n = done.done.changeset, len(done.done.relinked)
        echo(
            f"{drop} 已并入 {keep}，{n} 条记录改指 {keep}（变更 {number}）；撤销：riskmap undo {number} --why 原因",
            f"{drop} is merged into {keep}, {n} records name {keep} now (changeset {number}); to take it back: riskmap undo "
            f"{number} --why REASON",
        )


def _tell_plan(ws: Workspace, plan: MergePlan) -> None:
    from riskmap.ledger import key_title

    layer = ws.catalog.layer(plan.layer)
    for key in plan.taken:
        typer.echo(f"  + {key_title(layer, key).text(LANG)}\t{key}")
    for one in plan.conflicts:
        ours, theirs = one.words
        typer.echo(f"  ≠ {key_title(layer, one.key).text(LANG)}\t{one.key}\t{ours}\t{theirs}")
    for named in plan.naming[:_SHOWN]:
        typer.echo(f"  → {named.layer}\t{named.code}")
    echo(
        f"{plan.keep} 会补上 {len(plan.taken)} 项；{len(plan.conflicts)} 项不一致，须逐项选定（--set 字段=@编号）；"
        f"{len(plan.naming)} 条记录会改指 {plan.keep}；没有写入",
        f"{plan.keep} would gain {len(plan.taken)} values; {len(plan.conflicts)} differ and have to be settled "
        f"(--set FIELD=@CODE); {len(plan.naming)} records would name {plan.keep}; nothing was written",
        err=True,
    )


def _tell(done: United, *, as_json: bool) -> None:
    if as_json:
        print_json(done.as_json())
        return
    for one in done.done.relinked[:_SHOWN]:
        typer.echo(f"  → {one.layer}\t{one.code}")
    for tier in done.tiers[:_SHOWN]:
        typer.echo(f"  {tier.layer}\t{tier.code}\t{tier.before} → {tier.after}")


@app.command()
def split(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    code: Annotated[str, typer.Argument(metavar="CODE")],
    new: Annotated[str | None, typer.Option("--new", metavar="CODE")] = None,
    move: Annotated[list[str] | None, typer.Option("--move", metavar="FIELD")] = None,
    copy: Annotated[list[str] | None, typer.Option("--copy", metavar="FIELD")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE")] = None,
    crs: Annotated[str | None, typer.Option("--crs", metavar="CRS")] = None,
    with_: Annotated[list[str] | None, typer.Option("--with", metavar="LAYER:CODE")] = None,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Make a new record of one, as one changeset: the fields, children and tickets that are named go over."""
    from riskmap.actions.records import uniting
    from riskmap.cli.common import open_workspace

    done = uniting.split_point(
        open_workspace(workspace, store),
        layer,
        code,
        new_code=new,
        move=move or (),
        copy=copy or (),
        stated=stated_pairs(set_ or ()),
        crs=crs or "",
        naming=[uniting.reference(one) for one in with_ or ()],
        by=person(by),
        why=reason(why),
    )
    _tell(done, as_json=as_json)
    if not as_json:
        number, made = done.done.changeset, done.done.codes[0]
        echo(
            f"由 {code} 分出 {made}（变更 {number}）；撤销：riskmap undo {number} --why 原因",
            f"{made} is made of {code} (changeset {number}); to take it back: riskmap undo {number} --why REASON",
        )
