"""The command that fills a superior's form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskmap.cli.common import (
    LANG,
    AsOfOption,
    ByOption,
    ContactsOption,
    JsonOption,
    LayerOption,
    ListOption,
    PeriodOption,
    StateOption,
    StoreOption,
    SubdistrictOption,
    TierOption,
    WhereOption,
    WhyOption,
    WithinOption,
    WorkbookOption,
    WorkspaceOption,
    app,
    echo,
    past,
    person,
    print_json,
    reason,
    selected,
    tell_outdated,
    tell_past,
    watched,
)
from riskmap.errors import RiskmapError

if TYPE_CHECKING:
    from riskmap.actions.workspace import Workspace


@app.command("fill-form")
def fill_form_command(
    name: Annotated[str | None, typer.Argument(metavar="NAME")] = None,
    to: WorkbookOption = None,
    listed: ListOption = False,
    draft: Annotated[str | None, typer.Option("--draft", metavar="NAME")] = None,
    layer: LayerOption = None,
    tier: TierOption = None,
    state: StateOption = None,
    subdistrict: SubdistrictOption = None,
    where: WhereOption = None,
    within: WithinOption = None,
    as_of: AsOfOption = None,
    period: PeriodOption = None,
    contacts: ContactsOption = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Fill a superior's form, row for row, as its mapping says."""
    from riskmap.actions.inventory import forms
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    if listed or name is None:
        _tell_forms(forms.forms_json(ws, LANG), as_json=as_json)
        return
    if draft is not None:
        _draft(ws, Path(name), draft, layer, as_json=as_json)
        return
    if to is None:
        raise RiskmapError(
            f"{name}：请写明填好的表写到哪个文件，如 --to {name}.xlsx",
            f"{name}: state the file to write, such as --to {name}.xlsx",
        )
    at = past(as_of)
    form = forms.form_named(ws, name)
    selection = selected(ws, form.layers, tier, state, subdistrict, where, within, at)
    who, because = person(by), reason(why)
    with watched(as_json=as_json) as progress:
        done = forms.fill_form(
            ws,
            form,
            selection,
            to,
            period=period,
            as_of=at,
            unmasked=contacts,
            by=who,
            why=because,
            lang=LANG,
            progress=progress,
        )
    if at is None:
        tell_outdated(ws, done.mapping.layers)
    else:
        tell_past(ws, at)
    document = done.as_json(LANG)
    if as_json:
        print_json(document)
    else:
        _tell_filled(document)


def _tell_forms(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    if not document["forms"]:
        echo(
            "工作区的 forms/ 里没有表样；写法见 docs/forms.md",
            "no form in forms/ of the workspace; see docs/forms.md",
        )
    for one in document["forms"]:
        typer.echo(f"{one['id']}\t{one['title']}\t{one['form'] or '—'}")
        for problem in one["problems"]:
            typer.echo(f"  ✗ {problem}", err=True)


def _draft(ws: Workspace, form: Path, name: str, layer: str | None, *, as_json: bool) -> None:
    from riskmap.actions.inventory.form_drafting import draft_form

    done = draft_form(ws, form, name, layer=layer)
    if as_json:
        print_json(done.as_json(LANG))
        return
    echo(
        f"{done.path}：图层 {done.layer}，工作表 {done.sheet}，第 {done.first_row} 行起，留有 {done.rows} 行；请逐列核对",
        f"{done.path}: layer {done.layer}, sheet {done.sheet}, from row {done.first_row} on, room for {done.rows}; "
        "look at every column",
    )
    for letters, (header, what) in done.columns.items():
        typer.echo(f"  {letters}\t{header}\t{what or '—'}")


_KEPT = {
    "pictures": ("图片", "pictures"),
    "charts": ("图表", "charts"),
    "comments": ("批注", "comments"),
    "controls": ("控件", "controls"),
    "macros": ("宏", "macros"),
    "links": ("外部链接（不打开）", "links to other files (not followed)"),
    "pivots": ("数据透视表", "pivot tables"),
    "protection": ("工作表保护", "protection of the sheet"),
}


def _tell_filled(document: dict[str, Any]) -> None:
    (file,) = document["files"]
    added = document["added_rows"]
    more_zh = f"，加了 {added} 行" if added else ""
    more_en = f", {added} rows added" if added else ""
    echo(
        f"{file['path']}：{file['rows']} 条，工作表 {document['sheet']}{more_zh}；已读回核对",
        f"{file['path']}: {file['rows']} records on sheet {document['sheet']}{more_en}; read back and compared",
    )
    for one in document["cells"]:
        typer.echo(f"  {one['cell']}\t{one['id']}\t{one['text']}{one['unit']}")
    if document["kept"]:
        kinds = [_KEPT[kind] for kind in document["kept"]]
        echo(
            f"表样里的{'、'.join(zh for zh, _ in kinds)}原样保留",
            f"kept as they are: {', '.join(en for _, en in kinds)}",
        )
