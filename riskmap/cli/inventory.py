"""Commands that list and export: select, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskmap.cli.common import (
    LANG,
    AsOfOption,
    ByOption,
    JsonOption,
    LayersArgument,
    StateOption,
    StoreOption,
    SubdistrictOption,
    TierOption,
    WhereOption,
    WhyOption,
    WithinOption,
    WorkspaceOption,
    app,
    day,
    person,
    print_json,
    reason,
    say,
    split,
)


@app.command()
def select(
    layers: LayersArgument = None,
    tier: TierOption = None,
    state: StateOption = None,
    subdistrict: SubdistrictOption = None,
    where: WhereOption = None,
    within: WithinOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """筛选 / list the records that a filter selects."""
    from riskmap.usecases.selecting import make_selection, select_json
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    selection = make_selection(
        ws,
        layers=layers or (),
        tiers=split(tier),
        states=split(state),
        subdistricts=split(subdistrict),
        where=where or (),
        within=within,
    )
    document = select_json(ws, selection, as_of=day(as_of))
    if as_json:
        print_json(document)
        return
    say(f"共 {document['count']} 条", f"{document['count']} records")
    for feature in document["features"][:100]:
        typer.echo(
            "\t".join(
                str(feature[k] if feature[k] is not None else "")
                for k in ("layer", "code", "name", "subdistrict", "tier", "score")
            )
        )


@app.command()
def export(
    to: Annotated[
        list[Path], typer.Option("--to", metavar="FILE", help="按结尾定格式，可重复 / format from the ending")
    ],
    layers: LayersArgument = None,
    tier: TierOption = None,
    state: StateOption = None,
    subdistrict: SubdistrictOption = None,
    where: WhereOption = None,
    within: WithinOption = None,
    as_of: AsOfOption = None,
    contacts: Annotated[
        bool, typer.Option("--contacts", help="含未脱敏的联系人（会留痕）/ unmasked contacts, recorded")
    ] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """导出分级分类清单 / export a classified inventory."""
    from riskmap.usecases.exporting import export_selection
    from riskmap.usecases.selecting import make_selection
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    selection = make_selection(
        ws,
        layers=layers or (),
        tiers=split(tier),
        states=split(state),
        subdistricts=split(subdistrict),
        where=where or (),
        within=within,
    )
    document = export_selection(
        ws, selection, to, as_of=day(as_of), unmasked=contacts, by=person(by), why=reason(why), lang=LANG
    )
    if as_json:
        print_json(document)
    else:
        for file in document["files"]:
            say(f"{file['path']}：{file['rows']} 条", f"{file['path']}: {file['rows']} records")
        if not document["adds_up"]:
            say("注意：合计不一致，见封面", "note: sums do not agree, see the cover", err=True)
    raise typer.Exit(0 if document["adds_up"] else 1)
