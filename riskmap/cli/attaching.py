"""Commands for pictures and documents on records: attach, detach, original."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskmap.cli.common import (
    ByOption,
    JsonOption,
    StoreOption,
    WhyOption,
    WorkspaceOption,
    app,
    echo,
    person,
    print_json,
    read_evidence,
)

if TYPE_CHECKING:
    from riskmap.actions.records.attaching import FilesChanged

LayerArgument = Annotated[str, typer.Argument(metavar="LAYER")]


CodeArgument = Annotated[str, typer.Argument(metavar="CODE")]


FieldArgument = Annotated[str, typer.Argument(metavar="FIELD")]


_NAMED = 12  # digits of a digest that a person is shown


@app.command()
def attach(
    layer: LayerArgument,
    code: CodeArgument,
    field: FieldArgument,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...")],
    by: ByOption = None,
    why: WhyOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Hang pictures and documents on a record, as one changeset."""
    from riskmap.actions.records.attaching import attach_files, changed_json
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    incoming = read_evidence(files)
    done = attach_files(ws, layer, code, field, incoming, by=person(by), why=why or "riskmap attach")
    if as_json:
        print_json(changed_json(layer, code, done))
        return
    _tell(done, code, ("已附上", "attached"))
    for place in done.places:
        away = "" if place.away_m is None else f"，距记录的位置 {place.away_m:,.0f} m"
        off = "" if place.away_m is None else f", {place.away_m:,.0f} m from the record's own"
        echo(
            f"  {place.name}：照片自带位置 {place.lon:.6f}, {place.lat:.6f}（WGS84）{away}；未采用，核对后可在点位页采用",
            f"  {place.name}: its position says {place.lon:.6f}, {place.lat:.6f} (WGS84){off}; "
            "not taken for the record, which the point's page can do",
        )


@app.command()
def detach(
    layer: LayerArgument,
    code: CodeArgument,
    field: FieldArgument,
    files: Annotated[list[str], typer.Argument(metavar="NAME...")],
    why: Annotated[str, typer.Option("--why")],
    by: ByOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Take files off a record, as one changeset; history and past days keep them."""
    from riskmap.actions.records.attaching import changed_json, detach_files
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    done = detach_files(ws, layer, code, field, files, by=person(by), why=why)
    if as_json:
        print_json(changed_json(layer, code, done))
    else:
        _tell(done, code, ("已取下", "taken off"))


def _tell(done: FilesChanged, code: str, did: tuple[str, str]) -> None:
    for one in done.files:
        typer.echo(f"  {one.file.digest[:_NAMED]}  {one.name}")
    if done.changeset is None:
        echo("没有要改的，未写入", "there was nothing to change, nothing was written")
        return
    n, number = len(done.files), done.changeset
    echo(
        f"{code}：{did[0]} {n} 个文件（第 {done.version} 版，变更 {number}）；撤销：riskmap undo {number} --why 原因",
        f"{code}: {did[1]} {n} files (version {done.version}, changeset {number}); "
        f"to take it back: riskmap undo {number} --why REASON",
    )


@app.command()
def original(
    layer: LayerArgument,
    code: CodeArgument,
    field: FieldArgument,
    file: Annotated[str, typer.Argument(metavar="NAME")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE")],
    why: Annotated[str, typer.Option("--why")],
    by: ByOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Write the unaltered original of an attached file; who opened it, and why, is recorded."""
    from riskmap.actions.records.attaching import file_json, original_of
    from riskmap.cli.common import open_workspace
    from riskmap.io.files.atomic import replacing

    ws = open_workspace(workspace, store)
    with replacing(to, private=True) as (part,):
        found, content = original_of(ws, layer, code, field, file, by=person(by), why=why)
        part.write_bytes(content)
    if as_json:
        print_json({"path": str(to), **file_json(found)})
    else:
        echo(
            f"已写入 {to}（{found.file.digest[:_NAMED]}，已记录谁为何打开）",
            f"written: {to} ({found.file.digest[:_NAMED]}; who opened it and why is recorded)",
        )
