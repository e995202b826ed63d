"""Commands on the ledger: history, changes, retire, undo, check, backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
)


@app.command()
def history(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    code: Annotated[str, typer.Argument(metavar="CODE")],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Every revision of a record."""
    from riskmap.actions.records.scoring import history_json
    from riskmap.cli.common import open_workspace
    from riskmap.values.records import Counterpart

    document = history_json(open_workspace(workspace, store), layer, code)
    if as_json:
        print_json(document)
        return
    for revision in document["revisions"]:
        typer.echo(
            f"v{revision['version']}\t{revision['at']}\t{revision['who']}\t{revision['kind']}\t{revision['why']}"
        )
        if other := revision.get("other"):
            typer.echo(f"  {Counterpart(**other).words.text(LANG)}")
        for key, (before, after) in revision["changes"].items():
            typer.echo(f"  {key}: {before} → {after}")


@app.command()
def changes(
    limit: Annotated[int, typer.Option("--limit", min=1)] = 20,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Recent changesets, newest first."""
    from dataclasses import asdict

    from riskmap.cli.common import open_workspace

    found = [asdict(c) for c in open_workspace(workspace, store).ledger.changesets(limit=limit)]
    if as_json:
        print_json({"changesets": found})
        return
    for c in found:
        typer.echo("\t".join(str(v) for v in c.values()))


@app.command()
def retire(
    layer: Annotated[str, typer.Argument(metavar="LAYER")],
    code: Annotated[str, typer.Argument(metavar="CODE")],
    why: Annotated[str, typer.Option("--why")],
    by: ByOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Take a record off the lists; the ledger keeps it."""
    from riskmap.actions.records.editing import retire_point
    from riskmap.cli.common import open_workspace

    version = retire_point(open_workspace(workspace, store), layer, code, by=person(by), why=why)
    if as_json:
        print_json({"layer": layer, "code": code, "version": version})
    else:
        echo(
            f"{code} 已注销，台账中保留（第 {version} 版）",
            f"{code} is retired; the ledger keeps it (version {version})",
        )


@app.command()
def undo(
    changeset: Annotated[int, typer.Argument(metavar="CHANGESET")],
    why: Annotated[str, typer.Option("--why")],
    by: ByOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Undo one changeset as a whole."""
    from dataclasses import asdict

    from riskmap.actions.records.editing import undo_changeset, undone_text
    from riskmap.cli.common import open_workspace

    done = undo_changeset(open_workspace(workspace, store), changeset, by=person(by), why=why)
    if as_json:
        print_json({"undone": changeset, **asdict(done)})
    else:
        typer.echo(undone_text(changeset, done).text(LANG))


@app.command()
def check(
    head: Annotated[str | None, typer.Option("--head", metavar="HEX")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Is everything sound? Status 0 yes, 1 look at it, 2 unusable."""
    from riskmap.actions.workspace import open_workspace
    from riskmap.actions.workspace.check import all_well
    from riskmap.actions.workspace.check import check as checked

    found = checked(open_workspace(workspace, store), head=head)
    well = all_well(found)
    if as_json:
        print_json({"ok": well, "findings": [one.as_json(LANG) for one in found]})
    else:
        for one in found:
            typer.echo(
                f"[{one.severity}] {one.where}\n  {one.message.text(LANG)}\n  → {one.remedy.text(LANG)}"
            )
        if well:
            echo("一切正常", "all is well")
    raise typer.Exit(0 if well else 1)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    by: ByOption = None,
    why: WhyOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Back the whole workspace up into one checked file."""
    from riskmap.actions.workspace.backup import back_up
    from riskmap.cli.common import open_workspace

    done = back_up(open_workspace(workspace, store), file, by=person(by), why=reason(why))
    for name in done.outside:
        echo(
            f"注意：{name} 在工作区之外，不在备份里；请另行备份",
            f"note: {name} lies outside the workspace and is not in the backup; back it up apart",
            err=True,
        )
    if as_json:
        print_json({"path": str(file), "bytes": file.stat().st_size})
    else:
        echo(
            f"已备份到 {file}（{done.files} 个文件，核对无误）",
            f"backed up to {file} ({done.files} files, checked)",
        )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    whole: Annotated[bool, typer.Option("--whole")] = False,
    files: Annotated[bool, typer.Option("--files")] = False,
    by: ByOption = None,
    why: WhyOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Restore a backup: onto an empty folder the workspace, else its ledger. What is replaced is kept."""
    from riskmap.actions.workspace.backup import restore_backup, restore_files

    if files:
        done = restore_files(file, workspace, store)
    else:
        done = restore_backup(file, workspace, store, by=person(by), why=reason(why), whole=whole)
    if as_json:
        more = {"workspace": str(done.root), "files": done.files} if done.files else {}
        more |= {"attached": done.attached} if files or done.attached else {}
        print_json({"restored": str(file), "store": done.store, **more})
    elif done.files:
        echo(
            f"已从 {file} 恢复工作区 {done.root}（{done.files} 个文件）",
            f"restored the workspace {done.root} from {file} ({done.files} files)",
        )
    elif not files:
        echo(
            f"已从 {file} 恢复台账；设置、图层、模型未动（要一并恢复：--whole）",
            f"restored the ledger from {file}; settings, layers and models are as they were (--whole: these too)",
        )
    if not as_json and (files or done.attached):
        echo(
            f"补回缺失或被改动的附件 {done.attached} 个",
            f"attached files that were missing or altered and came back: {done.attached}",
        )
    if done.kept is not None:
        echo(f"被替换的文件在 {done.kept}", f"what was replaced is in {done.kept}", err=True)
