"""Commands about figures: figures, publish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from riskmap.cli.common import (
    LANG,
    AsOfOption,
    ByOption,
    JsonOption,
    PeriodOption,
    StoreOption,
    WhyOption,
    WorkspaceOption,
    app,
    echo,
    past,
    person,
    print_json,
    reason,
    tell_past,
    watched,
)

if TYPE_CHECKING:
    from riskmap.actions.publishing import Proven, Published
    from riskmap.actions.workspace import Workspace
    from riskmap.reports.figures import FigureValue


@app.command()
def figures(
    ids: Annotated[list[str] | None, typer.Argument(metavar="FIGURES")] = None,
    period: PeriodOption = None,
    as_of: AsOfOption = None,
    compare: Annotated[tuple[str, str] | None, typer.Option("--compare", metavar="BEFORE AFTER")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Figures that are files: each with its unit, period, day and records."""
    from riskmap.actions.figures import period_of, told_figures
    from riskmap.actions.publishing import as_published
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    if compare is not None:
        _compare(ws, *compare, as_json=as_json)
        return
    at, cut = past(as_of), period_of(ws, period)
    if at is None and cut is not None:
        at = as_published(ws, cut)
    found = told_figures(ws, ids or (), period=cut, as_of=at)
    if at is not None:
        tell_past(ws, at)
    if as_json:
        print_json(found.as_json(LANG))
    else:
        for one in found.figures:
            typer.echo(_line(one))
            for group in one.groups or ():
                typer.echo(f"  {group.title.text(LANG)}\t{group.text}")
    for figure_id, problem in found.failed.items():
        echo(f"✗ {figure_id}：{problem.text('zh')}", f"✗ {figure_id}: {problem.text('en')}", err=True)
    raise typer.Exit(1 if found.failed else 0)


def _compare(ws: Workspace, before: str, after: str, *, as_json: bool) -> None:
    from riskmap.actions.publishing import compared

    found = compared(ws, before, after)
    document = found.as_json()
    if as_json:
        print_json(document)
        return
    echo(
        f"{before} → {after}：新增 {document['added']}、减少 {document['removed']}、移动 {document['moved']}、"
        f"升级 {document['up']}、降级 {document['down']}",
        f"{before} → {after}: {document['added']} added, {document['removed']} removed, {document['moved']} moved, "
        f"{document['up']} up, {document['down']} down",
    )
    for figure_id, (old, new) in found.figures.items():
        typer.echo(f"  {figure_id}\t{old or '—'} → {new or '—'}")


@app.command()
def publish(
    name: Annotated[str | None, typer.Option("--as", metavar="NAME")] = None,
    despite: Annotated[list[str] | None, typer.Option("--despite", metavar="STATEMENT")] = None,
    why: WhyOption = None,
    second: Annotated[str | None, typer.Option("--second", metavar="NAME")] = None,
    period: PeriodOption = None,
    verify: Annotated[str | None, typer.Option("--verify", metavar="NAME")] = None,
    reproduce: Annotated[str | None, typer.Option("--reproduce", metavar="NAME")] = None,
    as_json: JsonOption = False,
    by: ByOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Freeze ledger, models, figures and statements under a name and a digest; verify or make one again."""
    from riskmap.actions import publishing
    from riskmap.actions.figures import period_of
    from riskmap.cli.common import open_workspace
    from riskmap.errors import RiskmapError
    from riskmap.rules.permissions import local_actor

    ws = open_workspace(workspace, store)
    _ = ws.ledger  # an address that is none is told first
    if sum(one is not None for one in (name, verify, reproduce)) != 1:
        raise RiskmapError(
            "请写 --as、--verify、--reproduce 之一", "write one of --as, --verify and --reproduce"
        )
    if verify is not None:
        _proven(publishing.verify(ws, verify), "verified", as_json=as_json)
    if reproduce is not None:
        with watched(as_json=as_json) as progress:
            proven = publishing.reproduce(ws, reproduce, progress=progress)
        _proven(proven, "reproduced", as_json=as_json)
    with watched(as_json=as_json) as progress:
        done = publishing.publish(
            ws,
            name or "",
            by=person(by),
            why=(why or "") if despite else reason(why),
            despite=despite or (),
            second=local_actor(second) if second else None,
            period=period_of(ws, period),
            progress=progress,
        )
    if as_json:
        print_json(done.as_json(LANG))
    else:
        _say_published(done)
    raise typer.Exit(0 if done.manifest is not None else 1)


def _say_published(done: Published) -> None:
    for one in done.verdicts:
        if one.agrees is not True:
            mark = "✗" if one.severity == "block" else "!"
            typer.echo(f"{mark} {one.id}  {one.title.text(LANG)}：{one.why.text(LANG)}", err=True)
    if done.manifest is None:
        first = done.blocking[0].id
        echo(
            f"未发布：{len(done.blocking)} 项陈述不成立；更正数据，或 --despite {first} --why 理由 --second 第二人",
            f"not published: {len(done.blocking)} statements do not hold; correct the data, or --despite {first} --why TEXT "
            "--second NAME",
            err=True,
        )
        return
    made = done.manifest
    echo(
        f"已发布 {made.name}（{len(made.files)} 个文件）", f"published {made.name} ({len(made.files)} files)"
    )
    typer.echo(f"{made.digest}\t{done.path}")
    if made.despite:
        echo(
            f"不成立而发布：{'、'.join(made.despite)}；理由：{made.why}；{made.by}、{made.second}",
            f"published although these do not hold: {', '.join(made.despite)}; why: {made.why}; {made.by}, {made.second}",
        )


def _proven(found: Proven, what: str, *, as_json: bool) -> NoReturn:
    if as_json:
        print_json(found.as_json(what, LANG))
    elif found.holds:
        echo(f"{found.name}：一致 {found.manifest.digest}", f"{found.name}: the same {found.manifest.digest}")
    for one in found.differences if not as_json else ():
        typer.echo(f"✗ {one.path}\t{one.what.text(LANG)}", err=True)
    raise typer.Exit(0 if found.holds else 1)


def _line(one: FigureValue) -> str:
    unit = "" if one.text.endswith(one.unit) else one.unit
    period = f"\t{one.period}" if one.period else ""
    missing = ""
    if one.missing:
        missing = f"\t另有 {one.missing} 条不明" if LANG == "zh" else f"\t{one.missing} more not known"
    return f"{one.id}\t{one.title.text(LANG)}\t{one.told(LANG)}{unit}{period}{missing}"
