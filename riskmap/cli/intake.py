"""Commands that bring data in: init, import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from riskmap.cli.common import (
    ByOption,
    JsonOption,
    StoreOption,
    WhyOption,
    WorkspaceOption,
    app,
    person,
    print_json,
    progress,
    reason,
    say,
)
from riskmap.errors import RiskmapError


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR")],
    demo: Annotated[bool, typer.Option("--demo", help="装入演示区 / fill it with the demo district")] = False,
    points: Annotated[int, typer.Option("--points", min=1, help="演示风险点数 / demo risk points")] = 42_336,
    seed: Annotated[int, typer.Option("--seed", help="演示数据的随机种子 / seed of the demo data")] = 0,
    name: Annotated[str, typer.Option("--name", help="区名 / district name")] = "本区",
    by: ByOption = None,
    why: WhyOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """新建工作区 / make a workspace."""
    from riskmap.usecases.demonstrating import create_demo_workspace
    from riskmap.usecases.workspace import create_workspace

    if demo:
        ws = create_demo_workspace(
            directory, points=points, seed=seed, by=person(by), why=why, store=store, progress=progress
        )
    else:
        ws = create_workspace(directory, name=name, store=store)
    if as_json:
        print_json({"workspace": str(ws.root), "district": ws.config.district, "demo": ws.demo})
    else:
        say(
            f"工作区已建好：{ws.root}（{ws.config.district}）；下一步：riskmap serve --workspace {ws.root}",
            f"workspace ready: {ws.root} ({ws.config.district}); next: riskmap serve --workspace {ws.root}",
        )


@app.command("import")
def import_(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...")],
    crs: Annotated[
        str | None, typer.Option("--crs", help="wgs84 cgcs2000 gcj02 bd09 EPSG:n；文件自带坐标系时可省")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="只看差异，不写入 / show, write nothing")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", metavar="OUT.xlsx", help="退回行另存 / rejected rows")
    ] = None,
    full_list: Annotated[bool, typer.Option("--full-list", help="这是完整清单：列出文件中没有的点")] = False,
    as_json: JsonOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """导入台账文件 / import spreadsheets and layers."""
    from riskmap.usecases.importing import import_files, is_assessed, rejected_rows
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    if rejects and not (rejects.suffix.lower() == ".xlsx" and rejects.parent.is_dir()):
        # Said before anything is written: afterwards it would look as if the import had failed.
        raise RiskmapError(
            f"--rejects {rejects}：请写明已有文件夹里的一个 .xlsx 文件；未导入",
            f"--rejects {rejects}: name an .xlsx file in a folder that exists; nothing was imported",
        )
    report = import_files(
        ws,
        layer,
        files,
        datum=crs,
        dry_run=dry_run,
        full_list=full_list,
        by=person(by),
        why=reason(why),
        progress=None if as_json else progress,
    )
    if rejects and report.rejected:
        from riskmap.usecases.exporting import write_rejected

        write_rejected(rejects, rejected_rows(report))
    if as_json:
        print_json(report.as_json())
    else:
        _report_import(report.as_json(), dry_run=dry_run)
        if not dry_run:
            _report_tiers(layer, sum(len(file.tiers) for file in report.files), rated=is_assessed(ws, layer))
    raise typer.Exit(1 if report.rejected else 0)


def _report_import(document: dict[str, Any], *, dry_run: bool) -> None:
    for file in document["files"]:
        head = "（试导入，未写入）" if dry_run else ""
        say(
            f"{file['file']}{head}：共 {file['rows']} 行，接收 {file['accepted']}（新增 {file['inserted']}、更新 "
            f"{file['updated']}、不变 {file['unchanged']}、待确认 {file['held']}），退回 {file['rejected']}，"
            f"非数据行 {file['skipped_non_data']}，无坐标 {file['unlocated']}",
            f"{file['file']}{' (dry run)' if dry_run else ''}: {file['rows']} rows, accepted {file['accepted']} "
            f"(new {file['inserted']}, updated {file['updated']}, unchanged {file['unchanged']}, held {file['held']}), "
            f"rejected {file['rejected']}, not data {file['skipped_non_data']}, unlocated {file['unlocated']}",
        )
        _report_columns(file["sheets"])
        for issue in file["issues"][:50]:
            typer.echo(f"  {'✗' if issue['severity'] == 'error' else '!'} {issue['message']}", err=True)
        if len(file["issues"]) > 50:  # noqa: PLR2004 - a screenful
            say(
                f"  … 另有 {len(file['issues']) - 50} 条，见 --json",
                f"  … {len(file['issues']) - 50} more, see --json",
                err=True,
            )
        if file["absent"]:
            say(
                f"  文件中没有的在册点 {len(file['absent'])} 个：{'、'.join(file['absent'][:20])}",
                f"  in the ledger, not in the file: {len(file['absent'])}: {', '.join(file['absent'][:20])}",
            )


def _report_tiers(layer: str, changed: int, *, rated: bool) -> None:
    """Say what became of the tiers: a layer that was only loaded so far has none."""
    if rated:
        say(f"等级已随导入更新，改变 {changed} 处", f"tiers are up to date, {changed} changed")
    else:
        say(
            f"本图层尚未评估；下一步：riskmap assess {layer}",
            f"this layer was never assessed; next: riskmap assess {layer}",
        )


def _report_columns(sheets: list[dict[str, Any]]) -> None:
    """Say which columns were guessed and which were left: a person should know what did not go in."""
    for sheet in sheets:
        guessed = [f"{h['header']} → {h['target']}" for h in sheet["headers"] if h["how"] == "guessed"]
        left = [h["header"] for h in sheet["headers"] if h["how"] == "left"]
        if guessed:
            say(
                f"  {sheet['sheet']}：按近似列名读取，请核对：{'、'.join(guessed)}",
                f"  {sheet['sheet']}: columns guessed, please check: {', '.join(guessed)}",
                err=True,
            )
        if left:
            say(
                f"  {sheet['sheet']}：未读取的列：{'、'.join(left)}",
                f"  {sheet['sheet']}: columns not read: {', '.join(left)}",
                err=True,
            )
