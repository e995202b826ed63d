"""The command about reports that others write: do their numbers add up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskmap.cli.common import (
    LANG,
    AsOfOption,
    JsonOption,
    PeriodOption,
    StoreOption,
    WorkspaceOption,
    app,
    echo,
    open_workspace,
    past,
    print_json,
)
from riskmap.errors import RiskmapError

if TYPE_CHECKING:
    from riskmap.actions.workspace import Workspace
    from riskmap.values.report_check import CheckedReport, Statement


@app.command("check-report")
def check_report(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    period: PeriodOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Check whether the numbers of a report (docx, txt) agree with one another, and with the district's ledger."""
    from riskmap.actions.figures import period_of
    from riskmap.actions.publishing import as_published
    from riskmap.actions.report_checking import check_report as checked

    ws, at, cut = _district(workspace, store), past(as_of), None
    if ws is None and (period or as_of):
        raise RiskmapError(
            "没有工作区，时段和截至日期没有用处；请用 --workspace 指出台账所在，或不写这两项",
            "a period or a day means nothing without a workspace; name one with --workspace, or leave them out",
        )
    if ws is not None and (cut := period_of(ws, period)) is not None and at is None:
        at = as_published(ws, cut)
    report = checked(file, ws=ws, period=cut, as_of=at)
    if as_json:
        print_json(report.as_json(str(file), LANG))
    else:
        _tell(report)
    raise typer.Exit(1 if report.of("wrong") else 0)


def _district(workspace: Path | None, store: str | None) -> Workspace | None:
    """Return the workspace that was named, or that this folder is; a report can be checked without any."""
    from riskmap.actions.workspace import WORKSPACE_FILE, workspace_dir

    named = workspace is not None or store is not None or "RISKMAP_WORKSPACE" in os.environ
    there = named or (workspace_dir() / WORKSPACE_FILE).is_file()
    return open_workspace(workspace, store) if there else None


def _tell(report: CheckedReport) -> None:
    for verdict in ("wrong", "suspicious"):
        for one in report.of(verdict):
            _tell_one(one)
    wrong, doubted, agree, rest = (
        len(report.of(one)) for one in ("wrong", "suspicious", "agrees", "unjudged")
    )
    echo(
        f"读到 {report.numbers} 个数：对不上 {wrong} 处，存疑 {doubted} 处，相符 {agree} 处，无法判断 {rest} 处（全部见 --json）",
        f"{report.numbers} numbers: {wrong} wrong, {doubted} suspicious, {agree} agree, {rest} not judged (--json lists all)",
    )


def _tell_one(one: Statement) -> None:
    from riskmap.values.report_check import KINDS, VERDICTS

    place = one.place
    row = f"，表 {place.table} 第 {place.row} 行" if place.table else ""
    row_en = f", table {place.table} row {place.row}" if place.table else ""
    kind, verdict = KINDS[one.kind], VERDICTS[one.verdict]
    echo(
        f"{verdict.zh}（{kind.zh}）第 {place.paragraph} 段{row}：{one.text}\n"
        f"    文中 {one.stated}，算得 {one.expected}：{one.why.zh}",
        f"{verdict.en} ({kind.en}), paragraph {place.paragraph}{row_en}: {one.text}\n"
        f"    stated {one.stated}, computed {one.expected}: {one.why.en}",
    )
