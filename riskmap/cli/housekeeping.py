"""Commands that put a ledger in order: merge, split, streets, handed-in, remind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

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
from riskmap.errors import RiskmapError

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


@app.command()
def streets(
    what: Annotated[Literal["list", "rename", "merge"], typer.Argument(metavar="list|rename|merge")] = "list",
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME")] = None,
    into: Annotated[str | None, typer.Option("--into", metavar="NAME")] = None,
    community: Annotated[bool, typer.Option("--community")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """List streets or communities, rename one or merge some, in all layers at once."""
    from riskmap.actions.records import streets as action
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    level = "community" if community else "subdistrict"
    if what == "list":
        found = action.streets(ws, level)
        if as_json:
            print_json(action.streets_json(found))
            return
        for one in found:
            typer.echo("\t".join((one.name, str(sum(one.counts.values())), "、".join(one.former))))
        return
    olds, new = _renaming(what, names or [], into)
    if dry_run:
        done = action.plan_rename(ws, olds, new, level=level)
    else:
        done = action.rename_streets(ws, olds, new, level=level, by=person(by), why=why or "")
    if as_json:
        print_json(action.renamed_json(done))
        return
    for old, layers in done.counts.items():
        for layer, n in layers.items():
            typer.echo(f"  {old} → {done.names[old]}\t{layer}\t{n}")
    number, n = done.changeset, done.records
    if number is None:
        echo(f"会改 {n} 条记录；没有写入", f"{n} records would change; nothing was written", err=True)
    else:
        echo(
            f"已改 {n} 条记录（变更 {number}），以后的文件写旧名称的按新名称读入；撤销：riskmap undo {number} --why 原因",
            f"{n} records changed (changeset {number}), later files that state the old name are read as the new one; to "
            f"take it back: riskmap undo {number} --why REASON",
        )


def _renaming(what: str, names: list[str], into: str | None) -> tuple[list[str], str]:
    """Return the old names and the new one."""
    if what == "rename" and len(names) == 2 and into is None:  # noqa: PLR2004 - old and new
        return names[:1], names[1]
    if what == "merge" and names and into is not None:
        return names, into
    raise RiskmapError(
        "请写 streets rename 旧名称 新名称，或 streets merge 名称 名称 --into 名称",
        "write streets rename OLD NEW, or streets merge NAME NAME --into NAME",
    )


@app.command("handed-in")
def handed_in(
    month: Annotated[str | None, typer.Option("--month", metavar="MONTH")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Which streets have handed in the lists of a month, and which have not. Status 1 where one is late."""
    from riskmap.actions.records import handed_in as action
    from riskmap.cli.common import open_workspace
    from riskmap.moments import local_now

    ws = open_workspace(workspace, store)
    found = action.handed_in(ws, month=month)
    if as_json:
        print_json({"layers": [one.as_json() for one in found]})
    else:
        for one in found:
            title = ws.catalog.title(one.layer)
            came = len(one.streets) - len(one.missing)
            echo(
                f"{title.zh} {one.month}（{one.by} 前）：已报送 {came}，未报送 {len(one.missing)}",
                f"{title.en} {one.month} (by {one.by}): {came} came in, {len(one.missing)} missing",
            )
            for street in one.missing:
                typer.echo(f"  ✗ {street}")
        if not found:
            echo(
                "没有图层写明要定期报送（图层文件的 expected）",
                "no layer expects lists (expected in a layer's file)",
                err=True,
            )
    raise typer.Exit(int(any(one.late(local_now().date()) for one in found)))


@app.command()
def remind(
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    sent: Annotated[bool, typer.Option("--sent")] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Send the reminders that are due: overdue tickets, lists that have not come. Each goes out once."""
    from riskmap.actions.records import reminders
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    if dry_run:
        due = reminders.reminders_due(ws)
        if as_json:
            print_json(reminders.due_json(due))
            return
        for one in due:
            typer.echo(f"{one.about}\t{one.to}\t{one.text.text(LANG)}")
        echo(f"到期提醒 {len(due)} 条，没有发出", f"{len(due)} reminders are due, none was sent", err=True)
        return
    told = tuple(ws.ledger.notices()) if sent else None
    done = (
        reminders.send_reminders(ws, by=person(by), why=reason(why)) if told is None else reminders.Sent(told)
    )
    if as_json:
        print_json(done.as_json())
    else:
        for notice in done.notices:
            said = str(notice.outcome.get("reason" if LANG == "zh" else "reason_en", ""))
            typer.echo("\t".join((notice.about, notice.due, reminders.words_of(notice).text(LANG), said)))
        n, failed = len(done.notices), sum(one.status != "sent" for one in done.notices)
        echo(f"提醒 {n} 条，未发出 {failed} 条", f"{n} reminders, {failed} not sent", err=True)
    raise typer.Exit(done.status)
