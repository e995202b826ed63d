"""The command that writes documents from Word templates: report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskmap.cli.common import (
    LANG,
    AsOfOption,
    ByOption,
    ContactsOption,
    JsonOption,
    ListOption,
    PeriodOption,
    StoreOption,
    SubdistrictOption,
    WhyOption,
    WorkspaceOption,
    app,
    echo,
    open_workspace,
    past,
    person,
    print_json,
    tell_past,
    watched,
)
from riskmap.errors import RiskmapError

if TYPE_CHECKING:
    from riskmap.actions.workspace import Workspace


@app.command()
def report(
    template: Annotated[str | None, typer.Argument(metavar="TEMPLATE")] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE")] = None,
    list_all: ListOption = False,
    pack: Annotated[bool, typer.Option("--pack")] = False,
    period: PeriodOption = None,
    subdistrict: SubdistrictOption = None,
    title: Annotated[str | None, typer.Option("--title")] = None,
    number: Annotated[str | None, typer.Option("--number")] = None,
    as_of: AsOfOption = None,
    contacts: ContactsOption = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Write a document from a Word template: inventory, brief, periodical report; each number is a figure."""
    from riskmap.actions.documents import Wanted, write_document, write_pack

    ws = open_workspace(workspace, store)
    if list_all:
        _tell_templates(ws, as_json=as_json)
        return
    if to is None or (template is None) != pack:
        raise RiskmapError(
            "请写模板和 --to 文件.docx 或 .pdf；--list 列出模板，--pack --to 文件.zip 写各街道的一包",
            "name a template and --to FILE.docx or .pdf; --list lists them, --pack --to FILE.zip writes all sub-districts",
        )
    at = past(as_of)
    wanted = Wanted(
        period=period,
        as_of=at,
        subdistrict=subdistrict or "",
        title=title or "",
        number=number or "",
        unmasked=contacts,
        lang=LANG,
    )
    with watched(as_json=as_json) as progress:
        if template is None:
            document = write_pack(ws, to, wanted, by=person(by), why=why or "", progress=progress)
        else:
            document = write_document(
                ws, template, to, wanted, by=person(by), why=why or "", progress=progress
            )
    if at is not None:
        tell_past(ws, at)
    if as_json:
        print_json(document)
    elif template is None:
        echo(
            f"{to}：{document['subdistricts']} 个街道，{len(document['files'])} 个文件",
            f"{to}: {document['subdistricts']} sub-districts, {len(document['files'])} files",
        )
    else:
        echo(
            f"{to}：{document['title']}，{document['numbers']} 个数",
            f"{to}: {document['title']}, {document['numbers']} numbers",
        )


def _tell_templates(ws: Workspace, *, as_json: bool) -> None:
    from riskmap.actions.documents import templates_of

    found = [one.as_json(LANG) for one in templates_of(ws)]
    if as_json:
        print_json({"templates": found})
        return
    for one in found:
        typer.echo(f"{one['id']}\t{one['title']}\t{one['period']}\t{one['file']}")
        if one["problem"]:
            typer.echo(f"  ✗ {one['problem']}", err=True)
