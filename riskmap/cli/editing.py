"""Commands that change the records of a selection, and put retired ones back: edit-all, reinstate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from riskmap.cli.common import (
    LANG,
    ByOption,
    JsonOption,
    StateOption,
    StoreOption,
    SubdistrictOption,
    TierOption,
    WhereOption,
    WhyOption,
    WithinOption,
    WorkspaceOption,
    app,
    echo,
    person,
    print_json,
    selected,
    some_of,
    stated_pairs,
)
from riskmap.errors import RiskmapError

if TYPE_CHECKING:
    from riskmap.actions.records.bulk_editing import BulkEdit
    from riskmap.actions.records.editing import Edited
    from riskmap.actions.workspace import Workspace

_SHOWN = 20  # refused records and changed tiers that are listed


@app.command("edit-all")
def edit_all(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    tier: TierOption = None,
    state: StateOption = None,
    subdistrict: SubdistrictOption = None,
    where: WhereOption = None,
    within: WithinOption = None,
    whole_layer: Annotated[bool, typer.Option("--whole-layer")] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE")] = None,
    empty: Annotated[list[str] | None, typer.Option("--empty", metavar="FIELD")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    skip_refused: Annotated[bool, typer.Option("--skip-refused")] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Change the same fields of every record that a filter selects, as one changeset."""
    from riskmap.actions.records import bulk_editing
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    options = (tier, state, subdistrict, where, within)
    selection = selected(ws, [layer], tier, state, subdistrict, where, within)
    if whole_layer == any(options):
        raise RiskmapError(
            "请用筛选条件选出要改的记录（如 --where）；要改整个图层，只写 --whole-layer",
            "choose the records to change with a filter (such as --where); for the whole layer state --whole-layer only",
        )
    if not dry_run and not (why or "").strip():
        raise RiskmapError(
            "批量修改要写明原因：--why；只想看会改什么，用 --dry-run",
            "a change of many records needs a reason: --why; to see what it would do, --dry-run",
        )
    plan = bulk_editing.plan_bulk_edit(ws, layer, selection, _stated(ws, layer, set_ or (), empty or ()))
    edited = None
    if not dry_run:
        edited = bulk_editing.commit_bulk_edit(
            ws, plan, by=person(by), why=why or "", leave_out_refused=skip_refused
        )
    if as_json:
        print_json(bulk_editing.bulk_edit_json(plan, edited, LANG))
    else:
        _tell(plan, edited)
    raise typer.Exit(1 if plan.refused else 0)


def _stated(ws: Workspace, layer: str, sets: Sequence[str], empty: Sequence[str]) -> Mapping[str, object]:
    """Return target → what the options state of it. RiskmapError for one that is wrong, or stated twice."""
    from riskmap.actions.records.bulk_editing import bulk_target
    from riskmap.values.records import CLEAR

    definition = ws.catalog.layer(layer)
    stated: dict[str, object] = {}
    for field, value in (*stated_pairs(sets).items(), *((field.strip(), CLEAR) for field in empty)):
        target = bulk_target(definition, field)
        if target in stated:
            raise RiskmapError(f"{field}：写了两次；请只写一个值", f"{field}: stated twice; state one value")
        stated[target] = value
    return stated


def _tell(plan: BulkEdit, edited: Edited | None) -> None:
    """Say what a change does, or would do, and how it is taken back."""
    from riskmap.vocabulary import TIER_TITLES

    n, refused = len(plan.rows), len(plan.refused)
    did = ("会改", "would change") if edited is None else ("已改", "changed")
    echo(
        f"{plan.layer.title.zh}：选中 {plan.selected} 条，{did[0]} {n} 条，已是如此 {plan.already} 条，不合规则 {refused} 条",
        f"{plan.layer.title.en}: {plan.selected} selected, {did[1]} {n}, {plan.already} are so already, {refused} refused",
    )
    for one in plan.refused[:_SHOWN]:
        for reason in one.reasons:
            typer.echo(f"  ✗ {reason.text(LANG)}", err=True)
    if refused > _SHOWN:
        echo(f"  …… 另有 {refused - _SHOWN} 条", f"  … and {refused - _SHOWN} more", err=True)
    for say, count in plan.warnings.items():
        typer.echo(f"  ! {say.text(LANG)} ×{count}", err=True)
    standing = plan.layer.standing
    if plan.tiers is not None:
        moved = plan.tiers.migration.moved
        echo(f"等级改变 {moved} 处", f"tiers that change: {moved}")
        for before, row in plan.tiers.migration.table().items():
            for after, count in row.items():
                if count and before != after:
                    words = (TIER_TITLES[standing(one)].text(LANG) for one in (before, after))
                    typer.echo(f"  {' → '.join(words)}\t{count}")
        for code, before, after in plan.worst[:_SHOWN]:
            words = (TIER_TITLES[standing(one)].text(LANG) for one in (before, after))
            typer.echo(f"    {code}\t{plan.names.get(code) or ''}\t{' → '.join(words)}")
    if edited is None:
        echo("没有写入（--dry-run）", "nothing was written (--dry-run)")
    elif edited.changeset is None:
        echo("没有要改的，未写入", "there was nothing to change, nothing was written")
    else:
        echo(
            f"已写入（变更 {edited.changeset}）；撤销：riskmap undo {edited.changeset} --why 原因",
            f"written (changeset {edited.changeset}); to take it back: riskmap undo {edited.changeset} --why REASON",
        )


@app.command()
def reinstate(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    codes: Annotated[list[str], typer.Argument(metavar="CODE...")],
    why: Annotated[str, typer.Option("--why")],
    empty_refused: Annotated[bool, typer.Option("--empty-refused")] = False,
    by: ByOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Put retired records back on the lists, as one changeset."""
    from riskmap.actions.records.editing import reinstate_points
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    done = reinstate_points(ws, layer, codes, by=person(by), why=why, empty_refused=empty_refused)
    for say in done.warnings:
        typer.echo(f"  ! {say.text(LANG)}", err=True)
    if as_json:
        print_json({"layer": layer, "reinstated": dict(done.versions), "changeset": done.changeset})
        return
    listed = some_of(list(done.versions), _SHOWN)
    echo(
        f"已恢复 {len(done.versions)} 条：{listed}（变更 {done.changeset}）",
        f"reinstated {len(done.versions)}: {listed} (changeset {done.changeset})",
    )
